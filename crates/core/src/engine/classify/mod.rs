//! What an engine's failure means: one kind for one cause, whatever engine says it, and however.

mod connection;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(crate) use connection::SPEAK_TLS;
pub use connection::connection_failed;

use self::table::{
    BUILD_ANSWER_TABLE, BUILD_HINTS, BUILD_LAST_TABLE, BUILD_STREAM_TABLE, BUILD_TABLE,
    NOT_UNICODE, REGISTRY_LAST_TABLE, Row, TABLE, matches,
};
use crate::error::{ErrorKind, Operation};
use crate::text::{clean_line, redact_authorization, redact_urls};

/// Longest text of an engine that goes into a message: a registry's HTML page ends up there as well.
const MESSAGE_LIMIT: usize = 2048;

/// What was being done when the engine spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Asking whether the engine is alive.
    Connect,
    /// Looking up a local image.
    Inspect,
    /// Naming a local image.
    Tag,
    /// Pulling.
    Pull,
    /// Pushing what was built.
    Push,
    /// Building.
    Build,
    /// Checking a build.
    Check,
}

impl Stage {
    /// The verb that this belongs to; naming an image is a part of several.
    pub fn operation(self) -> Option<Operation> {
        match self {
            Self::Connect => Some(Operation::Connect),
            Self::Inspect | Self::Tag => None,
            Self::Pull => Some(Operation::PullImage),
            Self::Push | Self::Build => Some(Operation::BuildImage),
            Self::Check => Some(Operation::CheckBuild),
        }
    }
}

/// Returns the kind of a failure that an engine reports with `text`, in its stream or as an answer of `status`.
pub fn classify(stage: Stage, status: Option<u16>, text: &str) -> ErrorKind {
    let text = text.to_lowercase();
    if status == Some(400) && wants_tls(&text) {
        return ErrorKind::EngineTls;
    }
    if let Some(status) = status.filter(|_| text.trim_start().starts_with('<')) {
        return by_page(status);
    }
    let tables: [&[Row]; 4] = match (stage, status) {
        (Stage::Build, Some(_)) => [BUILD_TABLE, BUILD_ANSWER_TABLE, TABLE, &[]],
        (Stage::Build, None) => [BUILD_TABLE, BUILD_STREAM_TABLE, TABLE, BUILD_LAST_TABLE],
        // The status of some answers says more than what comes last.
        (Stage::Pull | Stage::Push, Some(401 | 403 | 404 | 429)) => [TABLE, &[], &[], &[]],
        (Stage::Pull | Stage::Push, _) => [TABLE, REGISTRY_LAST_TABLE, &[], &[]],
        _ => [TABLE, &[], &[], &[]],
    };
    let text = without_instruction(&text);
    let row = tables
        .into_iter()
        .flatten()
        .find(|(_, patterns)| patterns.iter().any(|pattern| matches(text, pattern)));
    match (row, status) {
        (Some((kind, _)), _) => *kind,
        (None, Some(status)) => by_status(stage, status),
        // A build that fails without known words failed in one of its steps.
        (None, None) if stage == Stage::Build => ErrorKind::BuildFailed,
        (None, None) => ErrorKind::EngineError,
    }
}

/// Returns what to try where an engine says `text` of a build, if that is more telling than the hint of the kind.
pub fn build_hint(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let text = without_instruction(&text);
    let mut rows = BUILD_HINTS.iter();
    let row = rows.find(|(_, patterns)| patterns.iter().any(|pattern| matches(text, pattern)));
    row.map(|(hint, _)| *hint)
}

/// Whether an engine was told something that is not UTF-8, and does not take it.
pub fn is_not_unicode(text: &str) -> bool {
    matches(&text.to_lowercase(), NOT_UNICODE)
}

/// Whether the containerd image store has removed what a failed pull had begun to use, while the next one took it for
/// present (Docker 28.5, 29).
pub fn is_collected(text: &str) -> bool {
    matches(
        &text.to_lowercase(),
        "failed to check image…content digest…not found",
    )
}

