//! Watches one stream: hands its events on, and knows when nothing has moved for too long.

use std::time::Duration;

use tokio::time::Instant;

use super::Call;
use crate::error::{Error, ErrorKind};
use crate::progress::{ProgressEvent, ProgressSink};

/// A point in time that is never reached (30 years): `Instant` has no maximum.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

pub(super) struct Watch<'a> {
    progress: &'a dyn ProgressSink,
    started: Instant,
    moved: Instant,
    stall: Option<Duration>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(stall: Option<Duration>, progress: &'a dyn ProgressSink) -> Self {
        let now = Instant::now();
        Self {
            progress,
            started: now,
            moved: now,
            stall,
        }
    }

    /// When the work counts as stalled unless something moves before.
    pub(super) fn stalls_at(&self) -> Instant {
        self.moved + self.stall.unwrap_or(NEVER)
    }

    /// Whether nothing has moved for too long, although the stream may be busy repeating itself.
    pub(super) fn is_stalled(&self) -> bool {
        Instant::now() >= self.stalls_at()
    }

    /// Time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Hands events on.
    pub(super) fn take(&mut self, events: &[ProgressEvent], moved: bool) {
        if moved {
            self.moved = Instant::now();
        }
        for event in events {
            self.progress.emit(event);
        }
    }

    pub(super) fn stalled(&self, call: &Call<'_>) -> Error {
        let limit = self.stall.unwrap_or_default().as_secs_f64();
        call.name(Error::new(
            ErrorKind::Stalled,
            format!("nothing moved for {limit} s"),
        ))
    }
}
