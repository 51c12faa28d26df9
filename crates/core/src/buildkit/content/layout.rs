//! One layout: its blobs, and its index.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tonic::Status;

use super::lock::Lock;
use super::{Digest, Index};
use crate::buildkit::outputs::failure::unwritable;
use crate::buildkit::scratch::Scratch;
use crate::error::Error;

/// A folder that is an image layout, or becomes one.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(super) root: PathBuf,
    pub(super) purpose: Use,
    /// Part of every temporary name, so that no build is in another's way.
    pub(super) token: String,
    pub(super) scratch: Scratch<PathBuf>,
    writes: Mutex<Writes>,
}

/// What an engine may do with a layout, and what it means when that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Read an image that the build needs.
    Context,
    /// Read a cache that it can do without.
    CacheFrom,
    /// Write a cache, and read it.
    CacheTo {
        /// Whether the build can do without.
        is_optional: bool,
    },
}

/// What is being written, by the names that the engine gives to it.
#[derive(Debug, Default)]
struct Writes {
    next: u64,
    active: BTreeMap<String, Progress>,
}

/// How far a write has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) started: SystemTime,
    pub(crate) updated: SystemTime,
    pub(crate) offset: u64,
    pub(crate) total: i64,
    pub(crate) expected: Option<Digest>,
}

/// Why something cannot be done.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The engine asked for what cannot be.
    Engine(Status),
    /// This machine is at fault.
    Machine(Error),
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        Self::Engine(status)
    }
}

/// A blob that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) size_bytes: u64,
    pub(crate) modified: SystemTime,
}

impl Layout {
    /// The layout at `root`, for `purpose`. `token` is used by nobody else.
    pub(crate) fn new(root: PathBuf, purpose: Use, token: String) -> Self {
        Self {
            root,
            purpose,
            token,
            scratch: Scratch::default(),
            writes: Mutex::default(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn purpose(&self) -> Use {
        self.purpose
    }

    /// Reads the index; `None` where it is none.
    pub(crate) fn read_index(&self) -> io::Result<Option<Index>> {
        Ok(Index::parse(&fs::read(self.root.join("index.json"))?))
    }

    /// Looks at a blob.
    pub(crate) fn look(&self, digest: &Digest) -> io::Result<Blob> {
        let metadata = fs::metadata(self.blob(digest))?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Blob {
            size_bytes: metadata.len(),
            modified: metadata.modified()?,
        })
    }

    /// Opens a blob.
    pub(crate) fn open(&self, digest: &Digest) -> io::Result<File> {
        File::open(self.blob(digest))
    }

    /// How far the write that the engine calls `reference` has come.
    pub(crate) fn progress(&self, reference: &str) -> Option<Progress> {
        self.writes().active.get(reference).cloned()
    }

    /// Every write that has not ended.
    pub(crate) fn all_progress(&self) -> BTreeMap<String, Progress> {
        self.writes().active.clone()
    }

    /// Gives the manifest that `descriptor` names a tag; `false` while somebody else writes the index.
    pub(crate) fn put_tag(&self, descriptor: Map<String, Value>, tag: &str) -> Result<bool, Error> {
        let put = || {
            let Some(_lock) = Lock::try_take(&self.root.join("index.json.lock"))? else {
                return Ok(false);
            };
            let mut index = match fs::read(self.root.join("index.json")) {
                Ok(text) => Index::parse(&text)
                    .ok_or_else(|| io::Error::other("its `index.json` is no index"))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => Index::default(),
                Err(error) => return Err(error),
            };
            index.put(descriptor, tag);
            if !self.root.join("oci-layout").exists() {
                self.write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
            }
            self.write("index.json", &index.text())?;
            Ok(true)
        };
        put().map_err(|error| unwritable(&self.root, error))
    }

    /// Takes back what is half written, and lets nothing more change.
    pub(crate) fn close(&self) {
        self.scratch.close();
        if let Use::CacheTo { .. } = self.purpose {
            // It stays where another build still writes to it.
            let _ = fs::remove_dir(self.ingest_folder());
        }
    }

    /// Writes a small file in one step.
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut open = self.scratch.open()?;
        let temporary = self.root.join(format!(".{name}.shipway-{}", self.token));
        let id = open.keep(temporary.clone());
        drop(open);
        let written = fs::write(&temporary, content)
            .and_then(|()| fs::rename(&temporary, self.root.join(name)));
        match written {
            Ok(()) => {
                if let Ok(mut open) = self.scratch.open() {
                    open.release(id);
                }
            }
            Err(_) => self.scratch.discard(id),
        }
        written
    }

    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        let (algorithm, hex) = digest.parts();
        self.root.join("blobs").join(algorithm).join(hex)
    }

    pub(super) fn ingest_folder(&self) -> PathBuf {
        self.root.join("ingest")
    }

    /// Begins the write that the engine calls `reference`, of which there may be one at a time. Returns its number.
    pub(super) fn begin_write(&self, reference: &str, progress: Progress) -> Result<u64, Status> {
        let mut writes = self.writes();
        if writes.active.contains_key(reference) {
            return Err(Status::unavailable("this content is being written"));
        }
        writes.active.insert(reference.to_owned(), progress);
        writes.next += 1;
        Ok(writes.next)
    }

    pub(super) fn update_write(&self, reference: &str, update: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.writes().active.get_mut(reference) {
            update(progress);
        }
    }

    pub(super) fn end_write(&self, reference: &str) {
        self.writes().active.remove(reference);
    }

    fn writes(&self) -> MutexGuard<'_, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
