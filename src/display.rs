//! What a call shows on standard error, drawn by a thread of its own: where nobody reads (a full pipe, a terminal that
//! Ctrl-S has stopped), a write waits for as long as that lasts, and the work must not.

mod drawing;
mod queue;

use std::sync::Arc;
use std::thread;

use shipway_core::Error;
use shipway_core::progress::ProgressEvent;
use tokio_util::sync::CancellationToken;

use self::drawing::Drawing;
use self::queue::Queue;

/// How a call shows its end.
pub(crate) enum LastWord {
    /// The image was there, by this reference.
    Present(String),
    /// The image is there, by this reference.
    Pulled(String),
    /// The image is built, with this ID.
    Built(String),
    /// There is no image.
    Failed(Error),
    /// The work was given up.
    Canceled,
}

/// The display of one call. Dropped before its end, it draws nothing more.
pub(crate) struct Display {
    queue: Arc<Queue>,
    drawn: CancellationToken,
}

impl Display {
    /// Begins to show `kind`: `tty`, `plain` or `json`. Nothing is shown where there is no such display, or no thread
    /// for it.
    pub(crate) fn start(kind: &str) -> Option<Self> {
        let display = Self {
            queue: Arc::default(),
            drawn: CancellationToken::new(),
        };
        let drawing = Drawing::new(kind, display.queue.is_left())?;
        let queue = display.queue.clone();
        let drawn = display.drawn.clone().drop_guard();
        let thread = thread::Builder::new().name("shipway-display".to_owned());
        let started = thread.spawn(move || {
            draw(&queue, &drawing);
            // A terminal clears its rows.
            drop(drawing);
            drop(drawn);
        });
        started.is_ok().then_some(display)
    }

    /// Takes an event in.
    pub(crate) fn push(&self, event: ProgressEvent) {
        self.queue.push(event);
    }

    /// Says how the call has ended; the first word is the last.
    pub(crate) fn end(&self, word: LastWord) {
        self.queue.end(word);
    }

    /// Says that nothing will follow.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Resolves once everything is drawn, after the closing.
    pub(crate) async fn drawn(&self) {
        self.drawn.cancelled().await;
    }

    /// Draws nothing more, however much waits. A write that is under way ends when it can, and the thread with it.
    pub(crate) fn leave(&self) {
        self.queue.leave();
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Draws until nothing will follow.
fn draw(queue: &Queue, drawing: &Drawing) {
    while let Some(event) = queue.next() {
        drawing.draw(&event);
    }
    if let Some(word) = queue.last_word() {
        drawing.end(&word);
    }
}
