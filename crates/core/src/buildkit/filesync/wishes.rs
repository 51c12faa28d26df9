//! The files that a receiver asks for, until they are given.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Their numbers, in order.
#[derive(Default)]
pub(super) struct Wishes {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    ids: VecDeque<u32>,
    has_ended: bool,
}

impl Wishes {
    /// Adds one.
    pub(super) fn push(&self, id: u32) {
        self.lock().ids.push_back(id);
        self.changed.notify_one();
    }

    /// No more will follow, and those that wait need not be given.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Takes the next, if there is one already.
    pub(super) fn try_pop(&self) -> Option<u32> {
        self.lock().next()
    }

    /// Waits for the next; `None` where none will follow.
    pub(super) fn pop(&self) -> Option<u32> {
        let mut waiting = self.lock();
        loop {
            if waiting.has_ended {
                return None;
            }
            if let Some(id) = waiting.next() {
                return Some(id);
            }
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next(&mut self) -> Option<u32> {
        self.ids.pop_front().filter(|_| !self.has_ended)
    }
}
