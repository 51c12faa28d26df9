//! Entries that are not on disk.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use super::dockerfile::check_encoding;
use super::failure::no_dockerfile;
use super::walk::{Content, Entry};
use crate::error::{Error, ErrorKind, Result};

/// Time of everything that has none: 1985-10-26 08:15 UTC, as in npm's packages. Before 1980, zip tools fail.
pub(crate) const MODIFIED: i64 = 499_162_500;

/// Refuses files whose names cannot be, and a Dockerfile that is not among them.
pub(crate) fn check(files: &[(String, Vec<u8>)], dockerfile: &str) -> Result<()> {
    let names = files.iter().map(|(name, _)| (name.clone(), Vec::new()));
    find_dockerfile(&entries(names.collect())?, dockerfile).map(drop)
}

/// The text of the Dockerfile. Refuses entries without one.
pub(super) fn find_dockerfile<'a>(entries: &'a [Entry], dockerfile: &str) -> Result<&'a [u8]> {
    let found = find(entries, dockerfile.as_bytes()).map(|index| &entries[index].content);
    let reason = match found {
        Ok(Content::Memory(content)) => {
            check_encoding(content, Path::new(dockerfile))?;
            return Ok(content);
        }
        Ok(_) => "it is a folder",
        Err(_) => "it is not among the files of the build context",
    };
    Err(no_dockerfile(Path::new(dockerfile), reason))
}

/// The entries for `files`, with the folders that they lie in.
pub(super) fn entries(files: Vec<(String, Vec<u8>)>) -> Result<Vec<Entry>> {
    let mut contents = BTreeMap::new();
    for (name, content) in files {
        check_name(&name)?;
        for (end, _) in name.match_indices('/') {
            contents
                .entry(name.as_bytes()[..end].to_vec())
                .or_insert(Content::Folder);
        }
        if contents
            .insert(name.clone().into_bytes(), Content::Memory(content))
            .is_some()
        {
            return Err(refused(&name, "the name is used twice"));
        }
    }
    let is_file = |name: &[u8]| matches!(contents.get(name), Some(Content::Memory(_)));
    for name in contents.keys() {
        let ends = name
            .iter()
            .enumerate()
            .filter(|&(_, &byte)| byte == b'/')
            .map(|(end, _)| end);
        if let Some(end) = ends.into_iter().find(|&end| is_file(&name[..end])) {
            return Err(refused(
                &String::from_utf8_lossy(&name[..end]),
                "the name is that of a file and of a folder",
            ));
        }
    }
    let mut entries: Vec<Entry> = contents
        .into_iter()
        .map(|(name, content)| entry(name, content))
        .collect();
    entries.sort_by(|left, right| in_order(&left.name, &right.name));
    Ok(entries)
}

/// A file of `content`.
pub(super) fn file(name: &str, content: Vec<u8>) -> Entry {
    entry(name.as_bytes().to_vec(), Content::Memory(content))
}

/// Puts `new` where it belongs in the order of the archive, in place of an entry of that name.
pub(super) fn put(entries: &mut Vec<Entry>, new: Entry) {
    match find(entries, &new.name) {
        Ok(index) => entries[index] = new,
        Err(index) => entries.insert(index, new),
    }
}

/// Where `name` is, or where it belongs.
pub(super) fn find(entries: &[Entry], name: &[u8]) -> Result<usize, usize> {
    entries.binary_search_by(|entry| in_order(&entry.name, name))
}

/// A name that no entry has, for a Dockerfile of `content`: the same content in the same context gets the same name.
pub(super) fn unused_name(entries: &[Entry], content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    loop {
        let name = format!(".dockerfile.{:016x}", hasher.finish());
        if find(entries, name.as_bytes()).is_err() {
            return name;
        }
        hasher.write_u8(0);
    }
}

fn entry(name: Vec<u8>, content: Content) -> Entry {
    let mode = if content == Content::Folder {
        0o755
    } else {
        0o644
    };
    Entry {
        name,
        mode,
        modified: MODIFIED,
        content,
    }
}

/// Folders before what is in them, and the entries of one folder by their bytes.
fn in_order(left: &[u8], right: &[u8]) -> Ordering {
    let parts = |name| <[u8]>::split(name, |&byte| byte == b'/');
    parts(left).cmp(parts(right))
}

fn check_name(name: &str) -> Result<()> {
    if name.contains(['\0', '\\']) {
        return Err(refused(name, "a name holds neither NUL nor a backslash"));
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(refused(
            name,
            "a name is relative, without empty parts, `.` and `..`",
        ));
    }
    Ok(())
}

fn refused(name: &str, reason: &str) -> Error {
    let message = format!(
        "cannot put `{}` into the build context: {reason}",
        name.escape_debug()
    );
    Error::new(ErrorKind::InvalidOption, message)
}
