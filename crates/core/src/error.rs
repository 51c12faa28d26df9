//! The one error of this library: a stable code, what was done, to what, what happened, what to try.

use std::error::Error as StdError;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::attempt::Attempt;
use crate::source;

/// Result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $retry:ident, $next:ident, $hint:expr;)*) => {
        /// Why something failed. The code of each kind is stable and public.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[$doc])* $kind,)* }

        impl ErrorKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Stable name in `SCREAMING_SNAKE` case.
            pub fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)* }
            }

            /// Whether the same source is worth another try.
            pub fn retry(self) -> RetryRule {
                match self { $(Self::$kind => RetryRule::$retry,)* }
            }

            /// Whether another source may cure it, and when to go there.
            pub fn next_source(self) -> NextSource {
                match self { $(Self::$kind => NextSource::$next,)* }
            }

            /// What a person can do about it.
            pub fn hint(self) -> Option<&'static str> {
                match self { $(Self::$kind => $hint,)* }
            }
        }
    };
}

/// How often the same source is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryRule {
    /// Asking again cannot help.
    Never,
    /// One more try after a short wait.
    OnceQuickly,
    /// One more try after the usual wait.
    Once,
    /// As often as the caller allows, with growing waits.
    Attempts,
    /// One late try, and only when no other source is left.
    WhenLast,
}

/// What to try where a step failed that printed something.
const READ_THE_LOG: &str = "read the log of the failed step";

/// What a failure says about the other sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextSource {
    /// Another source is not asked.
    Never,
    /// Another source is asked, once the tries at this one are used up.
    Yes,
}

kinds! {
    /// An option is missing, unknown, contradictory or out of range.
    InvalidOption = "INVALID_OPTION", Never, Never, None;
    /// An image reference does not parse; nothing was sent.
    InvalidReference = "INVALID_REFERENCE", Never, Never,
        Some("write it as [registry[:port]/]repository[:tag][@digest], in lower case");
    /// The Dockerfile does not parse, or names something that is not there.
    DockerfileInvalid = "DOCKERFILE_INVALID", Never, Never, Some("correct the Dockerfile");
    /// The build context cannot be read or was refused.
    ContextInvalid = "CONTEXT_INVALID", Never, Never,
        Some("check the files of the build context");
    /// What a build writes on this machine, an output or a cache, cannot be written.
    OutputFailed = "OUTPUT_FAILED", Never, Never,
        Some("check that the place is writable and that its disk is not full");
    /// No engine was found at any place that was tried.
    EngineNotFound = "ENGINE_NOT_FOUND", OnceQuickly, Never,
        Some("start Docker or Podman, or set DOCKER_HOST to the engine's endpoint");
    /// The engine's endpoint is known, but nothing answers there.
    EngineUnreachable = "ENGINE_UNREACHABLE", OnceQuickly, Never,
        Some("check that the engine is running and that DOCKER_HOST names its endpoint");
    /// The engine's socket may not be opened by this user, or what stands before the engine refuses.
    EnginePermissionDenied = "ENGINE_PERMISSION_DENIED", Never, Never,
        Some("join the socket's group (for Docker: `docker`, which equals root), or use a rootless engine");
    /// The TLS connection to the engine failed.
    EngineTls = "ENGINE_TLS", Never, Never,
        Some("check DOCKER_CERT_PATH and that the engine's certificate names its host");
    /// The engine's API is too old or too new.
    EngineVersion = "ENGINE_VERSION", Never, Never, Some("upgrade the engine, or this package");
    /// The engine's disk is full.
    EngineDiskFull = "ENGINE_DISK_FULL", Never, Never,
        Some("free space where the engine keeps its images, for example with `docker system prune`");
    /// This engine cannot do what was asked.
    UnsupportedByEngine = "UNSUPPORTED_BY_ENGINE", Never, Never, Some("use an engine that has the feature");
    /// The engine failed for a reason of its own; its text is in the message.
    EngineError = "ENGINE_ERROR", Never, Never, Some("look into the engine's log");
    /// The connection to the engine ended before its answer did.
    EngineDisconnected = "ENGINE_DISCONNECTED", Attempts, Never,
        Some("the engine may have been restarted: look into its log");
    /// The engine's answer is not what an engine says.
    EngineProtocol = "ENGINE_PROTOCOL", Once, Never,
        Some("check that the endpoint is a container engine and not another service");
    /// The registry has no such repository or tag.
    ImageNotFound = "IMAGE_NOT_FOUND", Never, Yes, Some("check the name and the tag");
    /// The image exists, but not for the wanted platform.
    PlatformNotFound = "PLATFORM_NOT_FOUND", Never, Yes, Some("ask for a platform that the image is built for");
    /// The engine ended up with an image of another platform.
    PlatformMismatch = "PLATFORM_MISMATCH", Never, Yes, Some("ask for a platform that the image is built for");
    /// What the name points at is not a container image that this engine can run.
    UnsupportedImage = "UNSUPPORTED_IMAGE", Never, Yes, Some("check that the name is an image and not a chart or another artifact");
    /// The registry wants credentials.
    AuthRequired = "AUTH_REQUIRED", Never, Yes, Some("log in with `docker login REGISTRY`");
    /// The registry refused: the repository is private or does not exist.
    AccessDenied = "ACCESS_DENIED", Never, Yes,
        Some("check the name; for a private repository log in with `docker login REGISTRY`");
    /// A credential helper failed, and the registry gives nothing to somebody without credentials.
    CredentialHelper = "CREDENTIAL_HELPER", Never, Yes, Some("run the credential helper by hand to see why it fails");
    /// The registry limits how often it may be asked.
    RateLimited = "RATE_LIMITED", WhenLast, Yes, Some("wait, log in to raise the limit, or use a mirror");
    /// Nothing answers at the registry's address.
    RegistryUnreachable = "REGISTRY_UNREACHABLE", OnceQuickly, Yes, Some("check the network between the engine and the registry");
    /// The registry's name does not resolve.
    RegistryDns = "REGISTRY_DNS", OnceQuickly, Yes, Some("check the registry's name and the engine's DNS");
    /// The registry answered with a failure of its own.
    RegistryError = "REGISTRY_ERROR", Attempts, Yes, Some("try again later, or use another registry");
    /// The connection to the registry broke.
    RegistryConnectionLost = "REGISTRY_CONNECTION_LOST", Attempts, Yes, Some("check the network between the engine and the registry");
    /// Something did not answer in its time.
    Timeout = "TIMEOUT", Attempts, Yes, Some("check the network, or allow more time");
    /// Nothing moved for the allowed time.
    Stalled = "STALLED", Attempts, Yes, Some("check the network, or allow more time with `timeouts.stallMs`");
    /// The TLS connection to the registry failed. Another source is not asked: broken TLS can be an attack.
    RegistryTls = "REGISTRY_TLS", Never, Never,
        Some("add the registry's CA to the engine, for example in /etc/docker/certs.d/REGISTRY/ca.crt");
    /// Content does not match its digest. Never retried, and never cured by another source.
    DigestMismatch = "DIGEST_MISMATCH", Never, Never,
        Some("do not use this image: what was served is not what was promised");
    /// A step of the build failed.
    BuildFailed = "BUILD_FAILED", Never, Never, Some("look at the step, and at what it works with");
    /// The time allowed for the whole call is over.
    Deadline = "DEADLINE", Never, Never, Some("allow more time with `timeouts.totalMs`");
    /// Every source failed; each attempt is in `attempts`.
    AllSourcesFailed = "ALL_SOURCES_FAILED", Never, Never, Some("look at `attempts`: each source says why it failed");
    /// A listener of the caller failed; the work was cancelled.
    ListenerFailed = "LISTENER_FAILED", Never, Never, Some("correct the progress listener: `cause` is what it threw");
    /// A fault of this library.
    Internal = "INTERNAL", Never, Never, Some("please report this as a bug");
}

