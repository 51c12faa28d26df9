//! What fuzz targets reach of the inside. Only `--cfg fuzzing` compiles it: it is no part of the library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};

use crate::build_context::ignore::{Hits, IgnoreRules, ignore_file};
use crate::buildkit::filesync::{self, Files, Folder, SyncRequest, Transfer, Tree};
use crate::buildkit::tasks::Tasks;

/// An ignore file.
pub struct Rules(IgnoreRules);

impl Rules {
    /// Reads an ignore file; fails with the reason why it is refused.
    pub fn parse(content: &[u8]) -> Result<Self, String> {
        let rules = IgnoreRules::parse(content, Path::new(".dockerignore"));
        rules.map(Self).map_err(|error| error.message.clone())
    }

    /// Judges every folder above `path`, and the path itself, until a pattern fails.
    pub fn judge(&self, path: &[u8]) -> Vec<Result<bool, String>> {
        let mut hits = Hits::default();
        let mut verdicts = Vec::new();
        let slashes = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/');
        for end in slashes.map(|(end, _)| end).chain([path.len()]) {
            match self.0.judge(&path[..end], true, &hits) {
                Ok(verdict) => {
                    verdicts.push(Ok(verdict.excluded));
                    hits = verdict.hits;
                }
                Err(error) => {
                    verdicts.push(Err(error.message.clone()));
                    break;
                }
            }
        }
        verdicts
    }
}

/// The patterns of an ignore file, as an engine hands them back; `None` where a line is too long.
pub fn patterns(content: &[u8]) -> Option<Vec<Vec<u8>>> {
    let lines = ignore_file::read(content).ok()?;
    Some(lines.into_iter().map(|line| line.pattern).collect())
}

/// What a folder is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Patterns of which one has to match.
    pub include: Vec<Vec<u8>>,
    /// Patterns of an ignore file.
    pub exclude: Vec<Vec<u8>>,
    /// Paths with the links on the way to them.
    pub follow: Vec<Vec<u8>>,
}

impl Wanted {
    fn request(&self) -> SyncRequest {
        SyncRequest {
            name: String::new(),
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            follow: self.follow.clone(),
        }
    }
}

/// An entry that was described.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in fsutil's `Stat`")]
pub struct Described {
    pub path: Vec<u8>,
    pub mode: u32,
    pub size: i64,
    pub mod_time: i64,
    pub linkname: Vec<u8>,
    pub devmajor: i64,
    pub devminor: i64,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Describes a folder on disk; fails with the reason.
pub fn describe_folder(root: PathBuf, wanted: &Wanted) -> Result<Vec<Described>, String> {
    describe(&Folder::new(root), wanted)
}

/// Describes empty files in memory; fails with the reason.
pub fn describe_files(files: &[Vec<u8>], wanted: &Wanted) -> Result<Vec<Described>, String> {
    describe(&*in_memory(files), wanted)
}

fn in_memory(files: &[Vec<u8>]) -> Arc<Files> {
    Files::new(
        files
            .iter()
            .map(|path| (path.clone(), Bytes::from("content"))),
    )
}

fn describe(tree: &dyn Tree, wanted: &Wanted) -> Result<Vec<Described>, String> {
    let stats = filesync::stats(tree, wanted.request()).map_err(|error| error.message.clone())?;
    Ok(stats
        .into_iter()
        .map(|stat| Described {
            path: stat.path,
            mode: stat.mode,
            size: stat.size,
            mod_time: stat.mod_time,
            linkname: stat.linkname,
            devmajor: stat.devmajor,
            devminor: stat.devminor,
            xattrs: stat
                .xattrs
                .into_iter()
                .map(|xattr| (xattr.name, xattr.value))
                .collect(),
        })
        .collect())
}

/// Sends files in memory to a receiver that says `inbound` and leaves. Returns what it is told, with the status of the
/// call, once every thread has ended.
pub async fn transfer(files: &[Vec<u8>], inbound: &[u8]) -> (Vec<u8>, Option<i32>) {
    let tree = in_memory(files);
    let transfer = Transfer {
        tree: tree.clone(),
        wanted: SyncRequest::default(),
        counters: Arc::default(),
        complaints: Arc::default(),
    };
    let tasks = Tasks::default();
    let inbound = filesync::packets(Full::new(Bytes::copy_from_slice(inbound)));
    let response = filesync::answer(transfer, inbound, &tasks.spawner());
    let told = response.into_body().collect().await;
    tasks.close().await;
    while Arc::strong_count(&tree) > 1 {
        tokio::task::yield_now().await;
    }
    let Ok(told) = told else {
        return (Vec::new(), None);
    };
    let status = told
        .trailers()
        .and_then(|trailers| trailers.get("grpc-status"));
    let status = status.and_then(|status| status.to_str().ok()?.parse().ok());
    (told.to_bytes().into(), status)
}
