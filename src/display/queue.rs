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

#[cfg(test)]
mod tests {
    use shipway_core::progress::{Log, LogStream};

    use super::*;

    fn line(text: &str) -> ProgressEvent {
        ProgressEvent::Log(Log {
            step: None,
            stream: LogStream::Stdout,
            text: text.to_owned(),
        })
    }

    #[test]
    fn what_was_lost_is_told_between_the_last_event_and_the_first_of_the_last_words() {
        let queue = Queue::default();
        for _ in 0..20_000 {
            queue.push(line("x"));
        }
        queue.end(LastWord::Built("a".to_owned()));
        queue.end(LastWord::Canceled);
        queue.close();
        let events: Vec<_> = std::iter::from_fn(|| queue.next()).collect();
        assert_eq!(events.len(), 10_001);
        assert!(
            matches!(events.last(), Some(ProgressEvent::Warning(warning)) if warning.message.starts_with("10000 lines"))
        );
        assert!(matches!(queue.last_word(), Some(LastWord::Built(id)) if id == "a"));
    }

    #[test]
    fn a_thread_that_waits_is_woken_by_an_event_and_by_the_end() {
        for end in [Queue::close, Queue::leave] {
            let queue = Arc::new(Queue::default());
            let (told, tells) = std::sync::mpsc::channel();
            let waiting = Arc::clone(&queue);
            let thread = std::thread::spawn(move || {
                let events = std::iter::from_fn(|| waiting.next());
                events.inspect(|_| told.send(()).unwrap()).count()
            });
            queue.push(line("x"));
            tells.recv().unwrap();
            end(&queue);
            assert_eq!(thread.join().unwrap(), 1);
        }
    }

    #[test]
    fn nothing_is_left_of_what_waits_once_it_is_left() {
        let queue = Queue::default();
        queue.push(line("x"));
        queue.end(LastWord::Canceled);
        queue.leave();
        queue.push(line("y"));
        assert_eq!(queue.next(), None);
        assert!(queue.last_word().is_none());
    }
}
