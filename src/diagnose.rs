//! `diagnose`.

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{Env, PromiseRaw, Result};
use napi_derive::napi;
use shipway_core::{
    DiagnoseRequest, Environment, Error, ErrorKind, Operation as Verb, Timeouts, diagnose as look,
};

use crate::failure::Failure;
use crate::operation::{Operation, run};
use crate::options::{DiagnoseOptions, credentials, references, timeouts};
use crate::progress::Progress;

/// How a diagnosis ended; with neither field it was cancelled.
#[napi(object, object_from_js = false)]
pub struct DiagnoseOutcome {
    /// The diagnosis, as JSON text: most of its fields may be absent.
    pub ok: Option<String>,
    /// Why there is none.
    pub error: Option<Failure>,
}

/// Says what there is to work with.
#[napi(catch_unwind)]
pub fn diagnose<'env>(
    env: &'env Env,
    operation: &Operation,
    options: DiagnoseOptions,
) -> Result<PromiseRaw<'env, DiagnoseOutcome>> {
    let token = operation.token();
    // On this thread: JavaScript may write `process.env`.
    let environment = Environment::of_process();
    let request = request(options, &environment);
    let work = async move {
        let request = request.map_err(|error| error.with_operation(Verb::Diagnose))?;
        let diagnosis = look(&request, &environment).await?;
        serde_json::to_string(&diagnosis).map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot write the diagnosis").with_source(error)
        })
    };
    env.spawn_future(async move {
        let (ok, error) = run(token, Progress::none(), None, work.boxed()).await;
        Ok(DiagnoseOutcome { ok, error })
    })
}

fn request(
    options: DiagnoseOptions,
    environment: &Environment,
) -> shipway_core::Result<DiagnoseRequest> {
    Ok(DiagnoseRequest {
        engine: options.engine,
        images: references(&options.images.unwrap_or_default())?,
        credentials: credentials(options.credentials, environment)?,
        timeouts: timeouts(options.timeouts, Timeouts::PULL)?,
        node: Some(options.node),
    })
}
