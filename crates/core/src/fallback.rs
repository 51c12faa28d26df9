//! The ordered sources of one image.

use crate::error::{Error, ErrorKind, Result};
use crate::opencode;
use crate::reference::Reference;

/// Lists where `canonical` can be pulled from, in order, itself first, each once.
///
/// Without `fallbacks`, only the opencode image has another source: its second registry, with the same tag or digest.
/// A digest pin travels to every source: content from elsewhere must be the same content.
pub fn sources(canonical: &Reference, fallbacks: Option<&[Reference]>) -> Result<Vec<Reference>> {
    let own_fallbacks;
    let fallbacks = match fallbacks {
        Some(named) => named,
        None => {
            own_fallbacks = default_fallbacks(canonical)?;
            &own_fallbacks
        }
    };
    let mut sources = vec![canonical.clone()];
    for fallback in fallbacks {
        let source = pin(canonical, fallback)?;
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    Ok(sources)
}

fn default_fallbacks(canonical: &Reference) -> Result<Vec<Reference>> {
    if canonical.name() != opencode::DOCKER_HUB_REPOSITORY {
        return Ok(Vec::new());
    }
    let second = Reference::parse(opencode::GHCR_REPOSITORY)?;
    Ok(vec![match canonical.tag() {
        Some(tag) => second.with_tag(tag)?,
        None => second,
    }])
}

fn pin(canonical: &Reference, fallback: &Reference) -> Result<Reference> {
    match (canonical.digest(), fallback.digest()) {
        (Some(wanted), Some(other)) if wanted != other => Err(Error::new(
            ErrorKind::InvalidOption,
            format!("cannot fall back from `{canonical}` to `{fallback}`: the digests differ"),
        )
        .with_hint("a digest names one content: give the fallback the same digest, or none")),
        (Some(wanted), None) => fallback.with_digest(wanted),
        _ => Ok(fallback.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn shown(canonical: &str, fallbacks: Option<&[&str]>) -> Vec<String> {
        let parse = |text: &str| Reference::parse(text).unwrap();
        let fallbacks = fallbacks.map(|all| all.iter().map(|text| parse(text)).collect::<Vec<_>>());
        let sources = sources(&parse(canonical), fallbacks.as_deref()).unwrap();
        sources.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_opencode_image_falls_back_from_docker_hub_to_ghcr_with_its_tag() {
        assert_eq!(
            shown("prizz/opencode-cloud-sandbox:1.2", None),
            [
                "docker.io/prizz/opencode-cloud-sandbox:1.2",
                "ghcr.io/prizz/opencode-cloud-sandbox:1.2"
            ]
        );
    }

    #[test]
    fn no_name_is_ever_derived_for_another_image() {
        assert_eq!(shown("acme/app", None), ["docker.io/acme/app:latest"]);
    }

    #[test]
    fn named_fallbacks_keep_their_order_and_replace_the_default() {
        assert_eq!(
            shown(
                "prizz/opencode-cloud-sandbox",
                Some(&["b.io/x:1", "a.io/x:1", "b.io/x:1"])
            ),
            [
                "docker.io/prizz/opencode-cloud-sandbox:latest",
                "b.io/x:1",
                "a.io/x:1"
            ]
        );
        assert_eq!(shown("prizz/opencode-cloud-sandbox", Some(&[])).len(), 1);
    }

    #[test]
    fn a_digest_pin_travels_to_every_source() {
        for source in shown(&format!("acme/app@{DIGEST}"), Some(&["ghcr.io/acme/app"])) {
            assert!(source.ends_with(DIGEST), "{source}");
        }
    }

    #[test]
    fn another_digest_is_no_fallback() {
        let canonical = Reference::parse(&format!("acme/app@{DIGEST}")).unwrap();
        let other = Reference::parse(&format!("acme/app@{}", DIGEST.replace('e', "f"))).unwrap();
        assert_eq!(
            sources(&canonical, Some(&[other])).unwrap_err().kind,
            ErrorKind::InvalidOption
        );
    }
}
