//! Layers of base images, which are pulled inside a build.
//!
//! Two rows tell of a layer: `sha256:…`, with bytes, while it arrives, and `extracting sha256:…`, with times alone.
//! Source: `showProgress` and `Snapshot` of
//! <https://github.com/moby/moby/blob/v28.5.2/builder/builder-next/adapters/containerimage/pull.go> for graph drivers,
//! and <https://github.com/moby/buildkit/blob/v0.25.2/util/progress/controller/controller.go>,
//! <https://github.com/moby/buildkit/blob/v0.25.2/util/pull/pullprogress/progress.go> for containerd.

use std::collections::HashMap;

use super::intervals::{instant, millis_between};
use super::message::VertexStatus;
use crate::progress::{Layer, LayerState};

/// Digits of a layer's digest by which it is told of, as with pulls.
const SHORT: usize = 12;

/// The last that was told of each layer.
#[derive(Debug, Default)]
pub(super) struct Layers(HashMap<String, Layer>);

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Download(&'a str),
    Extraction(&'a str),
}

impl<'a> Part<'a> {
    /// Reads the name of a row; `None` for rows that are about no layer.
    pub(super) fn parse(row: &'a [u8]) -> Option<Self> {
        let row = std::str::from_utf8(row).ok()?;
        let (extracted, digest) = match row.strip_prefix("extracting ") {
            Some(digest) => (true, digest),
            None => (false, row),
        };
        let digits = digest.strip_prefix("sha256:")?;
        let is_digest = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits.get(..SHORT).filter(|_| is_digest)?;
        Some(if extracted {
            Self::Extraction(id)
        } else {
            Self::Download(id)
        })
    }
}

impl Layers {
    /// Takes a row; the layer, where it has changed.
    pub(super) fn update(&mut self, part: Part<'_>, row: &VertexStatus) -> Option<Layer> {
        let started = row.started.as_ref().map(instant);
        let completed = row.completed.as_ref().map(instant);
        let mut layer = match part {
            Part::Download(id) => {
                // Of what was there before it is told as well, and it ended before it began: the manifests and the
                // configuration of the image, and layers that are told of again when they are unpacked.
                if completed.is_some() && completed <= started {
                    return None;
                }
                match completed {
                    Some(_) => Layer::new(id, LayerState::Downloaded),
                    None => Layer {
                        current_bytes: u64::try_from(row.current).ok(),
                        ..Layer::new(id, LayerState::Downloading)
                    },
                }
            }
            Part::Extraction(id) if completed.is_some() => Layer::new(id, LayerState::Complete),
            Part::Extraction(id) => {
                let now = row.timestamp.as_ref().map(instant).or(started);
                Layer {
                    elapsed_ms: started
                        .zip(now)
                        .map(|(start, now)| millis_between(start, now)),
                    ..Layer::new(id, LayerState::Extracting)
                }
            }
        };
        let known = self.0.get(&layer.id);
        let size = u64::try_from(row.total).ok().filter(|size| *size > 0);
        layer.total_bytes = size.or(known.and_then(|known| known.total_bytes));
        if let Some(known) = known {
            // Two steps may pull the same layer, and rows come late: what is known is not taken back.
            if layer.state < known.state {
                layer = Layer {
                    total_bytes: layer.total_bytes,
                    ..known.clone()
                };
            }
            if *known == layer {
                return None;
            }
        }
        self.0.insert(layer.id.clone(), layer.clone());
        Some(layer)
    }
}
