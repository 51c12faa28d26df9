//! Makes an image ready: it is there, or is pulled, or is built. Calls that ask for the same at the same time share the
//! work.

mod caller;
mod history;
mod in_flight;
mod newer;
mod result;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;
use std::time::Duration;

pub use in_flight::InFlight;
pub use result::{Origin, ReadyImage};

use self::work::Work;
use crate::build_image::{BuildRequest, BuildSource};
use crate::build_options::BuildOptions;
use crate::credentials::CredentialSources;
use crate::engine::{ContextCompression, Engine};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::fallback;
use crate::opencode::{self, OpencodeBuild};
use crate::platform::Platform;
use crate::progress::ProgressSink;
use crate::reference::Reference;
use crate::retry::RetryPolicy;
use crate::timeouts::Timeouts;

/// Which image is to be ready, and what may be done for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnsureRequest {
    /// The image. However it becomes ready, it is there under this name afterwards.
    pub reference: Reference,
    /// When a registry is asked.
    pub policy: EnsurePolicy,
    /// Other names that it may be there under, and other places to get it from, in order. Absent: the defaults of the
    /// image, which only the opencode image has.
    pub fallbacks: Option<Vec<Reference>>,
    /// The platform that it is for. An image of another one is not there. Absent: whichever is there, or the engine's own.
    pub platform: Option<Platform>,
    /// How it is built where no source has it; it is not built when absent.
    pub build: Option<EnsureBuild>,
    /// Tries and waits at each source.
    pub retry: RetryPolicy,
    /// Time limits. `total` is for the whole call, whoever else shares its work.
    pub timeouts: Timeouts,
    /// Longest time for the build; no limit when absent. Default: 600 s.
    pub build_timeout: Option<Duration>,
    /// Where the credentials for registries come from. Calls with others share no work.
    pub credentials: CredentialSources,
}

/// When a registry is asked for an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EnsurePolicy {
    /// Where the image is not there, under any of its names.
    #[default]
    Missing,
    /// Always: it is pulled although it is there.
    Always,
    /// Always, but it is pulled only where the registry has another digest than the engine. Where the registry cannot be
    /// asked, the image that is there is good, with the warning `NOT_UPDATED`.
    Newer,
    /// Never.
    Never,
}

/// How an image is built that no source has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnsureBuild {
    /// Where the Dockerfile and its files come from.
    pub source: BuildSource,
    /// How it is built. Tags, platforms and outputs are those of the call: the options name none.
    pub options: BuildOptions,
    /// Whether the classic builder gets its context compressed.
    pub compression: ContextCompression,
}

impl EnsureBuild {
    /// A build of `source` with every default.
    pub fn new(source: BuildSource) -> Self {
        Self {
            source,
            options: BuildOptions::default(),
            compression: ContextCompression::default(),
        }
    }
}

impl EnsureRequest {
    /// `reference` with every default: pulled where it is not there, and never built.
    pub fn new(reference: Reference) -> Self {
        Self {
            reference,
            policy: EnsurePolicy::default(),
            fallbacks: None,
            platform: None,
            build: None,
            retry: RetryPolicy::default(),
            timeouts: Timeouts::PULL,
            build_timeout: Timeouts::BUILD.total,
            credentials: CredentialSources::default(),
        }
    }

    /// The opencode image: from Docker Hub, else from GHCR, else built from the embedded Dockerfile.
    pub fn opencode() -> Result<Self> {
        let reference = Reference::parse(opencode::DOCKER_HUB_REPOSITORY)?;
        let source = BuildSource::Opencode(OpencodeBuild::default());
        Ok(Self {
            build: Some(EnsureBuild::new(source)),
            ..Self::new(reference)
        })
    }

    /// Refuses what cannot be meant; [`ensure_image`] does as well. Errors: `INVALID_OPTION`, `INVALID_REFERENCE`.
    pub fn check(&self) -> Result<()> {
        self.sources()?;
        let Some(build) = &self.build else {
            return Ok(());
        };
        let reference = &self.reference;
        if reference.digest().is_some() {
            let message = format!(
                "cannot build `{reference}` where no source has it: a digest names a content before it is built"
            );
            return Err(Error::new(ErrorKind::InvalidOption, message)
                .with_hint("name the image by its tag, or leave `build` out"));
        }
        let options = &build.options;
        if !(options.tags.is_empty() && options.platforms.is_empty() && options.outputs.is_empty())
        {
            let message = format!(
                "cannot build `{reference}` with tags, platforms or outputs of its own: they are those of the call"
            );
            return Err(Error::new(ErrorKind::InvalidOption, message));
        }
        self.build_request(build).check()
    }

    fn sources(&self) -> Result<Vec<Reference>> {
        fallback::sources(&self.reference, self.fallbacks.as_deref())
    }

    fn build_request(&self, build: &EnsureBuild) -> BuildRequest {
        BuildRequest {
            source: build.source.clone(),
            options: BuildOptions {
                tags: vec![self.reference.clone()],
                platforms: self.platform.iter().cloned().collect(),
                ..build.options.clone()
            },
            compression: build.compression,
            // How long is each caller's own.
            timeouts: Timeouts {
                total: None,
                ..self.timeouts
            },
            credentials: self.credentials.clone(),
        }
    }

    /// What makes two calls the same: neither how long a caller waits, nor how it has reached the engine.
    fn shared(&self) -> Self {
        Self {
            timeouts: Timeouts {
                stall: self.timeouts.stall,
                ..Timeouts::PULL
            },
            build_timeout: None,
            ..self.clone()
        }
    }
}

/// Returns once the image is there under the name that was asked for.
///
/// The work for calls with the same `in_flight`, of the same engine, image, sources, policy, build, platform, patience
/// (`retry`, `timeouts.stall`) and credentials is done once, by a task of its own. A call that joins is told what has been
/// told so far: where each try, layer and step stands, and the last 200 lines and warnings. Each call ends by itself:
/// dropping its future leaves the work, and the last one to leave cancels it at the engine.
pub async fn ensure_image(
    engine: Arc<dyn Engine>,
    request: &EnsureRequest,
    in_flight: &InFlight,
    progress: &dyn ProgressSink,
) -> Result<ReadyImage> {
    let work = request.check().and_then(|()| {
        let sources = request.sources()?;
        Ok(Work::new(engine.place(), request.shared(), sources))
    });
    let result = match work {
        Ok(work) => caller::wait(in_flight.join(work, engine), request, progress).await,
        Err(error) => Err(error),
    };
    result.map_err(|mut error| {
        error
            .reference
            .get_or_insert_with(|| request.reference.to_string());
        error.with_operation(Operation::EnsureImage)
    })
}
