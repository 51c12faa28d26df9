//! What one call may use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use http::HeaderValue;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use super::chain::{Candidate, Settings, Way};
use super::helper::BrokenHelper;
use super::trouble::{Trouble, wants_login};
use super::{
    CredentialSources, Credentials, DockerConfig, Origin, Registry, helper, registry_auth,
    registry_config,
};
use crate::environment::Environment;
use crate::error::Error;
use crate::progress::Warning;
use crate::reference::Reference;
use crate::text::Mask;

/// How long what was found is used: helpers give tokens that end after five minutes
/// (<https://github.com/moby/buildkit/blob/v0.25.2/session/auth/authprovider/authprovider.go>, `ExpireCachedAuth`).
const FRESH: Duration = Duration::from_secs(4 * 60 + 50);

/// Looks up the credentials of one call, each when its registry is asked, and remembers them. Its copies are one.
#[derive(Clone, Default)]
pub struct Keychain(Arc<Inner>);

#[derive(Default)]
struct Inner {
    sources: CredentialSources,
    settings: OnceCell<Settings>,
    found: Mutex<BTreeMap<Place, Arc<Slot>>>,
    answered: Mutex<BTreeMap<Question, Arc<Answered>>>,
    /// What was found, as others may repeat it.
    mask: std::sync::Mutex<Mask>,
    troubles: std::sync::Mutex<Troubles>,
}

/// What there was trouble with.
#[derive(Default)]
struct Troubles {
    all: Vec<Trouble>,
    /// How many of them were told.
    told: usize,
}

/// A registry, or a namespace of it that has credentials of its own.
type Place = (Registry, Option<String>);

/// What was found for one place, and when. Locked while it is looked up.
type Slot = Mutex<Option<(Instant, Option<Found>)>>;

/// A helper's name, and what it was asked for.
type Question = (String, String);

/// What a helper has answered, and when. Locked while it is asked, so that it is not asked twice. One that is broken is asked
/// no more: it may have taken all of its time.
type Answered = Mutex<Option<(Instant, Result<Option<Credentials>, BrokenHelper>)>>;

/// Credentials, and who had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) credentials: Credentials,
    pub(crate) origin: Origin,
}

impl Keychain {
    /// A keychain of one call.
    pub fn new(sources: CredentialSources) -> Self {
        Self(Arc::new(Inner {
            sources,
            ..Inner::default()
        }))
    }

    /// The environment of the caller.
    pub(crate) fn environment(&self) -> &Environment {
        &self.0.sources.environment
    }

    /// The settings of `docker`, and what is wrong with them and with the files of Podman.
    pub(crate) async fn docker_config(&self) -> (&DockerConfig, &[Warning]) {
        let settings = self.settings().await;
        (&settings.docker, &settings.warnings)
    }

    /// Who would be asked first for the credentials for `repository`, such as `acme/app`, of `registry`; `None` where nobody is
    /// known to have any. No helper is run: one that is named may turn out to have none.
    pub(crate) async fn origin_for(&self, registry: &Registry, repository: &str) -> Option<Origin> {
        let settings = self.settings().await;
        let namespace = settings.namespace(registry, repository);
        let candidates = settings.candidates(&self.0.sources, registry, namespace.as_deref());
        candidates
            .into_iter()
            .next()
            .map(|candidate| candidate.origin)
    }

