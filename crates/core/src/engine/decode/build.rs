//! What the classic builder says: Docker's own, and Podman's in its place.
//!
//! Source: moby v28.5.2 `builder/dockerfile/{builder,internals}.go` and `builder/remotecontext`; buildah's `imagebuildah`.

use std::collections::VecDeque;
use std::time::Duration;

use super::lines::{BuilderLine, Place, parse};
use super::{Decoded, Failure, Message, PullDecoder, told};
use crate::progress::{Log, LogStream, ProgressEvent, Status, Step, StepState, Warning};
use crate::text::{LineAssembler, clean_line, redact_urls};

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
    /// Whether a container of Docker's builder runs.
    container: Option<String>,
    /// Whether the end of a step's line is still to come: Docker sends it in a message of its own.
    line_end_due: bool,
    tail: VecDeque<String>,
    image_id: Option<String>,
    warnings: Vec<Warning>,
    /// Events that belong before the failure.
    pending: Vec<ProgressEvent>,
}

#[derive(Debug)]
struct Current {
    id: String,
    name: String,
    stage: Option<u32>,
    index: u32,
    of: u32,
    started: Duration,
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
                step: self.open_step().map(|step| step.name.clone()),
                log_tail: self.tail.iter().cloned().collect(),
                ..failure.clone()
            });
        }
        if let Some(image_id) = &message.image_id {
            self.image_id = Some(image_id.clone());
        }
        if message.status.is_some() {
            // A base image is pulled.
            let mut decoded = self.pull.decode(message)?;
            if self.pull.terminal_seen() {
                decoded
                    .events
                    .extend(std::mem::take(&mut self.pull).complete());
            }
            return Ok(decoded);
        }
        let Some(fragment) = &message.stream else {
            return Ok(Decoded::default());
        };
        if std::mem::take(&mut self.line_end_due) && fragment == "\n" {
            return Ok(Decoded::default());
        }
        let (stream, text) = split_stream(fragment);
        let line = parse(text, self.place())
            .filter(|line| stream == LogStream::Stdout || matches!(line, BuilderLine::Warning(_)));
        let events = match line {
            Some(line) => {
                self.line_end_due =
                    matches!(line, BuilderLine::Step { .. }) && !text.ends_with('\n');
                self.builder_line(line, now)
            }
            None => self.log(stream, text),
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

    /// What is left to tell when the build is given up, and how far it came.
    pub fn cancel(&mut self, now: Duration) -> (Vec<ProgressEvent>, Failure) {
        let mut events = self.flush_logs();
        let progress = Failure {
            step: self.open_step().map(|step| step.name.clone()),
            log_tail: self.tail.iter().cloned().collect(),
            ..Failure::default()
        };
        events.extend(self.end_step(StepState::Canceled, now));
        (events, progress)
    }

    /// What is left to tell after success.
    pub fn finish(&mut self, now: Duration) -> Vec<ProgressEvent> {
        let mut events = self.pull.complete();
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

    fn place(&self) -> Place<'_> {
        Place {
            stage: self.step.as_ref().and_then(|step| step.stage),
            index: self.step.as_ref().map_or(0, |step| step.index),
            step_open: self.open_step().is_some(),
            container: self.container.as_deref(),
        }
    }

    fn open_step(&self) -> Option<&Current> {
        self.step.as_ref().filter(|step| !step.ended)
    }

    fn builder_line(&mut self, line: BuilderLine<'_>, now: Duration) -> Vec<ProgressEvent> {
        match line {
            BuilderLine::Step {
                stage,
                index,
                of,
                name,
            } => {
                let mut events = self.finish(now);
                // Podman counts anew in each stage.
                self.steps_total = match index {
                    1 => self.steps_total + of,
                    _ => self.steps_total.max(of),
                };
                self.step = Some(Current {
                    id: stage.map_or_else(|| index.to_string(), |stage| format!("{stage}.{index}")),
                    name: redact_urls(&clean_line(name.trim_end())).into_owned(),
                    stage,
                    index,
                    of,
                    started: now,
                    ended: false,
                });
                events.extend(self.step_event(StepState::Running, now));
                events
            }
            BuilderLine::Cached => {
                self.steps_cached += u32::from(self.open_step().is_some());
                self.end_step(StepState::Cached, now)
            }
            BuilderLine::StepDone => self.end_step(StepState::Done, now),
            BuilderLine::ContainerStarted(id) => {
                self.container = Some(id.to_owned());
                Vec::new()
            }
            BuilderLine::ContainerRemoved(_) => {
                self.container = None;
                self.flush_logs()
            }
            BuilderLine::Built(id) => {
                self.image_id.get_or_insert_with(|| id.to_owned());
                Vec::new()
            }
            BuilderLine::Warning(text) => {
                let warning = Warning::new(Warning::BUILD, told(text));
                self.warnings.push(warning.clone());
                vec![ProgressEvent::Warning(warning)]
            }
            BuilderLine::Dump => Vec::new(),
            BuilderLine::Status(text) => {
                vec![ProgressEvent::Status(Status {
                    step: None,
                    message: told(text),
                })]
            }
        }
    }

    fn log(&mut self, stream: LogStream, text: &str) -> Vec<ProgressEvent> {
        let mut lines = Vec::new();
        let assembler = match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
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
            step: self.open_step().map(|step| step.id.clone()),
            stream,
            text,
        })
    }

    /// The rest of the open step's log, and its end.
    fn end_step(&mut self, state: StepState, now: Duration) -> Vec<ProgressEvent> {
        let mut events = self.flush_logs();
        self.container = None;
        if let Some(step) = self.step.as_mut().filter(|step| !step.ended) {
            step.ended = true;
            events.extend(self.step_event(state, now));
        }
        events
    }

    fn step_event(&self, state: StepState, now: Duration) -> Option<ProgressEvent> {
        let step = self.step.as_ref()?;
        let duration =
            u64::try_from(now.saturating_sub(step.started).as_millis()).unwrap_or(u64::MAX);
        Some(ProgressEvent::Step(Step {
            id: step.id.clone(),
            name: step.name.clone(),
            index: Some(step.index),
            of: Some(step.of),
            state,
            stage: None,
            platform: None,
            duration_ms: (state != StepState::Running).then_some(duration),
        }))
    }
}

/// The stream of a fragment, and its text.
fn split_stream(fragment: &str) -> (LogStream, &str) {
    match fragment.strip_prefix(STDERR.0) {
        Some(text) => (
            LogStream::Stderr,
            text.strip_suffix(STDERR.1).unwrap_or(text),
        ),
        None => (LogStream::Stdout, fragment),
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
