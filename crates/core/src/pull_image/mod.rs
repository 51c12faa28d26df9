//! Pulls an image from the first of its sources that has it.

mod all_failed;
mod logins;
mod name;
mod result;
#[cfg(test)]
mod tests;
mod verify;

use std::time::Duration;

use tokio::time::Instant;

pub(crate) use name::give_name;
pub use result::PulledImage;

use self::all_failed::all_failed;
use self::logins::{hidden, not_accepted};
use crate::attempt::Attempt;
use crate::credentials::{
    CredentialSources, Credentials, Found, Keychain, Registry, Trouble, refuses_login, wants_login,
};
use crate::engine::{Engine, EnginePull, EnginePulled, ImageDetails};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::fallback;
use crate::platform::Platform;
use crate::progress::throttled::Throttled;
use crate::progress::{AttemptPhase, Attempted, ProgressEvent, ProgressSink, Warning};
use crate::reference::Reference;
use crate::retry::{RetryPolicy, Tries};
use crate::timeouts::Timeouts;

/// What to pull, from where, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// The image. Whatever source serves it, it is there under this name afterwards.
    pub reference: Reference,
    /// Other places to get it from, in order. Absent: the defaults of the image, which only the opencode image has.
    pub fallbacks: Option<Vec<Reference>>,
    /// Platform to pull; the engine's own when absent.
    pub platform: Option<Platform>,
    /// Tries and waits at each source.
    pub retry: RetryPolicy,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Where the credentials for registries come from. Each source is shown those of its own registry only.
    pub credentials: CredentialSources,
}

impl PullRequest {
    /// A pull of `reference` with every default.
    pub fn new(reference: Reference) -> Self {
        Self {
            reference,
            fallbacks: None,
            platform: None,
            retry: RetryPolicy::default(),
            timeouts: Timeouts::PULL,
            credentials: CredentialSources::default(),
        }
    }
}

/// Pulls an image and returns once the engine has it under the name that was asked for.
///
/// Dropping the future cancels the pull at the engine, and every wait at once.
pub async fn pull_image(
    engine: &dyn Engine,
    request: &PullRequest,
    progress: &dyn ProgressSink,
) -> Result<PulledImage> {
    let keychain = Keychain::new(request.credentials.clone());
    let masked = |event: &ProgressEvent| progress.emit(&hidden(event, &keychain));
    let progress = &Throttled::new(&masked);
    let mut pull = Pull {
        engine,
        request,
        progress,
        keychain: keychain.clone(),
        started: Instant::now(),
        attempts: Vec::new(),
        current: None,
        warnings: Vec::new(),
    };
    let result = match request.timeouts.total {
        None => progress.run(pull.run()).await,
        Some(total) => match tokio::time::timeout(total, progress.run(pull.run())).await {
            Ok(result) => result,
            Err(_) => Err(pull.deadline(total)),
        },
    };
    result.map_err(|mut error| {
        error.attempts = std::mem::take(&mut pull.attempts);
        if error.reference.is_none() {
            error.reference = Some(request.reference.to_string());
        }
        error.with_operation(Operation::PullImage)
    })
}

struct Pull<'a> {
    engine: &'a dyn Engine,
    request: &'a PullRequest,
    progress: &'a Throttled<'a>,
    keychain: Keychain,
    started: Instant,
    attempts: Vec<Attempt>,
    /// The try under way, and when it began.
    current: Option<(Reference, u32, Instant)>,
    /// What should be known of the credentials.
    warnings: Vec<Warning>,
}

/// A source that served the image.
struct Served {
    pulled: EnginePulled,
    details: ImageDetails,
}

