//! The folders that have come, by number: little is kept of each, and few are open at a time.

use std::io;

use super::dir::{Dir, Marks};

/// The number of a folder: its place in the order of their coming. The destination itself is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FolderId(pub(super) u32);

impl FolderId {
    /// The destination itself.
    pub(super) const ROOT: Self = Self(0);
}

/// Every folder that has come.
#[derive(Debug)]
pub(super) struct Folders<D> {
    root: D,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    parent: FolderId,
    name: Vec<u8>,
    marks: Marks,
}

impl<D: Dir> Folders<D> {
    pub(super) fn new(root: D) -> Self {
        Self {
            root,
            entries: Vec::new(),
        }
    }

    /// Adds the next folder; what it is marked with is set when everything in it is there.
    pub(super) fn push(&mut self, parent: FolderId, name: &[u8], marks: Marks) -> FolderId {
        self.entries.push(Entry {
            parent,
            name: name.to_vec(),
            marks,
        });
        // As many as 32 bits can number do not fit into memory.
        FolderId(u32::try_from(self.entries.len()).unwrap_or(u32::MAX))
    }

    /// Path of the entry `name` of a folder, relative to the destination.
    pub(super) fn path(&self, folder: FolderId, name: &[u8]) -> Vec<u8> {
        let mut parts = vec![name];
        let mut id = folder;
        while let Some(entry) = self.get(id) {
            parts.push(&entry.name);
            id = entry.parent;
        }
        parts.reverse();
        parts.join(&b'/')
    }

    /// Takes the folder that came last, with what it is to be marked with.
    pub(super) fn pop(&mut self) -> Option<(FolderId, Vec<u8>, Marks)> {
        let entry = self.entries.pop()?;
        Some((entry.parent, entry.name, entry.marks))
    }

    fn get(&self, id: FolderId) -> Option<&Entry> {
        self.entries.get((id.0 as usize).checked_sub(1)?)
    }
}

/// The way from the destination to the folder that was used last, kept open: the next one is most often near.
#[derive(Debug)]
pub(super) struct Trail<D>(Vec<(FolderId, D)>);

impl<D: Dir> Trail<D> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Opens a folder, one name after the other.
    pub(super) fn open(&mut self, folders: &Folders<D>, id: FolderId) -> io::Result<D> {
        let mut missing = Vec::new();
        let mut next = id;
        loop {
            if let Some(at) = self.0.iter().rposition(|(open, _)| *open == next) {
                self.0.truncate(at + 1);
                break;
            }
            let Some(entry) = folders.get(next) else {
                self.0.clear();
                break;
            };
            missing.push((next, entry));
            next = entry.parent;
        }
        let mut dir = match self.0.last() {
            Some((_, dir)) => dir.clone(),
            None => folders.root.clone(),
        };
        for (id, entry) in missing.into_iter().rev() {
            dir = dir.enter(&entry.name)?;
            self.0.push((id, dir.clone()));
        }
        Ok(dir)
    }
}
