//! What one call may use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;

use super::{CredentialSources, Credentials, DockerConfig, Registry, helper};
use crate::environment::Environment;
use crate::error::Result;
use crate::progress::Warning;
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
    config: OnceCell<(DockerConfig, Vec<Warning>)>,
    found: Mutex<BTreeMap<Registry, Arc<Slot>>>,
    /// What was found, as others may repeat it.
    mask: std::sync::Mutex<Mask>,
}

/// What was found for one registry, and when. Locked while it is looked up, so that a helper is not asked twice.
type Slot = Mutex<Option<(Instant, Option<Found>)>>;

/// Credentials, and who had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) credentials: Credentials,
    pub(crate) origin: Origin,
}

/// Who had credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The caller.
    Caller,
    /// What `docker` uses as well.
    Docker,
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

    /// The settings of `docker`, and what is wrong with them.
    pub(crate) async fn docker_config(&self) -> (&DockerConfig, &[Warning]) {
        let read = || DockerConfig::read(self.environment());
        let (config, warnings) = self.0.config.get_or_init(read).await;
        (config, warnings)
    }

    /// The credentials for `registry`; `None` where nobody has any. Errors: `CREDENTIAL_HELPER`.
    pub(crate) async fn find(&self, registry: &Registry) -> Result<Option<Found>> {
        if !registry.is_plausible() {
            return Ok(None);
        }
        let slot = Arc::clone(
            self.0
                .found
                .lock()
                .await
                .entry(registry.clone())
                .or_default(),
        );
        let mut slot = slot.lock().await;
        if let Some((when, found)) = &*slot
            && when.elapsed() < FRESH
        {
            return Ok(found.clone());
        }
        let found = self.look_up(registry).await?;
        if let Some(found) = &found {
            let mut mask = self.0.mask.lock().unwrap_or_else(PoisonError::into_inner);
            mask.add(found.credentials.disguises());
        }
        *slot = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Hides every secret that was found: what is sent out may come back in an answer.
    pub(crate) fn hide(&self, text: &mut String) {
        let mask = self.0.mask.lock().unwrap_or_else(PoisonError::into_inner);
        mask.hide(text);
    }

    /// The credentials for every registry that somebody has given some for, or has logged in to. A helper that fails is
    /// told, and its registry has none.
    pub(crate) async fn all(&self) -> (Vec<(Registry, Credentials)>, Vec<Warning>) {
        let (config, _) = self.docker_config().await;
        let given = self.0.sources.given.keys().cloned();
        let registries: BTreeSet<Registry> = given.chain(config.registries()).collect();
        let look_ups = registries.iter().map(|registry| self.find(registry));
        let found = join_all(look_ups).await;
        let (mut all, mut warnings) = (Vec::new(), Vec::new());
        for (registry, found) in registries.into_iter().zip(found) {
            match found {
                Ok(Some(found)) => all.push((registry, found.credentials)),
                Ok(None) => {}
                Err(error) => warnings.push(Warning::new(error.kind.code(), error.message.clone())),
            }
        }
        (all, warnings)
    }

    async fn look_up(&self, registry: &Registry) -> Result<Option<Found>> {
        let by = |origin| {
            move |credentials| Found {
                credentials,
                origin,
            }
        };
        if let Some(credentials) = self.0.sources.given.get(registry) {
            return Ok(Some(credentials.clone()).map(by(Origin::Caller)));
        }
        let (config, _) = self.docker_config().await;
        if let Some(credentials) = config.variable.find(registry) {
            return Ok(Some(credentials.clone()).map(by(Origin::Docker)));
        }
        let in_file = config.auths.find(registry);
        let Some(name) = config.helper(registry) else {
            return Ok(in_file.cloned().map(by(Origin::Docker)));
        };
        let variables = &self.environment().variables;
        let kept = helper::ask(name, registry, variables, helper::LIMIT).await?;
        // A helper keeps logins; a registry token stays in the file, and comes first.
        let token = in_file.filter(|entry| matches!(entry, Credentials::RegistryToken(_)));
        Ok(token.cloned().or(kept).map(by(Origin::Docker)))
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.0.sources.given.keys();
        formatter.debug_set().entries(given).finish()
    }
}

#[cfg(test)]
mod tests;
