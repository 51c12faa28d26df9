//! Events between the library, which never waits, and the thread that draws, which may have to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use shipway_core::progress::ProgressEvent;

use super::LastWord;
use crate::pending::Pending;

/// Where events wait to be drawn, by the rules of [`Pending`].
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    is_left: Arc<AtomicBool>,
}

#[derive(Default)]
struct Waiting {
    events: Pending,
    last_word: Option<LastWord>,
    is_closed: bool,
}

impl Queue {
    /// Whether nothing is to be drawn any more.
    pub(super) fn is_left(&self) -> Arc<AtomicBool> {
        self.is_left.clone()
    }

    /// Takes one event in.
    pub(super) fn push(&self, event: ProgressEvent) {
        if !self.has_left() {
            self.lock().events.push(event);
            self.changed.notify_one();
        }
    }

    /// Takes the last word in, where there is none.
    pub(super) fn end(&self, word: LastWord) {
        self.lock().last_word.get_or_insert(word);
    }

    /// Says that nothing will follow.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Forgets what waits.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Relaxed);
        *self.lock() = Waiting {
            is_closed: true,
            ..Waiting::default()
        };
        self.changed.notify_one();
    }

    /// Waits for the next event; `None` when none is left and none will follow.
    pub(super) fn next(&self) -> Option<ProgressEvent> {
        let is_idle = |waiting: &mut Waiting| waiting.events.is_empty() && !waiting.is_closed;
        let waiting = self.changed.wait_while(self.lock(), is_idle);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let next = waiting.events.pop();
        next.or_else(|| waiting.events.loss("the display"))
    }

    /// Takes the last word out, once there are no events.
    pub(super) fn last_word(&self) -> Option<LastWord> {
        self.lock().last_word.take()
    }

    fn has_left(&self) -> bool {
        self.is_left.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
