//! The settings of `docker`: its `config.json`, as far as they matter here. They are read and never written.

mod auths;
mod proxies;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

pub(crate) use auths::Auths;
pub(super) use auths::RawEntry;
pub(crate) use proxies::Spelling;

use self::proxies::{Proxies, RawProxies};
use super::{Registry, settings_file};
use crate::environment::Environment;
use crate::progress::Warning;
use crate::text::clean_line;

/// The code of warnings about settings that cannot be used.
const INVALID: &str = "DOCKER_CONFIG_INVALID";

/// What somebody has told `docker` about registries and proxies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DockerConfig {
    /// Credentials of `DOCKER_AUTH_CONFIG`, which come before all others.
    pub(super) variable: Auths,
    /// Credentials in the file.
    pub(super) auths: Auths,
    /// Helpers by the key of their registry. An empty one means the file.
    pub(super) helpers: BTreeMap<String, String>,
    /// The helper of all other registries.
    pub(super) store: Option<String>,
    /// Proxies for what runs in containers.
    pub(crate) proxies: Proxies,
}

/// The file, as it is written.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Raw {
    auths: Option<BTreeMap<String, Option<RawEntry>>>,
    cred_helpers: Option<BTreeMap<String, Option<String>>>,
    creds_store: Option<String>,
    proxies: Option<BTreeMap<String, Option<RawProxies>>>,
}

impl DockerConfig {
    /// Reads the settings. No file is an empty one; what cannot be used is left out, and a warning.
    pub(crate) async fn read(environment: &Environment) -> (Self, Vec<Warning>) {
        let mut warnings = Vec::new();
        let mut config = match environment.docker_folder() {
            Some(folder) => read_file(&folder.join("config.json"), &mut warnings).await,
            None => Self::default(),
        };
        if let Some(text) = &environment.docker_auth_config {
            match Auths::parse_variable(text.reveal()) {
                Some(auths) => config.variable = auths,
                None => warnings.push(Warning::new(
                    INVALID,
                    "cannot use DOCKER_AUTH_CONFIG: it is not JSON of the form `{\"auths\":{\"host\":{\"auth\":\"…\"}}}`; its credentials are ignored",
                )),
            }
        }
        (config, warnings)
    }

    /// Decodes the file. Entries that cannot be used are named to `complain`.
    fn decode(raw: Raw, complain: impl FnMut(&Registry)) -> Self {
        let helpers = raw.cred_helpers.into_iter().flatten();
        let helpers = helpers.map(|(key, helper)| (key, helper.unwrap_or_default()));
        Self {
            variable: Auths::default(),
            auths: Auths::decode(raw.auths.unwrap_or_default(), complain),
            helpers: helpers.collect(),
            store: raw.creds_store.filter(|store| !store.is_empty()),
            proxies: Proxies::decode(raw.proxies.unwrap_or_default()),
        }
    }

    /// The helper that keeps the credentials for `registry`, where one does.
    pub(super) fn helper(&self, registry: &Registry) -> Option<&str> {
        let own = self.helpers.get(registry.key()).or_else(|| {
            let mut others = self.helpers.iter();
            let is_same = |key: &str| Registry::of_key(key) == *registry;
            others.find_map(|(key, helper)| is_same(key).then_some(helper))
        });
        let helper = own.or(self.store.as_ref())?;
        (!helper.is_empty()).then_some(helper.as_str())
    }
}

