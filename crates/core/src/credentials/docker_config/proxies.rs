//! The proxies that `docker` gives to what runs in containers.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// Proxies by the engine that they are for; those of all others are for `default`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Proxies(BTreeMap<String, BTreeMap<&'static str, String>>);

/// The proxies for one engine, as they are written.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawProxies {
    #[serde(rename = "httpProxy")]
    http: Option<String>,
    #[serde(rename = "httpsProxy")]
    https: Option<String>,
    #[serde(rename = "noProxy")]
    no: Option<String>,
    #[serde(rename = "ftpProxy")]
    ftp: Option<String>,
    #[serde(rename = "allProxy")]
    all: Option<String>,
}

/// How the names of proxy variables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `HTTP_PROXY`: BuildKit gives its steps both.
    Upper,
    /// `HTTP_PROXY` and `http_proxy`.
    Both,
}

impl Proxies {
    pub(super) fn decode(raw: BTreeMap<String, Option<RawProxies>>) -> Self {
        let engines = raw.into_iter().map(|(engine, raw)| {
            let raw = raw.unwrap_or_default();
            let variables = [
                ("HTTP_PROXY", raw.http),
                ("HTTPS_PROXY", raw.https),
                ("NO_PROXY", raw.no),
                ("FTP_PROXY", raw.ftp),
                ("ALL_PROXY", raw.all),
            ];
            let given = variables
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
            (engine, given.collect())
        });
        Self(engines.collect())
    }

    /// The build arguments for an engine at `endpoint`, as `DOCKER_HOST` has it, that are missing among `given`: one that is
    /// given, in whatever spelling, stays alone
    /// (<https://github.com/docker/buildx/blob/v0.29.1/build/opt.go>, `proxyArgKeyExists`).
    pub(crate) fn missing(
        &self,
        given: &BTreeMap<String, String>,
        endpoint: &str,
        spelling: Spelling,
    ) -> BTreeMap<String, String> {
        let mut missing = BTreeMap::new();
        let proxies = self.0.get(endpoint).or_else(|| self.0.get("default"));
        for (name, value) in proxies.into_iter().flatten() {
            if given.keys().any(|given| given.eq_ignore_ascii_case(name)) {
                continue;
            }
            if spelling == Spelling::Both {
                missing.insert(name.to_ascii_lowercase(), value.clone());
            }
            missing.insert((*name).to_owned(), value.clone());
        }
        missing
    }

    /// Every proxy for every engine, by the names of their variables.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.0.values().flatten();
        variables.map(|(name, value)| (*name, value.as_str()))
    }
}

impl fmt::Debug for Proxies {
    /// A proxy may hold a password: only the engines are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{
        "default": {"httpProxy":"http://d:1","httpsProxy":"","noProxy":"a,b"},
        "tcp://h:2376": {"httpProxy":"http://h:1","ftpProxy":"http://f:1","allProxy":"socks5://s:1"}
    }"#;

    fn missing(given: &[&str], endpoint: &str, spelling: Spelling) -> String {
        let proxies = Proxies::decode(serde_json::from_str(CONFIG).unwrap());
        let given = given
            .iter()
            .map(|name| ((*name).to_owned(), "given".to_owned()));
        let missing = proxies.missing(&given.collect(), endpoint, spelling);
        let shown = missing
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_engine_has_its_own_proxies_or_the_default_ones() {
        assert_eq!(
            missing(&[], "unix:///x", Spelling::Upper),
            "HTTP_PROXY=http://d:1 NO_PROXY=a,b"
        );
        assert_eq!(
            missing(&[], "tcp://h:2376", Spelling::Upper),
            "ALL_PROXY=socks5://s:1 FTP_PROXY=http://f:1 HTTP_PROXY=http://h:1"
        );
    }

    #[test]
    fn the_classic_builder_gets_both_spellings() {
        assert_eq!(
            missing(&[], "unix:///x", Spelling::Both),
            "HTTP_PROXY=http://d:1 NO_PROXY=a,b http_proxy=http://d:1 no_proxy=a,b"
        );
    }

    #[test]
    fn a_build_argument_of_the_caller_stays_in_whatever_spelling() {
        for spelling in [Spelling::Upper, Spelling::Both] {
            let shown = missing(&["http_proxy", "No_Proxy"], "unix:///x", spelling);
            assert_eq!(shown, "");
        }
    }

    #[test]
    fn debug_output_shows_no_proxy() {
        let raw = serde_json::from_str(r#"{"default":{"httpProxy":"http://a:hunter2@p"}}"#);
        let shown = format!("{:?}", Proxies::decode(raw.unwrap()));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
