//! Where the credentials of a call come from.

use std::collections::BTreeMap;

use super::{Credentials, Registry};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result};

/// Where the credentials of a call come from: what the caller gives, then `DOCKER_AUTH_CONFIG`, then the helper or the entry
/// that `config.json` of `docker` has for the registry. The default has none: every registry is asked anonymously.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialSources {
    pub(super) given: BTreeMap<Registry, Credentials>,
    pub(super) environment: Environment,
}

impl CredentialSources {
    /// What `docker` knows, in the environment of the caller.
    pub fn of(environment: &Environment) -> Self {
        Self {
            given: BTreeMap::new(),
            environment: environment.clone(),
        }
    }

    /// Adds `credentials` for `registry`, which is a host with its port where it has one; `docker.io` is Docker Hub. They
    /// come before all others. Errors: `INVALID_OPTION`.
    pub fn give(&mut self, registry: &str, credentials: Credentials) -> Result<()> {
        // The name is not shown: it may be a URL with a password.
        let Some(registry) = Registry::parse(registry) else {
            let message = "cannot use the credentials: their registry is not a host such as `ghcr.io` or `localhost:5000`";
            return Err(Error::new(ErrorKind::InvalidOption, message));
        };
        let message = format!("cannot use the credentials: there are two for `{registry}`");
        match self.given.insert(registry, credentials) {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::InvalidOption, message).with_hint(
                "`docker.io`, `index.docker.io` and `registry-1.docker.io` are one registry",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_credentials_for_one_registry_are_refused() {
        let mut sources = CredentialSources::default();
        let credentials = Credentials::password("ada", "hunter2");
        sources.give("docker.io", credentials.clone()).unwrap();
        sources.give("ghcr.io", credentials.clone()).unwrap();
        for registry in ["index.docker.io", "https://index.docker.io/v1/"] {
            let error = sources.give(registry, credentials.clone()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOption, "{registry}");
        }
    }

    #[test]
    fn what_is_no_registry_is_refused_without_showing_it() {
        let mut sources = CredentialSources::default();
        let credentials = Credentials::password("ada", "hunter2");
        let error = sources.give("ada:hunter2@ghcr.io", credentials);
        let shown = format!("{:?}", error.unwrap_err());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
