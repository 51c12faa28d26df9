//! Folders that can be sent: one on disk, and one in memory.

use std::io;
use std::path::{Path, PathBuf};

use super::mode;
use super::packet::Stat;
use crate::build_context::disk::{Disk, Files as _, Identity, Kind, Opened, name_of, path_of};

/// A folder with all that is below it. Paths are relative to it, with `/` between their parts.
pub(crate) trait Tree: Send + Sync {
    /// Lists a folder; the empty path is the tree's own.
    fn list(&self, folder: &[u8]) -> io::Result<Listing>;

    /// Describes an entry: all of `stat` but its path, owner and group.
    fn look(&self, path: &[u8], stat: &mut Stat) -> io::Result<Looked>;

    /// Opens what was described as a regular file; `None` for what is sent as one and has no content.
    fn open(&self, path: &[u8]) -> io::Result<Option<Opened>>;

    /// The path as a person knows it.
    fn shown(&self, path: &[u8]) -> PathBuf;
}

/// What stands in no [`Stat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Looked {
    pub(crate) kind: Kind,
    /// Which file it is.
    pub(crate) identity: Identity,
    /// Whether it has other names.
    pub(crate) is_linked: bool,
}

/// The names in a folder, in the order of their bytes.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    names: Vec<u8>,
    entries: Vec<(u32, u16, Kind)>,
}

impl Listing {
    /// Adds a name.
    pub(crate) fn push(&mut self, name: &[u8], kind: Kind) -> io::Result<()> {
        let too_long = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let start = u32::try_from(self.names.len()).map_err(too_long)?;
        let length = u16::try_from(name.len()).map_err(too_long)?;
        self.names.extend_from_slice(name);
        self.entries.push((start, length, kind));
        Ok(())
    }

    /// Brings the names in order.
    pub(crate) fn sort(&mut self) {
        let names = &self.names;
        self.entries
            .sort_unstable_by(|left, right| name(names, *left).cmp(name(names, *right)));
    }

    /// The entry at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<(&[u8], Kind)> {
        let entry = *self.entries.get(index)?;
        Some((name(&self.names, entry), entry.2))
    }
}

fn name(names: &[u8], (start, length, _): (u32, u16, Kind)) -> &[u8] {
    let start = start as usize;
    &names[start..start + usize::from(length)]
}

/// A time of change as Go has it, in nanoseconds. One that 64 bits do not hold is as wrong as Go's, so that the engine knows
/// the file again.
pub(super) fn mod_time(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .wrapping_mul(1_000_000_000)
        .wrapping_add(nanoseconds)
}

/// A folder on disk.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at `root`, an absolute path without links.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

