//! Spinners and bars by name.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::board::Board;
use super::rows::{Content, Rows};
use super::screen::Screen;
use super::ticker::Ticker;
use crate::text::clean_line;

/// Shows named spinners and bars on a terminal, through indicatif.
///
/// The first row is the main one and is always shown; the others fold into a summary row when the terminal has too few
/// rows. Texts are cut to its width, and control sequences are taken out of them. A resize is followed at the next tick
/// or call. When the reporter is dropped its rows disappear, and the cursor stands at the start of a line. It may be
/// shared between threads. One reporter at a time can draw on a terminal.
#[derive(Debug)]
pub struct ProgressReporter {
    /// Absent where nothing is shown.
    board: Option<Arc<Mutex<Board>>>,
    tick_interval: Option<Duration>,
    ticker: Mutex<Option<Ticker>>,
}

impl ProgressReporter {
    /// A reporter without rows. On a hidden screen it does nothing.
    pub fn new(screen: Screen) -> Self {
        let board = screen
            .device
            .map(|device| Board::new(device, screen.has_colours));
        Self {
            board: board.map(|board| Arc::new(Mutex::new(board))),
            tick_interval: screen.tick_interval,
            ticker: Mutex::new(None),
        }
    }

    /// Adds a spinner that says `message`. An existing row of this name becomes one.
    pub fn add_spinner(&self, id: &str, message: &str) {
        self.change(|rows| rows.set(id, Content::Spinner(message.to_owned())));
    }

    /// Adds a bar at zero of `total_bytes`. An existing row of this name becomes one.
    pub fn add_bar(&self, id: &str, total_bytes: u64) {
        let total = Some(total_bytes);
        self.change(|rows| {
            rows.set(
                id,
                Content::Layer {
                    current: 0,
                    total,
                    status: String::new(),
                },
            );
        });
    }

    /// Shows where a layer stands. It is a spinner while `total` is unknown or zero and a bar from then on; a row that
    /// does not exist is added. The status `Already exists` finishes it.
    pub fn update_layer(
        &self,
        id: &str,
        current: u64,
        total: impl Into<Option<u64>>,
        status: &str,
    ) {
        let total = total.into().filter(|total| *total > 0);
        self.change(|rows| {
            if status.eq_ignore_ascii_case("already exists") {
                rows.finish(id, status);
            } else {
                rows.set(
                    id,
                    Content::Layer {
                        current,
                        total,
                        status: status.to_owned(),
                    },
                );
            }
        });
    }

    /// Changes the message of a spinner, or adds it.
    pub fn update_spinner(&self, id: &str, message: &str) {
        self.add_spinner(id, message);
    }

    /// Marks a row as finished. It stays until the end, if there is room.
    pub fn finish(&self, id: &str, message: &str) {
        self.change(|rows| rows.finish(id, message));
    }

    /// Removes all rows and leaves `message` in their place.
    pub fn finish_all(&self, message: &str) {
        self.end(&clean_line(message));
    }

    /// Removes all rows of a work that failed and leaves `message` in their place, once.
    pub fn abandon_all(&self, message: &str) {
        self.end(&clean_line(message));
    }

    /// Writes a line that stays above the rows.
    pub(super) fn print(&self, line: &str) {
        if let Some(board) = self.board() {
            board.print(line);
            board.paint();
        }
    }

    /// Writes a line that stays above the rows, of the terminal's width: a mark, a text, and its end on the right.
    pub(super) fn print_fitted(&self, mark: &str, text: &str, end: &str) {
        if let Some(board) = self.board() {
            board.print_fitted(mark, text, end);
            board.paint();
        }
    }

    /// Whether anything is shown, with colours.
    pub(super) fn has_colours(&self) -> bool {
        self.board().is_some_and(|board| board.has_colours())
    }

    /// Changes the rows and shows the outcome: at the next tick where there is one, so that the terminal is written to
    /// ten times a second however fast the changes come.
    pub(super) fn change(&self, change: impl FnOnce(&mut Rows)) {
        let Some(mut board) = self.board() else {
            return;
        };
        board.change(change);
        let is_ticking = self.lock_ticker().is_some();
        if !is_ticking {
            board.paint();
        }
        drop(board);
        if !is_ticking {
            self.start_ticker();
        }
    }

    /// Removes all rows and leaves a text that may carry colours.
    pub(super) fn end(&self, message: &str) {
        self.end_after(&[], message);
    }

    /// Removes all rows and leaves lines as they are, and after them a text that may carry colours.
    pub(super) fn end_after(&self, lines: &[String], message: &str) {
        self.stop_ticker();
        if let Some(mut board) = self.board() {
            board.change(Rows::clear);
            for line in lines {
                board.print_as_it_is(line);
            }
            board.print(message);
            board.paint();
        }
    }

    fn start_ticker(&self) {
        let (Some(board), Some(interval)) = (&self.board, self.tick_interval) else {
            return;
        };
        let board = Arc::clone(board);
        let ticker = Ticker::start(interval, move || lock(&board).tick());
        // Without a thread every change is shown at once.
        *self.lock_ticker() = ticker.ok();
    }

    /// Ends the thread. The board must not be locked: the thread may wait for it.
    fn stop_ticker(&self) {
        let ticker = self.lock_ticker().take();
        drop(ticker);
    }

    fn board(&self) -> Option<MutexGuard<'_, Board>> {
        self.board.as_deref().map(lock)
    }

    #[cfg(test)]
    pub(super) fn tick(&self) {
        if let Some(mut board) = self.board() {
            board.tick();
        }
    }

    #[cfg(test)]
    pub(super) fn is_ticking(&self) -> bool {
        self.lock_ticker().is_some()
    }

    fn lock_ticker(&self) -> MutexGuard<'_, Option<Ticker>> {
        lock(&self.ticker)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for ProgressReporter {
    fn drop(&mut self) {
        // The thread holds the board: with it the board goes, and clears the terminal.
        self.stop_ticker();
    }
}
