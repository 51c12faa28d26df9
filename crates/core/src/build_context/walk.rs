//! The way through a folder: what of it goes into the archive, always in the same order.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec;

use super::disk::{Facts, Identity, Kind, name_of, path_of};
use super::failure::{invalid, shown, unreadable};
use super::ignore::{Hits, IgnoreRules};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Warning;

/// One entry of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Path in the archive: relative, `/` between its parts, none at the end.
    pub(super) name: Vec<u8>,
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) modified: i64,
    pub(super) content: Content,
}

/// What an entry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A file of the folder, read when its turn comes.
    File(Identity),
    /// A file in memory.
    Memory(Vec<u8>),
    Folder,
    /// A symbolic link with its target, never followed.
    Link(Vec<u8>),
    /// A named pipe: sent without content and never opened, as `docker build` does.
    Fifo,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// A folder comes before what is in it; entries of one folder are in the order of their bytes.
    pub(super) entries: Vec<Entry>,
    /// What was left out though no rule excludes it.
    pub(super) warnings: Vec<Warning>,
}

struct Folder {
    name: Vec<u8>,
    children: vec::IntoIter<(OsString, Kind)>,
    hits: Hits,
    /// The entry of an excluded folder; it is sent once something below it is.
    held_back: Option<Entry>,
}

/// Walks through the folder `root`, without what `rules` exclude. Ends early once `stop` is set.
///
/// Sockets and devices are left out with a warning: a tar cannot hold the first, and an engine that does not run as
/// root cannot unpack the second.
pub(super) fn walk(root: &Path, rules: &IgnoreRules, stop: &AtomicBool) -> Result<Walked> {
    let mut walked = Walked::default();
    let mut folders = vec![enter(root, Vec::new(), Hits::default(), None)?];
    while let Some(folder) = folders.last_mut() {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::new(
                ErrorKind::Internal,
                "the build context is not wanted any more",
            ));
        }
        let Some((child, kind)) = folder.children.next() else {
            folders.pop();
            continue;
        };
        let Some(child) = name_of(Path::new(&child)) else {
            return Err(invalid(
                &path_of(root, &folder.name).join(&child),
                "its name is not Unicode",
            ));
        };
        let name = match &folder.name[..] {
            b"" => child,
            parent => [parent, b"/", &child].concat(),
        };
        let verdict = rules.judge(&name, kind == Kind::Folder, &folder.hits)?;
        if verdict.excluded && (kind != Kind::Folder || !rules.may_send_below(&name)) {
            continue;
        }
        let Some(entry) = look_at(root, name, &mut walked.warnings)? else {
            continue;
        };
        let is_folder = entry.content == Content::Folder;
        if verdict.excluded {
            if is_folder {
                folders.push(enter(root, entry.name.clone(), verdict.hits, Some(entry))?);
            }
            continue;
        }
        walked.entries.extend(
            folders
                .iter_mut()
                .filter_map(|folder| folder.held_back.take()),
        );
        if is_folder {
            folders.push(enter(root, entry.name.clone(), verdict.hits, None)?);
        }
        walked.entries.push(entry);
    }
    Ok(walked)
}

fn enter(root: &Path, name: Vec<u8>, hits: Hits, held_back: Option<Entry>) -> Result<Folder> {
    let path = path_of(root, &name);
    let failed = |error| unreadable(&path, error);
    let mut children = Vec::new();
    for child in fs::read_dir(&path).map_err(failed)? {
        let child = child.map_err(failed)?;
        let kind = Kind::of(child.file_type().map_err(failed)?);
        children.push((child.file_name(), kind));
    }
    children.sort_unstable_by(|(left, _), (right, _)| {
        left.as_encoded_bytes().cmp(right.as_encoded_bytes())
    });
    Ok(Folder {
        name,
        children: children.into_iter(),
        hits,
        held_back,
    })
}

/// The entry for `name`, or nothing but a warning.
fn look_at(root: &Path, name: Vec<u8>, warnings: &mut Vec<Warning>) -> Result<Option<Entry>> {
    let path = path_of(root, &name);
    let metadata = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, error))?;
    let facts = Facts::of(&metadata);
    let mut skip = |code, what| {
        let message = format!(
            "`{}` is a {what} and was left out of the build context",
            shown(&path)
        );
        warnings.push(Warning::new(code, message));
    };
    let content = match facts.kind {
        Kind::File => Content::File(facts.identity),
        Kind::Folder => Content::Folder,
        Kind::Link => {
            let target = fs::read_link(&path).map_err(|error| unreadable(&path, error))?;
            Content::Link(
                name_of(&target).ok_or_else(|| invalid(&path, "its target is not Unicode"))?,
            )
        }
        Kind::Fifo => Content::Fifo,
        Kind::Socket => {
            skip("CONTEXT_SOCKET_SKIPPED", "socket");
            return Ok(None);
        }
        Kind::Device => {
            skip("CONTEXT_DEVICE_SKIPPED", "device");
            return Ok(None);
        }
    };
    Ok(Some(Entry {
        name,
        mode: facts.mode,
        modified: facts.modified,
        content,
    }))
}
