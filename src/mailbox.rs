//! Events between the library, which never waits, and the listener, which may be slow.

use std::sync::{Mutex, MutexGuard, PoisonError};

use shipway_core::progress::ProgressEvent;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::pending::Pending;

/// Where events wait for the listener.
///
/// Byte counts are conflated: a newer one takes the place of one of the same thing in the same state. Changes of state
/// are kept. Lines (`log`, `status`) are kept up to a bound.
pub(crate) struct Mailbox {
    pending: Mutex<Pending>,
    arrived: Notify,
    closed: CancellationToken,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self {
            pending: Mutex::default(),
            arrived: Notify::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Takes one event in.
    pub(crate) fn push(&self, event: ProgressEvent) {
        self.lock().push(event);
        self.arrived.notify_one();
    }

    /// Says that no event will follow.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Resolves once the mailbox is closed.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Waits for an event; `false` when none is left and none will follow.
    pub(crate) async fn wait(&self) -> bool {
        loop {
            // In this order: nothing is pushed after the closing.
            let closed = self.closed.is_cancelled();
            if self.lock().has_mail(closed) {
                return true;
            }
            if closed {
                return false;
            }
            tokio::select! {
                () = self.arrived.notified() => {}
                () = self.closed() => {}
            }
        }
    }

    /// Takes up to `count` events out, in order, and says whether they are the last ones that wait.
    pub(crate) fn take(&self, count: usize) -> (Vec<ProgressEvent>, bool) {
        let mut pending = self.lock();
        let mut batch: Vec<_> = (0..count).map_while(|_| pending.pop()).collect();
        let is_last = pending.is_empty();
        if is_last && batch.len() < count && self.closed.is_cancelled() {
            batch.extend(pending.loss("the progress listener"));
        }
        (batch, is_last)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
