//! Receives a tree into a folder of this machine, and never outside of it: the names are the engine's.
//!
//! The protocol is that of <https://github.com/tonistiigi/fsutil/blob/586307ad452f/receive.go>, with its rules for what
//! stays: nothing is deleted but what an entry of the same name replaces, and everything belongs to us. Other than
//! there, a file is whole when it gets its name; a folder that is not empty does not give way to a file; and a file whose
//! size is not the announced one fails the transfer.

mod contents;
mod destination;
mod dir;
mod folders;
mod order;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use destination::Destination;
pub(crate) use dir::{Dir, SystemDir};

use self::contents::{Contents, Wanted};
use self::dir::Marks;
use self::folders::{FolderId, Folders, Trail};
use self::order::{Order, Place, Violation};
use super::mode;
use super::packet::{Packet, PacketType, Stat};
use crate::build_context::disk::path_of;
use crate::build_context::failure::shown;
use crate::buildkit::outputs::failure::{refused, unwritable};
use crate::error::Error;

/// Extended attributes of one transfer, which are kept until their entries are whole. A million files with the label of
/// a security module have a fifth of it.
const XATTR_BYTES: usize = 256 << 20;

/// One transfer into a folder.
pub(crate) struct Receiver<D: Dir> {
    tree: Tree<D>,
    order: Order,
    /// To where the entry that came last belongs.
    trail: Trail<D>,
    contents: Contents<D>,
    seen: Seen,
    links: Vec<HardLink>,
    next_id: u32,
    xattr_bytes: usize,
    stage: Stage,
}

/// Where entries go.
struct Tree<D: Dir> {
    destination: Arc<Destination<D>>,
    folders: Folders<D>,
}

/// How far a transfer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// More entries may come.
    Describing,
    /// Every entry has come, and not yet every file.
    Filling,
    /// Everything is there, and the sender knows.
    Whole,
    /// The sender agrees.
    Ended,
}

/// Why a transfer ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The sender gave up, for the reason that it says.
    Sender(String),
    /// The sender, or this machine, is at fault.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Another name of a file that came before.
struct HardLink {
    parent: FolderId,
    name: Vec<u8>,
    original: Vec<u8>,
}

impl<D: Dir> Receiver<D> {
    /// A transfer into `destination`, which is made where it is missing.
    pub(crate) fn new(destination: Arc<Destination<D>>) -> Result<Self, Error> {
        let root = destination.begin();
        let root = root.map_err(|error| unwritable(destination.path(), error))?;
        Ok(Self {
            tree: Tree {
                destination,
                folders: Folders::new(root),
            },
            order: Order::new(FolderId::ROOT),
            trail: Trail::new(),
            contents: Contents::new(),
            seen: Seen::default(),
            links: Vec::new(),
            next_id: 0,
            xattr_bytes: 0,
            stage: Stage::Describing,
        })
    }

    /// Takes the sender's next message. Returns what it is to be told.
    pub(crate) fn take(&mut self, packet: Packet) -> Result<Vec<Packet>, Stop> {
        let Ok(kind) = PacketType::try_from(packet.r#type) else {
            return Err(refused("it sent a message of an unknown kind").into());
        };
        match (kind, packet.stat) {
            (PacketType::Stat, Some(stat)) if self.stage == Stage::Describing => {
                self.describe(stat)?;
            }
            (PacketType::Stat, None) if self.stage == Stage::Describing => {
                self.stage = Stage::Filling;
            }
            (PacketType::Data, _) => self.contents.take(&self.tree, packet.id, &packet.data)?,
            (PacketType::Fin, _) if self.stage == Stage::Whole => self.stage = Stage::Ended,
            (PacketType::Err, _) => {
                let reason = String::from_utf8_lossy(&packet.data).into_owned();
                return Err(Stop::Sender(reason));
            }
            (PacketType::Stat, _) => {
                return Err(refused("it described an entry after the last").into());
            }
            (PacketType::Fin, _) => {
                return Err(refused("it ended before all files had come").into());
            }
            (PacketType::Req, _) => return Err(refused("it asked for a file").into()),
        }
        let begun = self.contents.begin(&self.tree)?;
        let wishes = begun.into_iter().map(|id| message(PacketType::Req, id));
        let mut replies: Vec<Packet> = wishes.collect();
        if self.stage == Stage::Filling && self.contents.is_empty() {
            self.complete()?;
            self.stage = Stage::Whole;
            self.tree.destination.end();
            replies.push(message(PacketType::Fin, 0));
        }
        Ok(replies)
    }

    /// Whether both sides agree that everything is there.
    pub(crate) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    fn describe(&mut self, stat: Stat) -> Result<(), Error> {
        let path = relative(&stat.path);
        let place = self.order.admit(&stat.path).map_err(|violation| {
            let path = shown(&path);
            refused(&match violation {
                Violation::Path => format!("the path `{path}` leads out of the folder"),
                Violation::Order => format!("the path `{path}` came out of order"),
            })
        })?;
        let Place { parent, name } = place;
        if !D::accepts(name) {
            let message = format!("the name `{}` cannot be used on this system", shown(&path));
            return Err(refused(&message));
        }
        let id = self.next_id;
        self.next_id = id
            .checked_add(1)
            .ok_or_else(|| refused("it described more entries than can be numbered"))?;
        let lengths = stat.xattrs.iter().map(|it| it.name.len() + it.value.len());
        self.xattr_bytes += lengths.sum::<usize>();
        if self.xattr_bytes > XATTR_BYTES {
            return Err(refused("it sent more than 256 MiB of extended attributes"));
        }
        let name = name.to_vec();
        self.add(id, parent, name, stat)
    }

