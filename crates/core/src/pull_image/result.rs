//! What a pull resolves to.

use crate::attempt::Attempt;
use crate::platform::Platform;
use crate::progress::Warning;

/// An image that was pulled, is there under `reference`, and was inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledImage {
    /// Canonical reference that was asked for.
    pub reference: String,
    /// Identifier in the engine's image store, `sha256:` + 64 hex digits.
    pub image_id: String,
    /// Registry digest of the manifest or index, `sha256:` + 64 hex digits; absent where the engine does not say it.
    pub digest: Option<String>,
    /// Platform of the image.
    pub platform: Option<Platform>,
    /// Size of the image on the engine's disk, in bytes, as the engine counts it.
    pub size_bytes: u64,
    /// Canonical reference of the source that served it.
    pub source: String,
    /// Every try at every source, in order; the last one served the image.
    pub attempts: Vec<Attempt>,
    /// Time for the whole call, in milliseconds.
    pub duration_ms: u64,
    /// What should be known although the pull succeeded.
    pub warnings: Vec<Warning>,
}
