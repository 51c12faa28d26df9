//! A build as rows: one for each step at work, and lines that stay for those that have ended.

use std::time::Duration;

use console::Style;

use super::reporter::ProgressReporter;
use super::sink::MAIN;
use crate::progress::words::{file_word, seconds, step_name};
use crate::progress::{Context, Log, Status, Step, StepState};
use crate::text::format_bytes;

/// Name of the row of the context. No step has it.
const CONTEXT: &str = "context";

/// What has become of the steps so far.
#[derive(Debug, Default)]
pub(super) struct Build {
    done: u32,
    cached: u32,
}

impl Build {
    pub(super) fn context(&self, reporter: &ProgressReporter, context: &Context) {
        let files = match context.files_total {
            Some(total) if !context.done => {
                format!("{} of {total} {}", context.files_sent, file_word(total))
            }
            _ => format!("{} {}", context.files_sent, file_word(context.files_sent)),
        };
        let moved = format!(
            "build context: {files}, {}",
            format_bytes(context.bytes_sent)
        );
        reporter.change(|rows| {
            rows.time(MAIN, &self.summary());
            if context.done {
                rows.remove(CONTEXT);
            } else {
                rows.time(CONTEXT, &format!("Sending {moved}"));
            }
        });
        if context.done {
            let mark = mark(StepState::Done, reporter.has_colours());
            reporter.print_fitted(&mark, &format!("Sent {moved}"), "");
        }
    }

    pub(super) fn step(&mut self, reporter: &ProgressReporter, step: &Step) {
        let name = step_name(step);
        let has_ended = step.state != StepState::Running;
        self.done += u32::from(has_ended);
        self.cached += u32::from(step.state == StepState::Cached);
        reporter.change(|rows| {
            rows.time(MAIN, &self.summary());
            if has_ended {
                rows.remove(&step.id);
                rows.remove_finished_layers();
            } else {
                rows.time(&step.id, &name);
            }
        });
        if has_ended {
            let mark = mark(step.state, reporter.has_colours());
            reporter.print_fitted(&mark, &name, &end(step));
        }
    }

    /// Shows a line that a step prints.
    pub(super) fn log(&self, reporter: &ProgressReporter, log: &Log) {
        if !log.text.trim().is_empty() {
            self.line(reporter, log.step.as_deref(), &log.text, None);
        }
    }

    /// Shows a part of a step's work.
    pub(super) fn status(&self, reporter: &ProgressReporter, status: &Status) {
        let Status { step, message } = status;
        let before = message.rsplit_once(": done").map(|(before, _)| before);
        self.line(reporter, step.as_deref(), message, before);
    }

    /// Shows a line below its row; what belongs to no row, below the main one.
    fn line(
        &self,
        reporter: &ProgressReporter,
        step: Option<&str>,
        text: &str,
        before: Option<&str>,
    ) {
        reporter.change(|rows| {
            rows.time(MAIN, &self.summary());
            if !rows.detail(step.unwrap_or(MAIN), text, before) {
                rows.detail(MAIN, text, before);
            }
        });
    }

    fn summary(&self) -> String {
        match (self.done, self.cached) {
            (0, _) => "Building".to_owned(),
            (done, 0) => format!("Building: {done} {} done", steps(done)),
            (done, cached) => format!("Building: {done} {} done, {cached} cached", steps(done)),
        }
    }
}

fn steps(count: u32) -> &'static str {
    if count == 1 { "step" } else { "steps" }
}

/// What stands at the end of the line of a step that has ended.
fn end(step: &Step) -> String {
    let millis = step.duration_ms.unwrap_or(0);
    let time = seconds(Duration::from_millis(millis));
    match step.state {
        StepState::Cached => "cached".to_owned(),
        StepState::Failed => format!("failed {time}"),
        StepState::Canceled => format!("canceled {time}"),
        StepState::Running | StepState::Done => time,
    }
}

fn mark(state: StepState, has_colours: bool) -> String {
    let (mark, style) = match state {
        StepState::Failed => ("✗", Style::new().red()),
        StepState::Canceled => ("–", Style::new().yellow()),
        StepState::Running | StepState::Cached | StepState::Done => ("✓", Style::new().green()),
    };
    style.force_styling(has_colours).apply_to(mark).to_string()
}
