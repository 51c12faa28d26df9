//! An error of the library as data. The face makes the JavaScript error of it, inside the call, so that it has a stack.

use std::error::Error as StdError;

use napi_derive::napi;
use shipway_core::{DockerfilePlace as Place, Error, ErrorKind};

use crate::facts::{Attempt, millis, to_attempts};

/// Why a call failed.
#[napi(object, object_from_js = false)]
pub struct Failure {
    /// Stable code.
    pub code: String,
    /// One line.
    pub message: String,
    /// What was being done: `connect` or the name of a function.
    pub operation: Option<String>,
    /// Whether trying again later, with nothing changed, can succeed.
    pub retryable: bool,
    /// What to try.
    pub hint: Option<String>,
    /// Canonical reference of the image in question.
    pub reference: Option<String>,
    /// Registry host that was asked.
    pub registry: Option<String>,
    /// Every try at every source, in order.
    pub attempts: Option<Vec<Attempt>>,
    /// The most telling code among the attempts.
    pub primary_code: Option<String>,
    /// How long the registry asked to wait, in milliseconds.
    pub retry_after_ms: Option<i64>,
    /// The build step that failed.
    pub step: Option<String>,
    /// Exit code of the failed build step.
    pub exit_code: Option<i64>,
    /// The last lines that the failed step printed, oldest first.
    pub log_tail: Option<Vec<String>>,
    /// The place in the Dockerfile.
    pub dockerfile: Option<DockerfilePlace>,
    /// What lay below, the nearest first.
    pub causes: Vec<Cause>,
}

/// A place in a Dockerfile.
#[napi(object, object_from_js = false)]
pub struct DockerfilePlace {
    /// Path as it was given; absent where the Dockerfile is no file.
    pub path: Option<String>,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line, from 1.
    pub end_line: u32,
    /// The lines, marked, between some others.
    pub excerpt: Option<String>,
}

/// One error below another.
#[napi(object, object_from_js = false)]
pub struct Cause {
    /// Stable code, where it is an error of the library.
    pub code: Option<String>,
    /// One line.
    pub message: String,
}

impl From<Error> for Failure {
    fn from(mut error: Error) -> Self {
        let hint = error.hint().map(str::to_owned);
        let attempts = std::mem::take(&mut error.attempts);
        let log_tail = std::mem::take(&mut error.log_tail);
        // Where every source failed, one that may recover is enough.
        let transient = |kind: &ErrorKind| kind.is_transient();
        let retryable = match error.kind {
            ErrorKind::AllSourcesFailed => attempts
                .iter()
                .filter_map(|attempt| attempt.code.as_ref())
                .any(transient),
            kind => kind.is_transient(),
        };
        Self {
            code: error.kind.code().to_owned(),
            message: error.message.clone(),
            operation: error.operation.map(|operation| operation.name().to_owned()),
            retryable,
            hint,
            reference: error.reference.clone(),
            registry: error.registry.clone(),
            attempts: (!attempts.is_empty()).then(|| to_attempts(attempts)),
            primary_code: error.primary.map(|kind| kind.code().to_owned()),
            retry_after_ms: error.retry_after.map(millis),
            step: error.step.clone(),
            exit_code: error.exit_code,
            log_tail: (!log_tail.is_empty()).then_some(log_tail),
            dockerfile: error.dockerfile.take().map(DockerfilePlace::from),
            causes: causes(&error),
        }
    }
}

impl From<Place> for DockerfilePlace {
    fn from(place: Place) -> Self {
        Self {
            path: place.path.map(|path| path.to_string_lossy().into_owned()),
            start_line: place.start_line,
            end_line: place.end_line,
            excerpt: place.excerpt,
        }
    }
}

fn causes(error: &Error) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let code = cause
            .downcast_ref::<Error>()
            .map(|error| error.kind.code().to_owned());
        causes.push(Cause {
            code,
            message: cause.to_string(),
        });
        next = cause.source();
    }
    causes
}
