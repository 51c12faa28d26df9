//! A sink in front of a sink: hands on every change of state, and as many byte counts as somebody can read.

use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::throttle::{INTERVAL, Throttle};
use super::{ProgressEvent, ProgressSink};

/// Puts a [`Throttle`] in front of `inner`.
pub struct Throttled<'a> {
    inner: &'a dyn ProgressSink,
    throttle: Mutex<Throttle>,
    started: Instant,
}

impl<'a> Throttled<'a> {
    /// A throttled way to `inner`.
    pub fn new(inner: &'a dyn ProgressSink) -> Self {
        Self::with(inner, Throttle::new())
    }

    /// A throttled way to `inner` for the events of a build.
    pub fn of_build(inner: &'a dyn ProgressSink) -> Self {
        Self::with(inner, Throttle::of_build())
    }

    fn with(inner: &'a dyn ProgressSink, throttle: Throttle) -> Self {
        Self {
            inner,
            throttle: Mutex::new(throttle),
            started: Instant::now(),
        }
    }

    /// Runs `work`, which emits into this sink, and hands on what was held back: when it is due, and at the end.
    pub async fn run<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                output = &mut work => {
                    self.lock().flush(&mut |event| self.inner.emit(&event));
                    return output;
                }
                _ = ticks.tick() => {
                    let now = self.started.elapsed();
                    self.lock().due(now, &mut |event| self.inner.emit(&event));
                }
            }
        }
    }

    /// Says that a pull ended well: nothing more is expected of any layer.
    pub fn complete_layers(&self) {
        let now = self.started.elapsed();
        self.lock()
            .complete_all(now, &mut |event| self.inner.emit(&event));
    }

    fn lock(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProgressSink for Throttled<'_> {
    fn emit(&self, event: &ProgressEvent) {
        let now = self.started.elapsed();
        self.lock()
            .admit(event.clone(), now, &mut |event| self.inner.emit(&event));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::progress::{Layer, LayerState};

    #[tokio::test(start_paused = true)]
    async fn a_count_that_was_held_back_comes_when_it_is_due_although_nothing_else_happens() {
        let seen = Mutex::new(Vec::new());
        let inner = |event: &ProgressEvent| {
            if let ProgressEvent::Layer(layer) = event {
                seen.lock().unwrap().push(layer.current_bytes);
            }
        };
        let sink = Throttled::new(&inner);
        let count = |bytes| Layer {
            current_bytes: Some(bytes),
            ..Layer::new("a", LayerState::Downloading)
        };
        sink.run(async {
            for bytes in 1..=50 {
                sink.emit(&ProgressEvent::Layer(count(bytes)));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(*seen.lock().unwrap(), [Some(1), Some(50)]);
            sink.emit(&ProgressEvent::Layer(count(51)));
            sink.emit(&ProgressEvent::Layer(count(52)));
        })
        .await;
        assert_eq!(seen.lock().unwrap().last(), Some(&Some(52)));
    }
}
