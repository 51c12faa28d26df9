//! One line for each change: for logs of continuous integration and files.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::words::{attempt_line, layer_line, step_line, transfer_line, warning_line};
use super::{
    Attempted, Context, Layer, LayerState, ProgressEvent, ProgressSink, Step, StepState, Total,
};
use crate::text::{clean_line, format_bytes};

/// Writes plain lines: every change of state, every retry with its reason and delay, the build's log, and a summary of
/// the transfer at its end.
///
/// No colours, no bars, no byte counts in between. Identical consecutive lines are written once; lines of a build's
/// log are all written. After the first failed write it is silent.
#[derive(Debug)]
pub struct Plain<W>(Mutex<State<W>>);

#[derive(Debug)]
struct State<W> {
    writer: Option<W>,
    last_line: String,
    /// Last state of each layer.
    layers: HashMap<String, LayerState>,
    /// Last state of each step.
    steps: HashMap<String, StepState>,
    /// The sum of a transfer whose end has not been told.
    total: Option<Total>,
    sends_context: bool,
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
        }))
    }

    /// Tells that the image is there, after what was transferred for it.
    pub fn finish_pull(&self, reference: &str) {
        self.state().end(&format!("Pull complete: {reference}"));
    }

    /// Tells that the image is built.
    pub fn finish_build(&self, image_id: &str) {
        self.state().end(&format!("Build complete: {image_id}"));
    }

    /// Tells why there is no image.
    pub fn fail(&self, message: &str) {
        let mut state = self.state();
        state.total = None;
        state.end(&format!("error: {message}"));
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
            ProgressEvent::Log(log) => state.write(&format!("    {}", log.text)),
            ProgressEvent::Status(status) => state.line(&status.message),
            ProgressEvent::Warning(warning) => state.line(&warning_line(warning)),
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
            self.line(&format!("build context: sent {files} files, {bytes}"));
        } else if !self.sends_context {
            self.line("build context: sending");
        }
        self.sends_context = !context.done;
    }

    fn step(&mut self, step: &Step) {
        let before = self.steps.insert(step.id.clone(), step.state);
        if before != Some(step.state) {
            self.tell_transfer();
            self.line(&step_line(step));
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
        self.line(line);
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
