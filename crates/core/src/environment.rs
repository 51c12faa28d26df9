//! The one reader of environment variables: everything else takes an [`Environment`].

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
    /// `DOCKER_CONFIG`: folder of the settings of `docker`.
    pub docker_config: Option<PathBuf>,
    /// `BUILDX_CONFIG`: folder of the settings of buildx.
    pub buildx_config: Option<PathBuf>,
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

    /// Reads the variables from `get`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        Self {
            docker_host: set("DOCKER_HOST"),
            docker_context: set("DOCKER_CONTEXT"),
            docker_tls_verify: set("DOCKER_TLS_VERIFY"),
            docker_config: set("DOCKER_CONFIG").map(PathBuf::from),
            buildx_config: set("BUILDX_CONFIG").map(PathBuf::from),
            home: set("HOME")
                .or_else(|| set("USERPROFILE"))
                .map(PathBuf::from),
            no_color: set("NO_COLOR").is_some(),
            term: set("TERM"),
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
