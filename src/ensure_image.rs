//! `ensureImage`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "napi hands over owned values"
)]

use std::sync::{Arc, LazyLock};

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{Env, PromiseRaw, Result};
use napi_derive::napi;
use shipway_core::{
    BuildSource, DockerEngine, EnsureBuild, EnsurePolicy, EnsureRequest, Environment, InFlight,
    Operation as Verb, Origin, Reference, Timeouts, ensure_image as ensure, opencode,
};

use crate::build_request::build_request;
use crate::delivery::ListenerFunction;
use crate::failure::Failure;
use crate::operation::{Operation, run};
use crate::options::{
    BuildOptions, EnsureOptions, credentials, invalid, platform, references, retry, timeouts,
};
use crate::progress::Progress;
use crate::results::ReadyImage;

/// What the calls of this process share, those of its worker threads among them: all run on one runtime.
static IN_FLIGHT: LazyLock<InFlight> = LazyLock::new(InFlight::default);

/// How a call ended; with neither field it was cancelled.
#[napi(object, object_from_js = false)]
pub struct EnsureOutcome {
    /// The image.
    pub ok: Option<ReadyImage>,
    /// Why there is none.
    pub error: Option<Failure>,
}

/// Makes an image ready. `onProgress` gets each batch of events as JSON text, and must not throw.
#[napi(catch_unwind)]
pub fn ensure_image<'env>(
    env: &'env Env,
    operation: &Operation,
    image: Option<String>,
    options: EnsureOptions,
    #[napi(ts_arg_type = "((events: string) => void | Promise<void>) | undefined | null")]
    on_progress: Option<ListenerFunction<'_>>,
) -> Result<PromiseRaw<'env, EnsureOutcome>> {
    let (progress, listener) = Progress::new(options.display.as_deref(), on_progress.as_ref())?;
    let token = operation.token();
    // On this thread: JavaScript may write `process.env`, and its memory.
    let environment = Environment::of_process();
    let sink = progress.clone();
    let engine = options.engine.clone();
    let request = request(image.as_deref(), options, &environment);
    let work = async move {
        let request = request
            .and_then(|request| request.check().map(|()| request))
            .map_err(|error| error.with_operation(Verb::EnsureImage))?;
        let connect = request.timeouts.connect;
        let engine = DockerEngine::connect(engine.as_deref(), &environment, connect).await?;
        let image = ensure(Arc::new(engine), &request, &IN_FLIGHT, &*sink).await?;
        match image.origin {
            Origin::Present => sink.finish_look(&image.reference),
            Origin::Pulled => sink.finish_pull(&image.reference),
            Origin::Built => sink.finish_build(&image.image_id),
        }
        Ok(ReadyImage::from(image))
    };
    env.spawn_future(async move {
        let (ok, error) = run(token, progress, listener, work.boxed()).await;
        Ok(EnsureOutcome { ok, error })
    })
}

fn request(
    image: Option<&str>,
    mut options: EnsureOptions,
    environment: &Environment,
) -> shipway_core::Result<EnsureRequest> {
    let reference = Reference::parse(image.unwrap_or(opencode::DOCKER_HUB_REPOSITORY))?;
    let total = options.timeouts.as_ref().and_then(|limits| limits.total_ms);
    let build = options
        .build
        .take()
        .map(|options| build(&reference, options, environment))
        .transpose()?;
    Ok(EnsureRequest {
        reference,
        policy: match options.policy.as_deref() {
            None | Some("missing") => EnsurePolicy::Missing,
            Some("always") => EnsurePolicy::Always,
            Some("newer") => EnsurePolicy::Newer,
            Some("never") => EnsurePolicy::Never,
            Some(_) => {
                let message = "the option `policy` must be `missing`, `always`, `newer` or `never`";
                return Err(invalid(message));
            }
        },
        fallbacks: options.fallbacks.as_deref().map(references).transpose()?,
        platform: platform(options.platform.as_deref())?,
        build,
        retry: retry(options.retry)?,
        timeouts: timeouts(options.timeouts, Timeouts::PULL)?,
        // A limit that somebody named is the only one.
        build_timeout: Timeouts::BUILD.total.filter(|_| total.is_none()),
        credentials: credentials(options.credentials, environment)?,
    })
}

fn build(
    reference: &Reference,
    options: BuildOptions,
    environment: &Environment,
) -> shipway_core::Result<EnsureBuild> {
    let is_named = options.opencode.is_some();
    let request = build_request(options, environment)?;
    let repositories = [opencode::DOCKER_HUB_REPOSITORY, opencode::GHCR_REPOSITORY];
    let is_opencode = matches!(request.source, BuildSource::Opencode(_));
    if is_opencode && !is_named && !repositories.contains(&reference.name().as_str()) {
        let message = format!(
            "the option `build` does not say what `{reference}` is built from: without a context it is the opencode image"
        );
        return Err(invalid(message).with_hint(
            "give `build` a context such as `contextDirectory`, or `opencode: {}` where that image is meant",
        ));
    }
    Ok(EnsureBuild {
        source: request.source,
        options: request.options,
        compression: request.compression,
    })
}
