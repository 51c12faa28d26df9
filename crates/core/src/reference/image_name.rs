//! Names of local images: a reference, or an ID.

use std::fmt;

use super::Reference;
use super::grammar::is_digest;
use crate::error::Result;

/// What a local image can be asked for by. Safe in the path of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ImageName {
    /// A reference. Engines look for an image whose ID begins with the same digits when no name fits.
    Reference(Reference),
    /// `sha256:` + 64 hex digits.
    Id(String),
    /// Fewer digits of an ID, as the classic builder and people write it. Names come first.
    ShortId(String),
}

impl ImageName {
    /// Parses a reference, an ID with or without `sha256:`, or the first digits (4 to 63) of an ID, likewise.
    /// Errors: `INVALID_REFERENCE`.
    pub fn parse(text: &str) -> Result<Self> {
        let is_hex = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        if is_digest(text).is_ok() {
            return Ok(Self::Id(text.to_owned()));
        }
        if text.len() == 64 && is_hex(text) {
            return Ok(Self::Id(format!("sha256:{text}")));
        }
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if (4..64).contains(&digits.len()) && is_hex(digits) {
            return Ok(Self::ShortId(text.to_owned()));
        }
        Reference::parse(text).map(Self::Reference)
    }

    /// What goes into the path of an engine's URL.
    pub fn lookup_name(&self) -> String {
        match self {
            // Engines refuse a name with a tag and a digest in some calls; the digest decides.
            Self::Reference(reference) => match reference.digest() {
                Some(digest) => format!("{}@{digest}", reference.name()),
                None => reference.to_string(),
            },
            Self::Id(id) | Self::ShortId(id) => id.clone(),
        }
    }
}

impl From<Reference> for ImageName {
    fn from(reference: Reference) -> Self {
        Self::Reference(reference)
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference(reference) => reference.fmt(formatter),
            Self::Id(id) | Self::ShortId(id) => formatter.write_str(id),
        }
    }
}
