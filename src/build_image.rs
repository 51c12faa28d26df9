//! `buildImage`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "napi hands over owned values"
)]

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{Env, PromiseRaw, Result};
use napi_derive::napi;
use shipway_core::{DockerEngine, Environment, Operation as Verb, build_image as build};

use crate::build_request::build_request;
use crate::delivery::ListenerFunction;
use crate::failure::Failure;
use crate::operation::{Operation, run};
use crate::options::BuildOptions;
use crate::progress::Progress;
use crate::results::BuiltImage;

/// How a build ended; with neither field it was cancelled.
#[napi(object, object_from_js = false)]
pub struct BuildOutcome {
    /// The image.
    pub ok: Option<BuiltImage>,
    /// Why there is none.
    pub error: Option<Failure>,
}

/// Builds an image. `onProgress` gets each batch of events as JSON text, and must not throw.
#[napi(catch_unwind)]
pub fn build_image<'env>(
    env: &'env Env,
    operation: &Operation,
    options: BuildOptions,
    #[napi(ts_arg_type = "((events: string) => void | Promise<void>) | undefined | null")]
    on_progress: Option<ListenerFunction<'_>>,
) -> Result<PromiseRaw<'env, BuildOutcome>> {
    let (progress, listener) = Progress::new(options.display.as_deref(), on_progress.as_ref())?;
    let token = operation.token();
    // On this thread: JavaScript may write `process.env`.
    let environment = Environment::of_process();
    let sink = progress.clone();
    let engine = options.engine.clone();
    let request = build_request(options, &environment);
    let work = async move {
        let request = request
            .and_then(|request| request.check().map(|()| request))
            .map_err(|error| error.with_operation(Verb::BuildImage))?;
        let engine =
            DockerEngine::connect(engine.as_deref(), &environment, request.timeouts.connect)
                .await?;
        let image = build(&engine, &request, &*sink).await?;
        sink.finish_build(image.image_id.as_deref().unwrap_or("no image"));
        Ok(BuiltImage::from(image))
    };
    env.spawn_future(async move {
        let (ok, error) = run(token, progress, listener, work.boxed()).await;
        Ok(BuildOutcome { ok, error })
    })
}
