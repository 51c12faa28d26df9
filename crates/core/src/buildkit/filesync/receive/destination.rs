//! A folder of this machine that an engine may write to, and nowhere else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::dir::{Dir, Found, Marks, Part};
use crate::buildkit::scratch::{Piece as _, PieceId, Scratch};

/// The folder, for any number of transfers at once. Entries are made under a name of ours, and get their own once they
/// are whole; once it is [closed](Self::close), nothing in it changes any more.
pub(crate) struct Destination<D: Dir> {
    path: PathBuf,
    /// Part of every temporary name, so that no build is in another's way.
    token: String,
    names: AtomicU64,
    scratch: Scratch<Part<D>>,
    begun: AtomicU64,
    ended: AtomicU64,
}

impl<D: Dir> Destination<D> {
    /// The folder at `path`, which is made when something comes. `token` is used by nobody else.
    pub(crate) fn new(path: PathBuf, token: String) -> Self {
        Self {
            path,
            token,
            names: AtomicU64::new(0),
            scratch: Scratch::default(),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether at least one transfer came, and all that came are whole.
    pub(crate) fn is_whole(&self) -> bool {
        let begun = self.begun.load(Ordering::Acquire);
        begun > 0 && begun == self.ended.load(Ordering::Acquire)
    }

    /// Takes everything back that is not whole, and lets nothing more change.
    pub(crate) fn close(&self) {
        self.scratch.close();
    }

    /// Makes the folder where it is missing, and opens it for a transfer.
    pub(super) fn begin(&self) -> io::Result<D> {
        self.begun.fetch_add(1, Ordering::AcqRel);
        let _open = self.scratch.open()?;
        fs::create_dir_all(&self.path)?;
        D::open(&self.path)
    }

    /// A transfer is whole.
    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Ordering::AcqRel);
    }

    /// Makes a folder, unless it is there. What is no folder, a link to one included, gives way.
    pub(super) fn make_folder(&self, dir: &D, name: &[u8]) -> io::Result<()> {
        let _open = self.scratch.open()?;
        match dir.look(name)? {
            Some(Found::Folder) => return Ok(()),
            Some(Found::Other) => dir.remove(name)?,
            None => {}
        }
        dir.make_folder(name)
    }

    /// Marks a folder in which everything is there.
    pub(super) fn mark_folder(&self, dir: &D, marks: &Marks) -> io::Result<()> {
        let _open = self.scratch.open()?;
        dir.mark(marks)
    }

    /// Makes an entry under a temporary name.
    pub(super) fn begin_part<T>(
        &self,
        dir: &D,
        make: impl FnOnce(&[u8]) -> io::Result<T>,
    ) -> io::Result<(PieceId, T)> {
        let mut open = self.scratch.open()?;
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let part = Part {
            dir: dir.clone(),
            name: format!(".shipway-{}-{number}", self.token).into_bytes(),
        };
        let made = make(&part.name);
        let id = open.keep(part);
        drop(open);
        match made {
            Ok(made) => Ok((id, made)),
            Err(error) => {
                self.scratch.discard(id);
                Err(error)
            }
        }
    }

    /// Gives an entry its name, in place of what had it. A folder gives way only where it is empty.
    pub(super) fn end_part(&self, id: PieceId, name: &[u8]) -> io::Result<()> {
        let mut open = self.scratch.open()?;
        let Some(part) = open.release(id) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let placed = place(&part, name);
        if placed.is_err() {
            part.remove();
        }
        placed
    }

    /// Gives another name of a file its own. Where the file has it already, as it has where `A` and `a` are the same,
    /// renaming does nothing, and the temporary name goes.
    pub(super) fn end_link(&self, id: PieceId, name: &[u8]) -> io::Result<()> {
        let mut open = self.scratch.open()?;
        let Some(part) = open.release(id) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let placed = place(&part, name);
        part.remove();
        placed
    }

    /// Takes an entry back.
    pub(super) fn discard(&self, id: PieceId) {
        self.scratch.discard(id);
    }
}

fn place<D: Dir>(part: &Part<D>, name: &[u8]) -> io::Result<()> {
    if part.dir.look(name)? == Some(Found::Folder) {
        part.dir.remove_folder(name)?;
    }
    part.dir.rename(&part.name, name)
}
