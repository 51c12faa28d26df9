//! What a failed build says about why.

mod details;
mod excerpt;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use tonic::{Code, Status};

pub(super) use self::excerpt::{File as SourceFile, Range, Source};

use self::details::Details;
use super::status::{StatusDecoder, Unfinished};
use crate::build_context::failure::no_dockerfile;
use crate::engine::classify::{self, Stage};
use crate::error::{DockerfilePlace, Error, ErrorKind};

/// Beginnings of steps that fetch a file for an `ADD`: the instruction, and the bare URL with Docker 20.10.
const DOWNLOADS: &[&str] = &["ADD ", "http://", "https://", "git://"];

/// What to try where an engine cannot put the reason into its answer.
const NOT_UNICODE: &str = "look into the engine's log, and for names of files that are not UTF-8";

/// The error of a build that BuildKit gave up with `status`.
pub(crate) fn solve_failed(status: &Status, decoder: &StatusDecoder) -> Error {
    let details = Details::of(status);
    let step = decoder.failed_step(details.vertex.as_deref());
    let kind = kind(status, step.as_ref(), &details);
    let mut error = Error::new(kind, classify::readable(&told(status)));
    error.hint = classify::build_hint(status.message()).map(str::to_owned);
    if kind == ErrorKind::BuildFailed {
        let said = || classify::exit_code(status.message());
        error.exit_code = details.exit_code.or_else(said);
    }
    error.dockerfile = details.place().or_else(|| {
        let line = classify::dockerfile_line(status.message())?;
        Some(DockerfilePlace::line(line))
    });
    if let Some(mut step) = step {
        // A person knows the instruction, and not the work that is done for it.
        let instruction = details.instruction().filter(|_| !step.is_numbered);
        step.name = instruction.unwrap_or(step.name);
        tell_step(&mut error, step);
    }
    error
}

/// The error of a build that failed for a reason that the engine cannot put into a message, as it says with `status`.
pub(crate) fn unexplained(status: &Status, decoder: &StatusDecoder) -> Error {
    let reason = classify::readable(status.message());
    let message = format!("the engine cannot say why it failed: {reason}");
    let mut error = Error::new(ErrorKind::BuildFailed, message);
    if let Some(step) = decoder.running_step() {
        tell_step(&mut error, step);
    }
    error.with_hint(NOT_UNICODE)
}

/// The error of a build whose answer the engine broke off; `odd_dockerfile` is its Dockerfile, where that is not UTF-8.
pub(crate) fn broken_off(odd_dockerfile: Option<&Path>, decoder: &StatusDecoder) -> Error {
    if let Some(path) = odd_dockerfile {
        let reason = "the engine fails at text that is not UTF-8";
        return no_dockerfile(path, reason).with_hint("save the Dockerfile as UTF-8");
    }
    let message = "the engine cannot say why it failed: it broke its answer off";
    let mut error = Error::new(ErrorKind::EngineError, message);
    if let Some(step) = decoder.running_step() {
        tell_step(&mut error, step);
    }
    error.with_hint(NOT_UNICODE)
}

/// The error of a build whose time is over, and how far it came.
pub(crate) fn out_of_time(total: Duration, decoder: &StatusDecoder) -> Error {
    let message = format!("the time of {} s is over", total.as_secs_f64());
    let mut error = Error::new(ErrorKind::Deadline, message);
    if let Some(step) = decoder.running_step() {
        tell_step(&mut error, step);
    }
    error
}

fn tell_step(error: &mut Error, step: Unfinished) {
    error.step = Some(step.name);
    error.log_tail = step.log_tail;
}

/// The engine's words as docker prints them: with the status code, where that says something
/// (<https://github.com/moby/buildkit/blob/v0.25.2/util/grpcerrors/grpcerrors.go>).
fn told(status: &Status) -> String {
    let message = status.message();
    match status.code() {
        Code::Ok | Code::Unknown => message.to_owned(),
        Code::Cancelled => format!("Canceled: {message}"),
        code => format!("{code:?}: {message}"),
    }
}

fn kind(status: &Status, step: Option<&Unfinished>, details: &Details) -> ErrorKind {
    let kind = classify::classify(Stage::Build, None, status.message());
    let Some(step) = step else {
        // No step has failed, so that it was the frontend, and it says where.
        let is_refused = kind == ErrorKind::BuildFailed && details.place().is_some();
        return if is_refused {
            ErrorKind::DockerfileInvalid
        } else {
            kind
        };
    };
    // The words are those of a registry or of a context that fails, and neither was asked.
    let is_remote = kind.tries_next_source()
        || matches!(kind, ErrorKind::RegistryTls | ErrorKind::ContextInvalid);
    if is_remote && DOWNLOADS.iter().any(|start| step.name.starts_with(start)) {
        ErrorKind::BuildFailed
    } else {
        kind
    }
}
