//! Events in words, as the sinks for people write them.

use std::time::Duration;

use super::{AttemptPhase, Attempted, Layer, LayerState, Step, StepState, Total, Warning};
use crate::error::Error;
use crate::text::{clean_line, format_bytes, format_duration};

/// Most characters of an instruction in a line for people.
const STEP_CHARACTERS: usize = 120;

/// The last word on work that was given up.
pub(super) const CANCELED: &str = "canceled";

/// The word for this many files.
pub(super) fn file_word(count: u64) -> &'static str {
    if count == 1 { "file" } else { "files" }
}

/// What an attempt does, and where it failed: why, and what follows.
pub(super) fn attempt_line(attempted: &Attempted) -> String {
    let Attempted {
        reference,
        registry,
        attempt,
        attempts,
        ..
    } = attempted;
    let reason = match (&attempted.message, attempted.code) {
        (Some(message), _) => {
            // The line names the registry already.
            let named = format!("cannot pull `{reference}`: ");
            format!(": {}", message.strip_prefix(&named).unwrap_or(message))
        }
        (None, Some(code)) => format!(": {code}"),
        (None, None) => String::new(),
    };
    match attempted.phase {
        AttemptPhase::Starting => {
            let is_named = reference.split('/').next() == Some(registry);
            let place = if is_named {
                String::new()
            } else {
                format!(" at {registry}")
            };
            format!("{reference}: attempt {attempt} of {attempts}{place}")
        }
        AttemptPhase::Failed => {
            format!("{registry}: attempt {attempt} of {attempts} failed{reason}")
        }
        AttemptPhase::Retrying => {
            let delay = Duration::from_millis(attempted.delay_ms.unwrap_or(0));
            let wait = match attempted.delay_ms {
                None | Some(0) => "trying again".to_owned(),
                Some(_) => format!("trying again in {}", format_duration(delay)),
            };
            format!("{registry}: attempt {attempt} of {attempts} failed{reason}; {wait}")
        }
        AttemptPhase::RetryingAnonymously => {
            format!(
                "{registry}: attempt {attempt} of {attempts} failed{reason}; trying again without credentials"
            )
        }
        AttemptPhase::FallingBack => {
            format!(
                "{registry}: attempt {attempt} of {attempts} failed{reason}; going to the next source"
            )
        }
    }
}

/// A layer's state, with its size or the wait where they are known.
pub(super) fn layer_line(layer: &Layer) -> String {
    let id = &layer.id;
    let size = layer.total_bytes.filter(|size| *size > 0).map(format_bytes);
    match (layer.state, size) {
        (LayerState::Downloading | LayerState::Extracting, Some(size)) => {
            format!("{id}: {} {size}", layer_word(layer.state))
        }
        (LayerState::Retrying, _) => match layer.retry_in_ms {
            Some(millis) => {
                let delay = format_duration(Duration::from_millis(millis));
                format!("{id}: download failed, the engine tries again in {delay}")
            }
            None => format!("{id}: download failed, the engine tries again"),
        },
        (state, _) => format!("{id}: {}", layer_word(state)),
    }
}

/// The state of a layer in words.
pub(super) fn layer_word(state: LayerState) -> &'static str {
    match state {
        LayerState::Waiting => "waiting",
        LayerState::Downloading => "downloading",
        LayerState::Retrying => "retrying",
        LayerState::Verifying => "verifying",
        LayerState::Downloaded => "downloaded",
        LayerState::Extracting => "extracting",
        LayerState::Complete => "complete",
        LayerState::Exists => "already exists",
    }
}

/// A step's state, with the time that it took. Who reads the end of a step has read its beginning, where there was one.
pub(super) fn step_line(step: &Step, has_begun: bool) -> String {
    let time = match step.duration_ms {
        Some(millis) => format!(" after {}", format_duration(Duration::from_millis(millis))),
        None => String::new(),
    };
    let end = match step.state {
        StepState::Running => return step_name(step),
        StepState::Cached => "cached".to_owned(),
        StepState::Done => format!("done{time}"),
        StepState::Failed => format!("failed{time}"),
        StepState::Canceled => format!("canceled{time}"),
    };
    match step_label(step) {
        Some(label) if has_begun && step.state != StepState::Failed => format!("{label} {end}"),
        _ => format!("{}: {end}", step_name(step)),
    }
}

