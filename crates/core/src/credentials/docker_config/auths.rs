//! The credentials that `docker login` leaves in `config.json`, and those of `DOCKER_AUTH_CONFIG`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::credentials::{Credentials, Registry};
use crate::secret::Secret;

/// Entries by their keys: hosts, and URLs from old times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Auths(BTreeMap<String, Option<Credentials>>);

/// One entry, as it is written.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::credentials) struct RawEntry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Auths {
    /// Decodes the entries. Those that cannot be are left out, and named to `complain`.
    pub(in crate::credentials) fn decode(
        raw: BTreeMap<String, Option<RawEntry>>,
        mut complain: impl FnMut(&Registry),
    ) -> Self {
        let entries = raw.into_iter().filter_map(|(key, entry)| {
            let decoded = entry.map_or(Ok(None), RawEntry::decode);
            if decoded.is_err() {
                complain(&Registry::of_key(&key));
            }
            Some((key, decoded.ok()?))
        });
        Self(entries.collect())
    }

    /// Reads `DOCKER_AUTH_CONFIG`, of which every entry must be whole, and which may hold nothing else
    /// (<https://github.com/docker/cli/blob/v28.5.2/cli/config/configfile/file.go>, `parseEnvConfig`).
    pub(crate) fn parse_variable(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Variable {
            #[serde(default)]
            auths: BTreeMap<String, Entry>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            auth: String,
        }
        let variable: Variable = serde_json::from_str(text).ok()?;
        let entries = variable
            .auths
            .into_iter()
            .map(|(key, entry)| Some((key, Some(decode_auth(&entry.auth)?))));
        entries.collect::<Option<_>>().map(Self)
    }

    /// What is kept for `registry`: under its own key, which may be empty beside a helper, or else under one from old times
    /// that means the same.
    pub(crate) fn find(&self, registry: &Registry) -> Option<&Credentials> {
        if let Some(own) = self.0.get(registry.key()) {
            return own.as_ref();
        }
        let mut entries = self.0.iter();
        entries.find_map(|(key, entry)| {
            entry
                .as_ref()
                .filter(|_| Registry::of_key(key) == *registry)
        })
    }

    /// Whether there is such a key; under which nothing may be kept.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// What is kept under `key` itself.
    pub(crate) fn get(&self, key: &str) -> Option<&Credentials> {
        self.0.get(key)?.as_ref()
    }

    /// What is kept for `registry` under a URL, or for Docker Hub under another of its names: a key that has a path without
    /// being a URL is a namespace, and stands for no registry.
    pub(crate) fn find_url(&self, registry: &Registry) -> Option<&Credentials> {
        let is_whole = |key: &str| !key.contains('/') || key.contains("://");
        let mut entries = self.0.iter();
        entries.find_map(|(key, entry)| {
            entry
                .as_ref()
                .filter(|_| is_whole(key) && Registry::of_key(key) == *registry)
        })
    }

    /// Every key.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl RawEntry {
    /// `None` where it is empty; an `Err` where it is not what it should be.
    fn decode(self) -> Result<Option<Credentials>, ()> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        // In the engine's order: a registry token leaves no choice, an identity token comes before a password.
        let token = given(self.registrytoken)
            .map(|token| Credentials::RegistryToken(Secret::new(token)))
            .or_else(|| {
                given(self.identitytoken)
                    .map(|token| Credentials::IdentityToken(Secret::new(token)))
            });
        let login = match given(self.auth) {
            Some(auth) => Some(decode_auth(&auth).ok_or(())?),
            None => given(self.username)
                .zip(given(self.password))
                .map(|(username, password)| Credentials::password(username, &password)),
        };
        Ok(token.or(login.filter(|login| !is_blank(login))))
    }
}

fn is_blank(credentials: &Credentials) -> bool {
    credentials
        .login()
        .is_some_and(|(_, secret)| secret.reveal().is_empty())
}

