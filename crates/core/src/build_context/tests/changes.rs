//! Files that change while the context is read.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use futures_util::StreamExt as _;

#[cfg(unix)]
use super::support::make_fifo;
use super::support::{Meddling, content, directory, folder, take};
use crate::build_context::stream::open_from;
use crate::build_context::{BuildContext, Compression};
use crate::error::ErrorKind;

fn nothing(_: &Path) {}

/// Opens the context of `folder`; `meddle` is called with each file before it is opened.
async fn with_changes_before_open(
    folder: &Path,
    meddle: impl Fn(&Path) + Send + 'static,
) -> BuildContext {
    let files = Meddling {
        before_open: meddle,
        before_read: nothing,
    };
    open_from(directory(folder), Compression::None, Box::new(files))
        .await
        .unwrap()
}

/// Opens the context of `folder`; `meddle` is called with each file after its size is known.
async fn with_changes_before_read(
    folder: &Path,
    meddle: impl Fn(&Path) + Send + 'static,
) -> BuildContext {
    let files = Meddling {
        before_open: nothing,
        before_read: meddle,
    };
    open_from(directory(folder), Compression::None, Box::new(files))
        .await
        .unwrap()
}

fn if_named(name: &'static str, act: impl Fn(&Path)) -> impl Fn(&Path) {
    move |path| {
        if path.file_name().is_some_and(|found| found == name) {
            act(path);
        }
    }
}

#[tokio::test]
async fn a_file_that_grows_is_cut_with_a_warning() {
    let folder = folder(&[("Dockerfile", "FROM a"), ("log", "first"), ("z", "z")]);
    let append = if_named("log", |path| {
        File::options()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(b" and more")
            .unwrap();
    });
    let context = with_changes_before_read(folder.path(), append).await;
    let counters = context.counters.clone();
    let archive = take(context).await.unwrap();
    assert_eq!(content(&archive, "log"), "first");
    assert_eq!(content(&archive, "z"), "z");
    let warnings = counters.take_warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].code, "CONTEXT_FILE_GREW");
    assert!(warnings[0].message.contains("log` grew"), "{warnings:?}");
    assert_eq!(counters.take_warnings(), []);
}

#[tokio::test]
async fn a_file_that_changes_before_it_is_opened_is_sent_as_it_is_then() {
    let folder = folder(&[("Dockerfile", "FROM a"), ("log", "first")]);
    let append = if_named("log", |path| {
        File::options()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(b" and more")
            .unwrap();
    });
    let context = with_changes_before_open(folder.path(), append).await;
    let counters = context.counters.clone();
    let archive = take(context).await.unwrap();
    assert_eq!(content(&archive, "log"), "first and more");
    assert_eq!(counters.take_warnings(), []);
}

/// The message, the chunks and whether the stream ended with an error.
async fn failure(context: BuildContext) -> (String, Vec<u8>, bool) {
    let items: Vec<_> = context.stream.collect().await;
    let error = context.outcome.wait().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
    let is_cut = items.last().is_some_and(Result::is_err);
    let bytes = items
        .into_iter()
        .flatten()
        .flat_map(|chunk| chunk.to_vec())
        .collect();
    (error.to_string(), bytes, is_cut)
}

#[tokio::test]
async fn a_file_that_shrinks_is_an_error_with_its_name_and_no_archive() {
    let folder = folder(&[("Dockerfile", "FROM a"), ("log", "first"), ("z", "z")]);
    let shrink = if_named("log", |path| {
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_len(2)
            .unwrap();
    });
    let context = with_changes_before_read(folder.path(), shrink).await;
    let (message, bytes, is_cut) = failure(context).await;
    let path = folder.path().canonicalize().unwrap().join("log");
    let start = format!(
        "failed to create build context: `{}`: it shrank",
        path.display()
    );
    assert!(message.starts_with(&start), "{message}");
    assert!(is_cut);
    assert!(
        bytes.is_empty(),
        "nothing that looks like the end of an archive may follow"
    );
}

#[tokio::test]
async fn a_file_that_vanishes_or_is_replaced_is_an_error_with_its_name() {
    type Change = fn(&Path);
    let vanish: Change = |path| fs::remove_file(path).unwrap();
    let become_folder: Change = |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    let changes: &[(Change, &str)] = &[(vanish, "vanished"), (become_folder, "was replaced")];
    #[cfg(unix)]
    let changes = &[
        changes,
        &[
            (
                (|path| {
                    fs::remove_file(path).unwrap();
                    std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
                }) as Change,
                "became a link",
            ),
            (
                |path| {
                    let other = path.with_extension("new");
                    fs::write(&other, "other").unwrap();
                    fs::rename(other, path).unwrap();
                },
                "was replaced",
            ),
            (
                |path| {
                    fs::remove_file(path).unwrap();
                    make_fifo(path);
                },
                "was replaced",
            ),
        ],
    ]
    .concat();
    for (change, what_happened) in changes.iter().copied() {
        let folder = folder(&[("Dockerfile", "FROM a"), ("log", "first")]);
        let context = with_changes_before_open(folder.path(), if_named("log", change)).await;
        let (message, _, is_cut) = failure(context).await;
        let end = format!("log`: it {what_happened} while the context was read");
        assert!(message.ends_with(&end), "{message}");
        assert!(is_cut);
    }
}
