//! A registry, as credentials are kept for it.

use std::fmt;

/// What `docker login` keeps the credentials for Docker Hub under
/// (<https://github.com/docker/cli/blob/v28.5.2/cli/config/configfile/file.go>, `authConfigKey`).
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The hosts that are Docker Hub: in references, for the API, and of old.
const HUB_HOSTS: [&str; 3] = ["docker.io", "registry-1.docker.io", "index.docker.io"];

/// A registry's host, with its port where one is given. Docker Hub is `docker.io`, whatever host stands for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Registry(String);

impl Registry {
    /// The registry at `host`, which may have a port.
    pub(crate) fn at(host: &str) -> Self {
        if HUB_HOSTS.contains(&host) {
            return Self(HUB_HOSTS[0].to_owned());
        }
        Self(host.to_owned())
    }

    /// The registry that a key of `config.json` names, which may be a URL from old times.
    pub(crate) fn of_key(key: &str) -> Self {
        Self::at(host_of(key))
    }

    /// The registry that a caller names: a host, with or without a port, or what `docker` has as a key. `None` where it is
    /// neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let host = host_of(text);
        if text.contains('@') {
            return None;
        }
        let (name, port) = match host.strip_prefix('[') {
            Some(bracketed) => {
                let (address, rest) = bracketed.split_once(']')?;
                address.parse::<std::net::Ipv6Addr>().ok()?;
                (None, rest)
            }
            None => match host.find(':') {
                Some(colon) => (Some(&host[..colon]), &host[colon..]),
                None => (Some(host), ""),
            },
        };
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        };
        let is_port = |port: &str| {
            port.is_empty()
                || port
                    .strip_prefix(':')
                    .is_some_and(|digits| digits.parse::<u16>().is_ok())
        };
        (name.is_none_or(is_name) && is_port(port)).then(|| Self::at(host))
    }

    /// Whether it may be a host at all, whoever says so: a helper reads it as a line.
    pub(crate) fn is_plausible(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Whether `text` names it: as itself, and not as the end of another host.
    pub(crate) fn is_named_in(&self, text: &str) -> bool {
        let is_in_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        let names = if self.0 == HUB_HOSTS[0] {
            &HUB_HOSTS[..]
        } else {
            &[self.0.as_str()][..]
        };
        names.iter().any(|name| {
            text.match_indices(name).any(|(start, _)| {
                let before = text.as_bytes()[..start].last();
                // A port makes it another.
                let after = &text[start + name.len()..];
                let after = after.strip_prefix(':').unwrap_or(after).as_bytes();
                !before.is_some_and(|byte| is_in_host(*byte))
                    && !after.first().is_some_and(|byte| is_in_host(*byte))
            })
        })
    }

    /// What `docker`, its helpers and the engine's API have it as.
    pub(crate) fn key(&self) -> &str {
        if self.0 == HUB_HOSTS[0] {
            HUB_KEY
        } else {
            &self.0
        }
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The host in a URL or a host, as `docker` reads the keys of old configurations
/// (<https://github.com/docker/cli/blob/v28.5.2/cli/config/credentials/file_store.go>, `ConvertToHostname`).
fn host_of(key: &str) -> &str {
    let rest = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let authority = rest.split('/').next().unwrap_or_default();
    // User info is nobody's address, and may be a password.
    authority.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_of_docker_hub_is_docker_hub() {
        for name in [
            "docker.io",
            "index.docker.io",
            "registry-1.docker.io",
            HUB_KEY,
        ] {
            let registry = Registry::parse(name).unwrap();
            assert_eq!(
                (registry.to_string().as_str(), registry.key()),
                ("docker.io", HUB_KEY)
            );
            assert_eq!(Registry::of_key(name), registry);
        }
    }

    #[test]
    fn other_registries_are_their_hosts() {
        for (text, host) in [
            ("ghcr.io", "ghcr.io"),
            ("localhost:5000", "localhost:5000"),
            ("[::1]:5000", "[::1]:5000"),
            ("https://registry.example.com/v1/", "registry.example.com"),
            ("http://localhost:8000/v1/", "localhost:8000"),
            ("registry.example.com/v1/", "registry.example.com"),
        ] {
            assert_eq!(Registry::of_key(text), Registry::at(host));
            let registry = Registry::parse(text).unwrap();
            assert_eq!(
                (registry.to_string().as_str(), registry.key()),
                (host, host),
                "{text}"
            );
        }
    }

    #[test]
    fn user_info_in_an_old_key_is_dropped() {
        let registry = Registry::of_key("https://ada:hunter2@r.example/v1/");
        assert_eq!(registry, Registry::at("r.example"));
    }

    #[test]
    fn a_registry_is_named_by_its_whole_host() {
        for (host, text, is_named) in [
            (
                "r.example:5000",
                "pulling r.example:5000/a/b:1: denied",
                true,
            ),
            ("r.example", "http://r.example/v2/: 401", true),
            ("r.example", "r.example: denied", true),
            (
                "r.example",
                "or.example/a, r.example.com/a, r.example:5000/a",
                false,
            ),
            ("docker.io", "https://registry-1.docker.io/v2/a/b", true),
            ("docker.io", "docker.io/a/b:1: denied", true),
            ("docker.io", "registry.docker.io.example/a", false),
        ] {
            assert_eq!(Registry::at(host).is_named_in(text), is_named, "{text}");
        }
    }

    #[test]
    fn what_is_more_than_a_line_is_no_host() {
        assert!(Registry::at("ghcr.io:443").is_plausible());
        for text in ["", "a\nb", "a b", "a\u{1b}"] {
            assert!(!Registry::at(text).is_plausible(), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_registry_is_none() {
        for text in [
            "",
            "user:hunter2@ghcr.io",
            "https://user:hunter2@ghcr.io",
            "ghcr.io:port",
            "ghcr.io:70000",
            "[not an address]:5000",
            "a b",
            "ftp://ghcr.io",
        ] {
            assert_eq!(Registry::parse(text), None, "{text}");
        }
    }
}
