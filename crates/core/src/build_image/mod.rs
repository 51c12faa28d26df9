//! Builds an image.

mod hidden;
mod result;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

pub(crate) use hidden::Hidden;
pub use result::BuiltImage;

use crate::build_context::{ContextSource, DockerfileSource, base_images, check_url};
use crate::build_options::{self, BuildOptions, SecretValue, read_secrets};
use crate::credentials::{CredentialSources, Keychain, wants_login};
use crate::engine::{ContextCompression, Engine, EngineBuild, ImageDetails};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::opencode::{self, OpencodeBuild};
use crate::progress::throttled::Throttled;
use crate::progress::{ProgressEvent, ProgressSink, Warning};
use crate::reference::{ImageName, Reference};
use crate::timeouts::{Deadline, Timeouts};

/// What to build, and how.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// Where the Dockerfile and its files come from.
    pub source: BuildSource,
    /// How it is built. The opencode image gets both of its names where no tags are given; another image gets none.
    pub options: BuildOptions,
    /// Whether the classic builder gets its context compressed.
    pub compression: ContextCompression,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Where the credentials for registries come from; and the proxies of `docker`, which builds are given.
    pub credentials: CredentialSources,
}

/// Where a Dockerfile and its files come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildSource {
    /// The embedded Dockerfile of the opencode image, with a generated context.
    Opencode(OpencodeBuild),
    /// Anything else.
    Context(ContextSource),
}

impl BuildSource {
    /// The text of a Dockerfile that needs no files.
    pub fn dockerfile(text: impl Into<String>) -> Self {
        Self::Context(ContextSource::Files {
            files: vec![("Dockerfile".to_owned(), text.into().into_bytes())],
            dockerfile: "Dockerfile".to_owned(),
        })
    }

    /// A folder, filtered by its `.dockerignore`.
    pub fn directory(path: impl Into<PathBuf>, dockerfile: DockerfileSource) -> Self {
        Self::Context(ContextSource::Directory {
            path: path.into(),
            dockerfile,
        })
    }

    /// A git repository, or an archive or a Dockerfile at a URL, which the engine fetches. Fails with `INVALID_OPTION`
    /// where `url` is none.
    pub fn url(url: impl Into<String>, dockerfile: DockerfileSource) -> Result<Self> {
        let url = url.into();
        check_url(&url)?;
        Ok(Self::Context(ContextSource::Url { url, dockerfile }))
    }
}

impl BuildRequest {
    /// A build of `source` with every default.
    pub fn new(source: BuildSource) -> Self {
        Self {
            source,
            options: BuildOptions::default(),
            compression: ContextCompression::default(),
            timeouts: Timeouts::BUILD,
            credentials: CredentialSources::default(),
        }
    }

