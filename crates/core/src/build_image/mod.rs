//! Builds an image with the engine's classic builder.

mod result;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::time::{Instant, timeout_at};

pub use result::BuiltImage;

use crate::build_context::{self, Compression, ContextSource, DockerfileSource};
use crate::engine::{Engine, EngineBuild, EngineBuilt, ImageDetails};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::opencode::{self, OpencodeBuild};
use crate::platform::Platform;
use crate::progress::throttled::Throttled;
use crate::progress::{ProgressEvent, ProgressSink, Warning};
use crate::reference::{ImageName, Reference};
use crate::text::Mask;
use crate::timeouts::{Deadline, Timeouts};

/// What to build, and how.
#[derive(Clone)]
pub struct BuildRequest {
    /// Where the Dockerfile and its files come from.
    pub source: BuildSource,
    /// Names for the image. The opencode image gets both of its names where none is given; another image gets none.
    pub tags: Vec<Reference>,
    /// Build arguments. They reach the engine only; where a step prints one whose name says that it is a secret, events
    /// and errors hide it.
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
    /// Extra lines of `/etc/hosts` in `RUN` steps, as `host:address`.
    pub add_hosts: Vec<String>,
    /// Whether the context is compressed on its way.
    pub compression: ContextCompression,
    /// Time limits.
    pub timeouts: Timeouts,
}

/// Where a Dockerfile and its files come from.
#[derive(Debug, Clone)]
pub enum BuildSource {
    /// The embedded Dockerfile of the opencode image, with a generated context.
    Opencode(OpencodeBuild),
    /// A folder, filtered by its `.dockerignore`.
    Directory {
        /// The folder.
        path: PathBuf,
        /// The Dockerfile.
        dockerfile: DockerfileSource,
    },
    /// The text of a Dockerfile that needs no files.
    Dockerfile(String),
}

/// Whether the context is compressed on its way to the engine.
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

impl BuildRequest {
    /// A build of `source` with every default.
    pub fn new(source: BuildSource) -> Self {
        Self {
            source,
            tags: Vec::new(),
            build_args: BTreeMap::new(),
            labels: BTreeMap::new(),
            target: None,
            platform: None,
            no_cache: false,
            pull: false,
            network: None,
            add_hosts: Vec::new(),
            compression: ContextCompression::default(),
            timeouts: Timeouts::BUILD,
        }
    }
}

/// Builds an image and returns once the engine has it under every tag that was asked for.
///
/// Dropping the future cancels the build at the engine.
pub async fn build_image(
    engine: &dyn Engine,
    request: &BuildRequest,
    progress: &dyn ProgressSink,
) -> Result<BuiltImage> {
    let mask = Mask::of_build_args(&build_args(request));
    let masked = |event: &ProgressEvent| progress.emit(&hide(event, &mask));
    let progress = &Throttled::new(&masked);
    let deadline = request.timeouts.total.map(Deadline::after);
    let work = progress.run(run(engine, request, deadline, progress));
    let result = match deadline {
        None => work.await,
        Some(deadline) => timeout_at(deadline.at, work).await.unwrap_or_else(|_| {
            let total = deadline.total.as_secs_f64();
            let message = format!("cannot build the image within {total} s");
            Err(Error::new(ErrorKind::Deadline, message))
        }),
    };
    let result = result.map(|mut built| {
        let warnings = built.warnings.iter_mut();
        warnings.for_each(|warning| mask.hide(&mut warning.message));
        built
    });
    result.map_err(|mut error| {
        mask.hide(&mut error.message);
        error.step.iter_mut().for_each(|step| mask.hide(step));
        error.log_tail.iter_mut().for_each(|line| mask.hide(line));
        error.with_operation(Operation::BuildImage)
    })
}

async fn run(
    engine: &dyn Engine,
    request: &BuildRequest,
    deadline: Option<Deadline>,
    progress: &dyn ProgressSink,
) -> Result<BuiltImage> {
    let started = Instant::now();
    let (mut build, context) = prepare(request)?;
    build.deadline = deadline;
    let compression = match request.compression {
        ContextCompression::Auto if engine.is_local() => Compression::None,
        ContextCompression::None => Compression::None,
        ContextCompression::Auto | ContextCompression::Gzip => Compression::Gzip,
    };
    let context = build_context::open(context, compression).await?;
    let built = engine.build(&build, context, progress).await?;
    let details = verify(engine, &build, &built).await?;
    let mut warnings = built.warnings;
    if let (Some(wanted), None) = (&build.platform, &details.platform) {
        // The containerd image store does not know the platform of an image whose base it has not fetched whole.
        let message = format!("the engine does not say whether it built for `{wanted}`");
        let warning = Warning::new("PLATFORM_UNVERIFIED", message);
        progress.emit(&ProgressEvent::Warning(warning.clone()));
        warnings.push(warning);
    }
    Ok(BuiltImage {
        reference: build.tags.first().map(ToString::to_string),
        tags: build.tags.iter().map(ToString::to_string).collect(),
        image_id: details.id,
        config_digest: details.config_digest,
        platform: details.platform,
        size_bytes: details.size_bytes,
        steps_total: built.steps_total,
        steps_cached: built.steps_cached,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        warnings,
    })
}

