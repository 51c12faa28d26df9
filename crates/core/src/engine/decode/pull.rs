//! What an engine says while it pulls: the words of the graph driver, of the containerd image store, and of Podman.
//!
//! Sources: moby v28.5.2 `daemon/internal/distribution/{pull_v2,xfer/download}.go` and
//! `daemon/containerd/{image_pull,progress}.go`; podman v5 `pkg/api/handlers/utils/images.go`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::layer::{LayerMessage, Row};
use super::{Decoded, Failure, Message, told};
use crate::progress::{LayerState, ProgressEvent, Status, Warning};

/// Follows one pull.
#[derive(Debug, Default)]
pub struct PullDecoder {
    /// Layers in the order of their first message.
    order: Vec<String>,
    rows: HashMap<String, Row>,
    /// What was begun when every layer was there: Podman's last layer, or the configuration, which is none.
    held: Option<Row>,
    digest: Option<String>,
    warnings: Vec<Warning>,
    last_status: Option<String>,
    engine_retried: bool,
    /// Docker says what it pulls before it speaks of any layer; Podman does not.
    announced: bool,
    terminal_seen: bool,
}

impl PullDecoder {
    /// A pull of which nothing has been heard.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next message.
    pub fn decode(&mut self, message: &Message) -> Result<Decoded, Failure> {
        if let Some(failure) = &message.failure {
            return Err(failure.clone());
        }
        let Some(status) = message.status.as_deref() else {
            return Ok(Decoded::default());
        };
        let layer = message
            .id
            .as_deref()
            .and_then(|id| Some((id, LayerMessage::parse(status, message)?)));
        Ok(match layer {
            Some((id, message)) => self.layer(id, message),
            None => self.status(status),
        })
    }

    /// Whether the engine has said that the pull succeeded.
    pub fn terminal_seen(&self) -> bool {
        self.terminal_seen
    }

    /// Whether the engine has repeated the transfer of a layer by itself.
    pub fn engine_retried(&self) -> bool {
        self.engine_retried
    }

    /// Digest of what was pulled, `sha256:` + 64 hex digits, where the engine has said it.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// What should be known although the pull succeeded.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Marks every layer as done once the pull has succeeded: engines may leave out the last state of a layer.
    pub fn complete(&mut self) -> Vec<ProgressEvent> {
        let mut events = if self.terminal_seen {
            Vec::new()
        } else {
            self.release()
        };
        for id in &self.order {
            let layer = self.rows.get_mut(id).and_then(Row::complete);
            events.extend(layer.cloned().map(ProgressEvent::Layer));
        }
        events
    }

    fn layer(&mut self, id: &str, message: LayerMessage) -> Decoded {
        let id = told(id);
        if self.is_last_of_podman(&id, message.state) {
            let moved = !std::mem::replace(&mut self.terminal_seen, true);
            return Decoded {
                events: Vec::new(),
                moved,
            };
        }
        // What comes after it shows that it was not the last.
        self.terminal_seen &= self.announced;
        self.engine_retried |= message.state == LayerState::Retrying;
        if let Some(held) = self.held.as_mut().filter(|held| held.layer().id == id)
            && message.state == LayerState::Downloaded
        {
            let (moved, _) = held.take(message);
            return Decoded {
                events: Vec::new(),
                moved,
            };
        }
        let mut events = self.release();
        if self.may_be_configuration(&id, message.state) {
            self.held = Some(Row::new(&id, message));
            return Decoded {
                events,
                moved: true,
            };
        }
        let (moved, layer) = match self.rows.entry(id) {
            Entry::Occupied(row) => row.into_mut().take(message),
            Entry::Vacant(place) => {
                self.order.push(place.key().clone());
                let row = Row::new(place.key(), message);
                (true, Some(place.insert(row).layer()))
            }
        };
        events.extend(layer.cloned().map(ProgressEvent::Layer));
        Decoded { events, moved }
    }

    /// Tells what was held back: it is a layer after all.
    fn release(&mut self) -> Vec<ProgressEvent> {
        let Some(held) = self.held.take() else {
            return Vec::new();
        };
        let layer = held.layer().clone();
        self.order.push(layer.id.clone());
        self.rows.insert(layer.id.clone(), held);
        vec![ProgressEvent::Layer(layer)]
    }

    /// Podman transfers the configuration as if it were a layer, once it has all layers.
    fn may_be_configuration(&self, id: &str, state: LayerState) -> bool {
        let is_there = |row: &Row| row.layer().state >= LayerState::Downloaded;
        !self.announced
            && state == LayerState::Waiting
            && !self.rows.is_empty()
            && !self.rows.contains_key(id)
            && self.rows.values().all(is_there)
    }

    /// Podman ends with `Download complete` for the image's ID. That is the digest of the configuration, which Podman
    /// has just transferred as if it were a layer, under the same ID
    /// (<https://github.com/containers/image/blob/v5.36.0/copy/single.go>, `copyConfig`).
    fn is_last_of_podman(&self, id: &str, state: LayerState) -> bool {
        let is_downloaded = |row: &Row| row.layer().state >= LayerState::Downloaded;
        let held = self.held.as_ref().filter(|held| held.layer().id == id);
        !self.announced
            && state == LayerState::Downloaded
            && held.or(self.rows.get(id)).is_none_or(is_downloaded)
    }

    fn status(&mut self, status: &str) -> Decoded {
        let status = told(status);
        self.announced |= status.contains("Pulling from ");
        if status.contains("Pulling from ") || self.last_status.as_ref() == Some(&status) {
            return Decoded {
                events: Vec::new(),
                moved: self.last_status.replace(status.clone()) != Some(status),
            };
        }
        if let Some(digest) = status.strip_prefix("Digest: ") {
            self.digest = Some(digest.trim().to_owned());
            self.terminal_seen = true;
        }
        self.terminal_seen |= status.starts_with("Status: ");
        let event = match status.strip_prefix("WARNING: ") {
            Some(text) => {
                let code = if text.contains("does not match the specified platform") {
                    "PLATFORM_WARNING"
                } else {
                    "ENGINE_WARNING"
                };
                let warning = Warning::new(code, text);
                self.warnings.push(warning.clone());
                ProgressEvent::Warning(warning)
            }
            None => ProgressEvent::Status(Status {
                step: None,
                message: status.clone(),
            }),
        };
        self.last_status = Some(status);
        Decoded {
            events: vec![event],
            moved: true,
        }
    }
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
