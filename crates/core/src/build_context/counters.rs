//! How far a context has come, for whoever shows it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::progress::{Context, Warning};

/// Counts that the sending side keeps and any thread may look at.
#[derive(Debug, Default)]
pub struct ContextCounters {
    files_sent: AtomicU64,
    bytes_sent: AtomicU64,
    files_total: u64,
    done: AtomicBool,
    warnings: Mutex<Vec<Warning>>,
}

impl ContextCounters {
    pub(super) fn new(files_total: u64, warnings: Vec<Warning>) -> Self {
        Self {
            files_total,
            warnings: Mutex::new(warnings),
            ..Self::default()
        }
    }

    /// The counts as an event.
    ///
    /// `bytes_sent` has what the consumer of the stream has taken; `files_sent` may be ahead of it by what the stream
    /// holds ready.
    pub fn event(&self) -> Context {
        // `done` first: what is read after it is at least as new.
        let done = self.done.load(Ordering::Acquire);
        Context {
            files_sent: self.files_sent.load(Ordering::Relaxed),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
            files_total: Some(self.files_total),
            done,
        }
    }

    /// Takes the warnings that have come up since the last call, oldest first.
    pub fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn add_file(&self, warning: Option<Warning>) {
        self.files_sent.fetch_add(1, Ordering::Relaxed);
        if let Some(warning) = warning {
            self.warnings
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(warning);
        }
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn set_done(&self) {
        self.done.store(true, Ordering::Release);
    }
}
