//! Folders as paths, for systems without calls relative to an open folder. Every name is looked at before it is used;
//! the stream that chose it cannot change the folder between the two.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Found, Marks};
use crate::build_context::disk::path_of;
use crate::buildkit::filesync::packet::Stat;

/// A folder that was there when it was opened.
#[derive(Debug, Clone)]
pub(crate) struct Dir(PathBuf);

impl Dir {
    fn path(&self, name: &[u8]) -> PathBuf {
        path_of(&self.0, name)
    }
}

impl super::Dir for Dir {
    fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        if fs::metadata(&path)?.is_dir() {
            Ok(Self(path))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// `a\b`, `C:` and `file:stream` lead elsewhere on Windows, and what ends in a dot or a space has another name there.
    fn accepts(name: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(name) else {
            return false;
        };
        let mut components = Path::new(text).components();
        let is_one = matches!(
            (components.next(), components.next()),
            (Some(Component::Normal(_)), None)
        );
        is_one && !text.contains(['\\', ':']) && !text.ends_with(['.', ' '])
    }

    fn enter(&self, name: &[u8]) -> io::Result<Self> {
        match self.look(name)? {
            Some(Found::Folder) => Ok(Self(self.path(name))),
            Some(Found::Other) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn look(&self, name: &[u8]) -> io::Result<Option<Found>> {
        match fs::symlink_metadata(self.path(name)) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(Found::Folder)),
            Ok(_) => Ok(Some(Found::Other)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn make_folder(&self, name: &[u8]) -> io::Result<()> {
        fs::create_dir(self.path(name))
    }

    fn create(&self, name: &[u8]) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(self.path(name))
    }

    #[cfg(windows)]
    fn make_link(&self, name: &[u8], stat: &Stat) -> io::Result<()> {
        let link = self.path(name);
        let target = path_of(Path::new(""), &stat.linkname);
        // Windows wants to know what it will be.
        if self.0.join(&target).is_dir() {
            std::os::windows::fs::symlink_dir(target, link)
        } else {
            std::os::windows::fs::symlink_file(target, link)
        }
    }

    #[cfg(not(windows))]
    fn make_link(&self, name: &[u8], stat: &Stat) -> io::Result<()> {
        std::os::unix::fs::symlink(path_of(Path::new(""), &stat.linkname), self.path(name))
    }

    fn make_special(&self, _name: &[u8], _stat: &Stat) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn add_name(&self, name: &[u8], from: &Self, original: &[u8]) -> io::Result<()> {
        fs::hard_link(from.path(original), self.path(name))
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        // On Windows a link to a folder is removed as one.
        fs::remove_file(&path).or_else(|error| match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => fs::remove_dir(&path),
            _ => Err(error),
        })
    }

    fn remove_folder(&self, name: &[u8]) -> io::Result<()> {
        fs::remove_dir(self.path(name))
    }

    /// A folder has neither here: std opens none for writing on Windows.
    fn mark(&self, _marks: &Marks) -> io::Result<()> {
        Ok(())
    }

    fn mark_file(file: &File, marks: &Marks) -> io::Result<()> {
        file.set_modified(time(marks.mod_time))?;
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(marks.mode & 0o222 == 0);
        file.set_permissions(permissions)
    }
}

fn time(nanoseconds: i64) -> SystemTime {
    let duration = Duration::from_nanos(nanoseconds.unsigned_abs());
    let time = if nanoseconds < 0 {
        UNIX_EPOCH.checked_sub(duration)
    } else {
        UNIX_EPOCH.checked_add(duration)
    };
    time.unwrap_or(UNIX_EPOCH)
}
