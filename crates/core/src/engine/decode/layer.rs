//! One layer of a pull, and the last message about it.

use super::Message;
use crate::progress::{Layer, LayerState};

/// What a message says about a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LayerMessage {
    pub(super) state: LayerState,
    retry_in_seconds: Option<u64>,
    current: Option<u64>,
    total: Option<u64>,
    in_seconds: bool,
}

impl LayerMessage {
    /// Reads the words of every engine; `None` for messages that are about something else.
    pub(super) fn parse(status: &str, message: &Message) -> Option<Self> {
        let state = match status {
            "Pulling fs layer" | "Waiting" => LayerState::Waiting,
            "Downloading" => LayerState::Downloading,
            "Verifying Checksum" => LayerState::Verifying,
            "Download complete" => LayerState::Downloaded,
            "Extracting" => LayerState::Extracting,
            "Pull complete" => LayerState::Complete,
            "Already exists" | "Layer already exists" => LayerState::Exists,
            _ if status.starts_with("Retrying in ") => LayerState::Retrying,
            // A word of tomorrow about something that makes progress.
            _ if message.has_progress && message.total.is_some() => LayerState::Downloading,
            _ => return None,
        };
        Some(Self {
            state,
            retry_in_seconds: retry_in_seconds(status),
            current: message.current,
            total: message.total,
            in_seconds: message.units.is_some(),
        })
    }

    /// The total, unless more than it is there.
    fn plausible_total(self) -> Option<u64> {
        self.total
            .filter(|total| self.current.is_none_or(|current| current <= *total))
    }
}

/// A layer that the engine has spoken of.
#[derive(Debug)]
pub(super) struct Row {
    layer: Layer,
    last: LayerMessage,
    /// Size of the whole layer, once told.
    size_bytes: Option<u64>,
    /// Whether the engine has begun the transfer anew.
    retried: bool,
}

impl Row {
    /// A layer that is mentioned for the first time.
    pub(super) fn new(id: &str, message: LayerMessage) -> Self {
        let mut row = Self {
            layer: Layer::new(id, message.state),
            last: message,
            size_bytes: None,
            retried: false,
        };
        row.show(message);
        row
    }

    pub(super) fn layer(&self) -> &Layer {
        &self.layer
    }

    /// Takes a message: whether it is a new one, and the layer where it has changed.
    pub(super) fn take(&mut self, message: LayerMessage) -> (bool, Option<&Layer>) {
        if self.last == message {
            return (false, None);
        }
        self.last = message;
        if !follows(self.layer.state, message.state) {
            return (true, None);
        }
        let before = self.layer.clone();
        self.show(message);
        (true, (self.layer != before).then_some(&self.layer))
    }

    /// Marks the layer as there; gives it where that is new.
    pub(super) fn complete(&mut self) -> Option<&Layer> {
        if self.layer.state.is_done() {
            return None;
        }
        self.layer = Layer {
            total_bytes: self.size_bytes,
            ..Layer::new(std::mem::take(&mut self.layer.id), LayerState::Complete)
        };
        Some(&self.layer)
    }

    fn show(&mut self, message: LayerMessage) {
        let mut layer = Layer::new(std::mem::take(&mut self.layer.id), message.state);
        layer.total_bytes = self.size_bytes;
        match message.state {
            LayerState::Downloading | LayerState::Extracting if message.in_seconds => {
                layer.elapsed_ms = message.current.map(|seconds| seconds.saturating_mul(1000));
            }
            LayerState::Downloading => {
                (layer.current_bytes, layer.total_bytes) = self.downloaded(message);
            }
            LayerState::Extracting => {
                layer.current_bytes = message.current;
                layer.total_bytes = message.plausible_total().or(self.size_bytes);
            }
            LayerState::Retrying => {
                self.retried = true;
                layer.retry_in_ms = message
                    .retry_in_seconds
                    .map(|seconds| seconds.saturating_mul(1000));
            }
            _ => {}
        }
        self.layer = layer;
    }

    /// Bytes that are there, and the size.
    ///
    /// A resumed transfer counts from 0 up to what was missing: what comes before it is there already
    /// (<https://github.com/moby/moby/blob/v28.5.2/distribution/pull_v2.go>).
    fn downloaded(&mut self, message: LayerMessage) -> (Option<u64>, Option<u64>) {
        let Some(total) = message.plausible_total() else {
            return (message.current, None);
        };
        match self.size_bytes {
            Some(size) if self.retried && size > total => {
                let current = message
                    .current
                    .map(|current| current.saturating_add(size - total));
                (current, Some(size))
            }
            _ => {
                self.size_bytes = Some(total);
                (message.current, Some(total))
            }
        }
    }
}

/// Whether a layer may go from one state to another.
///
/// Engines skip states, and send only the latest to a reader that is slow or late; but only a retry goes back.
fn follows(from: LayerState, to: LayerState) -> bool {
    match (from, to) {
        (LayerState::Complete, _) => false,
        // A containerd store finds the blob and still has to unpack it.
        (LayerState::Exists, to) => matches!(to, LayerState::Extracting | LayerState::Complete),
        (_, LayerState::Retrying) => true,
        (LayerState::Retrying, to) => to != LayerState::Waiting,
        (from, to) => to >= from,
    }
}

fn retry_in_seconds(status: &str) -> Option<u64> {
    status
        .strip_prefix("Retrying in ")?
        .split(' ')
        .next()?
        .parse()
        .ok()
}
