//! The one reader of environment variables: everything else takes an [`Environment`].

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::secret::Secret;

/// What the surrounding process says about engines, registries and terminals, read once.
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
    /// `DOCKER_TLS`: the same; for `docker` without checking who answers, for us never without.
    pub docker_tls: Option<String>,
    /// `DOCKER_CERT_PATH`: folder with the certificates for engines over TLS.
    pub docker_cert_path: Option<PathBuf>,
    /// `DOCKER_CONFIG`: folder of the settings of `docker`.
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_API_VERSION`: the version of the engine's API that is spoken, such as `1.41`.
    pub docker_api_version: Option<String>,
    /// `DOCKER_CUSTOM_HEADERS`: headers for every engine, as `name=value` with commas between them.
    pub docker_custom_headers: Option<Secret>,
    /// `DOCKER_AUTH_CONFIG`: credentials, as JSON.
    pub docker_auth_config: Option<Secret>,
    /// `REGISTRY_AUTH_FILE`: the one file in which Podman looks for credentials
    /// (<https://docs.podman.io/en/v5.6.2/markdown/podman-login.1.html>).
    pub registry_auth_file: Option<PathBuf>,
    /// `BUILDKIT_NO_CLIENT_TOKEN`: whether engines log in to registries by themselves, with the credentials given to them
    /// (<https://github.com/moby/buildkit/blob/v0.25.2/session/auth/authprovider/authprovider.go>).
    pub buildkit_no_client_token: bool,
    /// `HTTP_PROXY`: proxy for what is fetched over `http`. A proxy's URL may hold a password.
    pub http_proxy: Option<Secret>,
    /// `HTTPS_PROXY`: proxy for what is fetched over `https`.
    pub https_proxy: Option<Secret>,
    /// `NO_PROXY`: hosts without a proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// `BUILDX_CONFIG`: folder of the settings of buildx.
    pub buildx_config: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: folder with the sockets of this user's services.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`: folder of the settings of this user's programs.
    pub xdg_config_home: Option<PathBuf>,
    /// The number of the user, where users have numbers; Podman's files are named by it.
    pub user_id: Option<u32>,
    /// `HOME`; on Windows `USERPROFILE`, which is what `docker` and Go look at there, whatever a Unix shell says.
    pub home: Option<PathBuf>,
    /// `NO_COLOR`: no colours, whatever its value (<https://no-color.org>).
    pub no_color: bool,
    /// `TERM`: the kind of terminal; `dumb` moves no cursor.
    pub term: Option<String>,
    /// Every variable, for the programs that are started.
    pub variables: Variables,
}

/// Environment variables for a program. `Debug` does not show them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(Arc<[(OsString, OsString)]>);

impl Environment {
    /// Whether `DOCKER_BUILDKIT` asks for the classic builder, as Go reads a bool.
    pub fn wants_classic_builder(&self) -> bool {
        let is_off = |value: &str| matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False");
        self.docker_buildkit.as_deref().is_some_and(is_off)
    }

    /// Reads the variables of this process.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader")]
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            user_id: user_id(),
            ..Self::read(|name| std::env::var(name).ok())
        }
    }

    /// Reads one variable that a caller names; an empty one is set.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader")]
    pub fn variable(name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    /// Reads the variables from `get`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        // In this order, as Go has it (<https://pkg.go.dev/golang.org/x/net/http/httpproxy#FromEnvironment>).
        let either = |name: &str| set(name).or_else(|| set(&name.to_ascii_lowercase()));
        Self {
            docker_host: set("DOCKER_HOST"),
            docker_context: set("DOCKER_CONTEXT"),
            docker_tls_verify: set("DOCKER_TLS_VERIFY"),
            docker_buildkit: set("DOCKER_BUILDKIT"),
            ssh_auth_sock: set("SSH_AUTH_SOCK").map(PathBuf::from),
            source_date_epoch: set("SOURCE_DATE_EPOCH"),
            docker_tls: set("DOCKER_TLS"),
            docker_cert_path: set("DOCKER_CERT_PATH").map(PathBuf::from),
            docker_config: set("DOCKER_CONFIG").map(PathBuf::from),
            docker_api_version: set("DOCKER_API_VERSION"),
            docker_custom_headers: set("DOCKER_CUSTOM_HEADERS").map(Secret::new),
            docker_auth_config: set("DOCKER_AUTH_CONFIG").map(Secret::new),
            registry_auth_file: set("REGISTRY_AUTH_FILE").map(PathBuf::from),
            // As Go reads a bool.
            buildkit_no_client_token: set("BUILDKIT_NO_CLIENT_TOKEN").is_some_and(|value| {
                ["1", "t", "T", "true", "TRUE", "True"].contains(&value.as_str())
            }),
            http_proxy: either("HTTP_PROXY").map(Secret::new),
            https_proxy: either("HTTPS_PROXY").map(Secret::new),
            no_proxy: either("NO_PROXY"),
            buildx_config: set("BUILDX_CONFIG").map(PathBuf::from),
            xdg_runtime_dir: set("XDG_RUNTIME_DIR").map(PathBuf::from),
            xdg_config_home: set("XDG_CONFIG_HOME").map(PathBuf::from),
            user_id: None,
            home: home(set, cfg!(windows)),
            no_color: set("NO_COLOR").is_some(),
            term: set("TERM"),
            variables: Variables::default(),
        }
    }

    /// The folder of the settings of `docker`: `DOCKER_CONFIG`, or `.docker` at home.
    pub fn docker_folder(&self) -> Option<PathBuf> {
        let at_home = || Some(self.home.as_ref()?.join(".docker"));
        self.docker_config.clone().or_else(at_home)
    }

    /// The folder of the settings of buildx: `BUILDX_CONFIG`, or `buildx` in that of `docker`.
    pub fn buildx_folder(&self) -> Option<PathBuf> {
        let in_dockers = || Some(self.docker_folder()?.join("buildx"));
        self.buildx_config.clone().or_else(in_dockers)
    }
}

