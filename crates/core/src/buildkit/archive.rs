//! A context that is an archive: the engine fetches it as it fetches a URL, but from the session.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/session/upload/upload.go>

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use tokio::task::spawn_blocking;

use super::filesync::SyncCounters;
use super::identity::new_id;
use crate::build_context::disk::{Facts, Kind};
use crate::build_context::failure::{changed, invalid, unreadable};
use crate::error::{Error, ErrorKind, Result};

/// Content of one message. The engine takes up to 16 MiB.
const PIECE_BYTES: u64 = 256 * 1024;

/// The first API of engines that take an archive in zstd; those of Docker 28.5 (1.51) do not.
const TAKES_ZSTD: (u32, u32) = (1, 52);

/// A block of a tar archive: its header is one.
const BLOCK_BYTES: usize = 512;

/// What an archive is packed with, as far as an engine makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Zstd,
    Other,
}

/// An archive, which is given once.
pub(crate) struct Archive {
    /// What the engine calls it by.
    id: String,
    path: PathBuf,
    format: Format,
    size_bytes: u64,
    file: Mutex<Option<File>>,
    counters: Arc<SyncCounters>,
}

impl Archive {
    /// Opens the archive at `path`. What is in it is the engine's business, which takes what is none for a Dockerfile.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let hint = "check the option `contextArchive`: it names a file";
        // A named pipe would be waited for.
        let metadata = std::fs::metadata(path);
        let metadata = metadata.map_err(|error| unreadable(path, error).with_hint(hint))?;
        if Facts::of(&metadata).kind != Kind::File {
            return Err(invalid(path, "it is not a regular file").with_hint(hint));
        }
        let mut file = File::open(path).map_err(|error| unreadable(path, error))?;
        let format = look(&mut file).map_err(|error| unreadable(path, error))?;
        let Some(format) = format else {
            let error = invalid(path, "it is no tar archive");
            return Err(error
                .with_hint("pack the context with `tar`: plain, or with gzip, bzip2, xz or zstd"));
        };
        let size_bytes = file
            .metadata()
            .map_err(|error| unreadable(path, error))?
            .len();
        Ok(Self {
            id: new_id()?,
            path: path.to_owned(),
            format,
            size_bytes,
            file: Mutex::new(Some(file)),
            counters: Arc::default(),
        })
    }

    /// Refuses an archive that an engine with an API of `version` (major and minor) takes for a Dockerfile.
    pub(crate) fn check(&self, version: (u32, u32)) -> Result<()> {
        if self.format != Format::Zstd || version >= TAKES_ZSTD {
            return Ok(());
        }
        let message = "an archive that is compressed with zstd needs an engine that is newer";
        Err(Error::new(ErrorKind::UnsupportedByEngine, message)
            .with_hint("compress the archive with gzip, or use Docker 29 or newer"))
    }

    /// Where the engine fetches it.
    pub(crate) fn url(&self) -> String {
        format!("http://buildkit-session/{}", self.id)
    }

    /// Whether the engine means this one by the path of a URL.
    pub(crate) fn is_at(&self, url_path: &str) -> bool {
        url_path.rsplit('/').next() == Some(&self.id)
    }

    /// How far it has been sent.
    pub(crate) fn counters(&self) -> &Arc<SyncCounters> {
        &self.counters
    }

    /// Its content, piece by piece, as it was when it was opened; `None` the second time.
    pub(crate) fn take(
        self: &Arc<Self>,
    ) -> Option<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let file = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        self.counters.begin();
        self.counters.add_entry();
        self.counters.end_walk();
        let archive = Arc::clone(self);
        let begin = (file, self.size_bytes);
        Some(try_unfold(begin, move |(file, left_bytes)| {
            let archive = Arc::clone(&archive);
            async move {
                if left_bytes == 0 {
                    archive.counters.add_file();
                    archive.counters.end();
                    return Ok(None);
                }
                let reading = Arc::clone(&archive);
                let read = spawn_blocking(move || reading.read(file, left_bytes));
                let (piece, file) = read.await.unwrap_or_else(|error| {
                    let message = "the thread that reads the archive ended";
                    Err(Error::new(ErrorKind::Internal, message).with_source(error))
                })?;
                archive.counters.add_bytes(piece.len());
                let left_bytes = left_bytes - piece.len() as u64;
                Ok(Some((piece, (file, left_bytes))))
            }
        }))
    }

    fn read(&self, mut file: File, left_bytes: u64) -> Result<(Bytes, File)> {
        let length = left_bytes.min(PIECE_BYTES);
        let mut piece = vec![0; usize::try_from(length).unwrap_or_default()];
        match file.read_exact(&mut piece) {
            Ok(()) => Ok((piece.into(), file)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(changed(&self.path, "shrank"))
            }
            Err(error) => Err(unreadable(&self.path, error)),
        }
    }
}

