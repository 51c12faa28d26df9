//! All layers together, from the events of each.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::{Layer, LayerState, Total};

/// The rate is the mean over this time.
const WINDOW: Duration = Duration::from_secs(5);
/// Below this time there is no rate: a first burst would be taken for it.
const SHORTEST_MEASURE: Duration = Duration::from_millis(500);
/// The least time between two samples of the window.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// Adds up the layers of one image, by bytes.
///
/// Only the download is counted: extraction moves no byte of the sum. Layers that were there before count as known with
/// the bytes that were seen of them, usually none.
#[derive(Debug, Default)]
pub struct Summary {
    layers: HashMap<String, Seen>,
    samples: VecDeque<Sample>,
}

/// What is known of one layer.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// The most that was ever downloaded of it: an engine that repeats a transfer counts from zero again.
    downloaded: u64,
    size: Option<u64>,
    transferred: bool,
    done: bool,
    existed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    bytes: u64,
}

impl Summary {
    /// A summary of no layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the latest of a layer.
    pub fn observe(&mut self, layer: &Layer) {
        if !self.layers.contains_key(&layer.id) {
            self.layers.insert(layer.id.clone(), Seen::default());
        }
        if let Some(seen) = self.layers.get_mut(&layer.id) {
            seen.observe(layer);
        }
    }

    /// The sum at `now`, the time since the start; absent while no layer is known.
    ///
    /// Within one source `current_bytes` never goes back. The rate is absent in the first half second and once
    /// everything is downloaded; the remaining time is absent while it cannot be told.
    pub fn total(&mut self, now: Duration) -> Option<Total> {
        if self.layers.is_empty() {
            return None;
        }
        let layers = self.layers.values();
        let current_bytes = layers.clone().map(|seen| seen.downloaded).sum();
        let bytes_left = layers.clone().map(Seen::bytes_left).sum::<Option<u64>>();
        self.sample(now, current_bytes);
        let bytes_per_second = self.rate(now).filter(|_| bytes_left != Some(0));
        let layers = self.layers.values();
        Some(Total {
            layers_done: count(layers.clone().filter(|seen| seen.done).count()),
            layers_total: count(self.layers.len()),
            current_bytes,
            total_bytes: layers
                .clone()
                .map(|seen| seen.size.unwrap_or(seen.downloaded))
                .sum(),
            total_is_final: layers.clone().all(|seen| seen.size.is_some() || seen.done),
            bytes_per_second,
            eta_ms: eta_ms(bytes_left, bytes_per_second),
        })
    }

    /// Forgets everything: the layers of another source follow.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes every known layer for complete. Engines end good pulls without a last word on each layer
    /// (<https://github.com/moby/moby/blob/docker-v29.7.2/daemon/containerd/progress.go>).
    pub fn complete_all(&mut self) {
        for seen in self.layers.values_mut() {
            seen.complete();
        }
    }

    fn sample(&mut self, now: Duration, bytes: u64) {
        let is_due = self
            .samples
            .back()
            .is_none_or(|last| now >= last.at + SAMPLE_INTERVAL);
        if is_due {
            self.samples.push_back(Sample { at: now, bytes });
        } else if let Some(last) = self.samples.back_mut().filter(|last| last.at == now) {
            last.bytes = bytes;
        }
        // One sample from before the window stays: it is where the window begins.
        while self
            .samples
            .get(1)
            .is_some_and(|second| second.at + WINDOW <= now)
        {
            self.samples.pop_front();
        }
    }

    /// Bytes per second from the oldest sample to the newest count.
    fn rate(&self, now: Duration) -> Option<u64> {
        let oldest = self.samples.front()?;
        let newest = self.samples.back()?;
        let elapsed = now
            .checked_sub(oldest.at)
            .filter(|elapsed| *elapsed >= SHORTEST_MEASURE)?;
        let bytes = u128::from(newest.bytes.saturating_sub(oldest.bytes));
        u64::try_from(bytes * 1_000_000 / elapsed.as_micros()).ok()
    }
}

impl Seen {
    fn observe(&mut self, layer: &Layer) {
        // The total of a resumed transfer is only what was left, so the largest is the size.
        // https://github.com/moby/moby/blob/docker-v29.7.2/daemon/internal/distribution/pull_v2.go
        let size = layer.total_bytes.filter(|size| *size > 0);
        if !self.existed {
            self.size = self.size.max(size).map(|size| size.max(self.downloaded));
        }
        match layer.state {
            LayerState::Waiting | LayerState::Retrying => {}
            LayerState::Downloading => {
                self.downloaded = self.downloaded.max(layer.current_bytes.unwrap_or(0));
                self.size = self.size.map(|size| size.max(self.downloaded));
            }
            LayerState::Verifying | LayerState::Downloaded | LayerState::Extracting => {
                self.transfer();
            }
            LayerState::Complete => self.complete(),
            LayerState::Exists => {
                self.existed = !self.transferred && self.downloaded == 0;
                if self.existed {
                    self.size = None;
                }
                self.complete();
            }
        }
    }

    fn transfer(&mut self) {
        self.transferred = true;
        if let Some(size) = self.size {
            self.downloaded = size;
        }
    }

    fn complete(&mut self) {
        self.transfer();
        self.done = true;
        self.size.get_or_insert(self.downloaded);
    }

    /// Absent while it cannot be told.
    fn bytes_left(&self) -> Option<u64> {
        if self.transferred {
            Some(0)
        } else {
            self.size.map(|size| size - self.downloaded)
        }
    }
}

/// Time for what is left: none left takes none, and at no speed it never ends.
fn eta_ms(bytes_left: Option<u64>, bytes_per_second: Option<u64>) -> Option<u64> {
    match bytes_left? {
        0 => Some(0),
        bytes => (u128::from(bytes) * 1000)
            .checked_div(u128::from(bytes_per_second?))
            .and_then(|millis| u64::try_from(millis).ok()),
    }
}

fn count(layers: usize) -> u32 {
    u32::try_from(layers).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
