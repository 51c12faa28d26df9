//! What an engine says while it pulls: the words of the graph driver, of the containerd image store, and of Podman.
//!
//! Sources: moby v28.5.2 `daemon/internal/distribution/{pull_v2,xfer/download}.go` and
//! `daemon/containerd/{image_pull,progress}.go`; podman v5 `pkg/api/handlers/utils/images.go`.

use std::collections::HashMap;

use super::{Decoded, Failure, Message, told};
use crate::progress::{Layer, LayerState, ProgressEvent, Status, Warning};

/// Follows one pull.
#[derive(Debug, Default)]
pub struct PullDecoder {
    /// Layers in the order of their first message.
    order: Vec<String>,
    layers: HashMap<String, Layer>,
    digest: Option<String>,
    warnings: Vec<Warning>,
    last_status: Option<String>,
    engine_retried: bool,
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
            .and_then(|id| Some((id, state(status, message)?)));
        Ok(match layer {
            Some((id, state)) => self.layer(id, state, status, message),
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
        let mut events = Vec::new();
        for id in &self.order {
            if let Some(layer) = self.layers.get_mut(id)
                && !layer.state.is_done()
            {
                *layer = Layer {
                    total_bytes: layer.total_bytes,
                    ..Layer::new(id.as_str(), LayerState::Complete)
                };
                events.push(ProgressEvent::Layer(layer.clone()));
            }
        }
        events
    }

    fn layer(&mut self, id: &str, state: LayerState, status: &str, message: &Message) -> Decoded {
        let id = told(id);
        let known = self.layers.get(&id);
        if state == LayerState::Downloaded && known.is_none() {
            // Podman's last message has the image's ID for an `id`; a layer would have been announced.
            self.terminal_seen = true;
            return Decoded {
                events: Vec::new(),
                moved: true,
            };
        }
        let mut layer = Layer::new(id.as_str(), state);
        layer.total_bytes = known.and_then(|known| known.total_bytes);
        match state {
            LayerState::Downloading | LayerState::Extracting if message.units.is_some() => {
                layer.elapsed_ms = message.current.map(|seconds| seconds.saturating_mul(1000));
            }
            LayerState::Downloading | LayerState::Extracting => {
                layer.current_bytes = message.current;
                // A resumed transfer counts from where it began again: its total is only the rest.
                let total = message
                    .total
                    .filter(|total| message.current.is_none_or(|current| current <= *total));
                layer.total_bytes = layer.total_bytes.max(total);
            }
            LayerState::Retrying => {
                self.engine_retried = true;
                layer.retry_in_ms = seconds(status).map(|seconds| seconds.saturating_mul(1000));
            }
            _ => {}
        }
        if known == Some(&layer) {
            return Decoded::default();
        }
        if known.is_none() {
            self.order.push(id.clone());
        }
        self.layers.insert(id, layer.clone());
        Decoded {
            events: vec![ProgressEvent::Layer(layer)],
            moved: true,
        }
    }

    fn status(&mut self, status: &str) -> Decoded {
        let status = told(status);
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

/// The state that a status means for a layer; `None` for messages that are about something else.
fn state(status: &str, message: &Message) -> Option<LayerState> {
    Some(match status {
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
    })
}

fn seconds(status: &str) -> Option<u64> {
    status
        .strip_prefix("Retrying in ")?
        .split(' ')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURES: [(&str, &str); 3] = [
        (
            "20.10",
            include_str!("../../../../../fixtures/pull/docker-20.10.jsonl"),
        ),
        (
            "28.5",
            include_str!("../../../../../fixtures/pull/docker-28.5.jsonl"),
        ),
        (
            "28.5 containerd",
            include_str!("../../../../../fixtures/pull/docker-28.5-containerd.jsonl"),
        ),
    ];

    fn feed(decoder: &mut PullDecoder, frame: &str) -> Decoded {
        decoder
            .decode(&Message::parse(frame.as_bytes()).unwrap())
            .unwrap()
    }

    fn states(decoder: &mut PullDecoder, frames: &[&str]) -> Vec<(String, LayerState)> {
        frames
            .iter()
            .flat_map(|frame| feed(decoder, frame).events)
            .filter_map(|event| match event {
                ProgressEvent::Layer(layer) => Some((layer.id, layer.state)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn the_sizes_of_the_layers_add_up_on_every_engine() {
        for (engine, transcript) in FIXTURES {
            let mut decoder = PullDecoder::new();
            for line in transcript.lines() {
                feed(&mut decoder, line);
            }
            decoder.complete();
            let sizes: u64 = decoder
                .layers
                .values()
                .filter_map(|layer| layer.total_bytes)
                .sum();
            assert_eq!((decoder.layers.len(), sizes), (12, 120_709_329), "{engine}");
            assert!(
                decoder
                    .layers
                    .values()
                    .all(|layer| layer.state == LayerState::Complete),
                "{engine}"
            );
            assert!(decoder.terminal_seen(), "{engine}");
            assert_eq!(
                decoder.digest(),
                Some("sha256:41eba7393d1a81bf6cd756369e6640dec60aeff5836d84f62c0b54ec4cbe92a2"),
                "{engine}"
            );
        }
    }

    #[test]
    fn the_tag_that_is_pulled_is_no_layer() {
        let mut decoder = PullDecoder::new();
        assert_eq!(
            feed(
                &mut decoder,
                r#"{"status":"Pulling from library/alpine","id":"latest"}"#
            )
            .events,
            []
        );
        assert_eq!(decoder.order, [""; 0]);
    }

    #[test]
    fn a_message_that_repeats_the_one_before_it_moves_nothing() {
        let mut decoder = PullDecoder::new();
        let frame = r#"{"status":"Downloading","id":"a","progressDetail":{"current":5,"total":9}}"#;
        assert!(feed(&mut decoder, frame).moved);
        assert_eq!(feed(&mut decoder, frame), Decoded::default());
    }

    #[test]
    fn extraction_on_the_containerd_store_counts_time() {
        let mut decoder = PullDecoder::new();
        let frame =
            r#"{"status":"Extracting","id":"a","progressDetail":{"current":3,"units":"s"}}"#;
        let [ProgressEvent::Layer(layer)] = &feed(&mut decoder, frame).events[..] else {
            panic!("no layer")
        };
        assert_eq!(
            (layer.elapsed_ms, layer.current_bytes, layer.total_bytes),
            (Some(3000), None, None)
        );
    }

    #[test]
    fn a_resumed_transfer_does_not_shrink_the_layer() {
        let mut decoder = PullDecoder::new();
        feed(
            &mut decoder,
            r#"{"status":"Downloading","id":"a","progressDetail":{"current":500,"total":1000}}"#,
        );
        let retry = feed(
            &mut decoder,
            r#"{"status":"Retrying in 5 seconds","id":"a","progressDetail":{}}"#,
        );
        let [ProgressEvent::Layer(layer)] = &retry.events[..] else {
            panic!("no layer")
        };
        assert_eq!(
            (layer.state, layer.retry_in_ms),
            (LayerState::Retrying, Some(5000))
        );
        let resumed = feed(
            &mut decoder,
            r#"{"status":"Downloading","id":"a","progressDetail":{"current":1,"total":500}}"#,
        );
        let [ProgressEvent::Layer(layer)] = &resumed.events[..] else {
            panic!("no layer")
        };
        assert_eq!(layer.total_bytes, Some(1000));
        assert!(decoder.engine_retried());
    }

    #[test]
    fn podman_ends_without_a_digest() {
        let mut decoder = PullDecoder::new();
        let seen = states(
            &mut decoder,
            &[
                r#"{"status":"Pulling fs layer","progressDetail":{},"id":"aaaaaaaaaaaa"}"#,
                r#"{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"aaaaaaaaaaaa"}"#,
                r#"{"status":"Download complete","progressDetail":{},"id":"aaaaaaaaaaaa"}"#,
                r#"{"status":"Download complete","progressDetail":{},"id":"bbbbbbbbbbbb"}"#,
            ],
        );
        assert!(decoder.terminal_seen());
        assert_eq!(
            seen.iter().filter(|(id, _)| id == "bbbbbbbbbbbb").count(),
            0,
            "the image is no layer"
        );
    }

    #[test]
    fn a_platform_that_was_not_asked_for_is_a_warning() {
        let mut decoder = PullDecoder::new();
        feed(
            &mut decoder,
            r#"{"status":"WARNING: image with reference x was found but its platform (linux/amd64) does not match the specified platform (linux/s390x)"}"#,
        );
        assert_eq!(decoder.warnings()[0].code, "PLATFORM_WARNING");
    }

    #[test]
    fn a_failure_ends_the_pull() {
        let message = Message::parse(br#"{"error":"toomanyrequests: slow down"}"#).unwrap();
        assert_eq!(
            PullDecoder::new().decode(&message).unwrap_err().message,
            "toomanyrequests: slow down"
        );
    }
}
