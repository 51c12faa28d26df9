//! The work that calls share: look, pull, build.

use tokio::time::Instant;

use super::in_flight::Flight;
use super::newer::Standing;
use super::{EnsureBuild, EnsurePolicy, EnsureRequest, Origin, ReadyImage, newer};
use crate::build_image::build_image;
use crate::engine::endpoint::Endpoint;
use crate::engine::{Engine, ImageDetails};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{ProgressEvent, ProgressSink, Status, Warning};
use crate::pull_image::{PullRequest, give_name, known_digest, pull_image};
use crate::reference::{ImageName, Reference};

/// What is to be done. Two that are equal are the same work.
#[derive(PartialEq, Eq)]
pub(super) struct Work {
    place: Endpoint,
    request: EnsureRequest,
    /// The reference itself, and every fallback: named or by default.
    pub(super) sources: Vec<Reference>,
}

/// A local image, and the name that it was found under.
pub(super) struct Found {
    pub(super) source: Reference,
    pub(super) details: ImageDetails,
}

impl Work {
    /// `request` at the engine that listens at `place`.
    pub(super) fn new(place: Endpoint, request: EnsureRequest, sources: Vec<Reference>) -> Self {
        let request = EnsureRequest {
            // In `sources`: the defaults, named, are the same.
            fallbacks: None,
            ..request
        };
        Self {
            place,
            request,
            sources,
        }
    }

    /// Makes the image ready.
    pub(super) async fn run(&self, engine: &dyn Engine, flight: &Flight) -> Result<ReadyImage> {
        let found = match self.request.policy {
            EnsurePolicy::Always => None,
            _ => self.find(engine).await?,
        };
        match (self.request.policy, found) {
            (EnsurePolicy::Newer, Some(found)) => self.update(engine, flight, found).await,
            (_, Some(found)) => self.present(engine, flight, found, Vec::new(), None).await,
            (EnsurePolicy::Never, None) => self.build_after(engine, flight, self.not_there()).await,
            (_, None) => match self.pull(engine, flight).await {
                Ok(image) => Ok(image),
                Err(error) => self.build_after(engine, flight, error).await,
            },
        }
    }

    /// Looks for the image under each of its names.
    async fn find(&self, engine: &dyn Engine) -> Result<Option<Found>> {
        for source in &self.sources {
            let name = ImageName::from(source.clone());
            let details = engine
                .inspect(&name, self.request.platform.as_ref())
                .await?;
            let is_it =
                |details: &ImageDetails| !details.is_artifact && has_its_digest(source, details);
            if let Some(details) = details.filter(is_it) {
                let source = source.clone();
                return Ok(Some(Found { source, details }));
            }
        }
        Ok(None)
    }

    /// An image that was there, under the name that was asked for.
    async fn present(
        &self,
        engine: &dyn Engine,
        flight: &Flight,
        found: Found,
        mut warnings: Vec<Warning>,
        kept_after: Option<Error>,
    ) -> Result<ReadyImage> {
        let Found { source, details } = found;
        if let (Some(wanted), None) = (&self.request.platform, &details.platform) {
            let message = format!("the engine does not say whether `{source}` is for `{wanted}`");
            warnings.push(Warning::new("PLATFORM_UNVERIFIED", message));
        }
        if source != self.request.reference {
            let named = give_name(engine, &source, &self.request.reference, &details.id).await?;
            warnings.extend(named);
        }
        for warning in &warnings {
            flight.emit(&ProgressEvent::Warning(warning.clone()));
        }
        let of_any = || Some(details.repo_digests.first()?.split_once('@')?.1.to_owned());
        Ok(ReadyImage {
            reference: self.request.reference.to_string(),
            digest: known_digest(&details, &source).or_else(of_any),
            image_id: details.id,
            platform: details.platform,
            size_bytes: details.size_bytes,
            origin: Origin::Present,
            source: source.to_string(),
            attempts: kept_after
                .map_or_else(Vec::new, |mut error| std::mem::take(&mut error.attempts)),
            build: None,
            duration_ms: 0,
            warnings,
        })
    }

