//! The build context: what of a folder goes to the engine, and the archive that carries it there.

mod archive;
mod base_images;
mod counters;
pub(crate) mod disk;
pub(crate) mod dockerfile;
pub(crate) mod failure;
pub(crate) mod ignore;
pub(crate) mod memory;
mod plan;
mod remote;
mod sink;
mod stream;
mod walk;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(crate) use base_images::base_images;
pub use counters::ContextCounters;
pub use remote::{check_url, is_over_ssh};
pub use stream::{BuildContext, ContextOutcome, ContextStream, ContextSummary, open};

/// Where a build context comes from. `Debug` shows neither contents nor credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum ContextSource {
    /// A folder, without what its ignore file excludes.
    ///
    /// The ignore file is `<Dockerfile>.dockerignore` next to the Dockerfile where it exists, else `.dockerignore` in
    /// the folder.
    Directory {
        /// The folder; a link to one is followed.
        path: PathBuf,
        /// The Dockerfile to build.
        dockerfile: DockerfileSource,
    },
    /// Files in memory; no ignore file is applied.
    Files {
        /// Name and content of each file. A name is relative, with `/` between its parts, none of them `.` or `..`.
        files: Vec<(String, Vec<u8>)>,
        /// Name of the file that is the Dockerfile.
        dockerfile: String,
    },
    /// A git repository, or an archive or a Dockerfile at a URL, which the engine fetches. Only BuildKit does.
    Url {
        /// In the words of `docker build`: `https://host/repository.git#branch:folder`, `https://host/context.tar.gz`.
        url: String,
        /// The Dockerfile; a relative path is one of the context.
        dockerfile: DockerfileSource,
    },
    /// A tar archive of this machine, compressed or not. Only BuildKit takes one.
    Archive {
        /// The archive.
        path: PathBuf,
        /// The Dockerfile; a relative path is one of the archive.
        dockerfile: DockerfileSource,
    },
}

impl ContextSource {
    /// The Dockerfile as the caller knows it; `None` where it is no file of this machine.
    pub fn dockerfile_path(&self) -> Option<PathBuf> {
        match self {
            Self::Directory {
                path,
                dockerfile: DockerfileSource::Path(file),
            } => Some(path.join(file)),
            Self::Url {
                dockerfile: DockerfileSource::Path(file),
                ..
            }
            | Self::Archive {
                dockerfile: DockerfileSource::Path(file),
                ..
            } => Some(file.clone()).filter(|file| file.is_absolute()),
            _ => None,
        }
    }
}

/// Where the Dockerfile of a folder comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerfileSource {
    /// A file; a relative path starts at the context folder.
    ///
    /// One outside the context is added to the archive under a generated name. A link inside the context that leads
    /// outside is refused. Where `Dockerfile` does not exist, `dockerfile` is taken.
    Path(PathBuf),
    /// The text itself, added to the archive under a generated name.
    Inline(String),
}

impl Default for DockerfileSource {
    fn default() -> Self {
        Self::Path(PathBuf::from("Dockerfile"))
    }
}

/// How the archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all: the faster one over a local socket.
    #[default]
    None,
    /// gzip, for contexts that travel.
    Gzip,
}
