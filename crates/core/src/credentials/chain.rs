//! Whom to ask for the credentials for a registry, in which order. Decides only: nobody is asked here.

use super::auth_file::AuthFile;
use super::{CredentialSources, Credentials, DockerConfig, Origin, Registry, SettingsFile};
use crate::environment::Environment;
use crate::progress::Warning;

/// What the files of `docker` and of Podman say, and `DOCKER_AUTH_CONFIG`.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) docker: DockerConfig,
    podman: Vec<AuthFile>,
    /// What is wrong with them.
    pub(super) warnings: Vec<Warning>,
}

/// One who may have the credentials for a registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidate<'a> {
    pub(super) origin: Origin,
    pub(super) way: Way<'a>,
}

/// How to get credentials from a candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way<'a> {
    /// They are here.
    Entry(&'a Credentials),
    /// A helper keeps them.
    Helper {
        name: &'a str,
        /// What it keeps them under.
        key: String,
        /// What comes before its answer, but only where it does answer.
        token: Option<&'a Credentials>,
    },
}

impl Settings {
    /// Reads everything once.
    pub(super) async fn read(environment: &Environment) -> Self {
        let (docker, mut warnings) = DockerConfig::read(environment).await;
        let podman = AuthFile::read_all(environment, &mut warnings).await;
        Self {
            docker,
            podman,
            warnings,
        }
    }

    /// Those who may have the credentials for `registry`, or for what is below `namespace` of it, in the order in which they
    /// are asked: the caller, `DOCKER_AUTH_CONFIG`, the helper or the entry of `config.json`, those of each `auth.json`.
    pub(super) fn candidates<'a>(
        &'a self,
        sources: &'a CredentialSources,
        registry: &Registry,
        namespace: Option<&str>,
    ) -> Vec<Candidate<'a>> {
        let entry = |origin: Origin, credentials: Option<&'a Credentials>| {
            credentials.map(|credentials| Candidate {
                origin,
                way: Way::Entry(credentials),
            })
        };
        let given = entry(Origin::Caller, sources.given.get(registry));
        let variable = entry(Origin::Variable, self.docker.variable.find(registry));
        let docker = self.dockers(&sources.environment, registry);
        let podman = self.podman.iter().filter_map(|file| {
            let settings = SettingsFile::Podman(file.path.clone());
            match file.helper(registry) {
                // Podman keeps Docker Hub under its name, and not under the address that `docker` has for it.
                Some(name) => Some(helper(name, settings, registry.to_string(), None)),
                None => entry(Origin::File(settings), file.find(registry, namespace)),
            }
        });
        let first = [given, variable, docker].into_iter().flatten();
        first.chain(podman).collect()
    }

    fn dockers(&self, environment: &Environment, registry: &Registry) -> Option<Candidate<'_>> {
        let folder = environment.docker_folder().unwrap_or_default();
        let file = SettingsFile::Docker(folder.join("config.json"));
        let in_file = self.docker.auths.find(registry);
        match self.docker.helper(registry) {
            Some(name) => {
                // A helper keeps logins; a registry token stays in the file, and comes first.
                let token = in_file.filter(|kept| matches!(kept, Credentials::RegistryToken(_)));
                Some(helper(name, file, registry.key().to_owned(), token))
            }
            None => in_file.map(|credentials| Candidate {
                origin: Origin::File(file),
                way: Way::Entry(credentials),
            }),
        }
    }

    /// The longest namespace around a repository of `registry` that has credentials of its own.
    pub(super) fn namespace(&self, registry: &Registry, repository: &str) -> Option<String> {
        let found = self.podman.iter();
        let found = found.filter_map(|file| file.namespace(registry, repository));
        found.max_by_key(String::len)
    }

    /// Every namespace of `registry` that has credentials of its own.
    pub(super) fn all_namespaces(&self, registry: &Registry) -> impl Iterator<Item = String> {
        let files = self.podman.iter();
        files.flat_map(|file| file.all_namespaces(registry))
    }
}

fn helper<'a>(
    name: &'a str,
    file: SettingsFile,
    key: String,
    token: Option<&'a Credentials>,
) -> Candidate<'a> {
    let origin = Origin::Helper {
        name: name.to_owned(),
        file,
    };
    Candidate {
        origin,
        way: Way::Helper { name, key, token },
    }
}
