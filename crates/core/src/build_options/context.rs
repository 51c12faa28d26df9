//! Contexts beside the main one.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};
use crate::reference::Reference;
use crate::text::redact_urls;

/// A context that a Dockerfile calls by a name. `Debug` shows no credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum NamedContext {
    /// A folder of this machine, filtered by its own `.dockerignore`.
    Directory(PathBuf),
    /// An image, as a reference.
    Image(String),
    /// A git repository. Another URL is one file, named `context`, which BuildKit 0.25 fails to copy from.
    Url(String),
    /// An image in a folder of this machine, as an OCI image layout.
    OciLayout {
        /// The folder.
        directory: PathBuf,
        /// Tag, or whole name, in its index; `latest`, or the only image, when absent.
        tag: Option<String>,
        /// Digest of the manifest or index; found by the tag when absent.
        digest: Option<String>,
    },
}

/// How the forms begin that are no path
/// (<https://github.com/docker/buildx/blob/v0.29.1/util/urlutil/urlutil.go>).
const URLS: [&str; 6] = [
    "http://",
    "https://",
    "git://",
    "ssh://",
    "git@",
    "github.com/",
];

impl fmt::Debug for NamedContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => formatter.debug_tuple("Directory").field(path).finish(),
            Self::Image(reference) => formatter.debug_tuple("Image").field(reference).finish(),
            Self::Url(url) => {
                let mut debug = formatter.debug_tuple("Url");
                debug.field(&redact_urls(url)).finish()
            }
            Self::OciLayout {
                directory,
                tag,
                digest,
            } => formatter
                .debug_struct("OciLayout")
                .field("directory", directory)
                .field("tag", tag)
                .field("digest", digest)
                .finish(),
        }
    }
}

impl NamedContext {
    /// Reads what `docker buildx build --build-context` takes: `docker-image://IMAGE`,
    /// `oci-layout://FOLDER[:TAG][@DIGEST]`, the URL of a git repository, or else the path of a folder.
    /// Errors: `INVALID_OPTION` for `target:TARGET`, which means another build of the same `bake`.
    pub fn parse(text: &str) -> Result<Self> {
        if text.starts_with("target:") {
            let shown: String = text.chars().take(300).collect();
            let message = format!(
                "the context `{}` means a target of `docker buildx bake`, of which one build has none",
                shown.escape_debug()
            );
            return Err(Error::new(ErrorKind::InvalidOption, message).with_hint(
                "name a stage of the Dockerfile itself: `FROM stage`, `COPY --from=stage`",
            ));
        }
        Ok(
            if let Some(reference) = text.strip_prefix("docker-image://") {
                Self::Image(reference.to_owned())
            } else if let Some(layout) = text.strip_prefix("oci-layout://") {
                oci_layout(layout)
            } else if URLS.iter().any(|start| text.starts_with(start)) {
                Self::Url(text.to_owned())
            } else {
                Self::Directory(text.into())
            },
        )
    }
}

/// <https://github.com/docker/buildx/blob/v0.29.1/build/opt.go>
fn oci_layout(text: &str) -> NamedContext {
    let (rest, digest) = match text.rsplit_once('@') {
        Some((rest, digest)) if digest.contains(':') => (rest, Some(digest.to_owned())),
        _ => (text, None),
    };
    let (directory, tag) = match rest.rsplit_once(':') {
        // `C:/folder`, and a folder with a colon in its name
        Some((directory, tag)) if !directory.is_empty() && !tag.contains(['/', '\\']) => {
            (directory, Some(tag.to_owned()))
        }
        _ => (rest, None),
    };
    NamedContext::OciLayout {
        directory: directory.into(),
        tag,
        digest,
    }
}

/// The name of a context as `FROM` finds it: an image's name without what goes without saying
/// (<https://github.com/docker/buildx/blob/v0.29.1/commands/build.go>, `parseContextNames`).
pub(crate) fn context_name(name: &str) -> Result<String> {
    let reference = Reference::parse(name).map_err(|error| {
        let shown: String = name.chars().take(300).collect();
        let message = format!("cannot name a context `{}`", shown.escape_debug());
        Error::new(ErrorKind::InvalidOption, message)
            .with_hint("a context is named as an image is: in lower case")
            .with_source(error)
    })?;
    let whole = reference.to_string();
    let name = whole.strip_suffix(":latest").unwrap_or(&whole);
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    Ok(match name.strip_prefix("library/") {
        Some(official) if !official.contains('/') => official,
        _ => name,
    }
    .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_credentials() {
        let context = NamedContext::parse("https://ada:hunter2@h.example/r.git").unwrap();
        let shown = format!("{context:?}");
        assert!(shown.contains("h.example/r.git"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn every_form_is_told_apart() {
        let layout =
            |directory: &str, tag: Option<&str>, digest: Option<&str>| NamedContext::OciLayout {
                directory: directory.into(),
                tag: tag.map(str::to_owned),
                digest: digest.map(str::to_owned),
            };
        for (text, expected) in [
            ("../lib", NamedContext::Directory("../lib".into())),
            ("/a:b", NamedContext::Directory("/a:b".into())),
            (r"C:\lib", NamedContext::Directory(r"C:\lib".into())),
            (
                "docker-image://debian:12",
                NamedContext::Image("debian:12".to_owned()),
            ),
            (
                "https://github.com/acme/lib.git#main",
                NamedContext::Url("https://github.com/acme/lib.git#main".to_owned()),
            ),
            (
                "git@github.com:acme/lib.git",
                NamedContext::Url("git@github.com:acme/lib.git".to_owned()),
            ),
            ("oci-layout:///lib", layout("/lib", None, None)),
            ("oci-layout://lib:1.0", layout("lib", Some("1.0"), None)),
            (
                "oci-layout:///lib@sha256:aa",
                layout("/lib", None, Some("sha256:aa")),
            ),
            (
                "oci-layout:///a@b/lib:1@sha256:aa",
                layout("/a@b/lib", Some("1"), Some("sha256:aa")),
            ),
            ("oci-layout://C:/lib", layout("C:/lib", None, None)),
            (r"oci-layout://C:\lib:2", layout(r"C:\lib", Some("2"), None)),
        ] {
            assert_eq!(NamedContext::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_target_of_bake_is_refused() {
        let error = NamedContext::parse("target:base").unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOption);
        assert!(error.message.contains("`target:base`"), "{error}");
    }

    #[test]
    fn a_name_is_as_the_frontend_looks_for_it() {
        for (name, expected) in [
            ("lib", "lib"),
            ("debian:latest", "debian"),
            ("docker.io/library/debian:12", "debian:12"),
            ("docker.io/acme/app", "acme/app"),
            ("ghcr.io/acme/app:1", "ghcr.io/acme/app:1"),
            ("context", "context"),
        ] {
            assert_eq!(context_name(name).unwrap(), expected);
        }
        for name in ["", "Lib", "a b", "-"] {
            assert_eq!(
                context_name(name).unwrap_err().kind,
                ErrorKind::InvalidOption
            );
        }
    }
}
