//! `checkBuild`.

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{Env, PromiseRaw, Result};
use napi_derive::napi;
use shipway_core::{DockerEngine, Environment, Operation as Verb, check_build as check};

use crate::build_request::build_request;
use crate::failure::Failure;
use crate::operation::{Operation, run};
use crate::options::BuildOptions;
use crate::progress::Progress;

/// How a check ended; with neither field it was cancelled.
#[napi(object, object_from_js = false)]
pub struct CheckOutcome {
    /// What was found.
    pub ok: Option<BuildCheck>,
    /// Why nothing is known.
    pub error: Option<Failure>,
}

/// What a check found.
#[napi(object, object_from_js = false)]
pub struct BuildCheck {
    /// Every finding.
    pub warnings: Vec<CheckWarning>,
}

/// One finding.
#[napi(object, object_from_js = false)]
pub struct CheckWarning {
    /// Name of the rule.
    pub rule: String,
    /// What was found.
    pub message: String,
    /// What the rule asks for.
    pub description: String,
    /// Page that explains the rule.
    pub url: Option<String>,
    /// First line of the Dockerfile that it is about, from 1.
    pub start_line: Option<u32>,
    /// Last line of the Dockerfile that it is about, from 1.
    pub end_line: Option<u32>,
}

/// Finds what is wrong with a Dockerfile, without building it.
#[napi(catch_unwind)]
pub fn check_build<'env>(
    env: &'env Env,
    operation: &Operation,
    options: BuildOptions,
) -> Result<PromiseRaw<'env, CheckOutcome>> {
    let token = operation.token();
    // On this thread: JavaScript may write `process.env`.
    let environment = Environment::of_process();
    let engine = options.engine.clone();
    let request = build_request(options, &environment);
    let work = async move {
        let request = request.map_err(|error| error.with_operation(Verb::CheckBuild))?;
        let engine =
            DockerEngine::connect(engine.as_deref(), &environment, request.timeouts.connect)
                .await?;
        let checked = check(&engine, &request).await?;
        let warnings = checked.warnings.into_iter().map(CheckWarning::from);
        Ok(BuildCheck {
            warnings: warnings.collect(),
        })
    };
    env.spawn_future(async move {
        let (ok, error) = run(token, Progress::none(), None, work.boxed()).await;
        Ok(CheckOutcome { ok, error })
    })
}

impl From<shipway_core::CheckWarning> for CheckWarning {
    fn from(warning: shipway_core::CheckWarning) -> Self {
        let shipway_core::CheckWarning {
            rule,
            message,
            description,
            url,
            start_line,
            end_line,
        } = warning;
        Self {
            rule,
            message,
            description,
            url,
            start_line,
            end_line,
        }
    }
}
