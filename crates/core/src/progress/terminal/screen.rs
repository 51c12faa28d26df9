//! Where a reporter draws.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use console::Term;
use indicatif::TermLike;

/// Spinners move once in this time.
const TICK_INTERVAL: Duration = Duration::from_millis(100);

/// A terminal to draw on, or none.
///
/// The caller decides about colours (`NO_COLOR`) and about terminals that cannot move the cursor (`TERM=dumb`): nothing
/// here reads the environment.
pub struct Screen {
    pub(super) device: Option<Device>,
    pub(super) has_colours: bool,
    /// Absent where the lines change by calls alone.
    pub(super) tick_interval: Option<Duration>,
}

/// Where lines go, and what time it is there.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) term: Box<dyn TermLike>,
    pub(super) clock: Clock,
    /// Whether it is written to no more.
    pub(super) is_left: Arc<AtomicBool>,
}

/// Tells the time since it was made.
pub(super) struct Clock(Box<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    fn started() -> Self {
        let start = Instant::now();
        Self(Box::new(move || start.elapsed()))
    }

    pub(super) fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Clock").field(&self.now()).finish()
    }
}

impl Screen {
    /// Draws to standard error, if that is a terminal, else nowhere.
    pub fn stderr(has_colours: bool) -> Self {
        let term = Term::buffered_stderr();
        if term.is_term() {
            Self::device(term, has_colours)
        } else {
            Self::hidden()
        }
    }

    /// Draws to `device`.
    ///
    /// Colours are console's, which has one switch for the whole process: with `has_colours` it is turned on.
    pub fn device(device: impl TermLike + 'static, has_colours: bool) -> Self {
        if has_colours {
            console::set_colors_enabled(true);
        }
        Self {
            device: Some(Device {
                term: Box::new(device),
                clock: Clock::started(),
                is_left: Arc::default(),
            }),
            has_colours,
            tick_interval: Some(TICK_INTERVAL),
        }
    }

    /// The same until `is_left`: from then on nothing is written, and what is there stays. For a terminal that has
    /// stopped, on which somebody else may have written when it goes on.
    #[must_use]
    pub fn until(self, is_left: Arc<AtomicBool>) -> Self {
        let device = self.device.map(|device| Device { is_left, ..device });
        Self { device, ..self }
    }

    /// Draws nowhere.
    pub fn hidden() -> Self {
        Self {
            device: None,
            has_colours: false,
            tick_interval: None,
        }
    }

    /// The same without a thread that moves the spinners: nothing changes between two calls.
    #[cfg(test)]
    pub(super) fn still(self) -> Self {
        Self {
            tick_interval: None,
            ..self
        }
    }

    /// The same with another clock.
    #[cfg(test)]
    pub(super) fn with_clock(self, now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let device = self.device.map(|device| Device {
            clock: Clock(Box::new(now)),
            ..device
        });
        Self { device, ..self }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Screen")
            .field("is_hidden", &self.device.is_none())
            .field("has_colours", &self.has_colours)
            .finish_non_exhaustive()
    }
}
