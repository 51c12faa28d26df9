//! Which path each entry had that was described, in little memory: 500,000 entries take about 20 MB.

use super::mode;

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
    parent: u32,
    piece: u32,
    start: u32,
    name_length: u16,
    /// Whether its content may be asked for, and has not been.
    is_wanted: bool,
}

/// A file whose content is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Relative, with `/` between its parts.
    pub(super) path: Vec<u8>,
    /// As it was described.
    pub(super) size_bytes: u64,
}

impl Table {
    /// Adds the next entry. `name` is the last part of its path.
    pub(super) fn push(
        &mut self,
        parent: Option<Id>,
        name: &[u8],
        mode: u32,
        size_bytes: u64,
    ) -> Id {
        let id = Id(self.length);
        let entry = Entry {
            size_bytes,
            parent: parent.map_or(NO_PARENT, |parent| parent.0),
            is_wanted: mode::is_regular(mode),
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

    /// Takes the wish for the content of an entry; `None` where there is no such file, or it was asked for before.
    pub(super) fn take(&mut self, id: u32) -> Option<Wanted> {
        let index = id as usize;
        let entry = self
            .entries
            .get_mut(index / PIECE_ENTRIES)?
            .get_mut(index % PIECE_ENTRIES)?;
        let size_bytes = entry.size_bytes;
        std::mem::take(&mut entry.is_wanted).then(|| Wanted {
            path: self.path(Id(id)),
            size_bytes,
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
            parent: NO_PARENT,
            piece: narrow(self.names.len() - 1),
            start: narrow(start),
            // No file system has longer names: 255 bytes, or 255 UTF-16 units.
            name_length: u16::try_from(name.len()).unwrap_or(u16::MAX),
            is_wanted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_its_path_whatever_the_pieces() {
        let mut table = Table::default();
        let folder = table.push(None, b"folder", mode::FOLDER, 0);
        let ids: Vec<Id> = (0..40_000)
            .map(|number| {
                let name = format!("a-name-that-fills-pieces-{number}");
                table.push(Some(folder), name.as_bytes(), 0o644, number)
            })
            .collect();
        for (number, id) in (0..).zip(ids) {
            let path = format!("folder/a-name-that-fills-pieces-{number}").into_bytes();
            assert_eq!(table.path(id), path);
            let wanted = Wanted {
                path,
                size_bytes: number,
            };
            assert_eq!(table.take(id.0), Some(wanted));
        }
    }

    #[test]
    fn a_content_is_given_once_and_only_of_files() {
        let mut table = Table::default();
        let folder = table.push(None, b"folder", mode::FOLDER | 0o755, 0);
        let file = table.push(None, b"file", 0o644, 1);
        assert_eq!(table.take(folder.0), None);
        assert!(table.take(file.0).is_some());
        assert_eq!(table.take(file.0), None);
        assert_eq!(table.take(7), None);
        assert_eq!(table.take(u32::MAX), None);
    }
}
