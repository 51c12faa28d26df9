//! Why a service of the session failed: the engine's own words about it are less telling.

use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// Keeps the first complaint.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<Option<Error>>);

impl Complaints {
    /// Keeps `error` unless there is one already.
    pub(crate) fn complain(&self, error: Error) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
    }

    /// Takes the first.
    pub(crate) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