/// <https://pkg.go.dev/os#UserHomeDir>. The other one is better than nothing.
fn home(set: impl Fn(&str) -> Option<String>, is_windows: bool) -> Option<PathBuf> {
    let [first, second] = if is_windows {
        ["USERPROFILE", "HOME"]
    } else {
        ["HOME", "USERPROFILE"]
    };
    set(first).or_else(|| set(second)).map(PathBuf::from)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere users have no numbers")]
fn user_id() -> Option<u32> {
    Some(rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn user_id() -> Option<u32> {
    None
}

impl Variables {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = &(OsString, OsString)> {
        self.0.iter()
    }
}

impl FromIterator<(OsString, OsString)> for Variables {
    fn from_iter<T: IntoIterator<Item = (OsString, OsString)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} variables", self.0.len())
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
    fn each_system_has_its_own_variable_for_the_home() {
        let both = |name: &str| match name {
            "HOME" => Some("/home/a".to_owned()),
            "USERPROFILE" => Some(r"C:\Users\a".to_owned()),
            _ => None,
        };
        let only =
            |wanted: &'static str| move |name: &str| (name == wanted).then(|| both(name)).flatten();
        let (unix, windows) = (PathBuf::from("/home/a"), PathBuf::from(r"C:\Users\a"));
        assert_eq!(home(both, false), Some(unix.clone()));
        assert_eq!(home(both, true), Some(windows.clone()));
        assert_eq!(home(only("HOME"), true), Some(unix));
        assert_eq!(home(only("USERPROFILE"), false), Some(windows));
    }

    #[test]
    fn the_settings_of_docker_are_at_home_unless_told_otherwise() {
        let home = |name: &str| (name == "HOME").then(|| "/home/a".to_owned());
        let told = |name: &str| (name == "DOCKER_CONFIG").then(|| "/etc/d".to_owned());
        let folder = |environment: Environment| environment.docker_folder();
        assert_eq!(
            folder(Environment::read(home)),
            Some("/home/a/.docker".into())
        );
        assert_eq!(folder(Environment::read(told)), Some("/etc/d".into()));
        assert_eq!(folder(Environment::default()), None);
    }

    #[test]
    fn debug_output_shows_no_secret_and_no_variable() {
        let environment = Environment {
            variables: [("TOKEN".into(), "hunter2".into())].into_iter().collect(),
            ..Environment::read(|name| {
                ["DOCKER_AUTH_CONFIG", "DOCKER_CUSTOM_HEADERS", "HTTPS_PROXY"]
                    .contains(&name)
                    .then(|| "hunter2".to_owned())
            })
        };
        let shown = format!("{environment:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn the_settings_of_buildx_are_with_those_of_docker_unless_told_otherwise() {
        let told = |name: &str| (name == "BUILDX_CONFIG").then(|| "/etc/x".to_owned());
        let docker = |name: &str| (name == "DOCKER_CONFIG").then(|| "/etc/d".to_owned());
        let folder = |environment: Environment| environment.buildx_folder();
        assert_eq!(folder(Environment::read(told)), Some("/etc/x".into()));
        assert_eq!(
            folder(Environment::read(docker)),
            Some("/etc/d/buildx".into())
        );
    }
}
