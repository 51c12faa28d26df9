//! Whether an image is the one that was asked for.

use super::{Pull, no_such_image};
use crate::credentials::Credentials;
use crate::engine::ImageDetails;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::Platform;
use crate::reference::{ImageName, Reference};

impl Pull<'_> {
    /// Looks the image up: an engine's "done" alone proves nothing, and engines keep images of other platforms.
    pub(super) async fn verify(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
    ) -> Result<ImageDetails> {
        let name = ImageName::from(reference.clone());
        let wanted = self.request.platform.as_ref();
        let found = self.engine.inspect(&name, wanted).await?;
        if found.as_ref().is_some_and(|details| details.is_artifact) {
            return Err(no_image(reference));
        }
        let details = match (found, wanted) {
            (Some(details), Some(wanted)) if details.platform.is_none() => {
                self.settle_platform(reference, credentials, details, wanted)
                    .await?
            }
            (Some(details), _) => details,
            (None, None) => return Err(no_such_image(reference)),
            (None, Some(wanted)) => {
                let other = self.engine.inspect(&name, None).await?;
                let other = other.ok_or_else(|| no_such_image(reference))?;
                if other.is_artifact {
                    return Err(no_image(reference));
                }
                let actual = other
                    .platform
                    .map_or_else(|| "another one".to_owned(), |actual| format!("`{actual}`"));
                return Err(mismatch(
                    reference,
                    wanted,
                    &format!("the engine has {actual}"),
                ));
            }
        };
        if let Some(wanted) = reference.digest()
            && details.id != wanted
            && !details.digests_of(reference).any(|digest| digest == wanted)
        {
            return Err(Error::new(
                ErrorKind::DigestMismatch,
                format!("cannot use `{reference}`: the engine has the image under another digest"),
            ));
        }
        Ok(details)
    }

    /// Decides about an image of which the engine does not know the platform: the containerd image store does not,
    /// where it took the layers from another image without fetching them. The registry may know; where it does not,
    /// the engine was asked for the platform and reported success, which is told as a warning and no more.
    async fn settle_platform(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
        details: ImageDetails,
        wanted: &Platform,
    ) -> Result<ImageDetails> {
        let platforms = self.engine.registry_platforms(reference, credentials).await;
        let platforms = platforms.unwrap_or_default();
        if platforms.is_empty() {
            return Ok(details);
        }
        match platforms.into_iter().find(|actual| wanted.matches(actual)) {
            Some(found) => Ok(ImageDetails {
                platform: Some(found),
                ..details
            }),
            None => Err(mismatch(reference, wanted, "the registry has another one")),
        }
    }
}

fn mismatch(reference: &Reference, wanted: &Platform, found: &str) -> Error {
    let message = format!("cannot use `{reference}`: wanted platform `{wanted}`, {found}");
    Error::new(ErrorKind::PlatformMismatch, message)
}

fn no_image(reference: &Reference) -> Error {
    let message =
        format!("cannot use `{reference}`: the engine has it, but it is no container image");
    Error::new(ErrorKind::UnsupportedImage, message)
}
