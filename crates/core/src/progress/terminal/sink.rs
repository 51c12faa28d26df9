//! Events as rows.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::Style;

use super::footer::total_parts;
use super::reporter::ProgressReporter;
use super::screen::Screen;
use crate::progress::words::{attempt_line, layer_word, step_line, step_name, warning_line};
use crate::progress::{
    AttemptPhase, Attempted, Context, Layer, LayerState, ProgressEvent, ProgressSink, Step,
    StepState,
};
use crate::text::{clean_line, format_bytes, format_duration};

/// Name of the main row. No layer has it.
const MAIN: &str = "";

/// Shows events on a terminal: what is being done, a row for each layer, the sum of all, a build's last log lines.
///
/// Retries, the change of the source, failed steps and warnings are lines that stay above the rows. When it is dropped
/// without one of the last words, its rows disappear.
#[derive(Debug)]
pub struct Terminal {
    reporter: ProgressReporter,
    story: Mutex<Story>,
}

/// What later events need of the earlier ones.
#[derive(Debug, Default)]
struct Story {
    has_begun: bool,
    /// What is being pulled.
    reference: Option<String>,
    /// Steps at work, the last one to start at the end.
    running: Vec<Step>,
}

impl Terminal {
    /// A sink that draws on `screen`.
    pub fn new(screen: Screen) -> Self {
        Self {
            reporter: ProgressReporter::new(screen),
            story: Mutex::default(),
        }
    }

    /// Ends with `Pull complete: REFERENCE`.
    pub fn finish_pull(&self, reference: &str) {
        self.reporter
            .end(&self.styled(&Style::new().green(), "Pull complete", reference));
    }

    /// Ends with `Build complete: IMAGE_ID`.
    pub fn finish_build(&self, image_id: &str) {
        self.reporter
            .end(&self.styled(&Style::new().green(), "Build complete", image_id));
    }

    /// Ends with `error: MESSAGE`.
    pub fn fail(&self, message: &str) {
        self.reporter
            .end(&self.styled(&Style::new().red(), "error", message));
    }

    /// `word: text` with the word in a colour.
    fn styled(&self, style: &Style, word: impl Display, text: &str) -> String {
        let word = style
            .clone()
            .force_styling(self.reporter.has_colours())
            .apply_to(word);
        format!("{word}: {}", clean_line(text))
    }

    fn print(&self, style: Style, text: &str) {
        let style = style.force_styling(self.reporter.has_colours());
        self.reporter
            .print(&style.apply_to(clean_line(text)).to_string());
    }

    fn attempt(&self, attempted: &Attempted) {
        let Attempted {
            reference,
            attempt,
            attempts,
            ..
        } = attempted;
        self.reporter.change(|rows| {
            rows.remove_layers(false);
            rows.clear_log();
            rows.set_footer(Vec::new());
        });
        self.story().reference = Some(reference.clone());
        if attempted.phase != AttemptPhase::Starting {
            self.print(Style::new().yellow(), &attempt_line(attempted));
        }
        let message = match attempted.phase {
            AttemptPhase::Starting if *attempt > 1 => {
                format!("Pulling {reference}, attempt {attempt} of {attempts}")
            }
            AttemptPhase::Starting => format!("Pulling {reference}"),
            AttemptPhase::Retrying => {
                let delay = Duration::from_millis(attempted.delay_ms.unwrap_or(0));
                format!(
                    "Waiting {} before the next attempt at {reference}",
                    format_duration(delay)
                )
            }
            AttemptPhase::FallingBack => format!("Going to the next source of {reference}"),
            AttemptPhase::Failed => format!("Failed to pull {reference}"),
        };
        self.reporter.update_spinner(MAIN, &message);
    }