/// What a file is by its first bytes; `None` where it is no archive. It is left at its beginning.
fn look(file: &mut File) -> io::Result<Option<Format>> {
    let mut beginning = Vec::new();
    file.take(BLOCK_BYTES as u64).read_to_end(&mut beginning)?;
    file.rewind()?;
    let compressed: [(&[u8], Format); 4] = [
        (&[0x1f, 0x8b, 0x08], Format::Other),
        (b"BZh", Format::Other),
        (b"\xfd7zXZ\0", Format::Other),
        (&[0x28, 0xb5, 0x2f, 0xfd], Format::Zstd),
    ];
    let known = compressed.into_iter();
    let mut known = known.filter(|(magic, _)| beginning.starts_with(magic));
    Ok(match known.next() {
        Some((_, format)) => Some(format),
        None => is_tar_header(&beginning).then_some(Format::Other),
    })
}

/// Whether the sum of a header is right, which is all that the oldest tar has.
fn is_tar_header(block: &[u8]) -> bool {
    const SUM: std::ops::Range<usize> = 148..156;
    if block.len() < BLOCK_BYTES {
        return false;
    }
    let sum: u32 = (0..).zip(block).fold(0, |sum, (at, byte)| {
        // The sum itself counts as spaces.
        sum + u32::from(if SUM.contains(&at) { b' ' } else { *byte })
    });
    let told = String::from_utf8_lossy(&block[SUM]);
    let told = told.trim_matches([' ', '\0']);
    u32::from_str_radix(told, 8) == Ok(sum)
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;

    fn archive(content: &[u8]) -> (tempfile::NamedTempFile, Arc<Archive>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        let archive = Archive::open(file.path()).unwrap();
        (file, Arc::new(archive))
    }

    #[tokio::test]
    async fn an_archive_is_given_whole_and_once() {
        let content: Vec<u8> = b"BZh"
            .iter()
            .copied()
            .chain((0..=255).cycle())
            .take(600_000)
            .collect();
        let (_file, archive) = archive(&content);
        let id = archive.url();
        let id = id.strip_prefix("http://buildkit-session").unwrap();
        assert!(archive.is_at(id) && !archive.is_at("/other"));
        let pieces: Vec<Bytes> = archive.take().unwrap().try_collect().await.unwrap();
        assert_eq!(pieces.concat(), content);
        assert!(pieces.len() > 1, "not all of it at once");
        let counts = archive.counters().get();
        assert!(counts.done);
        assert_eq!((counts.files_sent, counts.bytes_sent), (1, 600_000));
        assert!(archive.take().is_none());
    }

    #[tokio::test]
    async fn an_archive_that_shrinks_fails_and_says_which() {
        let (file, archive) = archive(&[b"BZh".as_slice(), &[0; 1000]].concat());
        file.as_file().set_len(10).unwrap();
        let read: Result<Vec<Bytes>> = archive.take().unwrap().try_collect().await;
        let error = read.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ContextInvalid);
        assert!(
            error.message.contains(&*file.path().to_string_lossy()),
            "{error}"
        );
        assert!(!archive.counters().get().done);
    }

    #[test]
    fn what_is_no_tar_is_no_archive() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_old();
        header.set_size(0);
        tar.append_data(&mut header, "a", io::empty()).unwrap();
        let tar = tar.into_inner().unwrap();
        let mut broken = tar.clone();
        broken[0] = b'b';
        for (content, is_archive) in [
            (tar.as_slice(), true),
            (&[0x1f, 0x8b, 0x08], true),
            (b"\xfd7zXZ\0", true),
            (&[0x28, 0xb5, 0x2f, 0xfd], true),
            (&broken, false),
            (b"PK\x03\x04", false),
            (b"FROM scratch", false),
            (b"", false),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), content).unwrap();
            let opened = Archive::open(file.path()).map(drop);
            let refused = opened.err().map(|error| error.kind);
            let expected = (!is_archive).then_some(ErrorKind::ContextInvalid);
            assert_eq!(refused, expected, "{}", content.escape_ascii());
        }
    }

    #[test]
    fn zstd_is_for_engines_that_take_it() {
        let (_file, archive) = archive(&[0x28, 0xb5, 0x2f, 0xfd]);
        assert!(archive.check((1, 52)).is_ok());
        let error = archive.check((1, 51)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::UnsupportedByEngine);
    }

    #[test]
    fn what_is_no_file_is_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), &folder.path().join("none")] {
            let error = Archive::open(path).err().unwrap();
            assert_eq!(error.kind, ErrorKind::ContextInvalid);
        }
    }
}
