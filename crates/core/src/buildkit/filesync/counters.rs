//! How far the transfer of a folder has come, for whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::progress::Warning;

/// Counts that the transfers of one folder keep and any thread may look at.
#[derive(Debug, Default)]
pub(crate) struct SyncCounters {
    entries: AtomicU64,
    files_sent: AtomicU64,
    bytes_sent: AtomicU64,
    /// Transfers: an engine may ask for a folder more than once.
    begun: AtomicU64,
    walked: AtomicU64,
    ended: AtomicU64,
    warnings: Mutex<Vec<Warning>>,
}

/// The counts at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Entries described.
    pub(crate) entries: u64,
    /// Files whose content was sent.
    pub(crate) files_sent: u64,
    /// Bytes that the connection has taken.
    pub(crate) bytes_sent: u64,
    /// Whether the transfer has begun.
    pub(crate) has_begun: bool,
    /// Whether every entry has been described.
    pub(crate) walk_ended: bool,
    /// Whether the receiver has all that it wanted.
    pub(crate) done: bool,
}

impl SyncCounters {
    /// The counts as they are.
    pub(crate) fn get(&self) -> Counts {
        // In this order: what is read later is at least as new.
        let ended = self.ended.load(Ordering::Acquire);
        let walked = self.walked.load(Ordering::Acquire);
        let begun = self.begun.load(Ordering::Acquire);
        Counts {
            entries: self.entries.load(Ordering::Relaxed),
            files_sent: self.files_sent.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            has_begun: begun > 0,
            walk_ended: begun > 0 && walked == begun,
            done: begun > 0 && ended == begun,
        }
    }

    /// Takes the warnings that have come up since the last call, oldest first.
    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn add_entry(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_file(&self) {
        self.files_sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn end_walk(&self) {
        self.walked.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Release);
    }

    pub(super) fn warn(&self, warning: Warning) {
        self.warnings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(warning);
    }
}