/// Whether a Dockerfile fails because of what its lint found, which it was told to take for an error.
pub fn is_lint_violation(text: &str) -> bool {
    text.starts_with("lint violation found for rules:")
}

/// A sentence without the instruction that it quotes, whatever words that has: Podman's `building at STEP "COPY a b": what
/// happened`, and BuildKit's `process "a b" did not complete successfully: what happened`.
fn without_instruction(text: &str) -> &str {
    let after_step = text
        .split_once("building at step \"")
        .and_then(|(_, rest)| rest.split_once("\": "));
    let after_command = || text.rsplit_once("\" did not complete successfully: ");
    after_step
        .or_else(after_command)
        .map_or(text, |(_, rest)| rest)
}

/// Whether this is what a server that speaks TLS says to plain HTTP: Go's own, or nginx before one. An engine that quotes a
/// registry has words before it.
fn wants_tls(text: &str) -> bool {
    text.starts_with("client sent an http request to an https server")
        || (text.trim_start().starts_with('<')
            && text.contains("the plain http request was sent to https port"))
}

/// A page of HTML is the answer of something before the engine, such as a proxy that lets only some calls through.
fn by_page(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::EnginePermissionDenied,
        404 | 405 | 501 => ErrorKind::UnsupportedByEngine,
        502..=504 => ErrorKind::EngineUnreachable,
        500..=599 => ErrorKind::EngineError,
        _ => ErrorKind::EngineProtocol,
    }
}

fn by_status(stage: Stage, status: u16) -> ErrorKind {
    match (status, stage) {
        (401, Stage::Pull | Stage::Push) => ErrorKind::AuthRequired,
        (403, Stage::Pull | Stage::Push) => ErrorKind::AccessDenied,
        (404, Stage::Pull | Stage::Tag) => ErrorKind::ImageNotFound,
        (429, _) => ErrorKind::RateLimited,
        (404 | 405 | 501, _) => ErrorKind::UnsupportedByEngine,
        (400, Stage::Build) => ErrorKind::DockerfileInvalid,
        (200..=399, _) => ErrorKind::EngineProtocol,
        _ => ErrorKind::EngineError,
    }
}

/// Returns the engine's own words on one line: short, without control sequences and without credentials.
pub fn readable(text: &str) -> String {
    let text = without_dump(text);
    let lines: Vec<Cow<'_, str>> = text.lines().map(clean_line).collect();
    let line = lines
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    // Cut last: half a URL does not show where its credentials end.
    let mut readable: String = redact_authorization(&redact_urls(&line)).into();
    if readable.len() > MESSAGE_LIMIT {
        let end = (0..=MESSAGE_LIMIT)
            .rev()
            .find(|&at| readable.is_char_boundary(at));
        readable.truncate(end.unwrap_or(0));
    }
    readable
}

/// A sentence without the structure that Podman's builder prints after it, with all variables of the step
/// (<https://github.com/containers/buildah/blob/v1.39.3/imagebuildah/stage_executor.go>, `Unknown instruction`).
fn without_dump(text: &str) -> &str {
    text.split(" &imagebuilder.Step{").next().unwrap_or(text)
}

/// Returns the message in an error answer: the JSON field `message` (Podman: `cause` says less), or the text itself.
pub fn answer_text(body: &str) -> String {
    let message = serde_json::from_str::<serde_json::Value>(body)
        .ok()
        .and_then(|answer| Some(answer.get("message")?.as_str()?.to_owned()));
    message.unwrap_or_else(|| body.to_owned())
}

/// Returns the exit code that a build's failure names in words.
pub fn exit_code(text: &str) -> Option<i64> {
    ["returned a non-zero code: ", "exit code: ", "exit status "]
        .iter()
        .find_map(|words| {
            let (_, rest) = text.rsplit_once(words)?;
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
}

/// Returns the line of the Dockerfile that a parse error names, from 1.
pub fn dockerfile_line(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("parse error ")?;
    let (_, rest) = rest.split_once("line ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
