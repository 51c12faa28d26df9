//! Names that nobody else has.

use crate::error::{Error, ErrorKind, Result};
use crate::text::hex;

/// A name of 32 characters that no other session or build has.
pub(crate) fn new_id() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Internal, "the system gives no random numbers").with_source(error)
    })?;
    Ok(hex(&bytes))
}

/// A name of 8 characters for files that are there for a moment, among those that others make at the same time.
pub(crate) fn new_token() -> Result<String> {
    Ok(new_id()?.chars().take(8).collect())
}
