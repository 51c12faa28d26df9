//! Whether a registry has another image under a name than the engine. Their digests are compared, as Podman does for
//! `--pull=newer` (<https://docs.podman.io/en/v5.6.0/markdown/podman-pull.1.html>): times prove nothing.

use super::in_flight::Flight;
use super::work::{Found, Work};
use crate::credentials::{Keychain, Registry};
use crate::engine::{Engine, ImageDetails};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{ProgressEvent, ProgressSink, Status};
use crate::reference::Reference;

/// How an image that is there compares to the registry's.
pub(super) enum Standing {
    /// It is the same.
    Current,
    /// It is another, or the engine can only find out by a pull.
    Outdated,
    /// No source could be asked; why the last one could not.
    Unknown(Error),
}

/// Asks the sources in their order; the first that answers decides. Fails where the engine is gone.
pub(super) async fn compare(
    engine: &dyn Engine,
    flight: &Flight,
    work: &Work,
    found: &Found,
) -> Result<Standing> {
    if found.source.digest().is_some() {
        // A digest names one content for ever.
        return Ok(Standing::Current);
    }
    let keychain = Keychain::new(work.request().credentials.clone());
    let mut unknown = Error::new(ErrorKind::Internal, "an image has no source");
    for source in &work.sources {
        let message = format!(
            "asking {} whether `{source}` has changed",
            source.registry()
        );
        flight.emit(&ProgressEvent::Status(Status {
            step: None,
            message,
        }));
        match ask(engine, work, &keychain, source).await {
            Ok(digest) if knows(&found.details, &digest) => return Ok(Standing::Current),
            Ok(_) => return Ok(Standing::Outdated),
            Err(error) if error.kind == ErrorKind::UnsupportedByEngine => {
                return Ok(Standing::Outdated);
            }
            Err(error) if is_gone(error.kind) => return Err(error),
            Err(error) => unknown = error,
        }
    }
    Ok(Standing::Unknown(unknown))
}

/// Whether the image that is there is good although the pull of another failed. Not where what was served is not to be
/// trusted, nor where the engine fails.
pub(super) fn keeps_local(kind: ErrorKind) -> bool {
    kind.tries_next_source()
        || matches!(
            kind,
            ErrorKind::AllSourcesFailed | ErrorKind::RegistryTls | ErrorKind::CredentialHelper
        )
}

async fn ask(
    engine: &dyn Engine,
    work: &Work,
    keychain: &Keychain,
    source: &Reference,
) -> Result<String> {
    let registry = Registry::at(source.registry());
    let found = keychain.find_for(&registry, source.repository()).await;
    let credentials = found.map(|found| found.credentials);
    let answer = engine.registry_digest(source, credentials.as_ref());
    let answer = match work.request().timeouts.stall {
        None => answer.await,
        Some(limit) => tokio::time::timeout(limit, answer)
            .await
            .unwrap_or_else(|_| {
                let limit = limit.as_secs_f64();
                let message = format!(
                    "cannot ask {} for `{source}`: no answer within {limit} s",
                    source.registry()
                );
                Err(Error::new(ErrorKind::Timeout, message))
            }),
    };
    answer.map_err(|mut error| {
        keychain.hide(&mut error.message);
        error
    })
}

/// Whether the engine knows the image by `digest`, in whichever repository.
fn knows(details: &ImageDetails, digest: &str) -> bool {
    let of = |entry: &String| {
        entry
            .split_once('@')
            .is_some_and(|(_, known)| known == digest)
    };
    details.id == digest || details.repo_digests.iter().any(of)
}

fn is_gone(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::EngineUnreachable
            | ErrorKind::EngineDisconnected
            | ErrorKind::EnginePermissionDenied
            | ErrorKind::EngineTls
    )
}
