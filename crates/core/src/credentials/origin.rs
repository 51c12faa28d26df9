//! Who has the credentials for a registry.

use std::fmt;
use std::path::{Path, PathBuf};

use super::helper;
use crate::text::clean_line;

/// Who has, or may have, the credentials for a registry. `Display` names the option, the variable, the helper or the file,
/// and never what is kept there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The caller, with the option `credentials`.
    Caller,
    /// The variable `DOCKER_AUTH_CONFIG`.
    Variable,
    /// An entry of a file.
    File(SettingsFile),
    /// A credential helper that a file names.
    Helper {
        /// The end of the program's name, as the file has it: `osxkeychain` for `docker-credential-osxkeychain`.
        name: String,
        /// The file that names it.
        file: SettingsFile,
    },
}

/// A file that keeps credentials or names who does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsFile {
    /// `config.json` of `docker`.
    Docker(PathBuf),
    /// `auth.json` of Podman.
    Podman(PathBuf),
}

impl Origin {
    /// Whether `docker` uses these credentials as well.
    pub(crate) fn is_dockers(&self) -> bool {
        match self {
            Self::Caller => false,
            Self::Variable => true,
            Self::File(file) | Self::Helper { file, .. } => matches!(file, SettingsFile::Docker(_)),
        }
    }
}

impl SettingsFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Docker(path) | Self::Podman(path) => path,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller => formatter.write_str("the option `credentials`"),
            Self::Variable => formatter.write_str("the variable `DOCKER_AUTH_CONFIG`"),
            Self::File(file) => write!(formatter, "{file}"),
            Self::Helper { name, file } if helper::is_name(name) => {
                write!(formatter, "`docker-credential-{name}`, which {file} names")
            }
            Self::Helper { file, .. } => write!(
                formatter,
                "a credential helper, whose name in {file} is not one"
            ),
        }
    }
}

impl fmt::Display for SettingsFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display().to_string();
        write!(formatter, "`{}`", clean_line(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_named_and_a_name_that_is_none_is_not_shown() {
        let docker = || SettingsFile::Docker("/home/a/.docker/config.json".into());
        let helper = |name: &str| Origin::Helper {
            name: name.to_owned(),
            file: docker(),
        };
        for (origin, shown) in [
            (Origin::Caller, "the option `credentials`"),
            (Origin::Variable, "the variable `DOCKER_AUTH_CONFIG`"),
            (Origin::File(docker()), "`/home/a/.docker/config.json`"),
            (
                Origin::File(SettingsFile::Podman("/run/\u{1b}[2Jauth.json".into())),
                "`/run/auth.json`",
            ),
            (
                helper("pass"),
                "`docker-credential-pass`, which `/home/a/.docker/config.json` names",
            ),
            (
                helper("../../x"),
                "a credential helper, whose name in `/home/a/.docker/config.json` is not one",
            ),
        ] {
            assert_eq!(origin.to_string(), shown);
        }
    }
}
