//! Whether a registry has another image under a name than the engine. Their digests are compared, as Podman does for
//! `--pull=newer` (<https://docs.podman.io/en/v5.6.0/markdown/podman-pull.1.html>): times prove nothing.

use super::in_flight::Flight;
use super::work::{Found, Work};
use crate::credentials::{Credentials, Keychain, Registry, Trouble, refuses_login};
use crate::engine::{Engine, ImageDetails};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{ProgressEvent, ProgressSink as _, Status, Warning};
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

/// Asks the sources in their order; the first that answers decides. Fails where the engine does. With it comes what should be
/// known of the credentials, where nothing is pulled after it.
pub(super) async fn compare(
    engine: &dyn Engine,
    flight: &Flight,
    work: &Work,
    found: &Found,
) -> Result<(Standing, Vec<Warning>)> {
    if found.source.digest().is_some() {
        // A digest names one content for ever.
        return Ok((Standing::Current, Vec::new()));
    }
    let keychain = Keychain::new(work.request().credentials.clone());
    let standing = compare_with(engine, flight, work, found, &keychain).await?;
    // A pull finds them again, and tells them itself.
    let warnings = match standing {
        Standing::Outdated => Vec::new(),
        _ => {
            let (_, odd_settings) = keychain.docker_config().await;
            let troubles = keychain.take_warnings();
            odd_settings.iter().cloned().chain(troubles).collect()
        }
    };
    Ok((standing, warnings))
}

async fn compare_with(
    engine: &dyn Engine,
    flight: &Flight,
    work: &Work,
    found: &Found,
    keychain: &Keychain,
) -> Result<Standing> {
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
        match ask(engine, work, keychain, source).await {
            Ok(digest) if knows(&found.details, &digest) => return Ok(Standing::Current),
            Ok(_) => return Ok(Standing::Outdated),
            Err(error) if error.kind == ErrorKind::UnsupportedByEngine => {
                return Ok(Standing::Outdated);
            }
            Err(error) if !keeps_local(error.kind) => return Err(error),
            Err(error) if !error.kind.tries_next_source() => return Ok(Standing::Unknown(error)),
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

/// As a pull asks: where a registry does not accept the credentials that there are, once more without.
async fn ask(
    engine: &dyn Engine,
    work: &Work,
    keychain: &Keychain,
    source: &Reference,
) -> Result<String> {
    let registry = Registry::at(source.registry());
    let found = keychain.find_for(&registry, source.repository()).await;
    let credentials = found.as_ref().map(|found| &found.credentials);
    let first = ask_with(engine, work, keychain, source, credentials).await;
    match (first, found) {
        (Err(error), Some(found)) if refuses_login(error.kind) => {
            let answer = ask_with(engine, work, keychain, source, None).await;
            let digest = answer.map_err(|_| error.clone())?;
            keychain.complain(Trouble::refused(&registry, &found, &error));
            Ok(digest)
        }
        (answer, _) => answer.map_err(|error| keychain.explain(error)),
    }
}

async fn ask_with(
    engine: &dyn Engine,
    work: &Work,
    keychain: &Keychain,
    source: &Reference,
    credentials: Option<&Credentials>,
) -> Result<String> {
    let answer = engine.registry_digest(source, credentials);
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
        error.hide(&|text| keychain.hide(text));
        error
            .registry
            .get_or_insert_with(|| source.registry().to_owned());
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
