//! An engine that speaks the Docker Engine API: Docker, and Podman's compatible service.
//!
//! bollard makes the typed calls (tag). The two long streams are requested, framed and decoded here, and the
//! transport below all of them is one.

mod build;
mod build_query;
mod call;
mod classic_build;
mod distribution;
mod events;
mod facts;
mod inspect;
mod pull;
mod push;
mod query;
mod survey;
mod watch;

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::TagImageOptionsBuilder;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use self::call::Call;
use self::facts::Facts;
pub(crate) use self::survey::EngineAnswers;
use crate::buildkit;
use crate::check_build::CheckWarning;
use crate::credentials::Credentials;
use crate::engine::api_version::{self, ApiVersion};
use crate::engine::custom_headers::CustomHeaders;
use crate::engine::discover::{self, Candidate};
use crate::engine::endpoint::Endpoint;
use crate::engine::http::Http;
use crate::engine::{Engine, EngineBuild, EngineBuilt, EnginePull, EnginePulled, ImageDetails};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::platform::Platform;
use crate::progress::{ProgressEvent, ProgressSink};
use crate::reference::{ImageName, Reference};

/// Wait before the one more round of pings where an engine cannot be reached, or hangs up.
pub(crate) const SECOND_PING: Duration = Duration::from_millis(200);

/// Longest wait for the answer to a short typed call.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A reachable engine.
pub struct DockerEngine {
    http: Http,
    bollard: Docker,
    facts: OnceCell<Facts>,
    /// What this machine is known by to builders.
    node: String,
}

/// How the environment wants engines to be spoken to.
pub(crate) struct Manners {
    pinned: Option<ApiVersion>,
    headers: CustomHeaders,
}

impl Manners {
    /// Errors: `INVALID_OPTION` where the environment says something that cannot be sent.
    pub(crate) async fn of(environment: &Environment) -> Result<Self> {
        Ok(Self {
            pinned: api_version::pinned(environment)?,
            headers: CustomHeaders::of(environment).await?,
        })
    }
}

impl DockerEngine {
    /// Finds the engine and asks whether it is alive.
    ///
    /// `option` is the endpoint or the Docker context that the caller named; without it, `environment`, the current context
    /// of `docker` and then the usual places decide. Errors: `INVALID_OPTION`, `ENGINE_NOT_FOUND`, `ENGINE_UNREACHABLE`,
    /// `ENGINE_PERMISSION_DENIED`, `ENGINE_TLS`, `ENGINE_PROTOCOL`, `ENGINE_VERSION`.
    pub async fn connect(
        option: Option<&str>,
        environment: &Environment,
        connect_timeout: Duration,
    ) -> Result<Self> {
        let candidates = discover::candidates(option, environment).await?;
        let manners = Manners::of(environment).await?;
        let node = buildkit::node(environment).await;
        let mut failures: Vec<(&Candidate, Error)> = Vec::new();
        for is_second in [false, true] {
            if is_second {
                // An engine that is being restarted is away for a moment.
                if !failures
                    .iter()
                    .any(|(candidate, error)| may_return(candidate, error))
                {
                    break;
                }
                tokio::time::sleep(SECOND_PING).await;
            }
            failures.clear();
            for candidate in &candidates {
                match Self::greet(candidate, &manners, connect_timeout).await {
                    Ok(mut engine) => {
                        engine.node = node;
                        return Ok(engine);
                    }
                    Err(error) => failures.push((candidate, error)),
                }
            }
        }
        Err(not_reached(failures))
    }

    /// The engine at `candidate`, which has to answer within `limit`.
    pub(crate) async fn greet(
        candidate: &Candidate,
        manners: &Manners,
        limit: Duration,
    ) -> Result<Self> {
        let http = Http::new(candidate.endpoint.clone(), limit);
        let engine = Self::over(http.with_headers(manners.headers.clone()))?;
        match engine.ping(limit, manners.pinned).await {
            Ok(()) => Ok(engine),
            Err(error) => Err(manners.headers.hide(error)),
        }
    }

    /// An engine at `endpoint`, not asked yet.
    pub fn at(endpoint: Endpoint, connect_timeout: Duration) -> Result<Self> {
        Self::over(Http::new(endpoint, connect_timeout))
    }

