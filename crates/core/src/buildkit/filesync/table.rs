//! Which path each entry had that was described, in little memory: 500,000 entries take about 24 MB.

use super::mode;
use super::tree::mod_time;
use crate::build_context::disk::{Facts, Identity};

/// Names are kept in pieces of this size, so that growing copies nothing.
const PIECE_BYTES: usize = 256 * 1024;

/// Entries are kept in pieces of this many, likewise.
const PIECE_ENTRIES: usize = 16 * 1024;

/// Of an entry in the context folder itself.
const NO_PARENT: u32 = u32::MAX;

/// Every entry that was described, by its number.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<Vec<Entry>>,
    names: Vec<Vec<u8>>,
    length: u32,
}

/// The number of an entry: its place in the order of description, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id(pub(super) u32);

#[derive(Debug, Clone, Copy)]
struct Entry {
    size_bytes: u64,
    marks: Marks,
    parent: u32,
    piece: u32,
    start: u32,
    name_length: u16,
    /// Whether its content may be asked for, and has not been.
    may_be_asked: bool,
}

/// A file whose content is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Relative, with `/` between its parts.
    pub(super) path: Vec<u8>,
    /// As it was described.
    pub(super) size_bytes: u64,
    marks: Marks,
}

impl Wanted {
    /// Whether what was opened is the file that was described: the same one, or one with the same time of change, because
    /// some file systems give a file another number whenever they have forgotten it.
    pub(super) fn is(&self, opened: &Facts) -> bool {
        let modified = mod_time(opened.modified, opened.nanoseconds);
        let marks = Marks::of(opened.identity, modified);
        marks.identity == self.marks.identity || marks.modified == self.marks.modified
    }
}

/// What tells a file from another of the same name: different ones differ nearly always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Marks {
    identity: u32,
    modified: u32,
}

impl Marks {
    fn of(identity: Identity, modified: i64) -> Self {
        Self {
            identity: folded(identity.fingerprint()),
            modified: folded(modified.cast_unsigned()),
        }
    }
}

fn folded(number: u64) -> u32 {
    let low_bits = u64::from(u32::MAX);
    u32::try_from((number ^ number >> 32) & low_bits).unwrap_or_default()
}

impl Table {
    /// Adds the next entry. `name` is the last part of its path, `modified` is in nanoseconds.
    pub(super) fn push(
        &mut self,
        parent: Option<Id>,
        name: &[u8],
        mode: u32,
        size_bytes: u64,
        identity: Identity,
        modified: i64,
    ) -> Id {
        let id = Id(self.length);
        let entry = Entry {
            size_bytes,
            marks: Marks::of(identity, modified),
            parent: parent.map_or(NO_PARENT, |parent| parent.0),
            may_be_asked: mode::is_regular(mode),
            ..self.keep(name)
        };
        match self
            .entries
            .last_mut()
            .filter(|piece| piece.len() < PIECE_ENTRIES)
        {
            Some(piece) => piece.push(entry),
            None => {
                let mut piece = Vec::new();
                // The first piece grows as needed: most contexts are small.
                if !self.entries.is_empty() {
                    piece.reserve_exact(PIECE_ENTRIES);
                }
                piece.push(entry);
                self.entries.push(piece);
            }
        }
        self.length += 1;
        id
    }

    /// The path of an entry.
    pub(super) fn path(&self, id: Id) -> Vec<u8> {
        let mut names = Vec::new();
        let mut next = self.get(id.0);
        while let Some(entry) = next {
            names.push(self.name(entry));
            next = self.get(entry.parent);
        }
        names.reverse();
        names.join(&b'/')
    }

    /// Notes that the content of an entry is asked for. `false` where there is no such file, or it was asked for before.
    pub(super) fn ask(&mut self, id: u32) -> bool {
        let index = id as usize;
        let piece = self.entries.get_mut(index / PIECE_ENTRIES);
        let entry = piece.and_then(|piece| piece.get_mut(index % PIECE_ENTRIES));
        entry.is_some_and(|entry| std::mem::take(&mut entry.may_be_asked))
    }

