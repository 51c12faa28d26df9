//! How far the transfer of a folder has come, for whoever shows it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::progress::Warning;

/// Counts that the transfers of a folder keep and any thread may look at. An engine asks for a folder more than once: for
/// its ignore file, and for what that leaves.
#[derive(Debug, Default)]
pub(crate) struct SyncCounters {
    looked_at: AtomicU64,
    entries: AtomicU64,
    files_sent: AtomicU64,
    bytes_sent: AtomicU64,
    has_begun: AtomicBool,
    /// Transfers that still describe.
    walks: AtomicU64,
    /// Transfers that have not ended.
    transfers: AtomicU64,
    warnings: Mutex<Vec<Warning>>,
    not_unicode: OnceLock<PathBuf>,
}

/// The counts at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Entries looked at, excluded ones among them.
    pub(crate) looked_at: u64,
    /// Entries described.
    pub(crate) entries: u64,
    /// Files whose content was sent.
    pub(crate) files_sent: u64,
    /// Bytes that the connection has taken.
    pub(crate) bytes_sent: u64,
    /// Whether a transfer has begun.
    pub(crate) has_begun: bool,
    /// Whether every entry has been described, as far as is known: another transfer may begin.
    pub(crate) walk_ended: bool,
    /// Whether the receiver has all that it wanted, likewise.
    pub(crate) done: bool,
}

impl SyncCounters {
    /// The counts as they are.
    pub(crate) fn get(&self) -> Counts {
        // The flags first: what is read after them is at least as new.
        let has_begun = self.has_begun.load(Ordering::Acquire);
        let done = has_begun && self.transfers.load(Ordering::Acquire) == 0;
        let walk_ended = has_begun && self.walks.load(Ordering::Acquire) == 0;
        Counts {
            looked_at: self.looked_at.load(Ordering::Relaxed),
            entries: self.entries.load(Ordering::Relaxed),
            files_sent: self.files_sent.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            has_begun,
            walk_ended,
            done,
        }
    }

    /// Takes the warnings that have come up since the last call, oldest first.
    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The first entry that was described and has something in its description that is not UTF-8, which some engines do
    /// not take.
    pub(crate) fn not_unicode(&self) -> Option<&PathBuf> {
        self.not_unicode.get()
    }

    pub(crate) fn begin(&self) {
        self.walks.fetch_add(1, Ordering::Release);
        self.transfers.fetch_add(1, Ordering::Release);
        self.has_begun.store(true, Ordering::Release);
    }

    pub(crate) fn look(&self) {
        self.looked_at.fetch_add(1, Ordering::Relaxed);
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
        self.walks.fetch_sub(1, Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.transfers.fetch_sub(1, Ordering::Release);
    }

    pub(super) fn add_not_unicode(&self, path: impl FnOnce() -> PathBuf) {
        self.not_unicode.get_or_init(path);
    }

    pub(super) fn warn(&self, warning: Warning) {
        self.warnings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(warning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_done_once_every_transfer_of_it_is() {
        let counters = SyncCounters::default();
        let flags = || {
            let counts = counters.get();
            (counts.has_begun, counts.walk_ended, counts.done)
        };
        assert_eq!(flags(), (false, false, false));
        counters.begin();
        counters.end_walk();
        counters.end();
        assert_eq!(flags(), (true, true, true));
        counters.begin();
        assert_eq!(flags(), (true, false, false));
        counters.end_walk();
        assert_eq!(flags(), (true, true, false));
        counters.end();
        assert_eq!(flags(), (true, true, true));
    }
}