    fn layer(&self, layer: &Layer) {
        let word = layer_word(layer.state);
        let total = layer.total_bytes;
        match layer.state {
            LayerState::Complete | LayerState::Exists => self.reporter.finish(&layer.id, word),
            LayerState::Downloading | LayerState::Extracting => {
                match (layer.current_bytes, layer.elapsed_ms) {
                    (None, Some(elapsed_ms)) => {
                        let elapsed = format_duration(Duration::from_millis(elapsed_ms));
                        self.reporter.update_layer(
                            &layer.id,
                            elapsed_ms.max(1),
                            None,
                            &format!("{word} {elapsed}"),
                        );
                    }
                    (Some(current), _) if total.is_none() => {
                        let status = format!("{word} {}", format_bytes(current));
                        self.reporter
                            .update_layer(&layer.id, current.max(1), None, &status);
                    }
                    (current, _) => {
                        self.reporter
                            .update_layer(&layer.id, current.unwrap_or(0), total, word);
                    }
                }
            }
            LayerState::Retrying => {
                let status = match layer.retry_in_ms {
                    Some(millis) => {
                        let delay = format_duration(Duration::from_millis(millis));
                        format!("download failed, again in {delay}")
                    }
                    None => "download failed, again".to_owned(),
                };
                self.reporter.update_layer(&layer.id, 1, None, &status);
            }
            LayerState::Verifying => self.reporter.update_layer(&layer.id, 1, None, word),
            LayerState::Waiting | LayerState::Downloaded => {
                self.reporter.update_layer(&layer.id, 0, None, word);
            }
        }
    }

    fn context(&self, context: &Context) {
        let verb = if context.done { "Sent" } else { "Sending" };
        let files = match context.files_total {
            Some(total) if !context.done => format!("{} of {total} files", context.files_sent),
            _ => format!("{} files", context.files_sent),
        };
        let bytes = format_bytes(context.bytes_sent);
        self.reporter
            .update_spinner(MAIN, &format!("{verb} build context: {files}, {bytes}"));
    }

    fn step(&self, step: &Step) {
        let mut story = self.story();
        story.running.retain(|running| running.id != step.id);
        if step.state == StepState::Running {
            story.running.push(step.clone());
        }
        // Instructions are told rather than the work around them.
        let at_work = story.running.iter().rev();
        let shown = at_work
            .clone()
            .find(|step| step.index.is_some())
            .or_else(|| at_work.clone().next());
        let message = shown.map_or_else(|| step_line(step), step_name);
        drop(story);
        if step.state == StepState::Failed {
            self.print(Style::new().red(), &step_line(step));
        }
        self.reporter.change(|rows| {
            if step.state == StepState::Running {
                rows.clear_log();
                rows.remove_layers(true);
                if !rows.has_layers() {
                    rows.set_footer(Vec::new());
                }
            }
        });
        self.reporter.update_spinner(MAIN, &message);
    }

    fn status(&self, message: &str) {
        let message = match &self.story().reference {
            Some(reference) => format!("{reference}: {message}"),
            None => message.to_owned(),
        };
        self.reporter.update_spinner(MAIN, &message);
    }

    fn story(&self) -> MutexGuard<'_, Story> {
        self.story.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProgressSink for Terminal {
    fn emit(&self, event: &ProgressEvent) {
        if !std::mem::replace(&mut self.story().has_begun, true) {
            self.reporter.add_spinner(MAIN, "Waiting for the engine");
        }
        match event {
            ProgressEvent::Attempt(attempted) => self.attempt(attempted),
            ProgressEvent::Layer(layer) => self.layer(layer),
            ProgressEvent::Total(total) => self
                .reporter
                .change(|rows| rows.set_footer(total_parts(total))),
            ProgressEvent::Context(context) => self.context(context),
            ProgressEvent::Step(step) => self.step(step),
            ProgressEvent::Log(log) => {
                if !log.text.trim().is_empty() {
                    self.reporter.change(|rows| rows.push_log(log.text.clone()));
                }
            }
            ProgressEvent::Status(status) => self.status(&status.message),
            ProgressEvent::Warning(warning) => {
                self.print(Style::new().yellow(), &warning_line(warning));
            }
        }
    }
}
