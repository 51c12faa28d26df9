//! The one reader of environment variables: everything else takes an [`Environment`].

use std::ffi::OsString;
use std::path::PathBuf;

/// What the surrounding process says about engines and terminals, read once.
///
/// An empty variable counts as unset, as it does for `docker`
/// (<https://github.com/docker/cli/blob/v28.5.2/cli/command/cli.go>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `DOCKER_HOST`: the engine's endpoint.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`: the name of a Docker context.
    pub docker_context: Option<String>,
    /// `DOCKER_TLS_VERIFY`: whether TCP endpoints speak TLS.
    pub docker_tls_verify: Option<String>,
    /// `DOCKER_BUILDKIT`: whether BuildKit builds; `0` and `false` say no.
    pub docker_buildkit: Option<String>,
    /// `SSH_AUTH_SOCK`: the socket of the SSH agent.
    pub ssh_auth_sock: Option<PathBuf>,
    /// `SOURCE_DATE_EPOCH`: time of everything that a build makes, in seconds since 1970
    /// (<https://reproducible-builds.org/specs/source-date-epoch/>).
    pub source_date_epoch: Option<String>,
    /// `HOME`, or `USERPROFILE` on Windows.
    pub home: Option<PathBuf>,
    /// `NO_COLOR`: no colours, whatever its value (<https://no-color.org>).
    pub no_color: bool,
    /// `TERM`: the kind of terminal; `dumb` moves no cursor.
    pub term: Option<String>,
}

impl Environment {
    /// Reads the variables of this process.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader")]
    pub fn of_process() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads one variable that a caller names; an empty one is set.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader")]
    pub fn variable(name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    /// Reads the variables from `get`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        Self {
            docker_host: set("DOCKER_HOST"),
            docker_context: set("DOCKER_CONTEXT"),
            docker_tls_verify: set("DOCKER_TLS_VERIFY"),
            docker_buildkit: set("DOCKER_BUILDKIT"),
            ssh_auth_sock: set("SSH_AUTH_SOCK").map(PathBuf::from),
            source_date_epoch: set("SOURCE_DATE_EPOCH"),
            home: set("HOME")
                .or_else(|| set("USERPROFILE"))
                .map(PathBuf::from),
            no_color: set("NO_COLOR").is_some(),
            term: set("TERM"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = Environment::read(|_| Some(String::new()));
        assert_eq!(environment, Environment::default());
    }

    #[test]
    fn the_windows_home_is_second() {
        let environment =
            Environment::read(|name| (name == "USERPROFILE").then(|| r"C:\Users\a".to_owned()));
        assert_eq!(environment.home, Some(PathBuf::from(r"C:\Users\a")));
    }
}
