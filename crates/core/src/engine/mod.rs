//! The engine: what the verbs ask of it, and how it is reached.

pub mod classify;
pub mod decode;
pub mod discover;
pub mod docker;
#[cfg(test)]
pub(crate) mod double;
pub mod endpoint;
pub mod frame;
mod http;
mod transport;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::build_context::BuildContext;
use crate::error::Result;
use crate::platform::Platform;
use crate::progress::{ProgressSink, Warning};
use crate::reference::{ImageName, Reference};
use crate::timeouts::Deadline;

/// What the verbs need of an engine. Implemented by [`docker::DockerEngine`] and by the doubles of the tests.
///
/// Dropping a returned future cancels the work at the engine.
pub trait Engine: Send + Sync {
    /// Whether the engine is on this machine, so that compressing what goes there costs more than it saves.
    fn is_local(&self) -> bool;

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
    ) -> BoxFuture<'a, Result<Vec<Platform>>>;

    /// Pulls from one source, once. Resolves when the engine's stream ended properly and said that it succeeded.
    fn pull<'a>(
        &'a self,
        pull: &'a EnginePull,
        progress: &'a dyn ProgressSink,
    ) -> BoxFuture<'a, Result<EnginePulled>>;

    /// Builds with the classic builder. Resolves when the engine's stream ended properly and named the image.
    fn build<'a>(
        &'a self,
        build: &'a EngineBuild,
        context: BuildContext,
        progress: &'a dyn ProgressSink,
    ) -> BoxFuture<'a, Result<EngineBuilt>>;
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
}

/// What the engine said of a successful pull.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnginePulled {
    /// Digest of the manifest or index, `sha256:` + 64 hex digits; absent where the engine does not say it (Podman).
    pub digest: Option<String>,
    /// What should be known although the pull succeeded.
    pub warnings: Vec<Warning>,
}

/// One build by the classic builder.
#[derive(Clone, Default)]
pub struct EngineBuild {
    /// Names for the image.
    pub tags: Vec<Reference>,
    /// Build arguments.
    pub build_args: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Stage to build; the last one when absent.
    pub target: Option<String>,
    /// Platform to build for; the engine's own when absent.
    pub platform: Option<Platform>,
    /// Whether no step is taken from the cache.
    pub no_cache: bool,
    /// Whether base images are pulled although they are there.
    pub pull: bool,
    /// Network of `RUN` steps: `default`, `host`, `none` or the name of a network.
    pub network: Option<String>,
    /// Extra lines of `/etc/hosts`, as `host:address`.
    pub add_hosts: Vec<String>,
    /// How long the engine may leave the context unread before the build is given up.
    pub stall: Option<Duration>,
    /// When the build is given up; the error then says how far it came.
    pub deadline: Option<Deadline>,
}

impl std::fmt::Debug for EngineBuild {
    /// Build arguments may be secrets: only their names are shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EngineBuild")
            .field("tags", &self.tags)
            .field("build_args", &self.build_args.keys().collect::<Vec<_>>())
            .field("labels", &self.labels)
            .field("target", &self.target)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

/// What the engine said of a successful build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineBuilt {
    /// The image, as the engine names it: `sha256:` + 64 hex digits, or a prefix of the digits.
    pub image_id: String,
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
