//! The errors of a build context: which path, and what happened to it.

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// A context that cannot be made, because of `path`.
pub(crate) fn invalid(path: &Path, reason: impl fmt::Display) -> Error {
    let message = format!(
        "failed to create build context: `{}`: {reason}",
        shown(path)
    );
    Error::new(ErrorKind::ContextInvalid, message)
}

/// A path of the context that the system does not give.
pub(crate) fn unreadable(path: &Path, error: io::Error) -> Error {
    let invalid = invalid(path, Reason(&error));
    let invalid = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            invalid.with_hint("make the path readable, or exclude it in .dockerignore")
        }
        _ => invalid,
    };
    invalid.with_source(error)
}

/// A file that is not what it was a moment ago.
pub(crate) fn changed(path: &Path, what_happened: &str) -> Error {
    invalid(path, format_args!("it {what_happened} while the context was read"))
        .with_hint("build again once nothing writes to the build context, or exclude the path in .dockerignore")
}

/// An entry that the engine does not take, because its name, or where it leads as a link, is not UTF-8.
pub(crate) fn not_unicode(path: &Path) -> Error {
    invalid(
        path,
        "its name or target is not UTF-8, which this engine does not take",
    )
    .with_hint("exclude the path in .dockerignore, or build with `builder: 'classic'`")
}

/// The walk has seen a file there, so some errors say that it is gone.
pub(crate) fn not_opened(path: &Path, error: io::Error) -> Error {
    let what_happened = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "vanished",
        #[cfg(unix)]
        _ if error.raw_os_error() == Some(libc::ELOOP) => "became a link",
        _ => return unreadable(path, error),
    };
    changed(path, what_happened).with_source(error)
}

/// A Dockerfile that cannot be used.
pub(crate) fn no_dockerfile(path: &Path, reason: impl fmt::Display) -> Error {
    let message = format!("cannot read Dockerfile `{}`: {reason}", shown(path));
    Error::new(ErrorKind::DockerfileInvalid, message)
        .with_hint("check the path of the Dockerfile; a relative one starts at the build context")
}

/// A Dockerfile that the system does not give.
pub(crate) fn unreadable_dockerfile(path: &Path, error: io::Error) -> Error {
    let missing = no_dockerfile(path, Reason(&error));
    let missing = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            missing.with_hint("make the Dockerfile readable for this user")
        }
        _ => missing,
    };
    missing.with_source(error)
}

/// The path on one line: control characters escaped, bytes that are not UTF-8 replaced.
pub(crate) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// A system error without its number, in lower case.
pub(crate) struct Reason<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        let mut characters = text.chars();
        if let Some(first) = characters.next() {
            formatter.write_char(first.to_ascii_lowercase())?;
        }
        formatter.write_str(characters.as_str())
    }
}
