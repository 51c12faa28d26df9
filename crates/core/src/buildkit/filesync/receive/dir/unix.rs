//! Folders as descriptors: what they name cannot be swapped for something else.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawMode, Timespec, Timestamps, fchmod, futimens, linkat,
    mkdirat, openat, renameat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::{Found, Marks};
use crate::buildkit::filesync::mode;
use crate::buildkit::filesync::packet::Stat;

/// A folder that is open.
#[derive(Debug, Clone)]
pub(crate) struct Dir(Arc<OwnedFd>);

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl super::Dir for Dir {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(openat(CWD, path, FOLDER, Mode::empty())?)))
    }

    fn accepts(_name: &[u8]) -> bool {
        true
    }

    fn enter(&self, name: &[u8]) -> io::Result<Self> {
        let flags = FOLDER | OFlags::NOFOLLOW;
        Ok(Self(Arc::new(openat(&self.0, name, flags, Mode::empty())?)))
    }

    fn look(&self, name: &[u8]) -> io::Result<Option<Found>> {
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                Ok(Some(Found::Folder))
            }
            Ok(_) => Ok(Some(Found::Other)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn make_folder(&self, name: &[u8]) -> io::Result<()> {
        Ok(mkdirat(&self.0, name, Mode::RWXU)?)
    }

    fn create(&self, name: &[u8]) -> io::Result<File> {
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(openat(&self.0, name, NEW_FILE, mode)?.into())
    }

    fn make_link(&self, name: &[u8], stat: &Stat) -> io::Result<()> {
        symlinkat(&stat.linkname[..], &self.0, name)?;
        let times = times(stat.mod_time);
        Ok(utimensat(&self.0, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    #[cfg(not(target_vendor = "apple"))]
    fn make_special(&self, name: &[u8], stat: &Stat) -> io::Result<()> {
        use rustix::fs::{chmodat, makedev, mknodat};

        let kind = match stat.mode {
            bits if bits & mode::FIFO != 0 => FileType::Fifo,
            bits if bits & mode::CHARACTERS != 0 => FileType::CharacterDevice,
            _ => FileType::BlockDevice,
        };
        let number = |number: i64| u32::try_from(number).map_err(|_| Errno::INVAL);
        let device = makedev(number(stat.devmajor)?, number(stat.devminor)?);
        mknodat(&self.0, name, kind, Mode::RUSR | Mode::WUSR, device)?;
        // The node was made by the line above, and is no link.
        chmodat(&self.0, name, permissions(stat.mode), AtFlags::empty())?;
        let times = times(stat.mod_time);
        Ok(utimensat(&self.0, name, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    #[cfg(target_vendor = "apple")]
    fn make_special(&self, _name: &[u8], _stat: &Stat) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn add_name(&self, name: &[u8], from: &Self, original: &[u8]) -> io::Result<()> {
        Ok(linkat(&from.0, original, &self.0, name, AtFlags::empty())?)
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    fn remove(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    fn remove_folder(&self, name: &[u8]) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    fn mark(&self, marks: &Marks) -> io::Result<()> {
        mark(&self.0, marks)
    }

    fn mark_file(file: &File, marks: &Marks) -> io::Result<()> {
        mark(file, marks)
    }
}

fn mark(entry: impl AsFd, marks: &Marks) -> io::Result<()> {
    set_xattrs(&entry, marks);
    fchmod(&entry, permissions(marks.mode))?;
    Ok(futimens(&entry, &times(marks.mod_time))?)
}

/// What may not be set is left out, as Go's side does
/// (<https://github.com/tonistiigi/fsutil/blob/586307ad452f/diskwriter_unix.go>).
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn set_xattrs(entry: impl AsFd, marks: &Marks) {
    use rustix::fs::{XattrFlags, fsetxattr};

    use crate::buildkit::filesync::packet::Xattr;

    for Xattr { name, value } in &marks.xattrs {
        let _ = fsetxattr(&entry, name.as_slice(), value, XattrFlags::empty());
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn set_xattrs(_entry: impl AsFd, _marks: &Marks) {}

fn permissions(bits: u32) -> Mode {
    // They fit: there are twelve.
    Mode::from_raw_mode(RawMode::try_from(mode::to_permissions(bits)).unwrap_or_default())
}

/// The last access is the last change, as on Go's side.
fn times(nanoseconds: i64) -> Timestamps {
    const SECOND: i64 = 1_000_000_000;
    let time = Timespec {
        tv_sec: nanoseconds.div_euclid(SECOND),
        tv_nsec: nanoseconds.rem_euclid(SECOND),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
