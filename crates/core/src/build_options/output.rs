//! What becomes of a build's result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One output of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// What is made, and where it goes.
    pub kind: OutputKind,
    /// Further settings in BuildKit's words, such as `compression`
    /// (<https://github.com/moby/buildkit/blob/v0.25.2/README.md#output>).
    pub attributes: BTreeMap<String, String>,
}

/// What is made of a result, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// An image in the engine's store, under every tag.
    Image {
        /// Whether it also goes to the registries that its tags name.
        push: bool,
    },
    /// The files of the result, in a folder of this machine.
    Local(PathBuf),
    /// The same, in a tar archive.
    Tar(PathBuf),
    /// An archive of an OCI image layout.
    Oci(PathBuf),
    /// An archive that `docker load` takes.
    Docker(PathBuf),
    /// Nothing but the engine's cache.
    CacheOnly,
}

impl Output {
    /// An output without further settings.
    pub fn new(kind: OutputKind) -> Self {
        Self {
            kind,
            attributes: BTreeMap::new(),
        }
    }
}

impl OutputKind {
    /// The file or folder of this machine that it goes to.
    pub fn place(&self) -> Option<&Path> {
        match self {
            Self::Local(path) | Self::Tar(path) | Self::Oci(path) | Self::Docker(path) => {
                Some(path)
            }
            Self::Image { .. } | Self::CacheOnly => None,
        }
    }
}
