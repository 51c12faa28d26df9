//! Which paths are needed so that some paths can be read: the links on the way to them, and where those lead.
//!
//! The outcome is that of <https://github.com/tonistiigi/fsutil/blob/586307ad452f/followlinks.go>.

use std::collections::BTreeSet;
use std::io;

use super::packet::Stat;
use super::tree::Tree;
use crate::build_context::disk::Kind;
use crate::build_context::ignore::go_match::{ESCAPES, go_match};
use crate::build_context::ignore::ignore_file::clean;

/// Most links that are followed: in a tree that is made to be slow, each may lead to several others.
const LINKS_LIMIT: usize = 100_000;

/// Resolves `paths`, in which `*`, `?` and classes stand for names. The outcome is sorted, and nothing in it lies below
/// another path of it; `None` is everything.
pub(super) fn follow(tree: &dyn Tree, paths: &[Vec<u8>]) -> io::Result<Option<Vec<Vec<u8>>>> {
    let mut resolver = Resolver {
        tree,
        resolved: BTreeSet::new(),
        waiting: paths.to_vec(),
        left: LINKS_LIMIT,
    };
    resolver.waiting.reverse();
    while let Some(path) = resolver.waiting.pop() {
        resolver.append(&path)?;
    }
    Ok(without_nested(resolver.resolved))
}

/// Leaves out what lies below another path. `None` where one of them is the whole tree.
pub(super) fn without_nested(sorted: impl IntoIterator<Item = Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for path in sorted {
        if path == b"." {
            return None;
        }
        // Before the first path, Go's side compares with `/`.
        let last = kept.last().map(Vec::as_slice).unwrap_or_default();
        if !path
            .strip_prefix(last)
            .is_some_and(|rest| rest.starts_with(b"/"))
        {
            kept.push(path);
        }
    }
    Some(kept)
}

struct Resolver<'a> {
    tree: &'a dyn Tree,
    resolved: BTreeSet<Vec<u8>>,
    waiting: Vec<Vec<u8>>,
    left: usize,
}

impl Resolver<'_> {
    /// Goes along `path` up to its end, or to the first link on it.
    fn append(&mut self, path: &[u8]) -> io::Result<()> {
        let path = relative(path);
        for (end, is_last) in ends(&path) {
            let current = &path[..end];
            let targets = self.targets(current)?;
            if !is_last && targets.is_none() {
                continue;
            }
            if !self.resolved.insert(current.to_vec()) {
                return Ok(());
            }
            let rest = &path[end..];
            for target in targets.unwrap_or_default().into_iter().rev() {
                self.left = self.left.checked_sub(1).ok_or_else(|| {
                    io::Error::other("the links on the way to it lead to more than 100,000 paths")
                })?;
                self.waiting.push([&target, rest].concat());
            }
            return Ok(());
        }
        Ok(())
    }

    /// Where the link at `path` leads, or the links whose names match its last part; `None` where there is none.
    fn targets(&self, path: &[u8]) -> io::Result<Option<Vec<Vec<u8>>>> {
        let (folder, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b""[..], path),
        };
        if !has_wildcard(name) {
            return Ok(self.target(path)?.map(|target| vec![target]));
        }
        // A folder that is reached by a link is not listed: its name holds a wildcard, or the link would have been followed.
        if !folder.is_empty() && self.look(folder, &mut Stat::default())? != Some(Kind::Folder) {
            return Ok(None);
        }
        let Some(listing) = found(self.tree.list(folder))? else {
            return Ok(None);
        };
        let mut targets = Vec::new();
        for (child, kind) in (0..).map_while(|index| listing.get(index)) {
            if kind == Kind::Link && go_match(name, child) == Ok(true) {
                let child = match folder {
                    b"" => child.to_vec(),
                    folder => [folder, b"/", child].concat(),
                };
                targets.extend(self.target(&child)?);
            }
        }
        Ok((!targets.is_empty()).then_some(targets))
    }

    /// What is at `path`.
    fn look(&self, path: &[u8], stat: &mut Stat) -> io::Result<Option<Kind>> {
        let looked = found(self.tree.look(path, stat))?;
        Ok(looked.map(|looked| looked.kind))
    }

    /// Where the link at `path` leads, from the root of the tree; `None` where there is no link.
    fn target(&self, path: &[u8]) -> io::Result<Option<Vec<u8>>> {
        if path == b"." || path == b".." || path.starts_with(b"../") {
            return Ok(None);
        }
        let mut stat = Stat::default();
        if self.look(path, &mut stat)? != Some(Kind::Link) {
            return Ok(None);
        }
        let link = clean(&stat.linkname);
        if link.starts_with(b"/") {
            return Ok(Some(link));
        }
        let folder = path
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or(&b""[..], |slash| &path[..slash]);
        Ok(Some(clean(&[b"/", folder, b"/", &link].concat())))
    }
}