/// A step with its place before it: `[build 3/9] RUN make`. An instruction of many lines is cut: its text is in the
/// Dockerfile.
pub(super) fn step_name(step: &Step) -> String {
    let name = short(&step.name);
    match step_label(step) {
        Some(label) => format!("{label} {name}"),
        None => name,
    }
}

fn short(instruction: &str) -> String {
    let words = instruction.split_whitespace();
    let words = words.collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(STEP_CHARACTERS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// What tells an instruction from all others of its build: `[linux/arm64 build 3/9]`.
fn step_label(step: &Step) -> Option<String> {
    let (index, of) = step.index.zip(step.of)?;
    let position = format!("{index}/{of}");
    let words = [step.platform.as_deref(), step.stage.as_deref()];
    let words: Vec<&str> = words.into_iter().flatten().chain([&*position]).collect();
    Some(format!("[{}]", words.join(" ")))
}

/// What stands before everything that a step says.
pub(super) fn step_prefix(step: &Step) -> String {
    match step_label(step) {
        Some(label) => format!("{label} "),
        None => format!("{}: ", step_name(step)),
    }
}

/// What a person reads after a failed build before its message: the end of the failed step's log, and the lines of the
/// Dockerfile.
pub(super) fn failure_lines(error: &Error) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(step) = error.step.as_deref().filter(|_| !error.log_tail.is_empty()) {
        lines.push(format!("last lines of `{}`:", short(step)));
        let tail = error.log_tail.iter();
        lines.extend(tail.map(|line| format!("    {}", clean_line(line))));
    }
    let place = error.dockerfile.as_ref();
    if let Some(excerpt) = place.and_then(|place| place.excerpt.as_deref()) {
        lines.extend(excerpt.lines().map(|line| clean_line(line).into_owned()));
    }
    lines
}

/// A warning with the lines it is about and the page that explains it.
pub(super) fn warning_line(warning: &Warning) -> String {
    let place = match (warning.start_line, warning.end_line) {
        (Some(start), Some(end)) if end > start => format!(" (Dockerfile lines {start} to {end})"),
        (Some(start), _) => format!(" (Dockerfile line {start})"),
        _ => String::new(),
    };
    let url = warning
        .url
        .as_ref()
        .map(|url| format!(", see {url}"))
        .unwrap_or_default();
    format!("warning: {}{place}{url}", warning.message)
}

/// A time that goes on, which has one decimal as long as somebody can see it move: `0.0s`, `12.3s`, `3m 20s`.
#[cfg(feature = "terminal")]
pub(super) fn seconds(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    match tenths {
        0..600 => format!("{}.{}s", tenths / 10, tenths % 10),
        _ => format_duration(time),
    }
}

/// What was transferred.
pub(super) fn transfer_line(total: &Total) -> String {
    let Total {
        layers_done,
        layers_total,
        ..
    } = total;
    let bytes = format_bytes(total.current_bytes);
    format!("{layers_done} of {layers_total} layers ready, {bytes} downloaded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_of_many_lines_is_one_short_line() {
        let step = Step {
            id: "1".to_owned(),
            name: format!("RUN set -eu;     {}", "é ".repeat(200)),
            index: Some(1),
            of: Some(2),
            state: StepState::Running,
            stage: None,
            platform: None,
            duration_ms: None,
        };
        let line = step_line(&step, false);
        assert!(line.starts_with("[1/2] RUN set -eu; é é"), "{line}");
        assert!(line.ends_with('…') && line.chars().count() < 140, "{line}");
    }

    #[test]
    fn a_failed_attempt_names_its_image_once() {
        let reference = "docker.io/acme/app:1".to_owned();
        let attempted = Attempted {
            registry: "docker.io".to_owned(),
            attempt: 1,
            attempts: 3,
            phase: AttemptPhase::FallingBack,
            delay_ms: None,
            code: None,
            message: Some(format!("cannot pull `{reference}`: manifest unknown")),
            reference,
        };
        assert_eq!(
            attempt_line(&attempted),
            "docker.io: attempt 1 of 3 failed: manifest unknown; going to the next source"
        );
    }
}
