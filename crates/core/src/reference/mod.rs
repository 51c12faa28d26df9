//! Image references: what a name means, and that nothing else can reach a URL.
//!
//! The grammar and the normalisation are those of distribution/reference
//! (<https://github.com/distribution/reference/blob/v0.6.0/normalize.go>).

mod grammar;
mod image_name;
#[cfg(test)]
mod tests;

use std::fmt;

pub use image_name::ImageName;

use self::grammar::{is_digest, is_domain, is_path, is_tag};
use crate::error::{Error, ErrorKind, Result};
use crate::text::redact_urls;

/// Registry that is meant where none is named.
const DEFAULT_REGISTRY: &str = "docker.io";

/// Namespace of images on Docker Hub that have none.
const OFFICIAL_NAMESPACE: &str = "library/";

/// Longest path of a repository.
const PATH_LIMIT: usize = 255;

/// A validated, normalised reference, such as `docker.io/library/alpine:latest`. It has a tag, a digest, or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    /// Parses what people write: `alpine`, `acme/app:1.4`, `ghcr.io/acme/app@sha256:…`, `[::1]:5000/app`.
    ///
    /// Without a tag and a digest the tag is `latest`. Errors: `INVALID_REFERENCE`.
    pub fn parse(text: &str) -> Result<Self> {
        parse(text).map_err(|reason| {
            let shown: String = redact_urls(without_user_info(text))
                .chars()
                .take(300)
                .collect();
            Error::new(
                ErrorKind::InvalidReference,
                format!(
                    "cannot use `{}` as an image reference: {reason}",
                    shown.escape_debug()
                ),
            )
        })
    }

    /// Registry host, with its port where one was given. Docker Hub is `docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Repository within the registry, such as `library/alpine`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Registry and repository, such as `docker.io/library/alpine`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Digest, such as `sha256:` + 64 hex digits.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// What an engine's `tag` parameter takes: the digest where there is one, else the tag.
    pub fn pull_tag(&self) -> &str {
        self.digest().or(self.tag()).unwrap_or("latest")
    }

    /// The same repository with another tag, and without a digest. Errors: `INVALID_REFERENCE`.
    pub fn with_tag(&self, tag: &str) -> Result<Self> {
        Self::parse(&format!("{}:{tag}", self.name()))
    }

    /// The same repository at a digest, and without a tag. Errors: `INVALID_REFERENCE`.
    pub fn with_digest(&self, digest: &str) -> Result<Self> {
        Self::parse(&format!("{}@{digest}", self.name()))
    }

    /// The same repository and tag without the digest; `latest` where there was no tag.
    #[must_use]
    pub fn without_digest(&self) -> Self {
        let tag = self.tag.clone().unwrap_or_else(|| "latest".to_owned());
        Self {
            tag: Some(tag),
            digest: None,
            ..self.clone()
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(formatter, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// A reference has no user info, but people write it, and it is a password.
fn without_user_info(text: &str) -> &str {
    match text
        .split_once('/')
        .unwrap_or((text, ""))
        .0
        .rsplit_once('@')
    {
        Some((user_info, host)) if user_info.contains(':') && !host.contains(':') => {
            &text[user_info.len() + 1..]
        }
        _ => text,
    }
}

fn parse(text: &str) -> std::result::Result<Reference, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return Err("64 hexadecimal digits are an image ID, not a name".to_owned());
    }
    let (registry, rest) = split_registry(text);
    let (named, digest) = match rest.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (rest, None),
    };
    let (path, tag) = match named.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (named, None),
    };
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(format!(
            "the repository name must be lower case: `{}`",
            path.to_ascii_lowercase()
        ));
    }
    let repository = if registry == DEFAULT_REGISTRY && !path.contains('/') {
        format!("{OFFICIAL_NAMESPACE}{path}")
    } else {
        path.to_owned()
    };
    if !is_domain(&registry) {
        return Err("the registry is not a host name".to_owned());
    }
    if !is_path(&repository) {
        return Err("the repository name is not valid".to_owned());
    }
    if repository.len() > PATH_LIMIT {
        return Err(format!(
            "the repository name is longer than {PATH_LIMIT} characters"
        ));
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err("the tag is not valid".to_owned());
    }
    if let Some(digest) = digest {
        is_digest(digest)?;
    }
    let tag = tag.or(if digest.is_none() {
        Some("latest")
    } else {
        None
    });
    Ok(Reference {
        registry,
        repository,
        tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
    })
}

/// The part before the first `/` is a registry when it cannot be a namespace of Docker Hub.
fn split_registry(text: &str) -> (String, &str) {
    match text.split_once('/') {
        Some(("index.docker.io", rest)) => (DEFAULT_REGISTRY.to_owned(), rest),
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (first.to_owned(), rest)
        }
        _ => (DEFAULT_REGISTRY.to_owned(), text),
    }
}
