//! What is told of credentials, and what is not.

use std::borrow::Cow;

use super::Pull;
use crate::credentials::{Found, Keychain};
use crate::error::Error;
use crate::progress::{ProgressEvent, ProgressSink as _};

impl Pull<'_> {
    /// Tells what there was trouble with, once, and keeps it for the result.
    pub(super) fn tell_troubles(&mut self) {
        for warning in self.keychain.take_warnings() {
            self.progress.emit(&ProgressEvent::Warning(warning.clone()));
            self.warnings.push(warning);
        }
    }
}

/// The event without what registries were shown, which the engine may repeat in its own words.
pub(super) fn hidden<'a>(event: &'a ProgressEvent, keychain: &Keychain) -> Cow<'a, ProgressEvent> {
    let mut event = Cow::Borrowed(event);
    match &*event {
        ProgressEvent::Status(_) | ProgressEvent::Warning(_) => match event.to_mut() {
            ProgressEvent::Status(status) => keychain.hide(&mut status.message),
            ProgressEvent::Warning(warning) => keychain.hide(&mut warning.message),
            _ => {}
        },
        // Attempts have the words of errors, which are hidden already.
        _ => {}
    }
    event
}

/// The error of a registry that was shown credentials, with what can be done about them.
pub(super) fn not_accepted(error: Error, found: &Found) -> Error {
    let hint = format!(
        "the credentials from {} are not accepted: log in again, or correct them",
        found.origin
    );
    error.with_hint(hint)
}
