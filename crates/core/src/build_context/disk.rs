//! What the file system says about a path, and files opened so that nothing else can be read in their place.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    Fifo,
    Socket,
    /// A character or block device, or something that the system has no name for.
    Device,
}

/// Which file it is, however it is called. Always the same on Windows, where nothing stable tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The file `inode` of `device`.
    #[cfg(unix)]
    pub(crate) fn new(device: u64, inode: u64) -> Self {
        Self { device, inode }
    }

    /// As one number: different ones are different files, and equal ones nearly always the same.
    pub(crate) fn fingerprint(self) -> u64 {
        self.inode ^ self.device.rotate_left(32)
    }
}

/// The facts that an archive needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) kind: Kind,
    /// Permissions with the set-id and sticky bits; `0o755` or `0o644` on Windows.
    pub(crate) mode: u32,
    /// Last change, in seconds since 1970, negative before.
    pub(crate) modified: i64,
    /// What `modified` leaves out, where the system says it.
    pub(crate) nanoseconds: i64,
    pub(crate) size_bytes: u64,
    pub(crate) identity: Identity,
}

impl Kind {
    #[cfg(unix)]
    pub(crate) fn of(file_type: FileType) -> Self {
        use std::os::unix::fs::FileTypeExt as _;
        match file_type {
            _ if file_type.is_file() => Self::File,
            _ if file_type.is_dir() => Self::Folder,
            _ if file_type.is_symlink() => Self::Link,
            _ if file_type.is_fifo() => Self::Fifo,
            _ if file_type.is_socket() => Self::Socket,
            _ => Self::Device,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(file_type: FileType) -> Self {
        match file_type {
            _ if file_type.is_file() => Self::File,
            _ if file_type.is_dir() => Self::Folder,
            _ if file_type.is_symlink() => Self::Link,
            _ => Self::Device,
        }
    }
}

impl Facts {
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            kind: Kind::of(metadata.file_type()),
            mode: metadata.mode() & 0o7777,
            modified: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            size_bytes: metadata.size(),
            identity: Identity {
                device: metadata.dev(),
                inode: metadata.ino(),
            },
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let kind = Kind::of(metadata.file_type());
        Self {
            kind,
            mode: if kind == Kind::File { 0o644 } else { 0o755 },
            modified: metadata.modified().map_or(0, seconds_since_1970),
            nanoseconds: 0,
            size_bytes: metadata.len(),
            identity: Identity::default(),
        }
    }
}

#[cfg(not(unix))]
fn seconds_since_1970(time: std::time::SystemTime) -> i64 {
    let whole =
        |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => whole(after),
        Err(before) => -whole(before.duration()),
    }
}

/// An open file.
pub(crate) struct Opened {
    /// The facts of the file that is open, whatever has its name by now.
    pub(crate) facts: Facts,
    pub(crate) content: Box<dyn Read>,
}

/// The files of a context. A test puts something between a file and its reader.
pub(crate) trait Files {
    /// Opens the file at `path`.
    fn open(&self, path: &Path) -> io::Result<Opened>;
}

/// The files as they are on disk.
pub(crate) struct Disk;

impl Files for Disk {
    /// A link is not followed, and a fifo is not waited for.
    fn open(&self, path: &Path) -> io::Result<Opened> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        }
        let file: File = options.open(path)?;
        let facts = Facts::of(&file.metadata()?);
        Ok(Opened {
            facts,
            content: Box::new(file),
        })
    }
}

/// The path of `name`, which is relative to `folder` with `/` between its parts.
pub(crate) fn path_of(folder: &Path, name: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        folder.join(std::ffi::OsStr::from_bytes(name))
    }
    #[cfg(not(unix))]
    {
        // A folder that was made absolute starts with `\\?\`, where Windows takes no `/`.
        let name = String::from_utf8_lossy(name);
        folder.join(name.replace('/', std::path::MAIN_SEPARATOR_STR))
    }
}

/// The bytes of a relative path, with `/` between its parts; `None` where Windows has a name that is not Unicode.
pub(crate) fn name_of(path: &Path) -> Option<Vec<u8>> {
    if cfg!(windows) {
        return Some(path.to_str()?.replace('\\', "/").into_bytes());
    }
    Some(path.as_os_str().as_encoded_bytes().to_vec())
}
