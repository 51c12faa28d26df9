//! A folder that is written to by names that somebody else chose.

#[cfg(any(not(unix), test))]
mod portable;
#[cfg(unix)]
mod unix;

use std::fs::File;
use std::io;
use std::path::Path;

use crate::buildkit::filesync::packet::{Stat, Xattr};
use crate::buildkit::scratch::Piece;

/// The folders of this system.
#[cfg(unix)]
pub(crate) type SystemDir = unix::Dir;
/// The folders of this system.
#[cfg(not(unix))]
pub(crate) type SystemDir = portable::Dir;

#[cfg(test)]
pub(super) use portable::Dir as PortableDir;

/// A folder that is open. Every name is that of an entry in it, [checked](Dir::accepts), and no link is followed: what
/// is done here is done in this very folder.
pub(crate) trait Dir: Clone + Send + Sync + 'static {
    /// Opens the folder at `path`; links on the way are followed.
    fn open(path: &Path) -> io::Result<Self>;

    /// Whether `name`, which has no `/` and is neither `.` nor `..`, names one entry on this system.
    fn accepts(name: &[u8]) -> bool;

    /// Opens a folder in this one.
    fn enter(&self, name: &[u8]) -> io::Result<Self>;

    /// Says what has the name.
    fn look(&self, name: &[u8]) -> io::Result<Option<Found>>;

    /// Makes a folder that only its owner may use.
    fn make_folder(&self, name: &[u8]) -> io::Result<()>;

    /// Makes an empty file that only its owner may use.
    fn create(&self, name: &[u8]) -> io::Result<File>;

    /// Makes a symbolic link, with the time of `stat`.
    fn make_link(&self, name: &[u8], stat: &Stat) -> io::Result<()>;

    /// Makes a device or a named pipe.
    fn make_special(&self, name: &[u8], stat: &Stat) -> io::Result<()>;

    /// Gives the entry `original` of `from`, which is no folder, another name.
    fn add_name(&self, name: &[u8], from: &Self, original: &[u8]) -> io::Result<()>;

    /// Renames an entry, and replaces one that is no folder.
    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()>;

    /// Removes an entry that is no folder.
    fn remove(&self, name: &[u8]) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, name: &[u8]) -> io::Result<()>;

    /// Gives this folder its mode, attributes and time.
    fn mark(&self, marks: &Marks) -> io::Result<()>;

    /// Gives an open file its mode, attributes and time.
    fn mark_file(file: &File, marks: &Marks) -> io::Result<()>;
}

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A folder.
    Folder,
    /// Anything else, a link to a folder included.
    Other,
}

/// What an entry has beside its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// In Go's bits, see [`crate::buildkit::filesync::mode`].
    pub(crate) mode: u32,
    /// Last change, in nanoseconds since 1970.
    pub(crate) mod_time: i64,
    pub(crate) xattrs: Vec<Xattr>,
}

/// An entry under the name that it has until it is whole.
pub(crate) struct Part<D: Dir> {
    pub(super) dir: D,
    pub(super) name: Vec<u8>,
}

impl<D: Dir> Piece for Part<D> {
    fn remove(&self) {
        // Whoever removed it first did the same.
        let _ = self.dir.remove(&self.name);
    }
}
