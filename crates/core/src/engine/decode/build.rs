//! What the classic builder says: Docker's own, and Podman's in its place.
//!
//! Source: moby v28.5.2 `builder/dockerfile/{builder,internals}.go` and `builder/remotecontext`; buildah's `imagebuildah`.

use std::collections::VecDeque;
use std::time::Duration;

use super::lines::{BuilderLine, parse};
use super::{Decoded, Failure, Message, PullDecoder, told};
use crate::progress::{Log, LogStream, ProgressEvent, Status, Step, StepState, Warning};
use crate::text::{LineAssembler, clean_line};

/// Lines of the log that an error shows.
const TAIL_LINES: usize = 20;

/// What the classic builder puts before each fragment of standard error
/// (<https://github.com/moby/moby/blob/v28.5.2/pkg/streamformatter/streamwriter.go>), and after it.
const STDERR: (&str, &str) = ("\u{1b}[91m", "\u{1b}[0m");

/// Follows one build.
#[derive(Debug, Default)]
pub struct BuildDecoder {
    step: Option<Current>,
    steps_total: u32,
    steps_cached: u32,
    pull: PullDecoder,
    stdout: LineAssembler,
    stderr: LineAssembler,
    /// Whether the last fragment of standard output ended its line.
    inside_line: bool,
    tail: VecDeque<String>,
    image_id: Option<String>,
    warnings: Vec<Warning>,
    /// Events that belong before the failure.
    pending: Vec<ProgressEvent>,
}

#[derive(Debug)]
struct Current {
    name: String,
    index: u32,
    of: u32,
    started: Duration,
    cached: bool,
    ended: bool,
}

impl BuildDecoder {
    /// A build of which nothing has been heard.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next message. `now` is the time since the build began.
    pub fn decode(&mut self, message: &Message, now: Duration) -> Result<Decoded, Failure> {
        if let Some(failure) = &message.failure {
            self.pending = self.flush_logs();
            return Err(Failure {
                step: self.step.as_ref().map(|step| step.name.clone()),
                log_tail: self.tail.iter().cloned().collect(),
                ..failure.clone()
            });
        }
        if let Some(image_id) = &message.image_id {
            self.image_id = Some(image_id.clone());
        }
        if message.status.is_some() {
            // A base image is pulled.
            return self.pull.decode(message);
        }
        let Some(fragment) = &message.stream else {
            return Ok(Decoded::default());
        };
        let line = if self.inside_line {
            None
        } else {
            parse(fragment, self.next_index())
        };
        let events = match line {
            Some(line) => self.builder_line(line, now),
            None => self.log(fragment),
        };
        Ok(Decoded {
            events,
            moved: true,
        })
    }

    /// What is left to tell after a failure.
    pub fn fail(&mut self, now: Duration) -> Vec<ProgressEvent> {
        let mut events = std::mem::take(&mut self.pending);
        events.extend(self.end_step(StepState::Failed, now));
        events
    }

    /// What is left to tell after success.
    pub fn finish(&mut self, now: Duration) -> Vec<ProgressEvent> {
        let mut events = self.flush_logs();
        events.extend(self.end_step(StepState::Done, now));
        events
    }

    /// The image that was built, as the engine names it.
    pub fn image_id(&self) -> Option<&str> {
        self.image_id.as_deref()
    }

    /// Instructions of the Dockerfile.
    pub fn steps_total(&self) -> u32 {
        self.steps_total
    }

    /// Instructions whose result came from the cache.
    pub fn steps_cached(&self) -> u32 {
        self.steps_cached
    }

    /// What should be known although the build succeeded.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn next_index(&self) -> u32 {
        self.step.as_ref().map_or(1, |step| step.index + 1)
    }

    fn builder_line(&mut self, line: BuilderLine<'_>, now: Duration) -> Vec<ProgressEvent> {
        match line {
            BuilderLine::Step { index, of, name } => {
                let mut events = self.finish(now);
                events.extend(self.pull.complete());
                self.pull = PullDecoder::new();
                self.steps_total = of;
                let name = clean_line(name.trim_end()).into_owned();
                self.step = Some(Current {
                    name,
                    index,
                    of,
                    started: now,
                    cached: false,
                    ended: false,
                });
                events.extend(self.step_event(StepState::Running, now));
                events
            }
            BuilderLine::Cached => {
                if let Some(step) = &mut self.step {
                    step.cached = true;
                }
                Vec::new()
            }
            BuilderLine::StepDone => {
                let mut events = self.flush_logs();
                let cached = self
                    .step
                    .as_ref()
                    .is_some_and(|step| step.cached && !step.ended);
                self.steps_cached += u32::from(cached);
                events.extend(self.end_step(
                    if cached {
                        StepState::Cached
                    } else {
                        StepState::Done
                    },
                    now,
                ));
                events
            }
            BuilderLine::Built(id) => {
                self.image_id.get_or_insert_with(|| id.to_owned());
                Vec::new()
            }
            BuilderLine::Warning(text) => {
                let warning = Warning::new("BUILD_WARNING", told(text));
                self.warnings.push(warning.clone());
                vec![ProgressEvent::Warning(warning)]
            }
            BuilderLine::Status(text) => {
                vec![ProgressEvent::Status(Status {
                    message: told(text),
                })]
            }
            BuilderLine::Noise => Vec::new(),
        }
    }

    fn log(&mut self, fragment: &str) -> Vec<ProgressEvent> {
        let stderr = fragment
            .strip_prefix(STDERR.0)
            .map(|text| text.strip_suffix(STDERR.1).unwrap_or(text));
        let mut lines = Vec::new();
        let (stream, assembler, text) = match stderr {
            Some(text) => (LogStream::Stderr, &mut self.stderr, text),
            None => {
                self.inside_line = !fragment.ends_with('\n');
                (LogStream::Stdout, &mut self.stdout, fragment)
            }
        };
        assembler.push(text, &mut |line| lines.push(line));
        lines
            .into_iter()
            .map(|line| self.log_line(stream, line))
            .collect()
    }

    fn flush_logs(&mut self) -> Vec<ProgressEvent> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        self.stdout.flush(&mut |line| out.push(line));
        self.stderr.flush(&mut |line| err.push(line));
        self.inside_line = false;
        let mut events: Vec<_> = out
            .into_iter()
            .map(|line| self.log_line(LogStream::Stdout, line))
            .collect();
        events.extend(
            err.into_iter()
                .map(|line| self.log_line(LogStream::Stderr, line)),
        );
        events
    }

    fn log_line(&mut self, stream: LogStream, text: String) -> ProgressEvent {
        if !text.trim().is_empty() {
            if self.tail.len() == TAIL_LINES {
                self.tail.pop_front();
            }
            self.tail.push_back(text.clone());
        }
        ProgressEvent::Log(Log {
            step: self.step.as_ref().map(|step| step.index.to_string()),
            stream,
            text,
        })
    }

    fn end_step(&mut self, state: StepState, now: Duration) -> Option<ProgressEvent> {
        let step = self.step.as_mut().filter(|step| !step.ended)?;
        step.ended = true;
        self.step_event(state, now)
    }

    fn step_event(&self, state: StepState, now: Duration) -> Option<ProgressEvent> {
        let step = self.step.as_ref()?;
        let duration =
            u64::try_from(now.saturating_sub(step.started).as_millis()).unwrap_or(u64::MAX);
        Some(ProgressEvent::Step(Step {
            id: step.index.to_string(),
            name: step.name.clone(),
            index: Some(step.index),
            of: Some(step.of),
            state,
            stage: None,
            duration_ms: (state != StepState::Running).then_some(duration),
        }))
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
