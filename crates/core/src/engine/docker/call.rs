//! One call to the engine: what is said when it fails.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use hyper::header::RETRY_AFTER;

use super::DockerEngine;
use crate::engine::classify::{self, Stage};
use crate::engine::decode::Failure;
use crate::engine::endpoint::Endpoint;
use crate::engine::http::{Exchange, HttpError};
use crate::error::{DockerfilePlace, Error, ErrorKind, Result};

/// The header by which every answer of an engine says that it is one.
pub(super) const API_VERSION: &str = "api-version";

/// What helps where something before the engine refuses.
const SEND_HEADERS: &str = "what stands before the engine may want a header: `HttpHeaders` in docker's `config.json`, or DOCKER_CUSTOM_HEADERS, sends it";

/// What is being done, to what, at which engine.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    stage: Stage,
    /// The sentence's beginning, such as `cannot pull`.
    doing: &'static str,
    /// What it is done to; empty where it has no name.
    subject: &'a str,
    endpoint: &'a Endpoint,
}

impl<'a> Call<'a> {
    pub(super) fn connect(engine: &'a DockerEngine, subject: &'a str) -> Self {
        Self::new(
            engine,
            Stage::Connect,
            "cannot reach the engine at",
            subject,
        )
    }

    pub(super) fn inspect(engine: &'a DockerEngine, subject: &'a str) -> Self {
        Self::new(engine, Stage::Inspect, "cannot inspect", subject)
    }

    pub(super) fn tag(engine: &'a DockerEngine, subject: &'a str) -> Self {
        Self::new(engine, Stage::Tag, "cannot tag", subject)
    }

    pub(super) fn pull(engine: &'a DockerEngine, subject: &'a str) -> Self {
        Self::new(engine, Stage::Pull, "cannot pull", subject)
    }

    pub(super) fn push(engine: &'a DockerEngine, subject: &'a str) -> Self {
        Self::new(engine, Stage::Push, "cannot push", subject)
    }

    /// An image without a name has no `subject`.
    pub(super) fn build(engine: &'a DockerEngine, subject: Option<&'a str>) -> Self {
        match subject {
            Some(subject) => Self::new(engine, Stage::Build, "cannot build", subject),
            None => Self::new(engine, Stage::Build, "cannot build the image", ""),
        }
    }

    pub(super) fn check(engine: &'a DockerEngine) -> Self {
        Self::new(engine, Stage::Check, "cannot check the build", "")
    }

    pub(super) fn survey(engine: &'a DockerEngine, subject: &'a str) -> Self {
        Self::new(engine, Stage::Connect, "cannot ask the engine for", subject)
    }

    fn new(engine: &'a DockerEngine, stage: Stage, doing: &'static str, subject: &'a str) -> Self {
        Self {
            stage,
            doing,
            subject,
            endpoint: engine.endpoint(),
        }
    }
}

