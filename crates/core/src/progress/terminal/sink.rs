//! Events as rows.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use console::Style;

use super::build::Build;
use super::footer::total_parts;
use super::reporter::ProgressReporter;
use super::rows::Rows;
use super::screen::Screen;
use crate::error::Error;
use crate::progress::words::{CANCELED, attempt_line, failure_lines, layer_word, warning_line};
use crate::progress::{
    AttemptPhase, Attempted, Layer, LayerState, ProgressEvent, ProgressSink, Status, Warning,
};
use crate::text::{clean_line, format_bytes, format_duration};

/// Name of the main row. No layer and no step has it.
pub(super) const MAIN: &str = "";

/// Shows events on a terminal: what is being done, a row for each layer and for each step at work, with its time and the
/// last lines that it printed, and the sum of all layers.
///
/// Retries, the change of the source, steps that have ended and warnings are lines that stay above the rows; warnings
/// about a Dockerfile come at the end. When it is dropped without one of the last words, its rows disappear.
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
    /// What is being built.
    build: Option<Build>,
    /// Warnings that come at the end.
    warnings: Vec<Warning>,
}

impl Terminal {
    /// A sink that draws on `screen`.
    pub fn new(screen: Screen) -> Self {
        Self {
            reporter: ProgressReporter::new(screen),
            story: Mutex::default(),
        }
    }

    /// Ends with `Image is there: REFERENCE`.
    pub fn finish_look(&self, reference: &str) {
        self.end(&Style::new().green(), "Image is there", reference, None);
    }

    /// Ends with `Pull complete: REFERENCE`.
    pub fn finish_pull(&self, reference: &str) {
        self.end(&Style::new().green(), "Pull complete", reference, None);
    }

    /// Ends with the warnings about the Dockerfile, and `Build complete: IMAGE_ID`.
    pub fn finish_build(&self, image_id: &str) {
        self.end(&Style::new().green(), "Build complete", image_id, None);
    }

    /// Ends with `error: MESSAGE`; before it, for a build that failed, the end of the failed step's log and the lines of
    /// the Dockerfile.
    pub fn fail(&self, error: &Error) {
        self.end(&Style::new().red(), "error", &error.message, Some(error));
    }

    /// Ends with `canceled`, after the warnings about the Dockerfile.
    pub fn cancel(&self) {
        self.tell_warnings();
        let message = self.styled(&Style::new().yellow(), CANCELED);
        self.reporter.end(&message);
    }

    fn end(&self, style: &Style, word: &str, text: &str, failure: Option<&Error>) {
        self.tell_warnings();
        let lines = failure.map(failure_lines).unwrap_or_default();
        let message = format!("{}: {}", self.styled(style, word), clean_line(text));
        self.reporter.end_after(&lines, &message);
    }

    /// Tells the warnings that have waited for the end.
    fn tell_warnings(&self) {
        let warnings = std::mem::take(&mut self.story().warnings);
        for warning in warnings {
            self.print(&Style::new().yellow(), &warning_line(&warning));
        }
    }

    /// A word in a colour.
    fn styled(&self, style: &Style, word: impl Display) -> String {
        let style = style.clone().force_styling(self.reporter.has_colours());
        style.apply_to(word).to_string()
    }

    fn print(&self, style: &Style, text: &str) {
        self.reporter.print(&self.styled(style, clean_line(text)));
    }

    fn attempt(&self, attempted: &Attempted) {
        let Attempted {
            reference,
            attempt,
            attempts,
            ..
        } = attempted;
        self.reporter.change(Rows::remove_others);
        self.story().reference = Some(reference.clone());
        if attempted.phase != AttemptPhase::Starting {
            self.print(&Style::new().yellow(), &attempt_line(attempted));
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
            AttemptPhase::RetryingAnonymously => {
                format!("Asking again without credentials for {reference}")
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

    fn status(&self, status: &Status) {
        let story = self.story();
        if let Some(build) = &story.build {
            build.status(&self.reporter, status);
            return;
        }
        let message = match &story.reference {
            Some(reference) => format!("{reference}: {}", status.message),
            None => status.message.clone(),
        };
        drop(story);
        self.reporter.update_spinner(MAIN, &message);
    }

    fn warning(&self, warning: &Warning) {
        if warning.code == Warning::BUILD {
            self.story().warnings.push(warning.clone());
        } else {
            self.print(&Style::new().yellow(), &warning_line(warning));
        }
    }

    /// What the thread of the reporter does ten times a second.
    #[cfg(test)]
    pub(super) fn tick(&self) {
        self.reporter.tick();
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
            ProgressEvent::Context(context) => {
                let build = &mut self.story().build;
                let build = build.get_or_insert_default();
                build.context(&self.reporter, context);
            }
            ProgressEvent::Step(step) => {
                let build = &mut self.story().build;
                let build = build.get_or_insert_default();
                build.step(&self.reporter, step);
            }
            ProgressEvent::Log(log) => {
                let build = &mut self.story().build;
                let build = build.get_or_insert_default();
                build.log(&self.reporter, log);
            }
            ProgressEvent::Status(status) => self.status(status),
            ProgressEvent::Warning(warning) => self.warning(warning),
        }
    }
}
