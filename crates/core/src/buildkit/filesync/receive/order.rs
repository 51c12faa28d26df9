//! The order that entries come in, and which names they may have.
//!
//! <https://github.com/tonistiigi/fsutil/blob/586307ad452f/validator.go>: a folder comes before what is in it, and the
//! entries of one folder in the order of their bytes. So no path comes twice, and nothing lies in what is no folder.

use super::FolderId;

/// Follows a stream of entries.
#[derive(Debug)]
pub(super) struct Order {
    /// The folders that the next entry may lie in, from the outermost.
    levels: Vec<Level>,
    /// Path of the folder that was entered last. The paths of all levels are beginnings of it.
    entered: Vec<u8>,
}

#[derive(Debug)]
struct Level {
    folder: FolderId,
    /// Length of the folder's path.
    length: usize,
    /// The last entry in it.
    last: Vec<u8>,
}

/// Where an entry belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) parent: FolderId,
    pub(super) name: &'a [u8],
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// Its path leads out of the folder, or is not in its shortest form.
    Path,
    /// It comes too late, twice, or without its folder.
    Order,
}

impl Order {
    /// The order in the folder `root`.
    pub(super) fn new(root: FolderId) -> Self {
        let level = Level {
            folder: root,
            length: 0,
            last: Vec::new(),
        };
        Self {
            levels: vec![level],
            entered: Vec::new(),
        }
    }

    /// Takes the next entry.
    pub(super) fn admit<'a>(&mut self, path: &'a [u8]) -> Result<Place<'a>, Violation> {
        if !path.split(|&byte| byte == b'/').all(is_name) {
            return Err(Violation::Path);
        }
        let slash = path.iter().rposition(|&byte| byte == b'/');
        let (parent, name) = match slash {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        while let Some(level) = self.levels.last_mut() {
            if self.entered[..level.length] == *parent {
                if level.last.as_slice() >= name {
                    return Err(Violation::Order);
                }
                level.last.clear();
                level.last.extend_from_slice(name);
                return Ok(Place {
                    parent: level.folder,
                    name,
                });
            }
            self.levels.pop();
        }
        Err(Violation::Order)
    }

    /// The entry that was admitted last is a folder.
    pub(super) fn enter(&mut self, folder: FolderId, path: &[u8]) {
        self.entered.clear();
        self.entered.extend_from_slice(path);
        self.levels.push(Level {
            folder,
            length: path.len(),
            last: Vec::new(),
        });
    }
}

fn is_name(part: &[u8]) -> bool {
    !part.is_empty() && part != b"." && part != b".." && !part.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of the last of `paths`; one that ends in `/` is a folder.
    fn judge(paths: &[&str]) -> Result<u32, Violation> {
        let mut order = Order::new(FolderId(0));
        let mut result = Err(Violation::Order);
        for (number, path) in (1..).zip(paths) {
            let name = path.strip_suffix('/').unwrap_or(path).as_bytes();
            result = order.admit(name).map(|place| place.parent.0);
            if result.is_ok() && path.ends_with('/') {
                order.enter(FolderId(number), name);
            }
        }
        result
    }

    #[test]
    fn an_entry_lies_in_the_folder_that_came_before_it() {
        assert_eq!(judge(&["a/", "a/b/", "a/b/c"]), Ok(2));
        assert_eq!(judge(&["a/", "a/b/", "a/c"]), Ok(1));
        assert_eq!(judge(&["a/", "a/b/", "a/b/c", "a-b"]), Ok(0));
        assert_eq!(judge(&["a/", "a/x", "b/", "b/x"]), Ok(3));
    }

    #[test]
    fn what_comes_late_twice_or_without_its_folder_is_refused() {
        for paths in [
            &["b", "a"][..],
            &["a", "a"],
            &["a/", "a"],
            &["a/b"],
            &["a", "a/b"],
            &["a/", "a/c", "a/b"],
            &["a/", "a/x", "b", "a/y"],
            &["a/", "ab/", "a/x"],
            &["a/", "ab/x"],
        ] {
            assert_eq!(judge(paths), Err(Violation::Order), "{paths:?}");
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for path in [
            "", ".", "..", "/a", "a//b", "a/./b", "../a", "a/../b", "a/", "a\0",
        ] {
            let mut order = Order::new(FolderId(0));
            order.admit(b"A").unwrap();
            order.enter(FolderId(1), b"A");
            assert_eq!(
                order.admit(path.as_bytes()),
                Err(Violation::Path),
                "{path:?}"
            );
        }
    }
}
