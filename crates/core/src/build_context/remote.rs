//! Contexts that the engine fetches.

use std::fmt;

use super::ContextSource;
use crate::error::{Error, ErrorKind, Result};
use crate::text::redact_urls;

/// What the frontend fetches with git or over HTTP; anything else it takes for a folder
/// (<https://github.com/moby/buildkit/blob/v0.25.2/util/gitutil/git_url.go>).
const SCHEMES: &[&str] = &["https", "http", "git", "ssh"];

/// Refuses what is no URL of a context: `scheme://…`, or a git repository as `user@host:path` or `github.com/…`.
pub fn check_url(url: &str) -> Result<()> {
    let is_url = match url.split_once("://") {
        Some((scheme, rest)) => {
            SCHEMES
                .iter()
                .any(|known| scheme.eq_ignore_ascii_case(known))
                && !rest.is_empty()
        }
        None => url.starts_with("github.com/") || is_scp_style(url),
    };
    if is_url
        && !url.contains(|character: char| character.is_whitespace() || character.is_control())
    {
        return Ok(());
    }
    let message = format!("the context `{}` is no URL", redact_urls(url));
    Err(Error::new(ErrorKind::InvalidOption, message).with_hint(
        "write it as `https://host/repository.git#branch:folder` or `https://host/context.tar.gz`",
    ))
}

/// Whether an engine fetches `url` over ssh, for which it needs an SSH agent
/// (<https://github.com/docker/buildx/blob/v0.29.1/util/buildflags/ssh.go>, `IsGitSSH`: so does `docker build`).
pub fn is_over_ssh(url: &str) -> bool {
    match url.split_once("://") {
        Some((scheme, _)) => scheme.eq_ignore_ascii_case("ssh"),
        None => is_scp_style(url),
    }
}

/// `user@host:path`, as ssh takes it.
fn is_scp_style(url: &str) -> bool {
    let place = url
        .split_once('@')
        .and_then(|(user, rest)| Some((user, rest.split_once(':')?)));
    place.is_some_and(|(user, (host, path))| {
        !user.is_empty()
            && !user.contains('/')
            && !host.is_empty()
            && !host.contains('/')
            && !path.is_empty()
    })
}

impl fmt::Debug for ContextSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, dockerfile } => formatter
                .debug_struct("Directory")
                .field("path", path)
                .field("dockerfile", dockerfile)
                .finish(),
            Self::Files { files, dockerfile } => {
                let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
                formatter
                    .debug_struct("Files")
                    .field("files", &names)
                    .field("dockerfile", dockerfile)
                    .finish()
            }
            Self::Url { url, dockerfile } => formatter
                .debug_struct("Url")
                .field("url", &redact_urls(url))
                .field("dockerfile", dockerfile)
                .finish(),
            Self::Archive { path, dockerfile } => formatter
                .debug_struct("Archive")
                .field("path", path)
                .field("dockerfile", dockerfile)
                .finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_context::DockerfileSource;

    #[test]
    fn what_docker_build_fetches_is_a_url() {
        for url in [
            "https://host/repository.git#branch:folder",
            "HTTP://host/context.tar.gz",
            "git://host/repository",
            "ssh://git@host/repository.git",
            "git@host:repository.git#main",
            "github.com/acme/app",
        ] {
            assert!(check_url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_fetched_over_ssh_is_known() {
        for url in [
            "ssh://git@host/r.git",
            "SSH://host/r",
            "git@host:r.git#main",
        ] {
            assert!(is_over_ssh(url), "{url}");
        }
        for url in [
            "https://git@host/r.git",
            "git://host/r",
            "github.com/acme/app",
        ] {
            assert!(!is_over_ssh(url), "{url}");
        }
    }

    #[test]
    fn folders_and_other_schemes_are_no_url() {
        for url in [
            "",
            ".",
            "./a@b:c",
            "/srv/app",
            "C:\\app",
            "app",
            "file:///srv/app",
            "https://",
            "docker-image://alpine",
            "https://host/a b",
            "@host:path",
            "git@host:",
            "git@/x:y",
        ] {
            let error = check_url(url).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOption, "{url}");
        }
    }

    #[test]
    fn debug_output_has_no_credentials_and_no_contents() {
        let dockerfile = DockerfileSource::default();
        let url = "https://user:hunter2@host/repository.git".to_owned();
        let shown = format!("{:?}", ContextSource::Url { url, dockerfile });
        assert!(
            shown.contains("host/repository.git") && !shown.contains("hunter2"),
            "{shown}"
        );
        let files = vec![("a".to_owned(), b"hunter2".to_vec())];
        let dockerfile = "a".to_owned();
        let shown = format!("{:?}", ContextSource::Files { files, dockerfile });
        assert_eq!(shown, r#"Files { files: ["a"], dockerfile: "a" }"#);
    }
}