impl Pull<'_> {
    async fn run(&mut self) -> Result<PulledImage> {
        let sources =
            fallback::sources(&self.request.reference, self.request.fallbacks.as_deref())?;
        let (_, odd_settings) = self.keychain.docker_config().await;
        for warning in odd_settings {
            self.progress.emit(&ProgressEvent::Warning(warning.clone()));
        }
        let mut failures: Vec<Error> = Vec::new();
        for (position, source) in sources.iter().enumerate() {
            let last = position + 1 == sources.len();
            match self.pull_from(source, last).await {
                Ok(served) => return self.finish(source, served).await,
                Err(error) if last || !error.kind.tries_next_source() => {
                    // One source, or a failure that no other source may cure: it speaks for itself.
                    let alone = sources.len() == 1 || !error.kind.tries_next_source();
                    failures.push(error);
                    return Err(if alone { failures.pop() } else { None }
                        .unwrap_or_else(|| all_failed(&self.request.reference, failures)));
                }
                Err(error) => failures.push(error),
            }
        }
        Err(Error::new(ErrorKind::Internal, "an image has no source"))
    }

    /// Tries one source until it serves the image or gives no more hope. Where it does not accept the credentials that there
    /// are, it is asked once more without: old ones turn an image for everybody into one that is denied.
    async fn pull_from(&mut self, source: &Reference, last: bool) -> Result<Served> {
        let mut tries = Tries::new(self.request.retry);
        let mut number = 1;
        let registry = Registry::at(source.registry());
        let mut refused: Option<(Found, Error)> = None;
        loop {
            self.tell(source, number, AttemptPhase::Starting, None, None);
            let began = Instant::now();
            self.current = Some((source.clone(), number, began));
            let found = match &refused {
                Some(_) => None,
                None => self.keychain.find_for(&registry, source.repository()).await,
            };
            self.tell_troubles();
            let credentials = found.as_ref().map(|found| &found.credentials);
            let outcome = self.try_once(source, credentials.cloned()).await;
            self.current = None;
            let mut attempt = Attempt {
                reference: source.to_string(),
                registry: source.registry().to_owned(),
                attempt: number,
                code: None,
                message: None,
                duration_ms: millis(began.elapsed()),
                delay_ms: None,
            };
            let mut error = match outcome {
                Ok(served) => {
                    self.attempts.push(attempt);
                    if let Some((found, error)) = refused {
                        self.keychain
                            .complain(Trouble::refused(&registry, &found, &error));
                        self.tell_troubles();
                    }
                    return Ok(served);
                }
                Err(error) => error,
            };
            error.reference.get_or_insert_with(|| source.to_string());
            error
                .registry
                .get_or_insert_with(|| source.registry().to_owned());
            error = self.keychain.explain(error);
            let is_stale = refuses_login(error.kind);
            let stale = found.filter(|_| is_stale);
            if let Some(found) = &stale {
                error = not_accepted(error, found);
            }
            let delay = match stale {
                Some(_) => Some(Duration::ZERO),
                None => tries.next_delay(&error, last, tokio_retry::strategy::jitter),
            };
            attempt.code = Some(error.kind);
            attempt.message = Some(error.message.clone());
            attempt.delay_ms = delay.map(millis);
            self.attempts.push(attempt);
            let phase = match delay {
                Some(_) if stale.is_some() => AttemptPhase::RetryingAnonymously,
                Some(_) => AttemptPhase::Retrying,
                None if !last && error.kind.tries_next_source() => AttemptPhase::FallingBack,
                None => AttemptPhase::Failed,
            };
            self.tell(source, number, phase, Some(&error), delay);
            let Some(delay) = delay else {
                let first = refused.filter(|_| wants_login(error.kind));
                return Err(first.map_or(error, |(_, first)| first));
            };
            match stale {
                Some(found) => refused = Some((found, error)),
                None => tokio::time::sleep(delay).await,
            }
            number += 1;
        }
    }

    /// One request to the engine. It counts as served only when the image can then be inspected.
    async fn try_once(
        &self,
        source: &Reference,
        credentials: Option<Credentials>,
    ) -> Result<Served> {
        let pull = EnginePull {
            reference: source.clone(),
            platform: self.request.platform.clone(),
            stall: self.request.timeouts.stall,
            credentials,
        };
        let pulled = self.engine.pull(&pull, self.progress).await;
        // A registry may repeat what it was shown, and the engine repeats the registry.
        let pulled = pulled.map_err(|mut error| {
            error.hide(&|text| self.keychain.hide(text));
            error
        })?;
        let details = self.verify(source, pull.credentials.as_ref()).await?;
        self.progress.complete_layers();
        Ok(Served { pulled, details })
    }

    /// Gives the image the name that was asked for, and proves that it has it.
    async fn finish(&mut self, source: &Reference, served: Served) -> Result<PulledImage> {
        let canonical = &self.request.reference;
        let Served { pulled, details } = served;
        let digest = pulled.digest.or_else(|| known_digest(&details, source));
        let (_, odd_settings) = self.keychain.docker_config().await;
        let mut warnings = odd_settings.to_vec();
        warnings.append(&mut self.warnings);
        warnings.extend(pulled.warnings);
        let messages = warnings.iter_mut().map(|warning| &mut warning.message);
        messages.for_each(|message| self.keychain.hide(message));
        if let (Some(wanted), None) = (&self.request.platform, &details.platform) {
            let message = format!("the engine does not say whether `{source}` is for `{wanted}`");
            warnings.push(self.warn("PLATFORM_UNVERIFIED", message));
        }
        if let Some(warning) = give_name(self.engine, source, canonical, &details.id).await? {
            self.progress.emit(&ProgressEvent::Warning(warning.clone()));
            warnings.push(warning);
        }
        Ok(PulledImage {
            reference: canonical.to_string(),
            image_id: details.id,
            digest,
            platform: details.platform,
            size_bytes: details.size_bytes,
            source: source.to_string(),
            attempts: std::mem::take(&mut self.attempts),
            duration_ms: millis(self.started.elapsed()),
            warnings,
        })
    }

    fn warn(&self, code: &str, message: String) -> Warning {
        let warning = Warning::new(code, message);
        self.progress.emit(&ProgressEvent::Warning(warning.clone()));
        warning
    }

    fn tell(
        &self,
        source: &Reference,
        attempt: u32,
        phase: AttemptPhase,
        error: Option<&Error>,
        delay: Option<Duration>,
    ) {
        self.progress.emit(&ProgressEvent::Attempt(Attempted {
            reference: source.to_string(),
            registry: source.registry().to_owned(),
            attempt,
            // One without credentials is beyond those that are allowed.
            attempts: self.request.retry.attempts.max(attempt),
            phase,
            delay_ms: delay.map(millis),
            code: error.map(|error| error.kind),
            message: error.map(|error| error.message.clone()),
        }));
    }

    /// The error of a call whose time is over; the try under way counts as one that failed.
    fn deadline(&mut self, total: Duration) -> Error {
        let reference = &self.request.reference;
        let message = format!("cannot pull `{reference}` within {} s", total.as_secs_f64());
        let error = Error::new(ErrorKind::Deadline, message);
        let mut latest = self.attempts.iter().rev();
        let cause =
            latest.find_map(|attempt| Some(Error::new(attempt.code?, attempt.message.clone()?)));
        if let Some((source, number, began)) = self.current.take() {
            self.tell(&source, number, AttemptPhase::Failed, Some(&error), None);
            self.attempts.push(Attempt {
                reference: source.to_string(),
                registry: source.registry().to_owned(),
                attempt: number,
                code: Some(ErrorKind::Deadline),
                message: Some(error.message.clone()),
                duration_ms: millis(began.elapsed()),
                delay_ms: None,
            });
        }
        match cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }
}

/// The digest of what was pulled, where the engine does not say it. Podman lists the manifest of the platform first, and
/// after it, in no order, the indexes that it came by
/// (<https://github.com/containers/storage/blob/v1.57.2/images.go>, `recomputeDigests`).
pub(crate) fn known_digest(details: &ImageDetails, source: &Reference) -> Option<String> {
    let digests: Vec<&str> = details.digests_of(source).collect();
    let digest = match (source.digest(), &digests[..]) {
        (Some(wanted), _) => wanted,
        (None, [_manifest, index]) => index,
        (None, [first, ..]) => first,
        (None, []) => return None,
    };
    Some(digest.to_owned())
}

fn no_such_image(reference: &Reference) -> Error {
    let message = format!(
        "cannot find `{reference}` after its pull: the engine reported success but has no such image"
    );
    Error::new(ErrorKind::EngineError, message)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