    /// Pulls the image where its registry has another than the one that is there.
    async fn update(
        &self,
        engine: &dyn Engine,
        flight: &Flight,
        found: Found,
    ) -> Result<ReadyImage> {
        let (standing, mut warnings) = newer::compare(engine, flight, self, &found).await?;
        let error = match standing {
            Standing::Current => return self.present(engine, flight, found, warnings, None).await,
            Standing::Unknown(error) => error,
            Standing::Outdated => match self.pull(engine, flight).await {
                Ok(image) => return Ok(image),
                Err(error) if newer::keeps_local(error.kind) => error,
                Err(error) => return Err(error),
            },
        };
        let message = format!("the image that is there is kept: {error}");
        warnings.push(Warning::new(Warning::NOT_UPDATED, message));
        self.present(engine, flight, found, warnings, Some(error))
            .await
    }

    async fn pull(&self, engine: &dyn Engine, flight: &Flight) -> Result<ReadyImage> {
        let request = PullRequest {
            reference: self.request.reference.clone(),
            fallbacks: Some(self.sources[1..].to_vec()),
            platform: self.request.platform.clone(),
            retry: self.request.retry,
            timeouts: self.request.timeouts,
            credentials: self.request.credentials.clone(),
        };
        let pulled = pull_image(engine, &request, flight).await?;
        Ok(ReadyImage {
            reference: pulled.reference,
            image_id: pulled.image_id,
            digest: pulled.digest,
            platform: pulled.platform,
            size_bytes: pulled.size_bytes,
            origin: Origin::Pulled,
            source: pulled.source,
            attempts: pulled.attempts,
            build: None,
            duration_ms: pulled.duration_ms,
            warnings: pulled.warnings,
        })
    }

    /// Builds the image where that is allowed and `failure` says no more than that no source has it.
    async fn build_after(
        &self,
        engine: &dyn Engine,
        flight: &Flight,
        failure: Error,
    ) -> Result<ReadyImage> {
        let Some(build) = self
            .request
            .build
            .as_ref()
            .filter(|_| may_build(failure.kind))
        else {
            return Err(failure);
        };
        let message = match self.request.policy {
            EnsurePolicy::Never => format!("`{}` is not there; building it", self.sources[0]),
            _ => format!("no source has `{}`; building it", self.sources[0]),
        };
        flight.begin_build(Instant::now());
        flight.emit(&ProgressEvent::Status(Status {
            step: None,
            message,
        }));
        self.build(engine, flight, build, failure).await
    }

    async fn build(
        &self,
        engine: &dyn Engine,
        flight: &Flight,
        build: &EnsureBuild,
        mut failure: Error,
    ) -> Result<ReadyImage> {
        let attempts = std::mem::take(&mut failure.attempts);
        let request = self.request.build_request(build);
        let built = match build_image(engine, &request, flight).await {
            Ok(built) => built,
            Err(mut error) => {
                error.attempts = attempts;
                if error.source.is_none() && self.request.policy != EnsurePolicy::Never {
                    error = error.with_source(failure);
                }
                return Err(error);
            }
        };
        let Some(image_id) = built.image_id.clone() else {
            let message = format!("cannot find `{}` after its build", self.request.reference);
            return Err(Error::new(ErrorKind::EngineError, message));
        };
        Ok(ReadyImage {
            reference: self.request.reference.to_string(),
            image_id,
            digest: built.digest.clone(),
            platform: built.platform.clone(),
            size_bytes: built.size_bytes,
            origin: Origin::Built,
            source: "build".to_owned(),
            attempts,
            duration_ms: built.duration_ms,
            warnings: built.warnings.clone(),
            build: Some(built),
        })
    }

    fn not_there(&self) -> Error {
        let reference = &self.request.reference;
        let wanted = match &self.request.platform {
            Some(platform) => format!("is not there for `{platform}`"),
            None => "is not there".to_owned(),
        };
        let message = format!(
            "cannot use `{reference}`: it {wanted}, and the policy `never` asks no registry"
        );
        Error::new(ErrorKind::ImageNotFound, message)
            .with_hint("pull or build it first, or allow a pull with the policy `missing`")
    }

    /// What the registries are asked with.
    pub(super) fn request(&self) -> &EnsureRequest {
        &self.request
    }
}

/// A pinned image is there where the engine knows its digest.
fn has_its_digest(source: &Reference, details: &ImageDetails) -> bool {
    source.digest().is_none_or(|wanted| {
        details.id == wanted || details.digests_of(source).any(|digest| digest == wanted)
    })
}

/// Whether an image is built that could not be pulled: each failure that another source might have cured. The others are
/// of the engine, of what was served, or of the call, and a build would hide them.
fn may_build(kind: ErrorKind) -> bool {
    kind == ErrorKind::AllSourcesFailed || kind.tries_next_source()
}