/// The caller's build arguments, and below them those of the opencode image.
fn build_args(request: &BuildRequest) -> BTreeMap<String, String> {
    let mut arguments = match &request.source {
        BuildSource::Opencode(opencode) => opencode.build_args(),
        BuildSource::Directory { .. } | BuildSource::Dockerfile(_) => BTreeMap::new(),
    };
    arguments.extend(request.build_args.clone());
    arguments
}

/// The event without the values that must not be shown: a step may print what it was given.
fn hide(event: &ProgressEvent, mask: &Mask) -> ProgressEvent {
    let mut event = event.clone();
    match &mut event {
        ProgressEvent::Step(step) => mask.hide(&mut step.name),
        ProgressEvent::Log(log) => mask.hide(&mut log.text),
        ProgressEvent::Status(status) => mask.hide(&mut status.message),
        ProgressEvent::Warning(warning) => mask.hide(&mut warning.message),
        ProgressEvent::Attempt(_)
        | ProgressEvent::Layer(_)
        | ProgressEvent::Total(_)
        | ProgressEvent::Context(_) => {}
    }
    event
}

fn prepare(request: &BuildRequest) -> Result<(EngineBuild, ContextSource)> {
    let mut build = EngineBuild {
        tags: request.tags.clone(),
        build_args: build_args(request),
        labels: request.labels.clone(),
        target: request.target.clone(),
        platform: request.platform.clone(),
        no_cache: request.no_cache,
        pull: request.pull,
        network: request.network.clone(),
        add_hosts: request.add_hosts.clone(),
        stall: request.timeouts.stall,
        deadline: None,
    };
    let context = match &request.source {
        BuildSource::Opencode(opencode) => {
            if build.tags.is_empty() {
                build.tags = vec![
                    Reference::parse(opencode::DOCKER_HUB_REPOSITORY)?,
                    Reference::parse(opencode::GHCR_REPOSITORY)?,
                ];
            }
            ContextSource::Files {
                files: opencode.context_files(),
                dockerfile: "Dockerfile".to_owned(),
            }
        }
        BuildSource::Directory { path, dockerfile } => ContextSource::Directory {
            path: path.clone(),
            dockerfile: dockerfile.clone(),
        },
        BuildSource::Dockerfile(text) => ContextSource::Files {
            files: vec![("Dockerfile".to_owned(), text.clone().into_bytes())],
            dockerfile: "Dockerfile".to_owned(),
        },
    };
    match build.tags.iter().find(|tag| tag.digest().is_some()) {
        Some(tag) => Err(Error::new(
            ErrorKind::InvalidOption,
            format!("cannot tag an image `{tag}`: a tag names an image before its digest is known"),
        )),
        None => Ok((build, context)),
    }
}

/// Looks the image up by its ID and by every tag: an engine's "done" alone proves nothing.
async fn verify(
    engine: &dyn Engine,
    build: &EngineBuild,
    built: &EngineBuilt,
) -> Result<ImageDetails> {
    let missing = |name: &dyn std::fmt::Display| {
        Error::new(
            ErrorKind::EngineError,
            format!(
                "cannot find `{name}` after its build: the engine reported success but has no such image"
            ),
        )
    };
    let name = ImageName::parse(&built.image_id)?;
    let details = engine
        .inspect(&name, None)
        .await?
        .ok_or_else(|| missing(&built.image_id))?;
    for tag in &build.tags {
        let tagged = engine.inspect(&ImageName::from(tag.clone()), None).await?;
        if tagged.ok_or_else(|| missing(tag))?.id != details.id {
            return Err(Error::new(
                ErrorKind::EngineError,
                format!("cannot trust the tag `{tag}`: it names another image than the one that was built"),
            )
            .with_hint("another build or pull may have used the same tag at the same time"));
        }
    }
    if let (Some(wanted), Some(actual)) = (&build.platform, &details.platform)
        && !wanted.matches(actual)
    {
        return Err(Error::new(
            ErrorKind::PlatformMismatch,
            format!(
                "cannot use the image: wanted platform `{wanted}`, the engine built `{actual}`"
            ),
        ));
    }
    Ok(details)
}
