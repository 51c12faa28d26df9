//! The errors of what a build writes on this machine.

use std::io;
use std::path::Path;

use crate::build_context::failure::{Reason, shown};
use crate::error::{Error, ErrorKind};

/// This machine does not let the build write `path`.
pub(crate) fn unwritable(path: &Path, error: io::Error) -> Error {
    let reason = match error.kind() {
        io::ErrorKind::DirectoryNotEmpty => {
            "it is a folder that is not empty, and the build has something else of that name"
                .to_owned()
        }
        io::ErrorKind::Unsupported => {
            "this system cannot have a device or a named pipe there".to_owned()
        }
        _ => Reason(&error).to_string(),
    };
    Error::new(
        ErrorKind::OutputFailed,
        format!("cannot write `{}`: {reason}", shown(path)),
    )
    .with_source(error)
}

/// The engine sends what no engine sends, so that nothing more is taken from it.
pub(crate) fn refused(reason: &str) -> Error {
    Error::new(
        ErrorKind::EngineProtocol,
        format!("cannot take the output from the engine: {reason}"),
    )
}

/// A place that the caller named, and that cannot be used.
pub(crate) fn unusable(path: &Path, reason: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOption,
        format!("cannot write to `{}`: {reason}", shown(path)),
    )
}