impl Tree for Folder {
    fn list(&self, folder: &[u8]) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for child in std::fs::read_dir(path_of(&self.root, folder))? {
            let child = child?;
            let kind = match child.file_type() {
                Ok(file_type) => Kind::of(file_type),
                // Some file systems look, and it may have disappeared.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let name = name_of(Path::new(&child.file_name())).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "a name is not Unicode")
            })?;
            listing.push(&name, kind)?;
        }
        listing.sort();
        Ok(listing)
    }

    #[cfg(unix)]
    fn look(&self, path: &[u8], stat: &mut Stat) -> io::Result<Looked> {
        unix::look(&path_of(&self.root, path), stat)
    }

    #[cfg(not(unix))]
    fn look(&self, path: &[u8], stat: &mut Stat) -> io::Result<Looked> {
        portable::look(&path_of(&self.root, path), stat)
    }

    fn open(&self, path: &[u8]) -> io::Result<Option<Opened>> {
        let path = path_of(&self.root, path);
        match Disk.open(&path) {
            Ok(opened) => Ok(Some(opened)),
            // A socket cannot be opened.
            Err(error) => match std::fs::symlink_metadata(&path) {
                Ok(metadata) if Kind::of(metadata.file_type()) == Kind::Socket => Ok(None),
                _ => Err(error),
            },
        }
    }

    fn shown(&self, path: &[u8]) -> PathBuf {
        // Joined with nothing, it would end with a slash.
        match path {
            b"" => self.root.clone(),
            path => path_of(&self.root, path),
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::ffi::OsStringExt as _;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    use std::path::Path;

    use super::{Looked, mod_time, mode};
    use crate::build_context::disk::{Identity, Kind};
    use crate::buildkit::filesync::packet::{Stat, Xattr};

    /// <https://github.com/tonistiigi/fsutil/blob/586307ad452f/stat.go> (`mkstat`)
    pub(super) fn look(path: &Path, stat: &mut Stat) -> io::Result<Looked> {
        let metadata = std::fs::symlink_metadata(path)?;
        let file_type = metadata.file_type();
        let kind = Kind::of(file_type);
        stat.mode = mode::of_permissions(metadata.mode())
            | match kind {
                // A socket is sent as a file: a tar, which the layer becomes, cannot hold one.
                Kind::File | Kind::Socket => 0,
                Kind::Folder => mode::FOLDER,
                Kind::Link => mode::LINK,
                Kind::Fifo => mode::FIFO,
                Kind::Device if file_type.is_char_device() => mode::DEVICE | mode::CHARACTERS,
                Kind::Device => mode::DEVICE,
            };
        stat.mod_time = mod_time(metadata.mtime(), metadata.mtime_nsec());
        stat.size = match kind {
            Kind::Folder => 0,
            _ => i64::try_from(metadata.size()).unwrap_or(i64::MAX),
        };
        stat.linkname = match kind {
            Kind::Link => std::fs::read_link(path)?.into_os_string().into_vec(),
            _ => Vec::new(),
        };
        (stat.devmajor, stat.devminor) = match kind {
            Kind::Device => device_numbers(metadata.rdev()),
            _ => (0, 0),
        };
        load_xattrs(path, stat)?;
        Ok(Looked {
            kind,
            identity: Identity::new(metadata.dev(), metadata.ino()),
            is_linked: kind != Kind::Folder && metadata.nlink() > 1,
        })
    }

    /// <https://github.com/tonistiigi/fsutil/blob/586307ad452f/stat_unix.go> (`major`, `minor`)
    fn device_numbers(device: u64) -> (i64, i64) {
        let major = device >> 8 & 0xfff;
        let minor = device & 0xff | device >> 12 & 0x000f_ff00;
        (
            i64::try_from(major).unwrap_or_default(),
            i64::try_from(minor).unwrap_or_default(),
        )
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn load_xattrs(path: &Path, stat: &mut Stat) -> io::Result<()> {
        use rustix::fs::{lgetxattr, llistxattr};
        use rustix::io::Errno;

        stat.xattrs.clear();
        // Most entries have none, which one call with little room tells.
        let mut names = vec![0; 256];
        let names = loop {
            match llistxattr(path, &mut names[..]) {
                Ok(0) | Err(Errno::NOTSUP) => return Ok(()),
                Ok(length) => break &names[..length],
                Err(Errno::RANGE) => {
                    let doubled = names.len() * 2;
                    names.resize(doubled, 0);
                }
                Err(error) => return Err(error.into()),
            }
        };
        for name in names.split(|&byte| byte == 0) {
            if name.is_empty() || name.starts_with(b"com.apple.") {
                continue;
            }
            let mut value = vec![0; 256];
            // A value that cannot be read is left out, as Go's side does.
            let read = loop {
                match lgetxattr(path, name, &mut value[..]) {
                    Err(Errno::RANGE) => {
                        let doubled = value.len() * 2;
                        value.resize(doubled, 0);
                    }
                    read => break read,
                }
            };
            if let Ok(length) = read {
                value.truncate(length);
                let name = name.to_vec();
                stat.xattrs.push(Xattr { name, value });
            }
        }
        Ok(())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn load_xattrs(_path: &Path, stat: &mut Stat) -> io::Result<()> {
        stat.xattrs.clear();
        Ok(())
    }
}

#[cfg(not(unix))]
mod portable {
    use std::io;
    use std::path::Path;
    use std::time::UNIX_EPOCH;

    use super::{Looked, mode};
    use crate::build_context::disk::{Identity, Kind, name_of};
    use crate::buildkit::filesync::packet::Stat;

    /// Everything is executable, as Go's side has it
    /// (<https://github.com/tonistiigi/fsutil/blob/586307ad452f/stat.go>).
    pub(super) fn look(path: &Path, stat: &mut Stat) -> io::Result<Looked> {
        let metadata = std::fs::symlink_metadata(path)?;
        let kind = Kind::of(metadata.file_type());
        let is_read_only = metadata.permissions().readonly();
        stat.mode = match kind {
            Kind::Folder => mode::FOLDER | 0o755,
            Kind::Link => mode::LINK | 0o755,
            _ if is_read_only => 0o555,
            _ => 0o755,
        };
        let nanoseconds =
            |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        stat.mod_time = match metadata.modified()?.duration_since(UNIX_EPOCH) {
            Ok(after) => nanoseconds(after),
            Err(before) => -nanoseconds(before.duration()),
        };
        stat.size = match kind {
            Kind::Folder => 0,
            _ => i64::try_from(metadata.len()).unwrap_or(i64::MAX),
        };
        stat.linkname = match kind {
            Kind::Link => name_of(&std::fs::read_link(path)?).unwrap_or_default(),
            _ => Vec::new(),
        };
        Ok(Looked {
            kind,
            identity: Identity::default(),
            is_linked: false,
        })
    }
}
