//! `pullImage`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "napi hands over owned values"
)]

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{Env, PromiseRaw, Result};
use napi_derive::napi;
use shipway_core::{
    DockerEngine, Environment, Operation as Verb, PullRequest, Reference, Timeouts, opencode,
    pull_image as pull,
};

use crate::delivery::ListenerFunction;
use crate::failure::Failure;
use crate::operation::{Operation, run};
use crate::options::{PullOptions, credentials, platform, references, retry, timeouts};
use crate::progress::Progress;
use crate::results::PulledImage;

/// How a pull ended; with neither field it was cancelled.
#[napi(object, object_from_js = false)]
pub struct PullOutcome {
    /// The image.
    pub ok: Option<PulledImage>,
    /// Why there is none.
    pub error: Option<Failure>,
}

/// Pulls an image. `onProgress` gets each batch of events as JSON text, and must not throw.
#[napi(catch_unwind)]
pub fn pull_image<'env>(
    env: &'env Env,
    operation: &Operation,
    image: Option<String>,
    options: PullOptions,
    #[napi(ts_arg_type = "((events: string) => void | Promise<void>) | undefined | null")]
    on_progress: Option<ListenerFunction<'_>>,
) -> Result<PromiseRaw<'env, PullOutcome>> {
    let (progress, listener) = Progress::new(options.display.as_deref(), on_progress.as_ref())?;
    let token = operation.token();
    // On this thread: JavaScript may write `process.env`.
    let environment = Environment::of_process();
    let sink = progress.clone();
    let work = async move {
        let engine = options.engine.clone();
        let request = request(image.as_deref(), options, &environment)
            .map_err(|error| error.with_operation(Verb::PullImage))?;
        let engine =
            DockerEngine::connect(engine.as_deref(), &environment, request.timeouts.connect)
                .await?;
        let image = pull(&engine, &request, &*sink).await?;
        sink.finish_pull(&image.reference);
        Ok(PulledImage::from(image))
    };
    env.spawn_future(async move {
        let (ok, error) = run(token, progress, listener, work.boxed()).await;
        Ok(PullOutcome { ok, error })
    })
}

fn request(
    image: Option<&str>,
    options: PullOptions,
    environment: &Environment,
) -> shipway_core::Result<PullRequest> {
    Ok(PullRequest {
        reference: Reference::parse(image.unwrap_or(opencode::DOCKER_HUB_REPOSITORY))?,
        fallbacks: options.fallbacks.as_deref().map(references).transpose()?,
        platform: platform(options.platform.as_deref())?,
        retry: retry(options.retry)?,
        timeouts: timeouts(options.timeouts, Timeouts::PULL)?,
        credentials: credentials(options.credentials, environment)?,
    })
}
