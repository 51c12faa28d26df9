//! What a caller is told while it waits: events as data, and the sinks that show them.

pub mod json;
pub mod plain;
pub mod summary;
#[cfg(feature = "terminal")]
pub mod terminal;
pub mod throttle;
pub mod throttled;

mod event;
mod words;

pub use event::{
    AttemptPhase, Attempted, Context, Layer, LayerState, Log, LogStream, ProgressEvent, Status,
    Step, StepState, Total, Warning,
};

/// Receives events in order. A sink neither fails nor blocks: what it cannot show, it drops.
///
/// Implemented for every `Fn(&ProgressEvent)`.
pub trait ProgressSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &ProgressEvent);
}

impl<F: Fn(&ProgressEvent) + Send + Sync> ProgressSink for F {
    fn emit(&self, event: &ProgressEvent) {
        self(event);
    }
}

/// Drops every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl ProgressSink for NoProgress {
    fn emit(&self, _event: &ProgressEvent) {}
}
