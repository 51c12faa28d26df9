//! Contexts beside the main one.

use std::path::PathBuf;

/// A context that a Dockerfile calls by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedContext {
    /// A folder of this machine, filtered by its own `.dockerignore`.
    Directory(PathBuf),
    /// An image, as a reference.
    Image(String),
    /// Another stage of the same Dockerfile.
    Target(String),
    /// A git repository, or an archive at a URL.
    Url(String),
    /// An image in a folder of this machine, as an OCI image layout.
    OciLayout {
        /// The folder.
        directory: PathBuf,
        /// Tag in its index; the only image, or `latest`, when absent.
        tag: Option<String>,
        /// Digest of the manifest or index; found by the tag when absent.
        digest: Option<String>,
    },
}
