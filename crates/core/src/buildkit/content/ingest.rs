//! A blob on its way into a layout: it gets its name once its digest is known to be right.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use tonic::Status;

use super::Digest;
use super::layout::{Layout, Problem, Progress, Use};
use crate::buildkit::outputs::failure::unwritable;
use crate::buildkit::scratch::PieceId;

/// One write. Dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Ingest {
    layout: Arc<Layout>,
    reference: String,
    piece: PieceId,
    file: File,
    hash: Sha256,
    progress: Progress,
}

impl Ingest {
    /// Begins to write what the engine calls `reference`.
    pub(crate) fn begin(
        layout: Arc<Layout>,
        reference: &str,
        total: i64,
        expected: Option<Digest>,
    ) -> Result<Self, Problem> {
        if !matches!(layout.purpose, Use::CacheTo { .. }) {
            return Err(Status::permission_denied("this store is only read").into());
        }
        let now = SystemTime::now();
        let progress = Progress {
            started: now,
            updated: now,
            offset: 0,
            total,
            expected,
        };
        let number = layout.begin_write(reference, progress.clone())?;
        match create(&layout, number) {
            Ok((piece, file)) => Ok(Self {
                reference: reference.to_owned(),
                piece,
                file,
                hash: Sha256::new(),
                progress,
                layout,
            }),
            Err(error) => {
                layout.end_write(reference);
                Err(Problem::Machine(unwritable(&layout.root, error)))
            }
        }
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Digest of what has come.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of_sha256(&self.hash.clone().finalize())
    }

    /// What the engine expects by now.
    pub(crate) fn expect(&mut self, total: i64, expected: Option<Digest>) {
        if total > 0 {
            self.progress.total = total;
        }
        if expected.is_some() {
            self.progress.expected = expected;
        }
        self.publish();
    }

    /// Goes on at `offset`, which is where it is, or the beginning.
    pub(crate) fn seek(&mut self, offset: i64) -> Result<(), Problem> {
        let at = self.progress.offset;
        if u64::try_from(offset) == Ok(at) {
            return Ok(());
        }
        if offset != 0 {
            let message = format!("a write at {offset} cannot follow {at} bytes");
            return Err(Status::out_of_range(message).into());
        }
        let rewound = self.file.set_len(0).and_then(|()| self.file.rewind());
        rewound.map_err(|error| self.failed(error))?;
        self.hash = Sha256::new();
        self.progress.offset = 0;
        self.publish();
        Ok(())
    }

    /// Takes the next piece. Blocks.
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), Problem> {
        let written = self.file.write_all(data);
        written.map_err(|error| self.failed(error))?;
        self.hash.update(data);
        self.progress.offset += data.len() as u64;
        self.progress.updated = SystemTime::now();
        self.publish();
        Ok(())
    }

    /// Gives the blob its name, if it is what the engine promised. Blocks.
    pub(crate) fn commit(self) -> Result<Digest, Problem> {
        let digest = self.digest();
        let Progress { offset, total, .. } = self.progress;
        if total > 0 && u64::try_from(total) != Ok(offset) {
            let message = format!("{offset} bytes came, and {total} were announced");
            return Err(Status::failed_precondition(message).into());
        }
        if let Some(expected) = &self.progress.expected
            && *expected != digest
        {
            let message = format!("unexpected commit digest {digest}, expected {expected}");
            return Err(Status::failed_precondition(message).into());
        }
        match self.place(&digest) {
            Ok(true) => Ok(digest),
            Ok(false) => Err(exists(&digest).into()),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn place(&self, digest: &Digest) -> io::Result<bool> {
        let target = self.layout.blob(digest);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        if self.layout.look(digest).is_ok() {
            return Ok(false);
        }
        // A blob of half its content under its whole digest would never be written again.
        self.file.sync_all()?;
        let mut permissions = self.file.metadata()?.permissions();
        permissions.set_readonly(true);
        self.file.set_permissions(permissions)?;
        let mut open = self.layout.scratch.open()?;
        let Some(temporary) = open.release(self.piece) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        fs::rename(&temporary, target).inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        Ok(true)
    }

    fn publish(&self) {
        let progress = self.progress.clone();
        self.layout
            .update_write(&self.reference, |known| *known = progress);
    }

    fn failed(&self, error: io::Error) -> Problem {
        Problem::Machine(unwritable(&self.layout.root, error))
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.layout.scratch.discard(self.piece);
        self.layout.end_write(&self.reference);
    }
}

/// What an engine takes as "no need to write it".
pub(crate) fn exists(digest: &Digest) -> Status {
    Status::already_exists(format!("content {digest} is there"))
}

fn create(layout: &Layout, number: u64) -> io::Result<(PieceId, File)> {
    let mut open = layout.scratch.open()?;
    let folder = layout.ingest_folder();
    let path = folder.join(format!("shipway-{}-{number}", layout.token));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    fs::create_dir_all(&folder)?;
    let file = match options.open(&path) {
        // Another build has removed the folder, in which it had nothing more.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(&folder)?;
            options.open(&path)?
        }
        opened => opened?,
    };
    Ok((open.keep(path), file))
}
