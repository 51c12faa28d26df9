//! Places for a build's cache.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The attribute by which a build can do without a place.
pub(crate) const IGNORE_ERROR: &str = "ignore-error";

/// A place that steps are taken from, or put to.
#[derive(Clone, PartialEq, Eq)]
pub enum CacheEntry {
    /// An image in a registry.
    Registry {
        /// The image.
        reference: String,
        /// Further settings in BuildKit's words, such as `mode` (`min`, `max`).
        attributes: BTreeMap<String, String>,
    },
    /// A folder of this machine, as an OCI image layout.
    Local {
        /// The folder.
        directory: PathBuf,
        /// Further settings in BuildKit's words, such as `mode` (`min`, `max`) or `tag`.
        attributes: BTreeMap<String, String>,
    },
    /// The image that is built itself. Only for putting.
    Inline,
}

impl CacheEntry {
    /// Its further settings, where it can have some.
    pub(crate) fn attributes(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Registry { attributes, .. } | Self::Local { attributes, .. } => Some(attributes),
            Self::Inline => None,
        }
    }
}

impl fmt::Debug for CacheEntry {
    /// Settings may be credentials: only their names are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry {
                reference,
                attributes,
            } => formatter
                .debug_struct("Registry")
                .field("reference", reference)
                .field("attributes", &attributes.keys().collect::<Vec<_>>())
                .finish(),
            Self::Local {
                directory,
                attributes,
            } => formatter
                .debug_struct("Local")
                .field("directory", directory)
                .field("attributes", &attributes.keys().collect::<Vec<_>>())
                .finish(),
            Self::Inline => formatter.write_str("Inline"),
        }
    }
}
