//! The files whose content comes.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Write as _;

use super::Tree;
use super::dir::{Dir, Marks};
use super::folders::{FolderId, Trail};
use crate::build_context::failure::shown;
use crate::buildkit::outputs::failure::refused;
use crate::buildkit::scratch::PieceId;
use crate::error::Error;

/// Files that are asked for at a time. Fewer than the 128 that the sender queues: a sender whose queue is full reads
/// nothing, and would wait for us while we wait for it.
const FILES_OPEN: usize = 32;

/// Files that wait for their turn, and those that are being filled.
pub(super) struct Contents<D> {
    trail: Trail<D>,
    waiting: VecDeque<Wanted>,
    filling: HashMap<u32, Filling>,
}

/// A file whose content has not been asked for.
pub(super) struct Wanted {
    pub(super) id: u32,
    pub(super) parent: FolderId,
    pub(super) name: Vec<u8>,
    pub(super) size_bytes: u64,
    pub(super) marks: Marks,
}

/// A file whose content comes.
struct Filling {
    part: PieceId,
    file: File,
    left_bytes: u64,
    wanted: Wanted,
}

impl<D: Dir> Contents<D> {
    pub(super) fn new() -> Self {
        Self {
            trail: Trail::new(),
            waiting: VecDeque::new(),
            filling: HashMap::new(),
        }
    }

    /// Adds a file.
    pub(super) fn want(&mut self, wanted: Wanted) {
        self.waiting.push_back(wanted);
    }

    /// Begins as many files as may be open. Returns the numbers of those to ask for.
    pub(super) fn begin(&mut self, tree: &Tree<D>) -> Result<Vec<u32>, Error> {
        let mut begun = Vec::new();
        while self.filling.len() < FILES_OPEN
            && let Some(wanted) = self.waiting.pop_front()
        {
            let dir = self.trail.open(&tree.folders, wanted.parent);
            let part = dir.and_then(|dir| {
                let destination = &tree.destination;
                destination.begin_part(&dir, |part| dir.create(part))
            });
            let (part, file) =
                part.map_err(|error| tree.failed(wanted.parent, &wanted.name, error))?;
            begun.push(wanted.id);
            let filling = Filling {
                part,
                file,
                left_bytes: wanted.size_bytes,
                wanted,
            };
            self.filling.insert(filling.wanted.id, filling);
        }
        Ok(begun)
    }

    /// Takes a piece of a file, or its end, which is empty.
    pub(super) fn take(&mut self, tree: &Tree<D>, id: u32, data: &[u8]) -> Result<(), Error> {
        // What fails is not put back, and goes when it is dropped.
        let Some(filling) = self.filling.remove(&id) else {
            let message = format!("it sent content of entry {id}, which it was not asked for");
            return Err(refused(&message));
        };
        let part = filling.part;
        let taken = if data.is_empty() {
            filling.end(tree)
        } else {
            filling.write(tree, data).map(|filling| {
                self.filling.insert(id, filling);
            })
        };
        taken.inspect_err(|_| tree.destination.discard(part))
    }

    /// Whether every file has come that was wanted so far.
    pub(super) fn is_empty(&self) -> bool {
        self.filling.is_empty() && self.waiting.is_empty()
    }

    /// Takes back what has not come whole.
    pub(super) fn discard(&self, tree: &Tree<D>) {
        for filling in self.filling.values() {
            tree.destination.discard(filling.part);
        }
    }
}

impl Filling {
    fn write<D: Dir>(mut self, tree: &Tree<D>, data: &[u8]) -> Result<Self, Error> {
        let left_bytes = self.left_bytes.checked_sub(data.len() as u64);
        self.left_bytes = left_bytes.ok_or_else(|| self.wrong_size(tree, "more"))?;
        match self.file.write_all(data) {
            Ok(()) => Ok(self),
            Err(error) => Err(tree.failed(self.wanted.parent, &self.wanted.name, error)),
        }
    }

    fn end<D: Dir>(self, tree: &Tree<D>) -> Result<(), Error> {
        if self.left_bytes > 0 {
            return Err(self.wrong_size(tree, "less"));
        }
        let wanted = &self.wanted;
        D::mark_file(&self.file, &wanted.marks)
            .and_then(|()| tree.destination.end_part(self.part, &wanted.name))
            .map_err(|error| tree.failed(wanted.parent, &wanted.name, error))
    }

    fn wrong_size<D: Dir>(&self, tree: &Tree<D>, than: &str) -> Error {
        let path = shown(&tree.path(self.wanted.parent, &self.wanted.name));
        let size_bytes = self.wanted.size_bytes;
        refused(&format!(
            "it sent {than} of `{path}` than the {size_bytes} bytes that it had announced"
        ))
    }
}
