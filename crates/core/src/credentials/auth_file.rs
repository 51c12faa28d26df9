//! The files in which `podman login` leaves credentials. They are read and never written.
//!
//! <https://github.com/containers/container-libs/blob/image/v5.38.0/image/docs/containers-auth.json.5.md>

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::docker_config::{Auths, RawEntry};
use super::{Credentials, Registry, settings_file};
use crate::environment::Environment;
use crate::progress::Warning;
use crate::text::clean_line;

/// The code of warnings about files that cannot be used.
const INVALID: &str = "AUTH_FILE_INVALID";

/// One `auth.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthFile {
    pub(super) path: PathBuf,
    auths: Auths,
    /// Helpers by registry.
    helpers: BTreeMap<String, String>,
}

/// The file, as it is written.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Raw {
    auths: Option<BTreeMap<String, Option<RawEntry>>>,
    cred_helpers: Option<BTreeMap<String, Option<String>>>,
}

impl AuthFile {
    /// Reads all that there are, in the order in which they are asked. What cannot be used is left out, and told.
    pub(super) async fn read_all(
        environment: &Environment,
        warnings: &mut Vec<Warning>,
    ) -> Vec<Self> {
        let mut files = Vec::new();
        for path in paths(environment) {
            files.extend(Self::read(path, warnings).await);
        }
        files
    }

    async fn read(path: PathBuf, warnings: &mut Vec<Warning>) -> Option<Self> {
        let mut warn = |reason: String| {
            let path = path.display().to_string();
            let message = format!("cannot use `{}`: {reason}", clean_line(&path));
            warnings.push(Warning::new(INVALID, message));
        };
        let raw: Raw = match settings_file::read(&path).await {
            Ok(raw) => raw,
            Err(reason) => {
                warn(format!("{reason}; its credentials are ignored"));
                return None;
            }
        };
        let auths = Auths::decode(raw.auths.unwrap_or_default(), |registry| {
            let registry = registry.to_string();
            warn(format!(
                "the credentials for `{}` do not decode, and are ignored",
                clean_line(&registry)
            ));
        });
        let helpers = raw.cred_helpers.into_iter().flatten();
        let helpers = helpers.filter_map(|(key, helper)| Some((key, helper?)));
        Some(Self {
            auths,
            helpers: helpers.filter(|(_, helper)| !helper.is_empty()).collect(),
            path,
        })
    }

    /// The helper that keeps the credentials for `registry`, where one does. Its entries then do not count.
    pub(super) fn helper(&self, registry: &Registry) -> Option<&str> {
        let helper = self.helpers.get(&registry.to_string());
        helper.map(String::as_str)
    }

    /// What is kept for a repository of `registry`: under the longest of its namespaces that has an entry, else under the
    /// registry, else under a URL of the registry from old times
    /// (<https://github.com/containers/container-libs/blob/image/v5.38.0/image/pkg/docker/config/config.go>,
    /// `findCredentialsInFile`).
    pub(super) fn find(
        &self,
        registry: &Registry,
        repository: Option<&str>,
    ) -> Option<&Credentials> {
        let mut keys = namespaces(registry, repository);
        match keys.find(|key| self.auths.has(key)) {
            Some(key) => self.auths.get(&key),
            None => self.auths.find_url(registry),
        }
    }

    /// The longest namespace of a repository that has an entry.
    pub(super) fn namespace(&self, registry: &Registry, repository: &str) -> Option<String> {
        let longer = |key: &String| *key != registry.to_string();
        let mut keys = namespaces(registry, Some(repository)).filter(longer);
        let found = keys.find(|key| self.auths.has(key))?;
        below(registry, &found)
    }

    /// Every namespace of `registry` that has an entry, without the registry.
    pub(super) fn all_namespaces(&self, registry: &Registry) -> BTreeSet<String> {
        let keys = self.auths.keys();
        keys.filter_map(|key| below(registry, key)).collect()
    }
}

/// Where the files are: the one that `REGISTRY_AUTH_FILE` names alone, or else the one of this session and the one at home
/// (the source of `find`, `getAuthFilePaths`).
fn paths(environment: &Environment) -> Vec<PathBuf> {
    if let Some(named) = &environment.registry_auth_file {
        return vec![named.clone()];
    }
    let in_folder = |folder: &Path| folder.join("containers").join("auth.json");
    let session = match (&environment.xdg_runtime_dir, environment.user_id) {
        _ if !cfg!(target_os = "linux") => None,
        (Some(folder), _) => Some(in_folder(folder)),
        (None, Some(user)) => Some(format!("/run/containers/{user}/auth.json").into()),
        (None, None) => None,
    };
    let at_home = || Some(environment.home.as_ref()?.join(".config"));
    let config = environment.xdg_config_home.clone().or_else(at_home);
    session
        .into_iter()
        .chain(config.map(|folder| in_folder(&folder)))
        .collect()
}

/// The keys for a repository, the longest first; the last is the registry.
fn namespaces(registry: &Registry, repository: Option<&str>) -> impl Iterator<Item = String> {
    let longest = match repository {
        Some(repository) => format!("{registry}/{repository}"),
        None => registry.to_string(),
    };
    std::iter::successors(Some(longest), |key| {
        Some(key.rsplit_once('/')?.0.to_owned())
    })
}

/// The part of a key below `registry`.
fn below(registry: &Registry, key: &str) -> Option<String> {
    let rest = key.strip_prefix(&registry.to_string())?.strip_prefix('/')?;
    (!rest.is_empty()).then(|| rest.to_owned())
}

#[cfg(test)]
mod tests;
