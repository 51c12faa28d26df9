//! One line for each change: for logs of continuous integration and files.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::words::{
    CANCELED, attempt_line, failure_lines, file_word, layer_line, step_line, step_prefix,
    transfer_line, warning_line,
};
use super::{
    Attempted, Context, Layer, LayerState, Log, ProgressEvent, ProgressSink, Status, Step,
    StepState, Total, Warning,
};
use crate::error::Error;
use crate::text::{clean_line, format_bytes};

/// Writes plain lines: every change of state, every retry with its reason and delay, the build's log, and a summary of
/// the transfer at its end.
///
/// No colours, no bars, no byte counts in between. What a build's step says has its place before it, for steps are at
/// work side by side. Identical consecutive lines are written once; lines of a build's log are all written. Warnings
/// about a Dockerfile come at the end. After the first failed write it is silent.
#[derive(Debug)]
pub struct Plain<W>(Mutex<State<W>>);

#[derive(Debug)]
struct State<W> {
    writer: Option<W>,
    last_line: String,
    /// Last state of each layer.
    layers: HashMap<String, LayerState>,
    /// Last state of each step, and what stands before what it says.
    steps: HashMap<String, (StepState, String)>,
    /// The sum of a transfer whose end has not been told.
    total: Option<Total>,
    sends_context: bool,
    /// Warnings that come at the end.
    warnings: Vec<Warning>,
}

impl<W: Write + Send> Plain<W> {
    /// A sink that writes to `writer`.
    pub fn new(writer: W) -> Self {
        Self(Mutex::new(State {
            writer: Some(writer),
            last_line: String::new(),
            layers: HashMap::new(),
            steps: HashMap::new(),
            total: None,
            sends_context: false,
            warnings: Vec::new(),
        }))
    }

    /// Tells that the image was there.
    pub fn finish_look(&self, reference: &str) {
        self.state().end(&format!("Image is there: {reference}"));
    }

    /// Tells that the image is there, after what was transferred for it.
    pub fn finish_pull(&self, reference: &str) {
        self.state().end(&format!("Pull complete: {reference}"));
    }

    /// Tells that the image is built.
    pub fn finish_build(&self, image_id: &str) {
        self.state().end(&format!("Build complete: {image_id}"));
    }

    /// Tells why there is no image: for a build that failed, first the end of the failed step's log and the lines of the
    /// Dockerfile.
    pub fn fail(&self, error: &Error) {
        let mut state = self.state();
        state.total = None;
        state.tell_warnings();
        for line in failure_lines(error) {
            state.write(&line);
        }
        state.line(&format!("error: {error}"));
    }

    /// Tells that the work was given up.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.total = None;
        state.end(CANCELED);
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write + Send> ProgressSink for Plain<W> {
    fn emit(&self, event: &ProgressEvent) {
        let mut state = self.state();
        match event {
            ProgressEvent::Attempt(attempted) => state.attempt(attempted),
            ProgressEvent::Layer(layer) => state.layer(layer),
            ProgressEvent::Total(total) => state.total = Some(total.clone()),
            ProgressEvent::Context(context) => state.context(context),
            ProgressEvent::Step(step) => state.step(step),
            ProgressEvent::Log(log) => state.log(log),
            ProgressEvent::Status(status) => state.status(status),
            ProgressEvent::Warning(warning) => state.warning(warning),
        }
    }
}

impl<W: Write> State<W> {
    fn attempt(&mut self, attempted: &Attempted) {
        self.layers.clear();
        self.total = None;
        self.line(&attempt_line(attempted));
    }

    fn layer(&mut self, layer: &Layer) {
        let before = self.layers.insert(layer.id.clone(), layer.state);
        if before != Some(layer.state) {
            self.line(&layer_line(layer));
        }
    }

    fn context(&mut self, context: &Context) {
        if context.done {
            let (files, bytes) = (context.files_sent, format_bytes(context.bytes_sent));
            let word = file_word(files);
            self.line(&format!("build context: sent {files} {word}, {bytes}"));
        } else if !self.sends_context {
            self.line("build context: sending");
        }
        self.sends_context = !context.done;
    }

    fn step(&mut self, step: &Step) {
        let known = (step.state, step_prefix(step));
        let before = self.steps.insert(step.id.clone(), known);
        let before = before.map(|(state, _)| state);
        if before != Some(step.state) {
            self.tell_transfer();
            self.line(&step_line(step, before == Some(StepState::Running)));
        }
    }

    fn log(&mut self, log: &Log) {
        let prefix = self.prefix(log.step.as_ref());
        self.write(&format!("{prefix}    {}", log.text));
    }

    fn status(&mut self, status: &Status) {
        let prefix = self.prefix(status.step.as_ref());
        self.line(&format!("{prefix}{}", status.message));
    }

    fn prefix(&self, step: Option<&String>) -> &str {
        let known = step.and_then(|step| self.steps.get(step));
        known.map_or("", |(_, prefix)| prefix)
    }

    fn warning(&mut self, warning: &Warning) {
        if warning.code == Warning::BUILD {
            self.warnings.push(warning.clone());
        } else {
            self.line(&warning_line(warning));
        }
    }

    /// Tells the sum of the transfer, once.
    fn tell_transfer(&mut self) {
        if let Some(total) = self.total.take() {
            self.line(&transfer_line(&total));
        }
    }

    fn end(&mut self, line: &str) {
        self.tell_transfer();
        self.tell_warnings();
        self.line(line);
    }

    /// Tells the warnings that have waited for the end.
    fn tell_warnings(&mut self) {
        for warning in std::mem::take(&mut self.warnings) {
            self.line(&warning_line(&warning));
        }
    }

    /// Writes a line unless it was the last one.
    fn line(&mut self, line: &str) {
        let line = clean_line(line);
        if line != self.last_line {
            self.write(&line);
        }
    }

    fn write(&mut self, line: &str) {
        line.clone_into(&mut self.last_line);
        let line = format!("{}\n", clean_line(line));
        if let Some(writer) = &mut self.writer
            && writer
                .write_all(line.as_bytes())
                .and_then(|()| writer.flush())
                .is_err()
        {
            self.writer = None;
        }
    }
}

#[cfg(test)]
mod tests;
