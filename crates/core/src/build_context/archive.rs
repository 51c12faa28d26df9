//! The tar that the engine unpacks.
//!
//! Headers are the `tar` crate's; the bytes are put together here. Its `Builder` closes the archive when it is dropped,
//! so that one cut short by an error looks whole, and it fails on a long name that starts with a byte that is not UTF-8.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};

use super::disk::{Files, Identity, Kind, path_of};
use super::failure::{changed, not_opened, shown, unreadable};
use super::walk::{Content, Entry};
use crate::error::Error;
use crate::progress::Warning;

const BLOCK_BYTES: usize = 512;
const READ_BYTES: usize = 128 * 1024;
/// Longest name that a header holds.
const NAME_BYTES: usize = 100;

/// Why an archive was not finished.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nobody takes its bytes any more.
    Dropped,
    /// The context is at fault.
    Failed(Error),
}

/// A failed write: the writers below fail only once nobody takes the bytes.
impl From<io::Error> for Halt {
    fn from(_: io::Error) -> Self {
        Self::Dropped
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Writes entries to `writer`, one after the other. Owner and group are 0.
pub(super) struct Archive<'a, W> {
    root: PathBuf,
    files: &'a dyn Files,
    writer: W,
    buffer: Vec<u8>,
}

impl<'a, W: Write> Archive<'a, W> {
    /// An archive of `files` below `root`.
    pub(super) fn new(root: PathBuf, files: &'a dyn Files, writer: W) -> Self {
        Self {
            root,
            files,
            writer,
            buffer: vec![0; READ_BYTES],
        }
    }

    /// Writes one entry. A file that grew is cut at the size it had when it was opened, and the warning says so.
    pub(super) fn append(&mut self, entry: Entry) -> Result<Option<Warning>, Halt> {
        let Entry {
            mut name,
            mode,
            modified,
            content,
        } = entry;
        let mut header = Header::new_gnu();
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        header.set_mode(mode);
        set_modified(&mut header, modified);
        match content {
            Content::File(identity) => return self.append_file(header, &name, identity),
            Content::Memory(content) => {
                header.set_size(content.len() as u64);
                self.write_header(header, &name, EntryType::Regular, b"")?;
                self.writer.write_all(&content)?;
                self.pad(content.len() as u64)?;
            }
            Content::Folder => {
                name.push(b'/');
                self.write_header(header, &name, EntryType::Directory, b"")?;
            }
            Content::Link(target) => {
                self.write_header(header, &name, EntryType::Symlink, &target)?;
            }
            Content::Fifo => self.write_header(header, &name, EntryType::Fifo, b"")?,
        }
        Ok(None)
    }

    /// Writes the end of the archive.
    pub(super) fn finish(mut self) -> Result<W, Halt> {
        self.writer.write_all(&[0; 2 * BLOCK_BYTES])?;
        Ok(self.writer)
    }

    fn append_file(
        &mut self,
        mut header: Header,
        name: &[u8],
        identity: Identity,
    ) -> Result<Option<Warning>, Halt> {
        let path = path_of(&self.root, name);
        let mut opened = self
            .files
            .open(&path)
            .map_err(|error| not_opened(&path, error))?;
        if opened.facts.kind != Kind::File || opened.facts.identity != identity {
            return Err(changed(&path, "was replaced").into());
        }
        let size_bytes = opened.facts.size_bytes;
        header.set_size(size_bytes);
        header.set_mode(opened.facts.mode);
        set_modified(&mut header, opened.facts.modified);
        self.write_header(header, name, EntryType::Regular, b"")?;
        let mut left_bytes = size_bytes;
        while left_bytes > 0 {
            let wanted =
                usize::try_from(left_bytes).map_or(READ_BYTES, |left| left.min(READ_BYTES));
            let read = read(&mut opened.content, &mut self.buffer[..wanted], &path)?;
            if read == 0 {
                return Err(changed(&path, "shrank").into());
            }
            self.writer.write_all(&self.buffer[..read])?;
            left_bytes -= read as u64;
        }
        self.pad(size_bytes)?;
        let grew = read(&mut opened.content, &mut self.buffer[..1], &path)? > 0;
        Ok(grew.then(|| {
            let shown = shown(&path);
            let message =
                format!("`{shown}` grew while it was read; its first {size_bytes} bytes were sent");
            Warning::new("CONTEXT_FILE_GREW", message)
        }))
    }

    fn write_header(
        &mut self,
        mut header: Header,
        name: &[u8],
        kind: EntryType,
        target: &[u8],
    ) -> io::Result<()> {
        self.write_long(EntryType::GNULongLink, target)?;
        self.write_long(EntryType::GNULongName, name)?;
        header.set_entry_type(kind);
        let fields = header.as_old_mut();
        copy_start(&mut fields.name, name);
        copy_start(&mut fields.linkname, target);
        header.set_cksum();
        self.writer.write_all(header.as_bytes())
    }

    /// Writes a name that is too long for a header ahead of it, as GNU tar does.
    ///
    /// <https://www.gnu.org/software/tar/manual/html_node/Standard.html> (`GNUTYPE_LONGNAME`)
    fn write_long(&mut self, kind: EntryType, name: &[u8]) -> io::Result<()> {
        if name.len() <= NAME_BYTES {
            return Ok(());
        }
        let size_bytes = name.len() as u64 + 1;
        let mut header = Header::new_gnu();
        copy_start(&mut header.as_old_mut().name, b"././@LongLink");
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size_bytes);
        header.set_entry_type(kind);
        header.set_cksum();
        self.writer.write_all(header.as_bytes())?;
        self.writer.write_all(name)?;
        self.writer.write_all(&[0])?;
        self.pad(size_bytes)
    }

    fn pad(&mut self, size_bytes: u64) -> io::Result<()> {
        let over = usize::try_from(size_bytes % BLOCK_BYTES as u64).unwrap_or(0);
        self.writer
            .write_all(&[0; BLOCK_BYTES][..(BLOCK_BYTES - over) % BLOCK_BYTES])
    }
}

fn read(content: &mut dyn io::Read, buffer: &mut [u8], path: &Path) -> Result<usize, Error> {
    loop {
        match content.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map_err(|error| unreadable(path, error)),
        }
    }
}

fn copy_start(field: &mut [u8], bytes: &[u8]) {
    let length = bytes.len().min(field.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

/// `Header::set_mtime` writes a time before 1970 so that Go reads it as an overflow and refuses the whole archive.
fn set_modified(header: &mut Header, seconds: i64) {
    if let Ok(seconds) = u64::try_from(seconds) {
        header.set_mtime(seconds);
    } else {
        let field = &mut header.as_old_mut().mtime;
        field.fill(0xff);
        let start = field.len() - size_of::<i64>();
        field[start..].copy_from_slice(&seconds.to_be_bytes());
    }
}
