//! A context that is an archive: the engine fetches it as it fetches a URL, but from the session.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/session/upload/upload.go>

use std::fs::File;
use std::io::{self, Read as _};
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

/// An archive, which is given once.
pub(crate) struct Archive {
    /// What the engine calls it by.
    id: String,
    path: PathBuf,
    size_bytes: u64,
    file: Mutex<Option<File>>,
    counters: Arc<SyncCounters>,
}

impl Archive {
    /// Opens the archive at `path`. What is in it is the engine's business.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        // A named pipe would be waited for.
        let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
        if Facts::of(&metadata).kind != Kind::File {
            return Err(invalid(path, "it is not a regular file"));
        }
        let file = File::open(path).map_err(|error| unreadable(path, error))?;
        let size_bytes = file
            .metadata()
            .map_err(|error| unreadable(path, error))?
            .len();
        Ok(Self {
            id: new_id()?,
            path: path.to_owned(),
            size_bytes,
            file: Mutex::new(Some(file)),
            counters: Arc::default(),
        })
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
        let content: Vec<u8> = (0..=255).cycle().take(600_000).collect();
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
        let (file, archive) = archive(&[0; 1000]);
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
    fn what_is_no_file_is_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), &folder.path().join("none")] {
            let error = Archive::open(path).err().unwrap();
            assert_eq!(error.kind, ErrorKind::ContextInvalid);
        }
    }
}