/// Something that is not there is no error.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The path without what is not needed, from the root of the tree; `.` is the root.
fn relative(path: &[u8]) -> Vec<u8> {
    clean(&[b"./", path].concat())
}

/// Where each part of a path ends, and whether it is the last.
fn ends(path: &[u8]) -> impl Iterator<Item = (usize, bool)> {
    let slashes = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/');
    slashes
        .map(|(end, _)| (end, false))
        .chain([(path.len(), true)])
}

/// Whether the name stands for several.
fn has_wildcard(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if ESCAPES => drop(bytes.next()),
            b'*' | b'?' | b'[' => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;
    use crate::buildkit::filesync::Folder;

    /// A folder of `entries`: `name/` is a folder, `name -> target` a link, any other a file.
    fn tree(entries: &[&str]) -> (TempDir, Folder) {
        let folder = TempDir::new().unwrap();
        for entry in entries {
            if let Some((name, target)) = entry.split_once(" -> ") {
                symlink(target, folder.path().join(name)).unwrap();
            } else if let Some(name) = entry.strip_suffix('/') {
                std::fs::create_dir_all(folder.path().join(name)).unwrap();
            } else {
                std::fs::write(folder.path().join(entry), "").unwrap();
            }
        }
        let root = folder.path().canonicalize().unwrap();
        (folder, Folder::new(root))
    }

    fn followed(entries: &[&str], paths: &[&str]) -> Option<Vec<String>> {
        let (_folder, tree) = tree(entries);
        let paths: Vec<Vec<u8>> = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        let found = follow(&tree, &paths).unwrap()?;
        Some(
            found
                .into_iter()
                .map(|path| String::from_utf8(path).unwrap())
                .collect(),
        )
    }

    fn some(paths: &[&str]) -> Option<Vec<String>> {
        let owned = |path: &&str| Some((*path).to_owned());
        paths.iter().map(owned).collect()
    }

    /// What Go's side says of the same trees (its `followlinks_test.go`).
    #[test]
    fn links_are_followed_as_the_reference_follows_them() {
        let plain = &[
            "dir/",
            "dir/foo",
            "dir/l1 -> foo",
            "l2 -> dir/l1",
            "bar",
            "baz",
        ];
        assert_eq!(
            followed(plain, &["l2", "bar"]),
            some(&["bar", "dir/foo", "dir/l1", "l2"])
        );
        let loops = &["l1 -> l1", "l2 -> l3", "l3 -> l2"];
        assert_eq!(followed(loops, &["l1", "l3"]), some(&["l1", "l2", "l3"]));
        let rooted = &[
            "dir/",
            "dir/l1 -> /foo/bar/baz",
            "foo/",
            "foo/bar -> ../",
            "baz",
        ];
        assert_eq!(
            followed(rooted, &["dir/l1"]),
            some(&["baz", "dir/l1", "foo/bar"])
        );
        let outside = &[
            "dir/",
            "dir/l1 -> /foo/bar/baz",
            "foo/",
            "foo/bar -> ../../../",
            "baz",
        ];
        assert_eq!(
            followed(outside, &["dir/l1"]),
            some(&["baz", "dir/l1", "foo/bar"])
        );
        let folders = &["dir/", "dir/l1 -> /foo", "dir/l2 -> /", "foo/", "foo/bar"];
        assert_eq!(
            followed(folders, &["dir/l1", "foo/bar"]),
            some(&["dir/l1", "foo"])
        );
        assert_eq!(followed(folders, &["dir/l2", "foo", "foo/bar"]), None);
    }

    #[test]
    fn what_is_not_there_is_wanted_all_the_same() {
        assert_eq!(
            followed(&[], &["foo/bar/baz", "bar/baz"]),
            some(&["bar/baz", "foo/bar/baz"])
        );
        assert_eq!(followed(&[], &["."]), None);
        assert_eq!(followed(&[], &["f*/foo/t*"]), some(&["f*/foo/t*"]));
        assert_eq!(followed(&["file"], &["file/below"]), some(&["file/below"]));
        assert_eq!(followed(&[], &["../x"]), some(&["../x"]));
    }

    #[test]
    fn a_wildcard_stands_for_every_link_that_it_matches() {
        let entries = &[
            "dir/",
            "foo/",
            "dir/l1 -> /foo",
            "dir/anotherlink2 -> bar2",
            "baz -> dir/l1",
        ];
        assert_eq!(
            followed(entries, &["dir/*", "ba[z]"]),
            some(&["ba[z]", "dir/*", "dir/bar2", "dir/l1", "foo"])
        );
        let named_like_a_pattern = &["dir/", "dir/l1 -> /foo", "x[y] -> dir"];
        assert_eq!(
            followed(named_like_a_pattern, &["x[y]/*"]),
            some(&["x[y]/*"])
        );
    }
}
