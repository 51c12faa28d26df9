//! `inspectImage`, and with it `imageExists`.

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{Env, PromiseRaw, Result};
use napi_derive::napi;
use shipway_core::reference::ImageName;
use shipway_core::{
    DockerEngine, Environment, Error, ErrorKind, Operation as Verb, Timeouts,
    inspect_image as inspect, opencode,
};

use crate::failure::Failure;
use crate::operation::{Operation, run};
use crate::options::{InspectOptions, platform, timeouts};
use crate::progress::Progress;
use crate::results::ImageDetails;

/// How a look-up ended; with neither field it was cancelled.
#[napi(object, object_from_js = false)]
pub struct InspectOutcome {
    /// What was found.
    pub ok: Option<Found>,
    /// Why nothing is known.
    pub error: Option<Failure>,
}

/// What a look-up found.
#[napi(object, object_from_js = false)]
pub struct Found {
    /// The image; absent when it is not there.
    pub image: Option<ImageDetails>,
}

/// Looks up a local image.
#[napi(catch_unwind)]
pub fn inspect_image<'env>(
    env: &'env Env,
    operation: &Operation,
    image: Option<String>,
    options: InspectOptions,
) -> Result<PromiseRaw<'env, InspectOutcome>> {
    let token = operation.token();
    // On this thread: JavaScript may write `process.env`.
    let environment = Environment::of_process();
    let work = async move {
        let look_up = look_up(
            image.as_deref().unwrap_or(opencode::DOCKER_HUB_REPOSITORY),
            options,
            &environment,
        );
        look_up
            .await
            .map_err(|error| error.with_operation(Verb::InspectImage))
    };
    env.spawn_future(async move {
        let (ok, error) = run(token, Progress::none(), None, work.boxed()).await;
        Ok(InspectOutcome { ok, error })
    })
}

async fn look_up(
    name: &str,
    options: InspectOptions,
    environment: &Environment,
) -> shipway_core::Result<Found> {
    // Before anything is sent.
    ImageName::parse(name)?;
    let platform = platform(options.platform.as_deref())?;
    let limits = timeouts(options.timeouts, Timeouts::PULL)?;
    let look_up = async {
        let engine =
            DockerEngine::connect(options.engine.as_deref(), environment, limits.connect).await?;
        inspect(&engine, name, platform.as_ref()).await
    };
    let image = match limits.total {
        None => look_up.await,
        Some(total) => tokio::time::timeout(total, look_up)
            .await
            .unwrap_or_else(|_| {
                let message = format!("cannot look up `{name}` within {} s", total.as_secs_f64());
                Err(Error::new(ErrorKind::Deadline, message))
            }),
    }?;
    Ok(Found {
        image: image.map(ImageDetails::from),
    })
}