impl ErrorKind {
    /// Whether trying again later, with nothing changed, can succeed.
    pub fn is_transient(self) -> bool {
        self.retry() != RetryRule::Never
    }

    /// Whether another source of the same image may cure it.
    pub fn tries_next_source(self) -> bool {
        self.next_source() == NextSource::Yes
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// What was being done when an error came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Finding and reaching an engine.
    Connect,
    /// Looking up a local image.
    InspectImage,
    /// Pulling an image.
    PullImage,
    /// Building an image.
    BuildImage,
    /// Making an image ready.
    EnsureImage,
    /// Checking a build.
    CheckBuild,
    /// Saying what there is to work with.
    Diagnose,
}

impl Operation {
    /// Name of the JavaScript function that does it; `connect` is part of each.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::InspectImage => "inspectImage",
            Self::PullImage => "pullImage",
            Self::BuildImage => "buildImage",
            Self::EnsureImage => "ensureImage",
            Self::CheckBuild => "checkBuild",
            Self::Diagnose => "diagnose",
        }
    }
}

/// A failed operation.
///
/// `Display` is one line: what was done, to what, and what happened. Callers match [`ErrorDetails::kind`], never text.
/// A copy shares what lay below.
#[derive(Clone)]
pub struct Error(Box<ErrorDetails>);

