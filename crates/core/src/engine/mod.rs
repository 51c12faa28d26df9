//! The engine: what the verbs ask of it, and how it is reached.

pub(crate) mod api_version;
pub mod classify;
mod context_store;
pub(crate) mod custom_headers;
pub mod decode;
pub mod discover;
pub mod docker;
#[cfg(test)]
pub(crate) mod double;
pub mod endpoint;
pub mod frame;
pub(crate) mod http;
pub(crate) mod transport;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::build_context::ContextSource;
use crate::build_options::{BuildOptions, Builder, SecretValue};
use crate::check_build::CheckWarning;
use crate::credentials::{Credentials, Keychain};
use crate::error::Result;
use crate::platform::Platform;
use crate::progress::{ProgressSink, Warning};
use crate::reference::{ImageName, Reference};
use crate::timeouts::Deadline;

/// What the verbs need of an engine. Implemented by [`docker::DockerEngine`] and by the doubles of the tests.
///
/// Dropping a returned future cancels the work at the engine.
pub trait Engine: Send + Sync {
    /// Looks up a local image; `None` when it is not there. With `platform`, an image of another platform is not there;
    /// one whose platform the engine does not know is.
    fn inspect<'a>(
        &'a self,
        name: &'a ImageName,
        platform: Option<&'a Platform>,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>>>;

    /// Gives the local image `source` the additional name `target`, which has a tag.
    fn tag<'a>(&'a self, source: &'a ImageName, target: &'a Reference)
    -> BoxFuture<'a, Result<()>>;

    /// Asks the registry for the platforms of an image, for an engine that cannot tell what it has.
    fn registry_platforms<'a>(
        &'a self,
        reference: &'a Reference,
        credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Result<Vec<Platform>>>;

    /// Pulls from one source, once. Resolves when the engine's stream ended properly and said that it succeeded.
    fn pull<'a>(
        &'a self,
        pull: &'a EnginePull,
        progress: &'a dyn ProgressSink,
    ) -> BoxFuture<'a, Result<EnginePulled>>;

    /// Builds. Resolves when the engine's stream ended properly and named what it has made.
    fn build<'a>(
        &'a self,
        build: &'a EngineBuild,
        progress: &'a dyn ProgressSink,
    ) -> BoxFuture<'a, Result<EngineBuilt>>;

    /// Finds what is wrong with a build, without running it.
    fn check<'a>(&'a self, build: &'a EngineBuild) -> BoxFuture<'a, Result<Vec<CheckWarning>>>;
}

/// One pull from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnginePull {
    /// What to pull, from where.
    pub reference: Reference,
    /// Platform to pull; the engine's own when absent.
    pub platform: Option<Platform>,
    /// How long nothing may move before the pull is given up.
    pub stall: Option<Duration>,
    /// What the registry is shown; nothing when absent.
    pub credentials: Option<Credentials>,
}

/// What the engine said of a successful pull.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnginePulled {
    /// Digest of the manifest or index, `sha256:` + 64 hex digits; absent where the engine does not say it (Podman).
    pub digest: Option<String>,
    /// What should be known although the pull succeeded.
    pub warnings: Vec<Warning>,
}

/// One build.
#[derive(Debug, Clone)]
pub struct EngineBuild {
    /// Where the Dockerfile and its files come from.
    pub source: ContextSource,
    /// How it is built.
    pub options: BuildOptions,
    /// The secrets that `options` names, read.
    pub secrets: Arc<BTreeMap<String, SecretValue>>,
    /// Whether the classic builder gets its context compressed.
    pub compression: ContextCompression,
    /// How long the engine may leave the context unread before the build is given up.
    pub stall: Option<Duration>,
    /// When the build is given up; the error then says how far it came.
    pub deadline: Option<Deadline>,
    /// What registries are shown, each its own; and the proxies of `docker`.
    pub credentials: Keychain,
}

/// Whether the context is compressed on its way to the classic builder. BuildKit gets only what has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContextCompression {
    /// gzip where the engine is remote. On a local socket it doubles the time.
    #[default]
    Auto,
    /// gzip.
    Gzip,
    /// None.
    None,
}

/// What the engine said of a successful build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineBuilt {
    /// Who built it: never [`Builder::Auto`].
    pub builder: Builder,
    /// The image, as the engine names it: `sha256:` + 64 hex digits, or a prefix of the digits. Absent where no image
    /// was asked for.
    pub image_id: Option<String>,
    /// Digest of the image's configuration, where the builder says it.
    pub config_digest: Option<String>,
    /// Digest of the manifest or index, where the builder says it and there is one.
    pub digest: Option<String>,
    /// Everything that the exporters said, in BuildKit's words; empty with the classic builder.
    pub exporter_response: BTreeMap<String, String>,
    /// Instructions of the Dockerfile.
    pub steps_total: u32,
    /// Instructions whose result came from the cache.
    pub steps_cached: u32,
    /// What should be known although the build succeeded.
    pub warnings: Vec<Warning>,
}

/// A local image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageDetails {
    /// Identifier of the engine's image store: `sha256:` + 64 hex digits. The digest of the image's configuration on a
    /// graph driver, of its manifest or index on the containerd image store.
    pub id: String,
    /// Digest of the image's configuration, where the engine's identifier is that.
    pub config_digest: Option<String>,
    /// Names, as `repository:tag`.
    pub repo_tags: Vec<String>,
    /// Registry digests, as `repository@sha256:…`.
    pub repo_digests: Vec<String>,
    /// Platform of the image.
    pub platform: Option<Platform>,
    /// Size of the image on the engine's disk, in bytes, as the engine counts it.
    pub size_bytes: u64,
    /// When it was created, as RFC 3339.
    pub created: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is known to be something else than a container image, such as a chart: the containerd image store keeps
    /// under a name whatever a registry has.
    pub is_artifact: bool,
}

impl ImageDetails {
    /// The registry digests under which the engine knows the image from `reference`'s repository. A graph driver keeps
    /// one for each manifest with the same configuration.
    pub fn digests_of(&self, reference: &Reference) -> impl Iterator<Item = &str> {
        self.repo_digests.iter().filter_map(|entry| {
            let (name, digest) = entry.split_once('@')?;
            let known = Reference::parse(name).ok()?;
            (known.name() == reference.name()).then_some(digest)
        })
    }
}