async fn read_file(path: &Path, warnings: &mut Vec<Warning>) -> DockerConfig {
    let mut warn = |reason: &str| {
        let path = path.display().to_string();
        let message = format!("cannot use `{}`: {reason}", clean_line(&path));
        warnings.push(Warning::new(INVALID, message));
    };
    let raw: Raw = match settings_file::read(path).await {
        Ok(raw) => raw,
        Err(reason) => {
            warn(&format!("{reason}; there are no credentials without it"));
            return DockerConfig::default();
        }
    };
    DockerConfig::decode(raw, |registry| {
        let registry = registry.to_string();
        let registry = clean_line(&registry);
        warn(&format!(
            "the credentials for `{registry}` do not decode, and are ignored"
        ));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> DockerConfig {
        let raw = settings_file::parse(json.as_bytes()).unwrap();
        DockerConfig::decode(raw, |registry| panic!("{registry}"))
    }

    /// The settings in a folder whose `config.json` has `content`, and what is said about them.
    async fn read(content: Option<&str>, variable: Option<&str>) -> (DockerConfig, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        if let Some(content) = content {
            std::fs::write(folder.path().join("config.json"), content).unwrap();
        }
        let (config, warnings) = DockerConfig::read(&Environment {
            docker_config: Some(folder.path().to_owned()),
            docker_auth_config: variable.map(crate::secret::Secret::new),
            ..Environment::default()
        })
        .await;
        let messages = warnings.into_iter().map(|warning| {
            assert_eq!(warning.code, INVALID);
            warning.message
        });
        (config, messages.collect())
    }

    #[tokio::test]
    async fn no_file_and_an_empty_one_are_empty_settings() {
        let nulls = r#"{"auths":null,"credHelpers":null,"credsStore":null,"proxies":null}"#;
        for content in [None, Some(""), Some("{}"), Some(nulls)] {
            let nothing = (DockerConfig::default(), Vec::new());
            assert_eq!(read(content, None).await, nothing, "{content:?}");
        }
    }

    #[tokio::test]
    async fn a_malformed_file_is_a_warning_that_quotes_nothing() {
        for (content, reason) in [
            ("{\n\"auths\": hunter2", "line 2 is not JSON"),
            (r#"{"auths":"hunter2"}"#, "line 1 is not what it should be"),
            (
                r#"{"auths":{"a":{"auth":"aHVudGVyMg=="}}}"#,
                "the credentials for `a` do not decode, and are ignored",
            ),
        ] {
            let (config, warnings) = read(Some(content), None).await;
            assert_eq!(config, DockerConfig::default(), "{content}");
            let [warning] = &warnings[..] else {
                panic!("{content}: {warnings:?}")
            };
            assert!(warning.contains(reason), "{warning}");
            assert!(
                !warning.contains("hunter2") && !warning.contains("aHVudGVyMg"),
                "{warning}"
            );
        }
    }

    #[tokio::test]
    async fn a_folder_in_the_place_of_the_file_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("config.json")).unwrap();
        let environment = Environment {
            docker_config: Some(folder.path().to_owned()),
            ..Environment::default()
        };
        assert_eq!(DockerConfig::read(&environment).await.1.len(), 1);
    }

    #[tokio::test]
    async fn a_malformed_variable_is_a_warning_and_the_file_stays() {
        let file = r#"{"auths":{"ghcr.io":{"auth":"YWRhOnB3"}}}"#;
        let (config, warnings) = read(Some(file), Some("hunter2")).await;
        assert!(config.auths.find(&Registry::at("ghcr.io")).is_some());
        assert!(warnings[0].contains("DOCKER_AUTH_CONFIG"), "{warnings:?}");
        assert!(!warnings[0].contains("hunter2"), "{warnings:?}");
    }

    #[test]
    fn a_registry_has_its_own_helper_or_that_of_all_or_the_file() {
        let config = parse(
            r#"{"credsStore":"all","credHelpers":{"ghcr.io":"own","quay.io":"","null.example":null,"https://index.docker.io/v1/":"hub"}} rest"#,
        );
        for (host, helper) in [
            ("ghcr.io", Some("own")),
            ("quay.io", None),
            ("null.example", None),
            ("registry-1.docker.io", Some("hub")),
            ("r.example", Some("all")),
        ] {
            assert_eq!(config.helper(&Registry::at(host)), helper, "{host}");
        }
        assert_eq!(
            parse(r#"{"credsStore":""}"#).helper(&Registry::at("a")),
            None
        );
    }
}
