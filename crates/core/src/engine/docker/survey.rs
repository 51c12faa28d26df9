//! What an engine says of itself, for a diagnosis. Everything is asked at once, and no answer is waited for long.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join4;
use http_body_util::Empty;
use hyper::Request;
use serde_json::Value;

use super::{Call, DockerEngine};
use crate::buildkit::{self, Survey, Unreachable};
use crate::error::{Error, ErrorKind, Result};

/// Longest answer that is read. Engines with thousands of images say a few hundred bytes of each.
const LIMIT: usize = 32 << 20;

/// What is on the disk, without containers and volumes, which take an engine longest (API 1.42; older ones tell all).
const DISK_USAGE: &str = "/system/df?type=image&type=build-cache";

/// The answers of one engine.
pub(crate) struct EngineAnswers {
    /// The newest API that it speaks, major and minor; 0 where it does not say.
    pub(crate) api_version: (u32, u32),
    /// Whether BuildKit builds where nobody has named a builder, if it has one.
    pub(crate) prefers_buildkit: bool,
    /// `GET /version`.
    pub(crate) version: Result<Value>,
    /// `GET /info`.
    pub(crate) info: Result<Value>,
    /// `GET /system/df`.
    pub(crate) disk_usage: Result<Value>,
    /// Its BuildKit; `None` where it has none.
    pub(crate) buildkit: Result<Option<Survey>>,
}

impl DockerEngine {
    /// Asks for everything; no answer is waited for longer than `limit`.
    pub(crate) async fn answers(&self, limit: Duration) -> Result<EngineAnswers> {
        let facts = *self.facts().await?;
        let (version, info, disk_usage, buildkit) = join4(
            ask(self, "/version", limit),
            ask(self, "/info", limit),
            ask(self, DISK_USAGE, limit),
            ask_buildkit(self, facts.api_version, limit),
        )
        .await;
        let headers = self.http.custom_headers();
        let hide = |error| headers.hide(error);
        Ok(EngineAnswers {
            api_version: facts.api_version,
            prefers_buildkit: facts.prefers_buildkit(),
            version: version.map_err(hide),
            info: info.map_err(hide),
            disk_usage: disk_usage.map_err(hide),
            buildkit: buildkit.map_err(hide),
        })
    }
}

async fn ask(engine: &DockerEngine, target: &'static str, limit: Duration) -> Result<Value> {
    let subject = target.split('?').next().unwrap_or_default();
    let call = Call::survey(engine, subject);
    let request = Request::get(target)
        .body(Empty::<Bytes>::new())
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot make a request").with_source(error)
        })?;
    let answer = async {
        let accepted = call.accept(engine.http.send(request).await).await;
        let exchange = accepted.map_err(not_an_image)?;
        match exchange.body(LIMIT).await {
            Some(body) => body.map_err(|error| call.connection_failed(error)),
            None => Err(call.name(Error::new(
                ErrorKind::EngineProtocol,
                "the answer is too long",
            ))),
        }
    };
    let body = tokio::time::timeout(limit, answer).await;
    let body = body.map_err(|_| call.name(late(limit)))??;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if answer.is_object() {
        return Ok(answer);
    }
    let message = "the answer is not what an engine says";
    Err(call.name(Error::new(ErrorKind::EngineProtocol, message)))
}

async fn ask_buildkit(
    engine: &DockerEngine,
    version: (u32, u32),
    limit: Duration,
) -> Result<Option<Survey>> {
    let call = Call::survey(engine, "BuildKit");
    let survey = buildkit::survey(&engine.http, version);
    match tokio::time::timeout(limit, survey).await {
        Err(_) => Err(call.name(late(limit))),
        Ok(Ok(survey)) => Ok(Some(survey)),
        Ok(Err(Unreachable::Absent(_))) => Ok(None),
        Ok(Err(unreachable)) => Err(super::build::lost(&call, unreachable)),
    }
}

/// A path that an engine does not know is no image that is not there.
fn not_an_image(mut error: Error) -> Error {
    if error.kind == ErrorKind::ImageNotFound {
        error.kind = ErrorKind::EngineProtocol;
    }
    error
}

fn late(limit: Duration) -> Error {
    let message = format!("no answer came within {} s", limit.as_secs_f64());
    Error::new(ErrorKind::Timeout, message)
}
