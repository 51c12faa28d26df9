//! How long a call may wait, and for what.

use std::time::Duration;

use tokio::time::Instant;

/// Time limits of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Longest wait for a connection to the engine. Default: 10 s.
    pub connect: Duration,
    /// Longest time in which nothing moves; no limit when absent. Default: 60 s. While a build runs its steps, silence
    /// is allowed: only the transfer of the context counts.
    pub stall: Option<Duration>,
    /// Longest time for the whole call, waits between tries included; no limit when absent.
    /// Default: none for a pull, 600 s for a build.
    pub total: Option<Duration>,
}

/// When the time of a call is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The end.
    pub at: Instant,
    /// The time that was allowed.
    pub total: Duration,
}

impl Deadline {
    /// The deadline of a call that begins now and may take `total`.
    pub fn after(total: Duration) -> Self {
        Self {
            at: Instant::now() + total,
            total,
        }
    }
}

impl Timeouts {
    /// The defaults of a pull and of a look-up.
    pub const PULL: Self = Self {
        connect: Duration::from_secs(10),
        stall: Some(Duration::from_secs(60)),
        total: None,
    };

    /// The defaults of a build.
    pub const BUILD: Self = Self {
        total: Some(Duration::from_secs(600)),
        ..Self::PULL
    };
}
