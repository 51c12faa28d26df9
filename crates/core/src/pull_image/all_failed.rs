//! What is said when every source has failed.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::reference::Reference;

/// The most telling failure first: what a person can act on before what only time can cure.
const TELLING: [ErrorKind; 8] = [
    ErrorKind::DigestMismatch,
    ErrorKind::CredentialHelper,
    ErrorKind::AuthRequired,
    ErrorKind::AccessDenied,
    ErrorKind::RateLimited,
    ErrorKind::PlatformNotFound,
    ErrorKind::PlatformMismatch,
    ErrorKind::ImageNotFound,
];

/// The error of a pull that no source could serve.
pub(super) fn all_failed(reference: &Reference, mut failures: Vec<Error>) -> Error {
    let rank = |error: &Error| {
        TELLING
            .iter()
            .position(|kind| *kind == error.kind)
            .unwrap_or(TELLING.len())
    };
    // Each message names its reference already; here the registry does.
    let listed: Vec<String> = failures
        .iter()
        .map(|error| {
            let named = format!(
                "cannot pull `{}`: ",
                error.reference.as_deref().unwrap_or("?")
            );
            let reason = error.message.strip_prefix(&named).unwrap_or(&error.message);
            format!("{}: {reason}", error.registry.as_deref().unwrap_or("?"))
        })
        .collect();
    let message = format!(
        "cannot pull `{reference}` from any of {} sources: {}",
        failures.len(),
        listed.join("; ")
    );
    failures.sort_by_key(rank);
    let mut error = Error::new(ErrorKind::AllSourcesFailed, message);
    if let Some(primary) = failures.into_iter().next() {
        error.primary = Some(primary.kind);
        if let Some(hint) = primary.hint() {
            error.hint = Some(format!("{}: {hint}", primary.kind));
        }
        error.source = Some(Arc::new(primary));
    }
    error
}