    /// Why the helper `name` could not be asked, found without running it; `None` where nothing is in the way.
    pub(crate) async fn helper_problem(&self, name: &str) -> Option<&'static str> {
        helper::problem(name, &self.environment().variables).await
    }

    /// Whether a helper may have this name, so that it can be shown.
    pub(crate) fn is_helper_name(name: &str) -> bool {
        helper::is_name(name)
    }

    /// The credentials for `registry` as a whole; `None` where nobody has any, or where the helper that keeps them is broken:
    /// that is a trouble.
    pub(crate) async fn find(&self, registry: &Registry) -> Option<Found> {
        self.find_below(registry, None).await
    }

    /// The credentials for `repository`, such as `acme/app`, of `registry`: Podman's files may have some for a namespace.
    pub(crate) async fn find_for(&self, registry: &Registry, repository: &str) -> Option<Found> {
        let settings = self.settings().await;
        let namespace = settings.namespace(registry, repository);
        self.find_below(registry, namespace).await
    }

    /// Everything that anybody has for `registry`, as a whole and for its namespaces.
    pub(crate) async fn find_all(&self, registry: &Registry) -> Vec<Found> {
        let namespaces = self.settings().await.all_namespaces(registry).map(Some);
        let mut all: Vec<Found> = Vec::new();
        for namespace in std::iter::once(None).chain(namespaces) {
            let found = self.find_below(registry, namespace).await;
            all.extend(found.filter(|found| !all.contains(found)));
        }
        all
    }

    /// Keeps that there was trouble, to be told once.
    pub(crate) fn complain(&self, trouble: Trouble) {
        let mut troubles = self.troubles();
        let is_known = |known: &Trouble| known.warning() == trouble.warning();
        if !troubles.all.iter().any(is_known) {
            troubles.all.push(trouble);
        }
    }

    /// The warnings about troubles that were not taken yet.
    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        let mut troubles = self.troubles();
        let untold = troubles.all.iter().skip(troubles.told);
        let warnings = untold.map(Trouble::warning).collect();
        troubles.told = troubles.all.len();
        warnings
    }

    /// Why a registry that was asked without credentials refused: the trouble with them, where there was any, with its answer as
    /// the cause.
    pub(crate) fn explain(&self, error: Error) -> Error {
        if !wants_login(error.kind) {
            return error;
        }
        let is_about = |registry: &Registry| match &error.registry {
            Some(host) => Registry::at(host) == *registry,
            None => registry.is_named_in(&error.message),
        };
        let troubles = self.troubles();
        let trouble = troubles.all.iter().find(|known| is_about(&known.registry));
        match trouble.cloned() {
            Some(trouble) => trouble.explain(error),
            None => error,
        }
    }

    fn troubles(&self) -> std::sync::MutexGuard<'_, Troubles> {
        let troubles = &self.0.troubles;
        troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn settings(&self) -> &Settings {
        let read = || Settings::read(self.environment());
        self.0.settings.get_or_init(read).await
    }

    async fn find_below(&self, registry: &Registry, namespace: Option<String>) -> Option<Found> {
        if !registry.is_plausible() {
            return None;
        }
        let place = (registry.clone(), namespace.clone());
        let slot = Arc::clone(self.0.found.lock().await.entry(place).or_default());
        let mut slot = slot.lock().await;
        if let Some((when, found)) = &*slot
            && when.elapsed() < FRESH
        {
            return found.clone();
        }
        let found = self.look_up(registry, namespace.as_deref()).await;
        let found = found.unwrap_or_else(|broken| {
            self.complain(Trouble::broken(&broken));
            None
        });
        if let Some(Found { credentials, .. }) = &found {
            let sent = registry_auth(registry, credentials);
            self.remember(credentials.disguises().into_iter().chain(text_of(&sent)));
        }
        *slot = Some((Instant::now(), found.clone()));
        found
    }

    /// Remembers what must be hidden.
    pub(crate) fn remember(&self, secrets: impl IntoIterator<Item = String>) {
        let mut mask = self.0.mask.lock().unwrap_or_else(PoisonError::into_inner);
        mask.add(secrets);
    }

    /// Hides every secret that was found: what is sent out may come back in an answer.
    pub(crate) fn hide(&self, text: &mut String) {
        let mask = self.0.mask.lock().unwrap_or_else(PoisonError::into_inner);
        mask.hide(text);
    }

    /// What the classic builder is given: the credentials for the registries of `bases`, and for those that the caller has given
    /// some for. `None` where nobody has any.
    pub(crate) async fn of_build(&self, bases: &[Reference]) -> Option<HeaderValue> {
        let given = self.0.sources.given.keys();
        let mut needed: BTreeMap<Registry, Option<&str>> =
            given.map(|registry| (registry.clone(), None)).collect();
        for base in bases {
            // The builder knows one login for each registry: that of its first image.
            let registry = Registry::at(base.registry());
            needed.entry(registry).or_insert(Some(base.repository()));
        }
        let look_ups = needed.iter().map(async |(registry, repository)| {
            let found = match repository {
                Some(repository) => self.find_for(registry, repository).await,
                None => self.find(registry).await,
            };
            Some((registry.clone(), found?.credentials))
        });
        let all: Vec<_> = join_all(look_ups).await.into_iter().flatten().collect();
        if all.is_empty() {
            return None;
        }
        let sent = registry_config(&all);
        self.remember(text_of(&sent));
        Some(sent)
    }

    /// Asks one after the other. A helper that fails ends it: what comes after it may be of another time.
    async fn look_up(
        &self,
        registry: &Registry,
        namespace: Option<&str>,
    ) -> Result<Option<Found>, BrokenHelper> {
        let settings = self.settings().await;
        for candidate in settings.candidates(&self.0.sources, registry, namespace) {
            let Candidate { origin, way } = candidate;
            let credentials = match way {
                Way::Entry(credentials) => Some(credentials.clone()),
                Way::Helper { name, key, token } => {
                    let kept = self.ask_helper(name, registry, key).await?;
                    token.cloned().or(kept)
                }
            };
            if let Some(credentials) = credentials {
                return Ok(Some(Found {
                    credentials,
                    origin,
                }));
            }
        }
        Ok(None)
    }

    /// Every namespace of a registry leads to the same question.
    async fn ask_helper(
        &self,
        name: &str,
        registry: &Registry,
        key: String,
    ) -> Result<Option<Credentials>, BrokenHelper> {
        let question = (name.to_owned(), key.clone());
        let answered = Arc::clone(self.0.answered.lock().await.entry(question).or_default());
        let mut answered = answered.lock().await;
        if let Some((when, answer)) = &*answered
            && when.elapsed() < FRESH
        {
            return answer.clone();
        }
        let variables = &self.environment().variables;
        let answer = helper::ask(name, registry, &key, variables, helper::LIMIT).await;
        *answered = Some((Instant::now(), answer.clone()));
        answer
    }
}

fn text_of(sent: &HeaderValue) -> Option<String> {
    sent.to_str().ok().map(str::to_owned)
}

impl fmt::Debug for Keychain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.0.sources.given.keys();
        formatter.debug_set().entries(given).finish()
    }
}

#[cfg(test)]
mod tests;
