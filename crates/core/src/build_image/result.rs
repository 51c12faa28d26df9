//! What a build resolves to.

use crate::platform::Platform;
use crate::progress::Warning;

/// An image that was built, is there under every tag, and was inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// First of the tags, canonical; absent where the image has none.
    pub reference: Option<String>,
    /// Every tag, canonical.
    pub tags: Vec<String>,
    /// Identifier in the engine's image store, `sha256:` + 64 hex digits.
    pub image_id: String,
    /// Digest of the image's configuration; absent where the engine's store names images otherwise.
    pub config_digest: Option<String>,
    /// Platform of the image.
    pub platform: Option<Platform>,
    /// Size of the image on the engine's disk, in bytes, as the engine counts it.
    pub size_bytes: u64,
    /// Instructions of the Dockerfile.
    pub steps_total: u32,
    /// Instructions whose result came from the cache.
    pub steps_cached: u32,
    /// Time for the whole call, in milliseconds.
    pub duration_ms: u64,
    /// What should be known although the build succeeded.
    pub warnings: Vec<Warning>,
}
