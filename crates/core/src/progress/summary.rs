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
/// Only the download is counted: extraction moves no byte of the sum. Layers that were there before count as known,
/// without a byte; a layer whose size the engine never told is unknown for ever.
#[derive(Debug, Default)]
pub struct Summary {
    layers: HashMap<String, Seen>,
    sums: Sums,
    samples: VecDeque<Sample>,
    /// Whether every layer that there is is known.
    ended: bool,
    /// Whether layers may come that nobody has spoken of.
    is_build: bool,
}

/// What the layers come to together, kept up to date by each change: an image may have thousands of them.
#[derive(Debug, Default, Clone, Copy)]
struct Sums {
    done: usize,
    existing: usize,
    downloaded: u64,
    total: u64,
    left: u64,
    /// Layers of which it cannot be told what is left.
    left_unknown: usize,
    size_unknown: usize,
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

    /// A summary of no layer, for a build: its base images are pulled as it comes to them, and their layers told of as
    /// they arrive, so that no sum is final.
    pub fn of_build() -> Self {
        Self {
            is_build: true,
            ..Self::default()
        }
    }

    /// Takes the latest of a layer.
    pub fn observe(&mut self, layer: &Layer) {
        if !self.layers.contains_key(&layer.id) {
            let seen = Seen::default();
            self.sums.add(&seen);
            self.layers.insert(layer.id.clone(), seen);
        }
        if let Some(seen) = self.layers.get_mut(&layer.id) {
            self.sums.remove(seen);
            seen.observe(layer);
            self.sums.add(seen);
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
        let sums = self.sums;
        let bytes_left = (sums.left_unknown == 0).then_some(sums.left);
        self.sample(now, sums.downloaded);
        let bytes_per_second = self.rate(now).filter(|_| bytes_left != Some(0));
        // Docker tells which layers were there before it names the others.
        let all_told = !self.is_build && sums.existing < self.layers.len();
        let all_known = self.ended || all_told;
        Some(Total {
            layers_done: count(sums.done),
            layers_total: count(self.layers.len()),
            current_bytes: sums.downloaded,
            total_bytes: sums.total,
            total_is_final: all_known && sums.size_unknown == 0,
            bytes_per_second,
            eta_ms: eta_ms(bytes_left.filter(|_| all_known), bytes_per_second),
        })
    }

    /// Forgets everything: the layers of another source follow.
    pub fn reset(&mut self) {
        *self = Self {
            is_build: self.is_build,
            ..Self::default()
        };
    }

    /// Takes every known layer for complete. Engines end good pulls without a last word on each layer
    /// (<https://github.com/moby/moby/blob/docker-v29.7.2/daemon/containerd/progress.go>).
    pub fn complete_all(&mut self) {
        for seen in self.layers.values_mut() {
            self.sums.remove(seen);
            seen.complete();
            self.sums.add(seen);
        }
        self.ended = true;
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

impl Sums {
    fn add(&mut self, seen: &Seen) {
        self.done += usize::from(seen.done);
        self.existing += usize::from(seen.existed);
        self.downloaded += seen.downloaded;
        self.total += seen.size.unwrap_or(seen.downloaded);
        self.left += seen.bytes_left().unwrap_or(0);
        self.left_unknown += usize::from(seen.bytes_left().is_none());
        self.size_unknown += usize::from(seen.is_size_unknown());
    }

    fn remove(&mut self, seen: &Seen) {
        self.done -= usize::from(seen.done);
        self.existing -= usize::from(seen.existed);
        self.downloaded -= seen.downloaded;
        self.total -= seen.size.unwrap_or(seen.downloaded);
        self.left -= seen.bytes_left().unwrap_or(0);
        self.left_unknown -= usize::from(seen.bytes_left().is_none());
        self.size_unknown -= usize::from(seen.is_size_unknown());
    }
}

impl Seen {
    fn is_size_unknown(&self) -> bool {
        self.size.is_none() && !self.existed
    }

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
        // A transfer too short for the engine to tell its bytes leaves the size unknown.
        if self.downloaded > 0 {
            self.size.get_or_insert(self.downloaded);
        }
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
