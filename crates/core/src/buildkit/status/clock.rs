//! The engine's clock, as far as its messages show it.

use std::time::Duration;

use super::intervals::{Instant, instant};
use super::message::StatusResponse;

/// What the engine's clock says, reckoned from ours: the two machines need not agree on the time of day.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The engine's time at the beginning of the build. A message is on its way for a while, so the true one is no
    /// earlier than what any of them shows.
    beginning: Option<Instant>,
}

impl Clock {
    /// Takes the times of a message that came at `now`, the time since the build began.
    pub(super) fn hear(&mut self, message: &StatusResponse, now: Duration) {
        let vertexes = message.vertexes.iter();
        let vertexes = vertexes.flat_map(|vertex| [&vertex.started, &vertex.completed]);
        let rows = message.statuses.iter().map(|row| &row.timestamp);
        let newest = vertexes.chain(rows).flatten().map(instant).max();
        let beginning = newest.map(|newest| newest.saturating_sub(nanos(now)));
        self.beginning = self.beginning.max(beginning);
    }

    /// The engine's time at `now`; absent before it has told any.
    pub(super) fn at(&self, now: Duration) -> Option<Instant> {
        let beginning = self.beginning?;
        Some(beginning.saturating_add(nanos(now)))
    }
}

fn nanos(time: Duration) -> Instant {
    Instant::try_from(time.as_nanos()).unwrap_or(Instant::MAX)
}
