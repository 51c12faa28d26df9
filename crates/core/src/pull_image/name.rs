//! The name that was asked for, for an image that is there under another.

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Warning;
use crate::reference::{ImageName, Reference};

/// Gives the image `id`, which is there as `found`, the name `canonical`, and proves that it has it. Returns what should be
/// known where that name cannot be given.
pub(crate) async fn give_name(
    engine: &dyn Engine,
    found: &Reference,
    canonical: &Reference,
    id: &str,
) -> Result<Option<Warning>> {
    let is_named = found == canonical && canonical.digest().is_none();
    if canonical.tag().is_some() && !is_named {
        // Engines that pull by digest give no tag, even where the reference has one.
        let target = canonical.without_digest();
        engine.tag(&ImageName::from(found.clone()), &target).await?;
        let named = ImageName::from(target.clone());
        if engine
            .inspect(&named, None)
            .await?
            .is_none_or(|named| named.id != id)
        {
            let message = format!(
                "cannot find `{target}` after it was tagged: the engine reported success but has no such image"
            );
            return Err(Error::new(ErrorKind::EngineError, message));
        }
    } else if found != canonical {
        // Engines give images tags, not digests: only a registry's answer makes a digest known.
        let message =
            format!("the image came from `{found}`; it has no tag to be known by as `{canonical}`");
        return Ok(Some(Warning::new("NOT_NAMED", message)));
    }
    Ok(None)
}