    fn add(&mut self, id: u32, parent: FolderId, name: Vec<u8>, stat: Stat) -> Result<(), Error> {
        let marks = Marks {
            mode: stat.mode,
            mod_time: stat.mod_time,
            xattrs: stat.xattrs.clone(),
        };
        let is = |bits: u32| stat.mode & bits != 0;
        if is(mode::FOLDER) {
            let dir = self.open(parent, &name)?;
            let made = self.tree.destination.make_folder(&dir, &name);
            made.map_err(|error| self.tree.failed(parent, &name, error))?;
            let folder = self.tree.folders.push(parent, &name, marks);
            self.order.enter(folder, &stat.path);
        } else if is(mode::LINK) {
            self.make(parent, &name, |dir, part| dir.make_link(part, &stat))?;
        } else if !stat.linkname.is_empty() {
            if !self.seen.contains(&stat.linkname) {
                let names = [&stat.path, &stat.linkname];
                let [path, original] = names.map(|path| shown(&relative(path)));
                return Err(refused(&format!(
                    "`{path}` is another name of `{original}`, which has not come"
                )));
            }
            self.links.push(HardLink {
                parent,
                name,
                original: stat.linkname,
            });
        } else if is(mode::DEVICE | mode::FIFO) {
            self.seen.insert(&stat.path);
            self.make(parent, &name, |dir, part| dir.make_special(part, &stat))?;
        } else if mode::is_regular(stat.mode) {
            self.seen.insert(&stat.path);
            self.contents.want(Wanted {
                id,
                parent,
                name,
                size_bytes: u64::try_from(stat.size).unwrap_or_default(),
                marks,
            });
        } else {
            let path = shown(&relative(&stat.path));
            return Err(refused(&format!("nobody knows what `{path}` is")));
        }
        Ok(())
    }

    /// Makes an entry that has no content.
    fn make(
        &mut self,
        parent: FolderId,
        name: &[u8],
        make: impl FnOnce(&D, &[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        let dir = self.open(parent, name)?;
        let destination = &self.tree.destination;
        let made = destination.begin_part(&dir, |part| make(&dir, part));
        made.and_then(|(part, ())| destination.end_part(part, name))
            .map_err(|error| self.tree.failed(parent, name, error))
    }

    /// Everything has come: the further names of files, and then, from the innermost, what folders are marked with.
    fn complete(&mut self) -> Result<(), Error> {
        for link in std::mem::take(&mut self.links) {
            let added = self.add_name(&link);
            added.map_err(|error| self.tree.failed(link.parent, &link.name, error))?;
        }
        // From here on the table shrinks.
        while let Some((parent, name, marks)) = self.tree.folders.pop() {
            let dir = self.trail.open(&self.tree.folders, parent);
            let marked = dir
                .and_then(|dir| dir.enter(&name))
                .and_then(|dir| self.tree.destination.mark_folder(&dir, &marks));
            marked.map_err(|error| self.tree.failed(parent, &name, error))?;
        }
        Ok(())
    }

    fn add_name(&mut self, link: &HardLink) -> io::Result<()> {
        let Tree {
            destination,
            folders,
        } = &self.tree;
        let mut parts: Vec<&[u8]> = link.original.split(|&byte| byte == b'/').collect();
        let original = parts.pop().unwrap_or_default();
        let mut from = self.trail.open(folders, FolderId::ROOT)?;
        for part in parts {
            from = from.enter(part)?;
        }
        let dir = self.trail.open(folders, link.parent)?;
        let add = |part: &[u8]| dir.add_name(part, &from, original);
        let (part, ()) = destination.begin_part(&dir, add)?;
        destination.end_link(part, &link.name)
    }

    fn open(&mut self, folder: FolderId, name: &[u8]) -> Result<D, Error> {
        let opened = self.trail.open(&self.tree.folders, folder);
        opened.map_err(|error| self.tree.failed(folder, name, error))
    }
}

impl<D: Dir> Drop for Receiver<D> {
    fn drop(&mut self) {
        self.contents.discard(&self.tree);
    }
}

impl<D: Dir> Tree<D> {
    /// Path of the entry `name` of a folder, relative to the destination.
    fn path(&self, parent: FolderId, name: &[u8]) -> PathBuf {
        relative(&self.folders.path(parent, name))
    }

    /// This machine does not take an entry.
    fn failed(&self, parent: FolderId, name: &[u8], error: io::Error) -> Error {
        let path = self.folders.path(parent, name);
        unwritable(&path_of(self.destination.path(), &path), error)
    }
}

/// The files that have come. Of each path a hash is kept, keyed anew each time: a chance hit lets a link through whose
/// original is looked for in the folder, like that of any other.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    paths: HashSet<u64>,
}

impl Seen {
    fn insert(&mut self, path: &[u8]) {
        self.paths.insert(self.hasher.hash_one(path));
    }

    fn contains(&self, path: &[u8]) -> bool {
        self.paths.contains(&self.hasher.hash_one(path))
    }
}

fn message(kind: PacketType, id: u32) -> Packet {
    Packet {
        r#type: kind.into(),
        id,
        stat: None,
        data: Bytes::new(),
    }
}

fn relative(path: &[u8]) -> PathBuf {
    path_of(Path::new(""), path)
}
