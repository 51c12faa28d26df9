//! The results of the library as JavaScript objects: numbers are numbers, and what is absent is no key.

use std::collections::BTreeMap;

use napi_derive::napi;
use shipway_core::Origin;
use shipway_core::build_options::Builder;

use crate::facts::{Attempt, Warning, number, to_attempts};

/// An image that was pulled.
#[napi(object, object_from_js = false)]
pub struct PulledImage {
    /// Canonical reference that was asked for.
    pub reference: String,
    /// Identifier in the engine's image store.
    pub image_id: String,
    /// Registry digest of the manifest or index.
    pub digest: Option<String>,
    /// Platform of the image.
    pub platform: Option<String>,
    /// Size on the engine's disk, in bytes.
    pub size_bytes: i64,
    /// Canonical reference of the source that served it.
    pub source: String,
    /// Every try at every source, in order.
    pub attempts: Vec<Attempt>,
    /// Time for the whole call, in milliseconds.
    pub duration_ms: i64,
    /// What should be known although it succeeded.
    pub warnings: Vec<Warning>,
}

/// An image that is there.
#[napi(object, object_from_js = false)]
pub struct ReadyImage {
    /// Canonical reference that was asked for.
    pub reference: String,
    /// Identifier in the engine's image store.
    pub image_id: String,
    /// Registry digest of the manifest or index.
    pub digest: Option<String>,
    /// Platform of the image.
    pub platform: Option<String>,
    /// Size on the engine's disk, in bytes.
    pub size_bytes: i64,
    /// How it became ready.
    #[napi(ts_type = "'present' | 'pulled' | 'built'")]
    pub origin: String,
    /// The name that it was found under or pulled from, or `build`.
    pub source: String,
    /// Every try at every source, in order.
    pub attempts: Vec<Attempt>,
    /// Who built it.
    #[napi(ts_type = "'buildkit' | 'classic'")]
    pub builder: Option<String>,
    /// Digest of the configuration of an image that was built.
    pub config_digest: Option<String>,
    /// Instructions of the Dockerfile.
    pub steps: Option<Steps>,
    /// Everything that the exporters said.
    pub exporter_response: Option<BTreeMap<String, String>>,
    /// Time for the whole call, in milliseconds.
    pub duration_ms: i64,
    /// What should be known although it succeeded.
    pub warnings: Vec<Warning>,
}

/// An image that was built.
#[napi(object, object_from_js = false)]
pub struct BuiltImage {
    /// First of the tags.
    pub reference: Option<String>,
    /// Every tag, canonical.
    pub tags: Vec<String>,
    /// Who built it.
    #[napi(ts_type = "'buildkit' | 'classic'")]
    pub builder: String,
    /// Identifier in the engine's image store.
    pub image_id: Option<String>,
    /// Digest of the manifest or index.
    pub digest: Option<String>,
    /// Digest of the image's configuration.
    pub config_digest: Option<String>,
    /// Platform of the image.
    pub platform: Option<String>,
    /// Size on the engine's disk, in bytes.
    pub size_bytes: i64,
    /// Where it came from.
    #[napi(ts_type = "'build'")]
    pub source: String,
    /// None: a build asks no source.
    pub attempts: Vec<Attempt>,
    /// Everything that the exporters said.
    pub exporter_response: BTreeMap<String, String>,
    /// Instructions of the Dockerfile.
    pub steps: Steps,
    /// Time for the whole call, in milliseconds.
    pub duration_ms: i64,
    /// What should be known although it succeeded.
    pub warnings: Vec<Warning>,
}

/// Instructions of a Dockerfile, counted.
#[napi(object, object_from_js = false)]
pub struct Steps {
    /// All of them.
    pub total: u32,
    /// Those whose result came from the cache.
    pub cached: u32,
}

/// A local image.
#[napi(object, object_from_js = false)]
pub struct ImageDetails {
    /// Identifier in the engine's image store.
    pub image_id: String,
    /// Digest of the image's configuration.
    pub config_digest: Option<String>,
    /// Names, as `repository:tag`.
    pub repo_tags: Vec<String>,
    /// Registry digests, as `repository@sha256:…`.
    pub repo_digests: Vec<String>,
    /// Platform of the image.
    pub platform: Option<String>,
    /// Size on the engine's disk, in bytes.
    pub size_bytes: i64,
    /// When it was created, as RFC 3339.
    pub created: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

impl From<shipway_core::PulledImage> for PulledImage {
    fn from(image: shipway_core::PulledImage) -> Self {
        Self {
            reference: image.reference,
            image_id: image.image_id,
            digest: image.digest,
            platform: image.platform.map(|platform| platform.to_string()),
            size_bytes: number(image.size_bytes),
            source: image.source,
            attempts: to_attempts(image.attempts),
            duration_ms: number(image.duration_ms),
            warnings: image.warnings.into_iter().map(Warning::from).collect(),
        }
    }
}

impl From<shipway_core::ReadyImage> for ReadyImage {
    fn from(image: shipway_core::ReadyImage) -> Self {
        let built = image.build.map(BuiltImage::from);
        let (builder, config_digest, steps, exporter_response) = match built {
            Some(built) => (
                Some(built.builder),
                built.config_digest,
                Some(built.steps),
                Some(built.exporter_response),
            ),
            None => (None, None, None, None),
        };
        let origin = match image.origin {
            Origin::Present => "present",
            Origin::Pulled => "pulled",
            Origin::Built => "built",
        };
        Self {
            reference: image.reference,
            image_id: image.image_id,
            digest: image.digest,
            platform: image.platform.map(|platform| platform.to_string()),
            size_bytes: number(image.size_bytes),
            origin: origin.to_owned(),
            source: image.source,
            attempts: to_attempts(image.attempts),
            builder,
            config_digest,
            steps,
            exporter_response,
            duration_ms: number(image.duration_ms),
            warnings: image.warnings.into_iter().map(Warning::from).collect(),
        }
    }
}

impl From<shipway_core::BuiltImage> for BuiltImage {
    fn from(image: shipway_core::BuiltImage) -> Self {
        Self {
            reference: image.reference,
            tags: image.tags,
            builder: match image.builder {
                Builder::Classic => "classic".to_owned(),
                Builder::BuildKit | Builder::Auto => "buildkit".to_owned(),
            },
            image_id: image.image_id,
            digest: image.digest,
            exporter_response: image.exporter_response,
            config_digest: image.config_digest,
            platform: image.platform.map(|platform| platform.to_string()),
            size_bytes: number(image.size_bytes),
            source: "build".to_owned(),
            attempts: Vec::new(),
            steps: Steps {
                total: image.steps_total,
                cached: image.steps_cached,
            },
            duration_ms: number(image.duration_ms),
            warnings: image.warnings.into_iter().map(Warning::from).collect(),
        }
    }
}

impl From<shipway_core::engine::ImageDetails> for ImageDetails {
    fn from(image: shipway_core::engine::ImageDetails) -> Self {
        Self {
            image_id: image.id,
            config_digest: image.config_digest,
            repo_tags: image.repo_tags,
            repo_digests: image.repo_digests,
            platform: image.platform.map(|platform| platform.to_string()),
            size_bytes: number(image.size_bytes),
            created: image.created,
            labels: image.labels,
        }
    }
}