    /// Refuses what no engine could make anything of; [`build_image`] does as well. Errors: `INVALID_OPTION`,
    /// `INVALID_REFERENCE`.
    pub fn check(&self) -> Result<()> {
        prepare(self, None, &Keychain::new(self.credentials.clone())).map(drop)
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
    let deadline = request.timeouts.total.map(Deadline::after);
    let secrets = match within(deadline, read_secrets(&request.options.secrets)).await {
        Ok(secrets) => Arc::new(secrets),
        Err(error) => return Err(error.with_operation(Operation::BuildImage)),
    };
    let keychain = Keychain::new(request.credentials.clone());
    let hidden = Hidden::of(request, &secrets, &keychain).await;
    let masked = |event: &ProgressEvent| progress.emit(&hidden.event(event));
    let progress = &Throttled::of_build(&masked);
    let work = progress.run(run(engine, request, secrets, deadline, &keychain, progress));
    match within(deadline, work).await {
        Ok(mut built) => {
            let warnings = built.warnings.iter_mut();
            warnings.for_each(|warning| hidden.text(&mut warning.message));
            Ok(built)
        }
        Err(error) => {
            let error = explained(hidden.error(error), request);
            Err(keychain.explain(error))
        }
    }
}

/// What `work` comes to, or that its time is over.
async fn within<T>(deadline: Option<Deadline>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    timeout_at(deadline.at, work).await.unwrap_or_else(|_| {
        let total = deadline.total.as_secs_f64();
        let message = format!("cannot build the image within {total} s");
        Err(Error::new(ErrorKind::Deadline, message))
    })
}

fn explained(error: Error, request: &BuildRequest) -> Error {
    let is_url = matches!(
        request.source,
        BuildSource::Context(ContextSource::Url { .. })
    );
    let mut error = error.with_operation(Operation::BuildImage);
    if error.registry.is_none() && wants_login(error.kind) {
        // Not every engine says which one refused; the step does.
        let step = error.step.as_deref().unwrap_or_default();
        let images = base_images(step.as_bytes(), &BTreeMap::new());
        error.registry = images.first().map(|image| image.registry().to_owned());
    }
    if is_url && error.kind == ErrorKind::ContextInvalid {
        return error.with_hint(
            "check the URL, the branch and the folder, and that the engine reaches the host and may fetch it",
        );
    }
    error
}

async fn run(
    engine: &dyn Engine,
    request: &BuildRequest,
    secrets: Arc<BTreeMap<String, SecretValue>>,
    deadline: Option<Deadline>,
    keychain: &Keychain,
    progress: &dyn ProgressSink,
) -> Result<BuiltImage> {
    let started = Instant::now();
    let build = EngineBuild {
        secrets,
        ..prepare(request, deadline, keychain)?
    };
    let (_, odd_settings) = keychain.docker_config().await;
    for warning in odd_settings {
        progress.emit(&ProgressEvent::Warning(warning.clone()));
    }
    let built = engine.build(&build, progress).await;
    // Those that came up at the very end.
    let late = keychain.take_warnings();
    for warning in &late {
        progress.emit(&ProgressEvent::Warning(warning.clone()));
    }
    let built = built?;
    let details = match &built.image_id {
        Some(image_id) => Some(verify(engine, &build.options, image_id).await?),
        None => None,
    };
    let mut warnings = odd_settings.to_vec();
    warnings.extend(built.warnings);
    warnings.extend(late);
    let platform = details
        .as_ref()
        .and_then(|details| details.platform.as_ref());
    if let ([wanted], Some(_), None) = (&build.options.platforms[..], &details, platform) {
        // The containerd image store does not know the platform of an image whose base it has not fetched whole.
        let message = format!("the engine does not say whether it built for `{wanted}`");
        let warning = Warning::new("PLATFORM_UNVERIFIED", message);
        progress.emit(&ProgressEvent::Warning(warning.clone()));
        warnings.push(warning);
    }
    let tags = match details {
        Some(_) => build.options.tags.iter().map(ToString::to_string).collect(),
        None => Vec::new(),
    };
    let details = details.unwrap_or_default();
    Ok(BuiltImage {
        reference: tags.first().cloned(),
        tags,
        builder: built.builder,
        image_id: built.image_id.map(|_| details.id),
        digest: built.digest,
        config_digest: details.config_digest.or(built.config_digest),
        platform: details.platform,
        size_bytes: details.size_bytes,
        exporter_response: built.exporter_response,
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
        BuildSource::Context(_) => BTreeMap::new(),
    };
    arguments.extend(request.options.build_args.clone());
    arguments
}

/// The build that `request` asks of an engine, without its secrets.
pub(crate) fn prepare(
    request: &BuildRequest,
    deadline: Option<Deadline>,
    keychain: &Keychain,
) -> Result<EngineBuild> {
    let mut options = request.options.clone();
    options.build_args = build_args(request);
    let source = match &request.source {
        BuildSource::Opencode(opencode) => {
            if options.tags.is_empty() {
                options.tags = vec![
                    Reference::parse(opencode::DOCKER_HUB_REPOSITORY)?,
                    Reference::parse(opencode::GHCR_REPOSITORY)?,
                ];
            }
            ContextSource::Files {
                files: opencode.context_files(),
                dockerfile: "Dockerfile".to_owned(),
            }
        }
        BuildSource::Context(source) => source.clone(),
    };
    let mut seen = BTreeSet::new();
    options.tags.retain(|tag| seen.insert(tag.to_string()));
    build_options::check(&options)?;
    match options.tags.iter().find(|tag| tag.digest().is_some()) {
        Some(tag) => Err(Error::new(
            ErrorKind::InvalidOption,
            format!("cannot tag an image `{tag}`: a tag names an image before its digest is known"),
        )),
        None => Ok(EngineBuild {
            source,
            options,
            secrets: Arc::default(),
            compression: request.compression,
            stall: request.timeouts.stall,
            deadline,
            credentials: keychain.clone(),
        }),
    }
}

/// Looks the image up by its ID and by every tag: an engine's "done" alone proves nothing.
async fn verify(
    engine: &dyn Engine,
    options: &BuildOptions,
    image_id: &str,
) -> Result<ImageDetails> {
    let missing = |name: &dyn std::fmt::Display| {
        Error::new(
            ErrorKind::EngineError,
            format!(
                "cannot find `{name}` after its build: the engine reported success but has no such image"
            ),
        )
    };
    let name = ImageName::parse(image_id)?;
    let details = engine
        .inspect(&name, None)
        .await?
        .ok_or_else(|| missing(&image_id))?;
    for tag in &options.tags {
        let tagged = engine.inspect(&ImageName::from(tag.clone()), None).await?;
        if tagged.ok_or_else(|| missing(tag))?.id != details.id {
            return Err(Error::new(
                ErrorKind::EngineError,
                format!("cannot trust the tag `{tag}`: it names another image than the one that was built"),
            )
            .with_hint("another build or pull may have used the same tag at the same time"));
        }
    }
    if let ([wanted], Some(actual)) = (&options.platforms[..], &details.platform)
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