impl Call<'_> {
    /// Puts what was being done, and to what, before an error's message.
    pub(super) fn name(&self, mut error: Error) -> Error {
        error.message = match self.subject {
            "" => format!("{}: {}", self.doing, error.message),
            subject => format!("{} `{subject}`: {}", self.doing, error.message),
        };
        self.place(error)
    }

    /// Takes an answer whose status is a success.
    pub(super) async fn accept(&self, sent: Result<Exchange, HttpError>) -> Result<Exchange> {
        let exchange = sent.map_err(|error| self.not_sent(error))?;
        let status = exchange.response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(exchange);
        }
        let retry_after = retry_after(&exchange);
        let is_engine = exchange.response.headers().contains_key(API_VERSION);
        let body = exchange.error_body().await;
        let error = self.answered(status, &body, retry_after);
        Err(match self.stage {
            Stage::Connect if !is_engine => self.by_another(status, error),
            _ => error,
        })
    }

    /// The engine answered 404: it has not what was asked for, or does not know the call. Podman before 6 says so without
    /// JSON (<https://github.com/containers/podman/blob/v5.6.0/pkg/api/server/register_distribution.go>).
    pub(super) fn not_found(&self, body: &str) -> Error {
        if serde_json::from_str::<serde_json::Value>(body).is_ok() {
            return self.answered(404, body, None);
        }
        let message = "the engine does not know this call";
        self.name(Error::new(ErrorKind::UnsupportedByEngine, message))
    }

    /// The connection broke while the answer was on its way.
    pub(super) fn connection_failed(
        &self,
        failure: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        self.place(classify::connection_failed(self.endpoint, failure.into()))
    }

    /// The engine reported a failure in its stream.
    pub(super) fn stream_failed(&self, failure: &Failure) -> Error {
        let mut error = self.failed(
            classify::classify(self.stage, None, &failure.message),
            &failure.message,
        );
        if error.kind == ErrorKind::BuildFailed {
            error.exit_code = failure
                .exit_code
                .or_else(|| classify::exit_code(&failure.message));
        }
        error.step.clone_from(&failure.step);
        error.log_tail.clone_from(&failure.log_tail);
        error
    }

    /// The time for the whole call is over, with the work as far as `progress` says.
    pub(super) fn out_of_time(&self, total: Duration, progress: &Failure) -> Error {
        let message = format!("the time of {} s is over", total.as_secs_f64());
        let mut error = self.name(Error::new(ErrorKind::Deadline, message));
        error.step.clone_from(&progress.step);
        error.log_tail.clone_from(&progress.log_tail);
        error
    }

    /// A call that bollard made failed.
    pub(super) fn typed_call_failed(&self, error: bollard::errors::Error) -> Error {
        match error {
            bollard::errors::Error::DockerResponseServerError {
                status_code,
                message,
            } => self.answered(status_code, &message, None),
            bollard::errors::Error::RequestTimeoutError => {
                self.name(Error::new(ErrorKind::Timeout, "the engine did not answer"))
            }
            error => self.connection_failed(error),
        }
    }

    pub(super) fn not_sent(&self, error: HttpError) -> Error {
        match error {
            HttpError::ConnectTimeout(_) => {
                let message = format!("cannot reach the engine at `{}`: {error}", self.endpoint);
                self.place(Error::new(ErrorKind::EngineUnreachable, message))
                    .with_source(io::Error::from(io::ErrorKind::TimedOut))
            }
            HttpError::Connect(error) => self.connection_failed(error),
            HttpError::Exchange(error) => self.connection_failed(error),
        }
    }

    /// Something answered `status` that does not say that it is an engine, as every engine does.
    fn by_another(&self, status: u16, mut error: Error) -> Error {
        match (error.kind, status) {
            (ErrorKind::EngineTls | ErrorKind::RateLimited, _) => error,
            (_, 401 | 403) => {
                error.kind = ErrorKind::EnginePermissionDenied;
                error.with_hint(SEND_HEADERS)
            }
            (_, ..=499 | 501) => {
                let message = format!("what answered {status} there is not a container engine");
                self.name(Error::new(ErrorKind::EngineProtocol, message))
            }
            // A gateway whose engine is away, whatever words it has for that.
            (_, 502..=504) => {
                error.kind = ErrorKind::EngineUnreachable;
                error
            }
            _ => error,
        }
    }

    fn answered(&self, status: u16, body: &str, retry_after: Option<Duration>) -> Error {
        let text = match classify::answer_text(body) {
            text if text.trim().is_empty() => {
                format!("the engine answered {status} without a word")
            }
            text => text,
        };
        let mut error = self.failed(classify::classify(self.stage, Some(status), &text), &text);
        error.retry_after = retry_after;
        error
    }

    fn failed(&self, kind: ErrorKind, text: &str) -> Error {
        let mut error = self.name(Error::new(kind, classify::readable(text)));
        if kind == ErrorKind::DockerfileInvalid {
            error.dockerfile = classify::dockerfile_line(text).map(DockerfilePlace::line);
        }
        if self.stage == Stage::Build {
            error.hint = classify::build_hint(text).map(str::to_owned);
        }
        if kind == ErrorKind::EngineTls {
            return error.with_hint(classify::SPEAK_TLS);
        }
        error
    }

    fn place(&self, error: Error) -> Error {
        match self.stage.operation() {
            Some(operation) => error.with_operation(operation),
            None => error,
        }
    }
}

/// How long the other side asks to wait, where it says so in seconds.
fn retry_after(exchange: &Exchange) -> Option<Duration> {
    let value = exchange
        .response
        .headers()
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
