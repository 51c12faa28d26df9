//! The order in which a message is told, and everything of it that is no step.

use std::collections::HashSet;
use std::time::Duration;

use super::clock::Clock;
use super::details::Details;
use super::failures::Failures;
use super::layers::{Layers, Part};
use super::message::{StatusResponse, VertexStatus};
use super::rows::Rows;
use super::steps::{Steps, Unfinished};
use super::warning::warning;
use crate::progress::{ProgressEvent, ProgressSink, Status, Warning};

/// Follows one build.
#[derive(Debug, Default)]
pub(crate) struct StatusDecoder {
    clock: Clock,
    steps: Steps,
    rows: Rows,
    layers: Layers,
    failures: Failures,
    warnings: Vec<Warning>,
    /// What makes a warning another one: several platforms have the same Dockerfile.
    warned: HashSet<(String, Option<u32>, Option<u32>)>,
}

impl StatusDecoder {
    /// A build of which nothing has been heard.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes the next message. `now` is the time since the build began. Events are told one by one: a message may have a
    /// hundred thousand lines.
    pub(crate) fn decode(
        &mut self,
        message: &StatusResponse,
        now: Duration,
        progress: &dyn ProgressSink,
    ) {
        self.clock.hear(message, now);
        let mut rows = Details::of(&message.statuses, |row| &row.vertex);
        let mut logs = Details::of(&message.logs, |log| &log.vertex);
        for vertex in &message.vertexes {
            let place = self.steps.update(vertex, progress);
            self.steps.tell_beginning(place, progress);
            if self.steps.has_ended(place) {
                // What it did last comes before its end.
                for row in rows.take(&vertex.digest) {
                    self.row(row, progress);
                }
                for log in logs.take(&vertex.digest) {
                    self.steps.log(log, progress);
                }
            }
            let may_go_on = vertex.inputs.is_empty();
            self.steps.tell_end(place, may_go_on, now, progress);
            self.failures.update(vertex);
        }
        for warning in self.failures.take_harmless() {
            self.warn(warning, progress);
        }
        for row in rows.rest() {
            self.row(row, progress);
        }
        for log in logs.rest() {
            self.steps.log(log, progress);
        }
        for warning in message.warnings.iter().filter_map(warning) {
            self.warn(warning, progress);
        }
        self.steps.settle(now, progress);
    }

    /// Tells the ends that have been held back for long enough.
    pub(crate) fn settle(&mut self, now: Duration, progress: &dyn ProgressSink) {
        self.steps.settle(now, progress);
    }

    /// Tells what is left when the build is over, at `now`.
    pub(crate) fn finish(
        &mut self,
        has_succeeded: bool,
        now: Duration,
        progress: &dyn ProgressSink,
    ) {
        let over_at = self.clock.at(now);
        self.steps.finish(has_succeeded, over_at, progress);
        if has_succeeded {
            for warning in self.failures.take_all() {
                self.warn(warning, progress);
            }
        }
    }

    /// The step that made the build fail: the one with the given digest, or else the first that failed, instructions
    /// before the work around them.
    pub(crate) fn failed_step(&self, digest: Option<&str>) -> Option<Unfinished> {
        self.steps.failed(digest)
    }

    /// The step that is at work: the last one to begin, instructions before the work around them.
    pub(crate) fn running_step(&self) -> Option<Unfinished> {
        self.steps.running()
    }

    /// Instructions of the Dockerfile.
    pub(crate) fn steps_total(&self) -> u32 {
        self.steps.total()
    }

    /// Those whose result came from the cache.
    pub(crate) fn steps_cached(&self) -> u32 {
        self.steps.cached()
    }

    /// What should be known although the build succeeded.
    pub(crate) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// How many names and outputs of steps are kept.
    #[cfg(test)]
    pub(super) fn remembered_texts(&self) -> usize {
        self.steps.remembered_texts()
    }

    fn row(&mut self, row: &VertexStatus, progress: &dyn ProgressSink) {
        if let Some(part) = Part::parse(&row.id) {
            if let Some(layer) = self.layers.update(part, row) {
                progress.emit(&ProgressEvent::Layer(layer));
            }
            return;
        }
        let place = self.steps.place(&row.vertex);
        if let Some(message) = self.rows.update(place, row) {
            let step = Some(self.steps.id(place).to_owned());
            progress.emit(&ProgressEvent::Status(Status { step, message }));
        }
    }

    /// Tells a warning, once.
    fn warn(&mut self, warning: Warning, progress: &dyn ProgressSink) {
        let Warning {
            message,
            start_line,
            end_line,
            ..
        } = &warning;
        if self
            .warned
            .insert((message.clone(), *start_line, *end_line))
        {
            self.warnings.push(warning.clone());
            progress.emit(&ProgressEvent::Warning(warning));
        }
    }
}
