//! Why a service of the session failed: the engine's own words about it are less telling.

use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// Keeps complaints in their order.
#[derive(Debug, Default)]
pub(crate) struct Complaints(Mutex<Vec<Complaint>>);

#[derive(Debug)]
struct Complaint {
    error: Error,
    /// Whether the build may go on, and fail with something else.
    when_repeated: bool,
}

impl Complaints {
    /// Keeps `error`, which ends the build.
    pub(crate) fn complain(&self, error: Error) {
        self.keep(error, false);
    }

    /// Keeps `error`, which ends the build only where the engine repeats its message: a cache that cannot be read, for one,
    /// is no failure.
    pub(crate) fn complain_when_repeated(&self, error: Error) {
        self.keep(error, true);
    }

    /// Takes the first that explains a build which failed with the message `said`.
    pub(crate) fn take(&self, said: &str) -> Option<Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let explains = |complaint: &Complaint| {
            !complaint.when_repeated || said.contains(complaint.error.message.as_str())
        };
        let first = all.iter().position(explains)?;
        Some(all.swap_remove(first).error)
    }

    fn keep(&self, error: Error, when_repeated: bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Complaint {
            error,
            when_repeated,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn error(message: &str) -> Error {
        Error::new(ErrorKind::RegistryError, message)
    }

    #[test]
    fn the_first_complaint_that_ends_the_build_explains_it() {
        let complaints = Complaints::default();
        complaints.complain(error("one"));
        complaints.complain(error("two"));
        assert_eq!(complaints.take("anything").unwrap().message, "one");
    }

    #[test]
    fn one_that_need_not_end_the_build_explains_it_where_the_engine_repeats_it() {
        let complaints = Complaints::default();
        complaints.complain_when_repeated(error("no token for the cache"));
        complaints.complain_when_repeated(error("no token for the base"));
        assert!(complaints.take("a step failed").is_none());
        let said = "failed to authorize: rpc error: no token for the base";
        assert_eq!(
            complaints.take(said).unwrap().message,
            "no token for the base"
        );
    }
}
