//! A folder in memory.

use std::collections::BTreeMap;
use std::io::{self, Cursor};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::mode;
use super::packet::Stat;
use super::tree::{Listing, Looked, Tree};
use crate::build_context::disk::{Facts, Identity, Kind, Opened};
use crate::build_context::memory::MODIFIED;

/// Files by their paths; the folders that they lie in are made up.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: BTreeMap<Vec<u8>, Bytes>,
}

impl Files {
    /// A tree of `files`, whose names are relative and clean.
    pub(crate) fn new(files: impl IntoIterator<Item = (Vec<u8>, Bytes)>) -> Arc<Self> {
        let files = files.into_iter().collect();
        Arc::new(Self { files })
    }

    /// What lies below `folder`, with the rest of its path.
    fn below<'a>(&'a self, folder: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let prefix = match folder {
            b"" => Vec::new(),
            folder => [folder, b"/"].concat(),
        };
        let length = prefix.len();
        self.files
            .range(prefix.clone()..)
            .map(|(path, _)| path.as_slice())
            .take_while(move |path| path.starts_with(&prefix))
            .map(move |path| &path[length..])
    }
}

impl Tree for Files {
    fn list(&self, folder: &[u8]) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let mut last: &[u8] = b"";
        for rest in self.below(folder) {
            let (name, kind) = match rest.iter().position(|&byte| byte == b'/') {
                Some(end) => (&rest[..end], Kind::Folder),
                None => (rest, Kind::File),
            };
            if name != last {
                listing.push(name, kind)?;
                last = name;
            }
        }
        listing.sort();
        Ok(listing)
    }

    fn look(&self, path: &[u8], stat: &mut Stat) -> io::Result<Looked> {
        let content = self.files.get(path);
        let kind = match content {
            Some(_) => Kind::File,
            None if self.below(path).next().is_some() => Kind::Folder,
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        let size = content.map_or(0, Bytes::len);
        *stat = Stat {
            path: std::mem::take(&mut stat.path),
            mode: if kind == Kind::Folder {
                mode::FOLDER | 0o755
            } else {
                0o644
            },
            size: i64::try_from(size).unwrap_or(i64::MAX),
            mod_time: MODIFIED * 1_000_000_000,
            ..Stat::default()
        };
        Ok(Looked {
            kind,
            identity: Identity::default(),
            is_linked: false,
        })
    }

    fn open(&self, path: &[u8]) -> io::Result<Option<Opened>> {
        let content = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        let facts = Facts {
            kind: Kind::File,
            mode: 0o644,
            modified: MODIFIED,
            nanoseconds: 0,
            size_bytes: content.len() as u64,
            identity: Identity::default(),
        };
        Ok(Some(Opened {
            facts,
            content: Box::new(Cursor::new(content.clone())),
        }))
    }

    fn shown(&self, path: &[u8]) -> PathBuf {
        PathBuf::from(String::from_utf8_lossy(path).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tree: &Files, folder: &str) -> Vec<String> {
        let listing = tree.list(folder.as_bytes()).unwrap();
        (0..)
            .map_while(|index| listing.get(index))
            .map(|(name, kind)| format!("{} {kind:?}", String::from_utf8_lossy(name)))
            .collect()
    }

    #[test]
    fn folders_are_made_of_the_paths() {
        let file = |name: &str| (name.as_bytes().to_vec(), Bytes::from("x"));
        let tree = Files::new([file("a/x"), file("a-b"), file("a/y/z"), file("b")]);
        assert_eq!(names(&tree, ""), ["a Folder", "a-b File", "b File"]);
        assert_eq!(names(&tree, "a"), ["x File", "y Folder"]);
        let mut stat = Stat::default();
        assert_eq!(tree.look(b"a/y", &mut stat).unwrap().kind, Kind::Folder);
        assert_eq!(stat.mode, mode::FOLDER | 0o755);
        assert!(tree.look(b"a/n", &mut stat).is_err());
    }
}