    /// What is known of a file.
    pub(super) fn wanted(&self, id: u32) -> Option<Wanted> {
        let entry = self.get(id)?;
        Some(Wanted {
            path: self.path(Id(id)),
            size_bytes: entry.size_bytes,
            marks: entry.marks,
        })
    }

    fn get(&self, id: u32) -> Option<&Entry> {
        let index = id as usize;
        self.entries
            .get(index / PIECE_ENTRIES)?
            .get(index % PIECE_ENTRIES)
    }

    fn name(&self, entry: &Entry) -> &[u8] {
        let start = entry.start as usize;
        let piece = self.names.get(entry.piece as usize);
        piece
            .and_then(|piece| piece.get(start..start + usize::from(entry.name_length)))
            .unwrap_or_default()
    }

    fn keep(&mut self, name: &[u8]) -> Entry {
        let fits = |piece: &&mut Vec<u8>| piece.len() + name.len() <= PIECE_BYTES;
        let start = match self.names.last_mut().filter(fits) {
            Some(piece) => {
                let start = piece.len();
                piece.extend_from_slice(name);
                start
            }
            None => {
                self.names.push(name.to_vec());
                0
            }
        };
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Entry {
            size_bytes: 0,
            marks: Marks::default(),
            parent: NO_PARENT,
            piece: narrow(self.names.len() - 1),
            start: narrow(start),
            // No file system has longer names: 255 bytes, or 255 UTF-16 units.
            name_length: u16::try_from(name.len()).unwrap_or(u16::MAX),
            may_be_asked: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(table: &mut Table, parent: Option<Id>, name: &str, mode: u32, size_bytes: u64) -> Id {
        let identity = Identity::default();
        table.push(parent, name.as_bytes(), mode, size_bytes, identity, 0)
    }

    #[test]
    fn every_entry_has_its_path_whatever_the_pieces() {
        let mut table = Table::default();
        let folder = push(&mut table, None, "folder", mode::FOLDER, 0);
        let ids: Vec<Id> = (0..40_000)
            .map(|number| {
                let name = format!("a-name-that-fills-pieces-{number}");
                push(&mut table, Some(folder), &name, 0o644, number)
            })
            .collect();
        for (number, id) in (0..).zip(ids) {
            let path = format!("folder/a-name-that-fills-pieces-{number}").into_bytes();
            assert_eq!(table.path(id), path);
            let wanted = table.wanted(id.0).unwrap();
            assert_eq!((wanted.path, wanted.size_bytes), (path, number));
        }
    }

    #[test]
    fn a_content_is_asked_for_once_and_only_of_files() {
        let mut table = Table::default();
        let folder = push(&mut table, None, "folder", mode::FOLDER | 0o755, 0);
        let file = push(&mut table, None, "file", 0o644, 1);
        assert!(!table.ask(folder.0));
        assert!(table.ask(file.0));
        assert!(!table.ask(file.0));
        assert!(!table.ask(7));
        assert!(!table.ask(u32::MAX));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_told_from_another_of_its_name() {
        use crate::build_context::disk::Kind;
        let mut table = Table::default();
        let id = table.push(None, b"file", 0o644, 1, Identity::new(1, 7), 5_000_000_006);
        let wanted = table.wanted(id.0).unwrap();
        let is = |device, inode, modified, nanoseconds| {
            wanted.is(&Facts {
                kind: Kind::File,
                mode: 0o644,
                modified,
                nanoseconds,
                size_bytes: 1,
                identity: Identity::new(device, inode),
            })
        };
        assert!(is(1, 7, 5, 6));
        // It was written to, or is forgotten and found again.
        assert!(is(1, 7, 9, 9));
        assert!(is(1, 8, 5, 6));
        assert!(!is(1, 8, 5, 7));
        assert!(!is(2, 7, 6, 6));
    }
}
