//! Trees that change, or cannot be read, while they are sent.

use std::fs;
use std::io::{self, Read};
use std::sync::Arc;

use super::support::{Asked, Call, Made, Meddling, on_disk};
use crate::build_context::disk::Kind;
use crate::buildkit::filesync::packet::Stat;
use crate::buildkit::filesync::{Files, Folder, SyncRequest, Tree};
use crate::error::{Error, ErrorKind};

fn names(stats: &[Stat]) -> Vec<&str> {
    stats
        .iter()
        .map(|stat| str::from_utf8(&stat.path).unwrap())
        .collect()
}

/// Why the file `log` is not given once `change` was done to it after it was described.
async fn failure_after(change: impl Fn(&std::path::Path)) -> Error {
    let (folder, tree) = on_disk(&[("log", "twelve bytes")]);
    let mut call = Call::start(tree);
    call.described().await;
    change(&folder.path().join("log"));
    call.want(0);
    let error = call.failure().await;
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
    assert!(error.hint.is_some());
    let path = folder.path().canonicalize().unwrap().join("log");
    let start = format!("failed to create build context: `{}`: ", path.display());
    assert!(error.message.starts_with(&start), "{}", error.message);
    error
}

#[tokio::test]
async fn a_file_that_vanishes_fails_the_build() {
    let error = failure_after(|path| fs::remove_file(path).unwrap()).await;
    assert!(
        error
            .message
            .ends_with("it vanished while the context was read")
    );
}

#[tokio::test]
async fn a_file_that_shrinks_fails_the_build() {
    let error = failure_after(|path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(5).unwrap();
    })
    .await;
    assert!(
        error
            .message
            .ends_with("it shrank while the context was read")
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_replaced_fails_the_build() {
    let error = failure_after(|path| {
        let other = path.with_extension("new");
        fs::write(&other, "other bytes!").unwrap();
        fs::rename(other, path).unwrap();
    })
    .await;
    assert!(
        error
            .message
            .ends_with("it was replaced while the context was read")
    );
}

#[cfg(unix)]
#[tokio::test]
async fn what_takes_the_place_of_a_file_is_never_read() {
    let error = failure_after(|path| {
        fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
    })
    .await;
    assert!(
        error
            .message
            .ends_with("it became a link while the context was read")
    );
    for command in ["mkdir", "mkfifo"] {
        let error = failure_after(|path| {
            fs::remove_file(path).unwrap();
            let made = std::process::Command::new(command).arg(path).status();
            assert!(made.unwrap().success());
        })
        .await;
        assert!(
            error
                .message
                .ends_with("it was replaced while the context was read")
        );
    }
}

#[tokio::test]
async fn a_file_that_grows_is_cut_with_a_warning() {
    let (folder, tree) = on_disk(&[("log", "first")]);
    let mut call = Call::start(tree);
    call.described().await;
    let path = folder.path().join("log");
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    io::Write::write_all(&mut file, b" and more").unwrap();
    assert_eq!(call.content(0).await, b"first");
    let warnings = call.counters.take_warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].code, "CONTEXT_FILE_GREW");
    assert!(warnings[0].message.contains("log"));
    call.finish().await;
}

/// One file of ten bytes whose content fails as `content` says.
fn faulty(content: fn() -> io::Result<Box<dyn Read>>) -> Arc<dyn Tree> {
    Arc::new(Made {
        listed: |_: &[u8]| vec![("file".to_owned(), Kind::File, 10)],
        content: move |_: &[u8]| content(),
    })
}

/// What a file server that went away leaves.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StaleNetworkFileHandle.into())
    }
}

async fn failure_of(tree: Arc<dyn Tree>) -> Error {
    let mut call = Call::start(tree);
    call.described().await;
    call.want(0);
    call.failure().await
}

#[tokio::test]
async fn a_file_that_cannot_be_read_fails_the_build() {
    let error = failure_of(faulty(|| Err(io::ErrorKind::PermissionDenied.into()))).await;
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
    assert_eq!(
        error.message,
        "failed to create build context: `file`: permission denied"
    );
    let error = failure_of(faulty(|| Ok(Box::new(b"12345".chain(Broken))))).await;
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
    assert_eq!(
        error.message,
        "failed to create build context: `file`: stale network file handle"
    );
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_read_fails_the_build() {
    let error = failure_of(faulty(|| Ok(Box::new(&b"12345"[..])))).await;
    assert_eq!(
        error.message,
        "failed to create build context: `file`: it shrank while the context was read"
    );
}

#[tokio::test]
async fn what_disappears_during_the_walk_was_never_there() {
    let tree = Meddling {
        tree: four_files(),
        before: |asked| match asked {
            Asked::Look(b"b") | Asked::List(b"c") => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(()),
        },
    };
    let mut call = Call::start(Arc::new(tree));
    let stats = call.described().await;
    assert_eq!(names(&stats), ["a", "c", "d", "d/x"]);
    call.finish().await;
}

fn four_files() -> Arc<Files> {
    let file = |name: &str| (name.as_bytes().to_vec(), bytes::Bytes::new());
    Files::new(["a", "b", "c/x", "d/x"].map(file))
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_fails_the_build_unless_nobody_wants_it() {
    let tree = || {
        Arc::new(Meddling {
            tree: four_files(),
            before: |asked| match asked {
                Asked::List(b"c") => Err(io::ErrorKind::PermissionDenied.into()),
                _ => Ok(()),
            },
        })
    };
    let error = Call::start(tree()).failure().await;
    assert_eq!(
        error.message,
        "failed to create build context: `c`: permission denied"
    );
    for exclude in [&["c"][..], &["c", "!c/x"]] {
        let wanted = SyncRequest {
            exclude: exclude.iter().map(|&pattern| pattern.into()).collect(),
            ..SyncRequest::default()
        };
        let mut call = Call::start_for(tree(), wanted);
        assert_eq!(names(&call.described().await), ["a", "b", "d", "d/x"]);
        call.finish().await;
    }
}

#[tokio::test]
async fn a_root_that_is_gone_fails_the_build() {
    let tree = Arc::new(Folder::new("/nothing/here".into()));
    let error = Call::start(tree).failure().await;
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
    assert!(
        error.message.contains("`/nothing/here`"),
        "{}",
        error.message
    );
}

#[cfg(unix)]
#[tokio::test]
async fn sockets_and_fifos_are_sent_without_content_and_with_a_warning() {
    let (folder, tree) = on_disk(&[]);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("f"))
        .status();
    assert!(made.unwrap().success());
    let mut call = Call::start(tree);
    assert_eq!(names(&call.described().await), ["f", "s"]);
    assert_eq!(call.content(1).await, b"");
    let warnings = call.counters.take_warnings();
    let codes: Vec<_> = warnings.iter().map(|warning| &warning.code[..]).collect();
    assert_eq!(codes, ["CONTEXT_FIFO", "CONTEXT_SOCKET"]);
    call.finish().await;
}

/// Docker 28 does not take it, and does not say what it was.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_first_entry_that_is_not_utf_8_is_noted() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let bytes = std::ffi::OsStr::from_bytes(b"\xff");
    let (folder, tree) = on_disk(&[("a", ""), ("z", "")]);
    let mut call = Call::start(tree.clone());
    call.described().await;
    assert_eq!(call.counters.not_unicode(), None);
    symlink(bytes, folder.path().join("b")).unwrap();
    fs::write(folder.path().join(bytes), "").unwrap();
    let mut call = Call::start(tree);
    call.described().await;
    let noted = call.counters.not_unicode().unwrap();
    assert_eq!(noted.file_name().unwrap(), "b");
}
