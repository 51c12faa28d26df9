//! Where a reporter draws.

use std::fmt;
use std::time::Duration;

use console::Term;
use indicatif::TermLike;

/// Spinners move once in this time.
const TICK_INTERVAL: Duration = Duration::from_millis(100);

/// A terminal to draw on, or none.
///
/// The caller decides about colours (`NO_COLOR`) and about terminals that cannot move the cursor (`TERM=dumb`): nothing
/// here reads the environment.
pub struct Screen {
    pub(super) device: Option<Box<dyn TermLike>>,
    pub(super) has_colours: bool,
    /// Absent where the lines change by calls alone.
    pub(super) tick_interval: Option<Duration>,
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
            device: Some(Box::new(device)),
            has_colours,
            tick_interval: Some(TICK_INTERVAL),
        }
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
