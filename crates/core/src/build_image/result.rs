//! What a build resolves to.

use std::collections::BTreeMap;

use crate::build_options::Builder;
use crate::platform::Platform;
use crate::progress::Warning;

/// An image that was built, is there under every tag, and was inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// First of the tags, canonical; absent where the image has none.
    pub reference: Option<String>,
    /// Every tag, canonical.
    pub tags: Vec<String>,
    /// Who built it: never [`Builder::Auto`].
    pub builder: Builder,
    /// Identifier in the engine's image store, `sha256:` + 64 hex digits; absent where no output is an image there.
    pub image_id: Option<String>,
    /// Digest of the manifest or index, `sha256:` + 64 hex digits; absent where there is none, as on a graph driver.
    pub digest: Option<String>,
    /// Digest of the image's configuration; absent where the builder does not say it, as for several platforms.
    pub config_digest: Option<String>,
    /// Platform of the image.
    pub platform: Option<Platform>,
    /// Size of the image on the engine's disk, in bytes, as the engine counts it.
    pub size_bytes: u64,
    /// Everything that the exporters said, in BuildKit's words
    /// (<https://github.com/moby/buildkit/blob/v0.25.2/exporter/containerimage/exptypes/types.go>); empty with the
    /// classic builder.
    pub exporter_response: BTreeMap<String, String>,
    /// Instructions of the Dockerfile.
    pub steps_total: u32,
    /// Instructions whose result came from the cache.
    pub steps_cached: u32,
    /// Time for the whole call, in milliseconds.
    pub duration_ms: u64,
    /// What should be known although the build succeeded.
    pub warnings: Vec<Warning>,
}
