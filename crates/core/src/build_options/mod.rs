//! What a build can be told, as values: the same for every builder.

mod cache;
mod check;
mod context;
mod output;
mod secret;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use cache::CacheEntry;
pub(crate) use cache::IGNORE_ERROR;
pub(crate) use check::check;
pub use context::NamedContext;
pub(crate) use context::context_name;
pub use output::{Output, OutputKind};
pub(crate) use secret::read_all as read_secrets;
pub use secret::{SecretSource, SecretValue};

use crate::platform::Platform;
use crate::reference::Reference;

/// How an image is built. The default builds the last stage for the engine's own platform, with the cache.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// Who builds.
    pub builder: Builder,
    /// Names for the image.
    pub tags: Vec<Reference>,
    /// Build arguments. They reach the engine only; where a step prints one whose name says that it is a secret, events
    /// and errors hide it.
    pub build_args: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Stage to build; the last one when absent.
    pub target: Option<String>,
    /// Platforms to build for; the engine's own when empty. More than one need an engine that stores such images.
    pub platforms: Vec<Platform>,
    /// Which steps are not taken from the cache.
    pub no_cache: NoCache,
    /// Whether base images are pulled although they are there.
    pub pull: bool,
    /// Network of `RUN` steps: `default`, `host` or `none`; with the classic builder also the name of a network.
    pub network: Option<String>,
    /// Extra lines of `/etc/hosts` in `RUN` steps, as `host:address`.
    pub add_hosts: Vec<String>,
    /// Size of `/dev/shm` in `RUN` steps; the engine's own when absent.
    pub shm_size_bytes: Option<u64>,
    /// Limits of `RUN` steps by their names, such as `nofile`.
    pub ulimits: BTreeMap<String, Ulimit>,
    /// Control group above those of `RUN` steps.
    pub cgroup_parent: Option<String>,
    /// Further contexts by the names that `FROM` and `COPY --from` use.
    pub contexts: BTreeMap<String, NamedContext>,
    /// Secrets by the IDs that `RUN --mount=type=secret` uses.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Sockets of SSH agents by the IDs that `RUN --mount=type=ssh` uses; the usual one is `default`.
    pub ssh: BTreeMap<String, PathBuf>,
    /// Where steps may be taken from beside the engine's own cache.
    pub cache_from: Vec<CacheEntry>,
    /// Where the cache is put.
    pub cache_to: Vec<CacheEntry>,
    /// What becomes of the result; an image in the engine's store when empty.
    pub outputs: Vec<Output>,
    /// What is attested about the build.
    pub attestations: Attestations,
    /// What steps may do beyond the usual: `network.host`, `security.insecure`.
    pub allow: Vec<String>,
    /// Time of everything that the build makes, in seconds since 1970, so that the same input gives the same image.
    pub source_date_epoch: Option<i64>,
    /// The same as the variable of the environment says it: BuildKit is told, and the classic builder, which would complain, is
    /// not.
    pub environment_epoch: Option<String>,
}

/// Who builds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Builder {
    /// BuildKit where the engine has it, else the classic builder.
    #[default]
    Auto,
    /// BuildKit, or nobody.
    BuildKit,
    /// The classic builder, or nobody.
    Classic,
}

/// Which steps are not taken from the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NoCache {
    /// None: all may be.
    #[default]
    No,
    /// All of them.
    All,
    /// Those of these stages.
    Stages(Vec<String>),
}

/// A limit of a resource, as `setrlimit` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ulimit {
    /// What is in force.
    pub soft: i64,
    /// What it may be raised to.
    pub hard: i64,
}

/// What is attested about a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attestations {
    /// Where the image came from; the engine's default when absent.
    pub provenance: Option<Provenance>,
    /// What is in it; nothing when absent.
    pub sbom: Option<Sbom>,
}

impl Attestations {
    /// Whether anything is to be attested that is not attested by default.
    pub(crate) fn is_any(&self) -> bool {
        let provenance = self.provenance.as_ref();
        self.sbom.is_some() || provenance.is_some_and(|it| *it != Provenance::Off)
    }
}

/// How much is told about where an image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// Nothing.
    Off,
    /// The sources, without build arguments.
    Min,
    /// Everything, build arguments included.
    Max,
}

/// A list of what is in an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sbom {
    /// Image that makes the list; BuildKit's default when absent.
    pub generator: Option<String>,
}

impl std::fmt::Debug for BuildOptions {
    /// Build arguments may be secrets: only their names are shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BuildOptions")
            .field("builder", &self.builder)
            .field("tags", &self.tags)
            .field("build_args", &self.build_args.keys().collect::<Vec<_>>())
            .field("labels", &self.labels)
            .field("target", &self.target)
            .field("platforms", &self.platforms)
            .field("contexts", &self.contexts.keys().collect::<Vec<_>>())
            .field("secrets", &self.secrets.keys().collect::<Vec<_>>())
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
