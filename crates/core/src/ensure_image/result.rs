//! What making an image ready resolves to.

use crate::attempt::Attempt;
use crate::build_image::BuiltImage;
use crate::platform::Platform;
use crate::progress::Warning;

/// An image that is there under `reference`, and was inspected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyImage {
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
    /// How it became ready.
    pub origin: Origin,
    /// Canonical reference that it was found under or pulled from; `build` where it was built.
    pub source: String,
    /// Every try at every source, in order. Where the image was built or was there, all of them failed.
    pub attempts: Vec<Attempt>,
    /// The build, where it was built.
    pub build: Option<BuiltImage>,
    /// Time for the caller's own call, in milliseconds.
    pub duration_ms: u64,
    /// What should be known although the image is ready.
    pub warnings: Vec<Warning>,
}

/// How an image became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Present,
    /// It was pulled.
    Pulled,
    /// It was built.
    Built,
}