    fn over(http: Http) -> Result<Self> {
        let transport = http.clone();
        let bollard = Docker::connect_with_custom_transport(
            move |request: bollard::BollardRequest| {
                let http = transport.clone();
                async move {
                    match http.send(request).await {
                        Ok(exchange) => Ok(exchange.into_response()),
                        Err(error) => Err(io::Error::other(error).into()),
                    }
                }
            },
            Some("http://engine"),
            ANSWER_TIMEOUT.as_secs(),
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot set up the engine's client").with_source(error)
        })?;
        Ok(Self {
            http,
            bollard,
            facts: OnceCell::new(),
            node: String::new(),
        })
    }

    /// Where the engine listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.http.endpoint
    }

    /// Asks whether it is alive, and agrees on the API's version: the one that is pinned, else the newest of both.
    async fn ping(&self, limit: Duration, pinned: Option<ApiVersion>) -> Result<()> {
        let endpoint = self.endpoint().to_string();
        let call = Call::connect(self, &endpoint);
        let agreed = async {
            let facts = *self.facts().await?;
            facts::check(&call, facts)?;
            match pinned {
                Some(version) => facts::pin(self, version).await,
                None => {
                    self.http.speak(api_version::spoken(facts.api_version));
                    Ok(())
                }
            }
        };
        match tokio::time::timeout(limit, agreed).await {
            Ok(agreed) => agreed,
            Err(_) => Err(call
                .name(Error::new(
                    ErrorKind::EngineUnreachable,
                    format!("it did not answer within {} s", limit.as_secs_f64()),
                ))
                .with_source(io::Error::from(io::ErrorKind::TimedOut))),
        }
    }

    /// What the engine says of itself, asked once.
    async fn facts(&self) -> Result<&Facts> {
        self.facts.get_or_try_init(|| facts::ask(self)).await
    }

    /// The work, whose errors do not repeat what only the engine may see.
    fn guarded<'a, T>(
        &'a self,
        work: impl Future<Output = Result<T>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        let headers = self.http.custom_headers();
        work.map(|done| done.map_err(|error| headers.hide(error)))
            .boxed()
    }

    /// The listener, whose events do not either.
    fn sink<'a>(&'a self, progress: &'a dyn ProgressSink) -> impl ProgressSink + 'a {
        let headers = self.http.custom_headers();
        move |event: &ProgressEvent| {
            if headers.is_empty() {
                progress.emit(event);
            } else {
                progress.emit(&headers.event(event));
            }
        }
    }

    async fn tag_image(&self, source: &ImageName, target: &Reference) -> Result<()> {
        let shown = source.to_string();
        let call = Call::tag(self, &shown);
        let options = TagImageOptionsBuilder::default()
            .repo(&target.name())
            .tag(target.tag().unwrap_or_default())
            .build();
        let tagged = self
            .bollard
            .tag_image(&source.lookup_name(), Some(options))
            .await;
        tagged.map_err(|error| call.typed_call_failed(error))
    }
}

impl Engine for DockerEngine {
    fn place(&self) -> Endpoint {
        self.endpoint().clone()
    }

    fn inspect<'a>(
        &'a self,
        name: &'a ImageName,
        platform: Option<&'a Platform>,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>>> {
        self.guarded(inspect::inspect(self, name, platform))
    }

    fn tag<'a>(
        &'a self,
        source: &'a ImageName,
        target: &'a Reference,
    ) -> BoxFuture<'a, Result<()>> {
        self.guarded(self.tag_image(source, target))
    }

    fn registry_platforms<'a>(
        &'a self,
        reference: &'a Reference,
        credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Result<Vec<Platform>>> {
        self.guarded(distribution::platforms(self, reference, credentials))
    }

    fn registry_digest<'a>(
        &'a self,
        reference: &'a Reference,
        credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Result<String>> {
        self.guarded(distribution::digest(self, reference, credentials))
    }

    fn pull<'a>(
        &'a self,
        pull: &'a EnginePull,
        progress: &'a dyn ProgressSink,
    ) -> BoxFuture<'a, Result<EnginePulled>> {
        self.guarded(async move { pull::pull(self, pull, &self.sink(progress)).await })
    }

    fn build<'a>(
        &'a self,
        build: &'a EngineBuild,
        progress: &'a dyn ProgressSink,
    ) -> BoxFuture<'a, Result<EngineBuilt>> {
        self.guarded(async move { build::build(self, build, &self.sink(progress)).await })
    }

    fn check<'a>(&'a self, build: &'a EngineBuild) -> BoxFuture<'a, Result<Vec<CheckWarning>>> {
        self.guarded(build::check(self, build))
    }
}

impl fmt::Debug for DockerEngine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DockerEngine")
            .field("endpoint", self.endpoint())
            .finish_non_exhaustive()
    }
}

/// Whether an engine may be there in a moment. `ssh` has its own patience, and a server may lock out who asks in vain.
pub(crate) fn may_return(candidate: &Candidate, error: &Error) -> bool {
    let is_away =
        [ErrorKind::EngineUnreachable, ErrorKind::EngineDisconnected].contains(&error.kind);
    is_away && !matches!(candidate.endpoint, Endpoint::Ssh(_))
}

/// Why no candidate is an engine.
pub(crate) fn not_reached(mut failures: Vec<(&Candidate, Error)>) -> Error {
    match failures
        .iter()
        .position(|(candidate, _)| candidate.is_explicit())
    {
        Some(named) => failures.swap_remove(named).1,
        None => not_found(failures),
    }
}

/// No default endpoint answered: a socket that may not be opened is a better lead than one that is not there.
fn not_found(mut failures: Vec<(&Candidate, Error)>) -> Error {
    if let Some(position) = failures.iter().position(|(_, error)| {
        !matches!(
            error.kind,
            ErrorKind::EngineUnreachable | ErrorKind::EngineNotFound
        )
    }) {
        return failures.swap_remove(position).1;
    }
    // Places of which the same is to be said are told together, with each place once.
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (candidate, error) in &failures {
        let message = &error.message;
        let reason = message
            .split_once("`: ")
            .map_or(&message[..], |(_, reason)| reason);
        let place = format!("`{}` ({})", candidate.endpoint, candidate.reason.as_str());
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, places)) => places.push(place),
            None => reasons.push((reason, vec![place])),
        }
    }
    let tried = reasons
        .iter()
        .map(|(reason, places)| format!("{}: {reason}", places.join(", ")));
    let tried: Vec<String> = tried.collect();
    Error::new(
        ErrorKind::EngineNotFound,
        format!("cannot find a container engine; tried {}", tried.join("; ")),
    )
    .with_operation(Operation::Connect)
}
