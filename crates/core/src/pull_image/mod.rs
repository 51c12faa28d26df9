//! Pulls an image from the first of its sources that has it.

mod all_failed;
mod result;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

pub use result::PulledImage;

use self::all_failed::all_failed;
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
use crate::reference::{ImageName, Reference};
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
            if let Some(found) = found
                && refuses_login(error.kind)
            {
                error = not_accepted(error, &found);
                attempt.code = Some(error.kind);
                attempt.message = Some(error.message.clone());
                attempt.delay_ms = Some(0);
                self.attempts.push(attempt);
                let phase = AttemptPhase::RetryingAnonymously;
                self.tell(source, number, phase, Some(&error), Some(Duration::ZERO));
                refused = Some((found, error));
                number += 1;
                continue;
            }
            let answer = error.kind;
            attempt.code = Some(answer);
            attempt.message = Some(error.message.clone());
            if wants_login(answer)
                && let Some((_, first)) = refused.take()
            {
                error = first;
            }
            let delay = tries.next_delay(&error, last, tokio_retry::strategy::jitter);
            attempt.delay_ms = delay.map(millis);
            self.attempts.push(attempt);
            let phase = match delay {
                Some(_) => AttemptPhase::Retrying,
                None if !last && error.kind.tries_next_source() => AttemptPhase::FallingBack,
                None => AttemptPhase::Failed,
            };
            self.tell(source, number, phase, Some(&error), delay);
            let Some(delay) = delay else {
                return Err(error);
            };
            tokio::time::sleep(delay).await;
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

    /// Looks the image up: an engine's "done" alone proves nothing, and engines keep images of other platforms.
    async fn verify(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
    ) -> Result<ImageDetails> {
        let name = ImageName::from(reference.clone());
        let wanted = self.request.platform.as_ref();
        let found = self.engine.inspect(&name, wanted).await?;
        if found.as_ref().is_some_and(|details| details.is_artifact) {
            return Err(no_image(reference));
        }
        let details = match (found, wanted) {
            (Some(details), Some(wanted)) if details.platform.is_none() => {
                self.settle_platform(reference, credentials, details, wanted)
                    .await?
            }
            (Some(details), _) => details,
            (None, None) => return Err(no_such_image(reference)),
            (None, Some(wanted)) => {
                let other = self.engine.inspect(&name, None).await?;
                let other = other.ok_or_else(|| no_such_image(reference))?;
                if other.is_artifact {
                    return Err(no_image(reference));
                }
                let actual = other
                    .platform
                    .map_or_else(|| "another one".to_owned(), |actual| format!("`{actual}`"));
                return Err(mismatch(
                    reference,
                    wanted,
                    &format!("the engine has {actual}"),
                ));
            }
        };
        if let Some(wanted) = reference.digest()
            && details.id != wanted
            && !details.digests_of(reference).any(|digest| digest == wanted)
        {
            return Err(Error::new(
                ErrorKind::DigestMismatch,
                format!("cannot use `{reference}`: the engine has the image under another digest"),
            ));
        }
        Ok(details)
    }

    /// Decides about an image of which the engine does not know the platform: the containerd image store does not,
    /// where it took the layers from another image without fetching them. The registry may know; where it does not,
    /// the engine was asked for the platform and reported success, which is told as a warning and no more.
    async fn settle_platform(
        &self,
        reference: &Reference,
        credentials: Option<&Credentials>,
        details: ImageDetails,
        wanted: &Platform,
    ) -> Result<ImageDetails> {
        let platforms = self.engine.registry_platforms(reference, credentials).await;
        let platforms = platforms.unwrap_or_default();
        if platforms.is_empty() {
            return Ok(details);
        }
        match platforms.into_iter().find(|actual| wanted.matches(actual)) {
            Some(found) => Ok(ImageDetails {
                platform: Some(found),
                ..details
            }),
            None => Err(mismatch(reference, wanted, "the registry has another one")),
        }
    }

    /// Gives the image the name that was asked for, and proves that it has it.
    async fn finish(&mut self, source: &Reference, served: Served) -> Result<PulledImage> {
        let canonical = &self.request.reference;
        let Served { pulled, details } = served;
        let known = || details.digests_of(source).next().map(str::to_owned);
        let digest = pulled.digest.or_else(known);
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
        let is_named = source == canonical && canonical.digest().is_none();
        if canonical.tag().is_some() && !is_named {
            // Engines that pull by digest give no tag, even where the reference has one.
            let target = canonical.without_digest();
            let name = ImageName::from(source.clone());
            self.engine.tag(&name, &target).await?;
            let named = ImageName::from(target.clone());
            let found = self.engine.inspect(&named, None).await?;
            if found.is_none_or(|found| found.id != details.id) {
                return Err(no_such_image(&target));
            }
        } else if source != canonical {
            // Engines give images tags, not digests: only a registry's answer makes a digest known.
            let message = format!(
                "the image came from `{source}`; it has no tag to be known by as `{canonical}`"
            );
            warnings.push(self.warn("NOT_NAMED", message));
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

    /// Tells what there was trouble with, once, and keeps it for the result.
    fn tell_troubles(&mut self) {
        for warning in self.keychain.take_warnings() {
            self.progress.emit(&ProgressEvent::Warning(warning.clone()));
            self.warnings.push(warning);
        }
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

/// The event without what registries were shown, which the engine may repeat in its own words.
fn hidden<'a>(event: &'a ProgressEvent, keychain: &Keychain) -> Cow<'a, ProgressEvent> {
    let mut event = Cow::Borrowed(event);
    match &*event {
        ProgressEvent::Status(_) | ProgressEvent::Warning(_) => match event.to_mut() {
            ProgressEvent::Status(status) => keychain.hide(&mut status.message),
            ProgressEvent::Warning(warning) => keychain.hide(&mut warning.message),
            _ => {}
        },
        // Attempts have the words of errors, which are hidden already.
        _ => {}
    }
    event
}

/// The error of a registry that was shown credentials, with what can be done about them.
fn not_accepted(error: Error, found: &Found) -> Error {
    let hint = format!(
        "the credentials from {} are not accepted: log in again, or correct them",
        found.origin
    );
    error.with_hint(hint)
}

fn mismatch(reference: &Reference, wanted: &Platform, found: &str) -> Error {
    let message = format!("cannot use `{reference}`: wanted platform `{wanted}`, {found}");
    Error::new(ErrorKind::PlatformMismatch, message)
}

fn no_image(reference: &Reference) -> Error {
    let message =
        format!("cannot use `{reference}`: the engine has it, but it is no container image");
    Error::new(ErrorKind::UnsupportedImage, message)
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
