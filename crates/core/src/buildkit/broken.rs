//! What became of a call that the engine gave no status.

use std::error::Error;
use std::fmt;

use tonic::Status;

use crate::source;

/// A call that broke, in words: a `Status` shows itself and its cause as programs write them.
#[derive(Debug)]
pub(crate) struct BrokenCall(pub(crate) Status);

impl fmt::Display for BrokenCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.message())
    }
}

impl Error for BrokenCall {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Whether the connection broke: a status that the engine sent has no cause.
pub(super) fn is_broken(status: &Status) -> bool {
    status.source().is_some() && !is_broken_off(status)
}

/// Whether the engine broke off this call alone. Its HTTP server does so where an answer cannot be written, such as one
/// that quotes what is not UTF-8.
pub(super) fn is_broken_off(status: &Status) -> bool {
    let broken = source::find::<h2::Error>(status);
    broken.is_some_and(|error| error.is_reset() && error.is_remote())
}