/// The parts of an [`Error`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ErrorDetails {
    /// Why.
    pub kind: ErrorKind,
    /// What was being done.
    pub operation: Option<Operation>,
    /// One line, lower case, without control characters.
    pub message: String,
    /// What to try, where it is more telling than [`ErrorKind::hint`].
    pub hint: Option<String>,
    /// Canonical reference of the image in question.
    pub reference: Option<String>,
    /// Registry host that was asked.
    pub registry: Option<String>,
    /// Every try at every source, in order.
    pub attempts: Vec<Attempt>,
    /// The most telling kind among the attempts, for [`ErrorKind::AllSourcesFailed`].
    pub primary: Option<ErrorKind>,
    /// How long the other side asked to wait before the next try.
    pub retry_after: Option<Duration>,
    /// Whether the engine had already retried by itself; such a failure counts as two tries.
    pub engine_retried: bool,
    /// The build step that failed, as the Dockerfile has it.
    pub step: Option<String>,
    /// Exit code of the failed build step.
    pub exit_code: Option<i64>,
    /// The last whole, clean lines that the failed step printed, oldest first, at most 20.
    pub log_tail: Vec<String>,
    /// Place in the Dockerfile that is at fault.
    pub dockerfile: Option<DockerfilePlace>,
    /// What lay below.
    pub source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// A place in a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerfilePlace {
    /// The Dockerfile as the caller named it, below the context folder; absent where it is no file of this machine.
    pub path: Option<PathBuf>,
    /// First line at fault, from 1.
    pub start_line: u32,
    /// Last line at fault, from 1.
    pub end_line: u32,
    /// The lines, marked, between some others, as `docker build` prints them; absent where the engine does not send
    /// them (the classic builder, Docker 20.10). Several lines, without control characters.
    pub excerpt: Option<String>,
}

impl DockerfilePlace {
    /// A single line of which nothing else is known.
    pub fn line(line: u32) -> Self {
        Self {
            path: None,
            start_line: line,
            end_line: line,
            excerpt: None,
        }
    }
}

impl Error {
    /// Makes an error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorDetails {
            kind,
            operation: None,
            message: message.into(),
            hint: None,
            reference: None,
            registry: None,
            attempts: Vec::new(),
            primary: None,
            retry_after: None,
            engine_retried: false,
            step: None,
            exit_code: None,
            log_tail: Vec::new(),
            dockerfile: None,
            source: None,
        }))
    }

    /// Adds what was being done, unless something nearer to the cause has said so.
    #[must_use]
    pub fn with_operation(mut self, operation: Operation) -> Self {
        self.operation.get_or_insert(operation);
        self
    }

    /// Adds the image in question.
    #[must_use]
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// Replaces the hint of the kind.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    /// Has `hide` take out of every text what must not be shown, in all that lies below as well.
    pub(crate) fn hide(&mut self, hide: &dyn Fn(&mut String)) {
        let details = &mut *self.0;
        hide(&mut details.message);
        details.hint.iter_mut().for_each(hide);
        details.step.iter_mut().for_each(hide);
        details.log_tail.iter_mut().for_each(hide);
        let place = details.dockerfile.as_mut();
        place.and_then(|place| place.excerpt.as_mut()).map(hide);
        let attempts = details.attempts.iter_mut();
        let messages = attempts.filter_map(|attempt| attempt.message.as_mut());
        messages.for_each(hide);
        if let Some(source) = details.source.take() {
            details.source = Some(source::hidden(source, hide));
        }
    }

    /// What to try: the error's own hint, else the one of its kind.
    pub fn hint(&self) -> Option<&str> {
        let has_log = self.kind == ErrorKind::BuildFailed && !self.log_tail.is_empty();
        let by_kind = has_log.then_some(READ_THE_LOG).or(self.kind.hint());
        self.hint.as_deref().or(by_kind)
    }
}

impl Deref for Error {
    type Target = ErrorDetails;

    fn deref(&self) -> &ErrorDetails {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut ErrorDetails {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of the README's table: same source again, next source.
    fn row(kind: ErrorKind) -> String {
        let again = match kind.retry() {
            RetryRule::Never => "no",
            RetryRule::OnceQuickly => "once, quickly",
            RetryRule::Once => "once",
            RetryRule::Attempts => "yes",
            RetryRule::WhenLast => "once, when it is the last",
        };
        let next = if kind.tries_next_source() {
            "yes"
        } else {
            "no"
        };
        format!("{kind} | {again} | {next}")
    }

    #[test]
    fn the_readme_says_every_kind_and_its_rules() {
        let readme = include_str!("../../../README.md");
        let told: Vec<String> = readme
            .lines()
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .filter_map(|cells| {
                let (code, _) = cells.get(1)?.strip_prefix("[`")?.split_once("`](")?;
                let is_code = code
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
                is_code.then(|| format!("{code} | {} | {}", cells[3], cells[4]))
            })
            .collect();
        let known: Vec<String> = ErrorKind::ALL.iter().map(|kind| row(*kind)).collect();
        assert_eq!(told, known);
    }

    #[test]
    fn no_message_of_ours_shouts_or_ends_like_a_sentence() {
        for kind in ErrorKind::ALL {
            let hint = kind.hint().unwrap_or("none");
            assert!(
                hint.starts_with(|first: char| first.is_lowercase()),
                "{kind}: {hint}"
            );
            assert!(!hint.ends_with('.'), "{kind}: {hint}");
        }
    }

    #[test]
    fn the_nearest_operation_is_kept() {
        let error = Error::new(ErrorKind::EngineNotFound, "no engine")
            .with_operation(Operation::Connect)
            .with_operation(Operation::PullImage);
        assert_eq!(error.operation, Some(Operation::Connect));
    }
}
