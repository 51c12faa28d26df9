//! Folders to send, and archives read back.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use futures_util::StreamExt as _;
use tar::EntryType;
use tempfile::TempDir;

use crate::build_context::disk::{Disk, Facts, Files, Opened};
use crate::build_context::{BuildContext, Compression, ContextSource, DockerfileSource, open};
use crate::error::{Error, Result};

/// A temporary folder with these files; a name that ends in `/` is an empty folder.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
    folder
}

pub(super) fn directory(path: &Path) -> ContextSource {
    let dockerfile = DockerfileSource::default();
    ContextSource::Directory {
        path: path.to_owned(),
        dockerfile,
    }
}

pub(super) fn directory_with(path: &Path, dockerfile: DockerfileSource) -> ContextSource {
    ContextSource::Directory {
        path: path.to_owned(),
        dockerfile,
    }
}

/// An entry as the `tar` crate reads it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) name: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    pub(super) owner: (u64, u64),
    /// The field as it is: seconds, as two's complement where they are negative.
    pub(super) modified: u64,
    pub(super) target: Option<Vec<u8>>,
    pub(super) content: Vec<u8>,
}

pub(super) fn entries(archive: &[u8]) -> Vec<Sent> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap();
    let read = |entry: io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        Sent {
            name: entry.path_bytes().into_owned(),
            kind: entry.header().entry_type(),
            mode: entry.header().mode().unwrap(),
            owner: (entry.header().uid().unwrap(), entry.header().gid().unwrap()),
            modified: entry.header().mtime().unwrap(),
            target: entry.link_name_bytes().map(std::borrow::Cow::into_owned),
            content,
        }
    };
    entries.map(read).collect()
}

pub(super) fn names(archive: &[u8]) -> Vec<String> {
    let name = |entry: Sent| String::from_utf8(entry.name).unwrap();
    entries(archive).into_iter().map(name).collect()
}

pub(super) fn content(archive: &[u8], name: &str) -> String {
    let found = entries(archive)
        .into_iter()
        .find(|entry| entry.name == name.as_bytes());
    String::from_utf8(found.unwrap().content).unwrap()
}

/// The whole archive of an open context.
pub(super) async fn take(context: BuildContext) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    let chunks: Vec<_> = context.stream.collect().await;
    let summary = context.outcome.wait().await?;
    for chunk in chunks {
        archive.extend_from_slice(&chunk.unwrap());
    }
    assert!(summary.complete);
    assert_eq!(summary.bytes, archive.len() as u64);
    Ok(archive)
}

/// The archive of a folder with the default Dockerfile.
pub(super) async fn archive_of(path: &Path) -> Vec<u8> {
    take(open(directory(path), Compression::None).await.unwrap())
        .await
        .unwrap()
}

/// The error that `open` gives.
pub(super) async fn refusal(source: ContextSource) -> Error {
    open(source, Compression::None).await.unwrap_err()
}

/// The files on disk, with something done to each before it is opened and before its content is read.
pub(super) struct Meddling<B, A> {
    pub(super) before_open: B,
    pub(super) before_read: A,
}

impl<B: Fn(&Path), A: Fn(&Path)> Files for Meddling<B, A> {
    fn open(&self, path: &Path) -> io::Result<Opened> {
        (self.before_open)(path);
        let opened = Disk.open(path)?;
        (self.before_read)(path);
        Ok(opened)
    }
}

/// Files that are all as long as `size_bytes` says, whatever is on disk, and whose reader is made by `content`.
pub(super) struct Fake<C> {
    pub(super) size_bytes: u64,
    pub(super) content: C,
}

impl<C: Fn() -> Box<dyn Read>> Files for Fake<C> {
    fn open(&self, path: &Path) -> io::Result<Opened> {
        let opened = Disk.open(path)?;
        let facts = Facts {
            size_bytes: self.size_bytes,
            ..opened.facts
        };
        Ok(Opened {
            facts,
            content: (self.content)(),
        })
    }
}

#[cfg(unix)]
pub(super) fn make_fifo(path: &Path) {
    assert!(
        std::process::Command::new("mkfifo")
            .arg(path)
            .status()
            .unwrap()
            .success()
    );
}