/// Decodes base64 of `user:password`
/// (<https://github.com/docker/cli/blob/v28.5.2/cli/config/configfile/file.go>, `decodeAuth`).
fn decode_auth(auth: &str) -> Option<Credentials> {
    // Go's decoder passes over line ends.
    let auth = auth.replace(['\r', '\n'], "");
    let decoded = String::from_utf8(STANDARD.decode(auth).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    (!username.is_empty()).then(|| Credentials::password(username, password.trim_matches('\0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auths(json: &str) -> (Auths, Vec<String>) {
        let mut complaints = Vec::new();
        let raw = serde_json::from_str(json).unwrap();
        let auths = Auths::decode(raw, |registry| complaints.push(registry.to_string()));
        (auths, complaints)
    }

    fn found(json: &str, host: &str) -> Option<Credentials> {
        auths(json).0.find(&Registry::at(host)).cloned()
    }

    #[test]
    fn an_entry_is_a_password_or_a_token() {
        let token = |text| Secret::new(text);
        for (entry, credentials) in [
            (
                r#"{"auth":"YWRhOnA6dw=="}"#,
                Credentials::password("ada", "p:w"),
            ),
            // With the NULs that an old version wrote, and a line end.
            (
                "{\"auth\":\"YWRhOnB3AA\\n==\"}",
                Credentials::password("ada", "pw"),
            ),
            (
                r#"{"username":"ada","password":"pw"}"#,
                Credentials::password("ada", "pw"),
            ),
            (
                r#"{"auth":"YWRhOg==","identitytoken":"i"}"#,
                Credentials::IdentityToken(token("i")),
            ),
            (
                r#"{"auth":"YWRhOnB3","identitytoken":"i","registrytoken":"r"}"#,
                Credentials::RegistryToken(token("r")),
            ),
        ] {
            let json = format!(r#"{{"ghcr.io":{entry}}}"#);
            assert_eq!(found(&json, "ghcr.io"), Some(credentials), "{entry}");
        }
    }

    #[test]
    fn an_entry_without_a_secret_is_empty() {
        for entry in ["{}", "null", r#"{"email":"a@b"}"#, r#"{"auth":"YWRhOg=="}"#] {
            let (auths, complaints) = auths(&format!(r#"{{"ghcr.io":{entry}}}"#));
            assert_eq!(auths.find(&Registry::at("ghcr.io")), None, "{entry}");
            assert!(complaints.is_empty(), "{entry}");
        }
    }

    #[test]
    fn a_broken_entry_is_named_and_the_others_stay() {
        let (auths, complaints) = auths(
            r#"{"https://broken.example/v1/":{"auth":"YWRh"},"odd.example":{"auth":"?"},"ghcr.io":{"auth":"YWRhOnB3"}}"#,
        );
        assert_eq!(complaints, ["broken.example", "odd.example"]);
        assert_eq!(auths.find(&Registry::at("broken.example")), None);
        assert!(auths.find(&Registry::at("ghcr.io")).is_some());
    }

    #[test]
    fn a_url_from_old_times_means_its_host_and_a_host_comes_first() {
        for key in [
            "https://r.example/v1/",
            "http://r.example/v2/",
            "r.example/v1/",
        ] {
            let json = format!(r#"{{"{key}":{{"auth":"YWRhOnB3"}}}}"#);
            assert!(found(&json, "r.example").is_some(), "{key}");
            assert_eq!(found(&json, "r.example:5000"), None, "{key}");
        }
        let json =
            r#"{"https://r.example/v1/":{"auth":"b2xkOnB3"},"r.example":{"auth":"bmV3OnB3"}}"#;
        assert_eq!(
            found(json, "r.example"),
            Some(Credentials::password("new", "pw"))
        );
    }

    #[test]
    fn docker_hub_has_one_key_and_answers_to_all_of_its_names() {
        let json = r#"{"docker.io":{"auth":"b2xkOnB3"},"https://index.docker.io/v1/":{"auth":"bmV3OnB3"}}"#;
        for host in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            assert_eq!(
                found(json, host),
                Some(Credentials::password("new", "pw")),
                "{host}"
            );
        }
        assert_eq!(found(json, "auth.docker.io"), None);
    }

    #[test]
    fn the_variable_is_taken_whole_or_not_at_all() {
        let whole = r#"{"auths":{"ghcr.io":{"auth":"YWRhOnB3"}}}"#;
        let auths = Auths::parse_variable(whole).unwrap();
        let found = auths.find(&Registry::at("ghcr.io"));
        assert_eq!(found, Some(&Credentials::password("ada", "pw")));
        for text in [
            "",
            "nonsense",
            r#"{"auths":{"ghcr.io":{"auth":"YWRhOnB3"}}}{}"#,
            r#"{"auths":{"ghcr.io":{"auth":"YWRhOnB3","email":"a@b"}}}"#,
            r#"{"auths":{"ghcr.io":{"auth":"YWRhOnB3"},"quay.io":{}}}"#,
            r#"{"auths":{"ghcr.io":{"auth":"YWRh"}}}"#,
            r#"{"credsStore":"x"}"#,
        ] {
            assert_eq!(Auths::parse_variable(text), None, "{text}");
        }
    }
}
