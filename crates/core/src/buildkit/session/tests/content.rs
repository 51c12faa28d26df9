use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{iter, unfold};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

use super::Caller;
use crate::buildkit::complaints::Complaints;
use crate::buildkit::content::messages::{
    AbortRequest, Empty, InfoRequest, InfoResponse, ReadContentRequest, ReadContentResponse,
    StatusRequest, StatusResponse, WriteAction, WriteContentRequest, WriteContentResponse,
};
use crate::buildkit::content::{Digest, Layout, Stores, Use};
use crate::buildkit::session::Content;
use crate::error::ErrorKind;

const INFO: &str = "/containerd.services.content.v1.Content/Info";
const READ: &str = "/containerd.services.content.v1.Content/Read";
const WRITE: &str = "/containerd.services.content.v1.Content/Write";
const STATUS: &str = "/containerd.services.content.v1.Content/Status";
const ABORT: &str = "/containerd.services.content.v1.Content/Abort";
const STORE: (&str, &str) = ("buildkit-attachable-store-id", "local:cache");

struct Open {
    caller: Caller,
    stores: Stores,
    complaints: Arc<Complaints>,
    root: PathBuf,
}

async fn open(root: &Path, purpose: Use) -> Open {
    let layout = Layout::new(root.to_owned(), purpose, "token".to_owned());
    let mut stores = Stores::default();
    stores.add("local:cache".to_owned(), Arc::new(layout));
    let complaints = Arc::new(Complaints::default());
    let caller = Caller::of(Content {
        stores: stores.shared(),
        complaints: Arc::clone(&complaints),
    });
    Open {
        caller: caller.await,
        stores,
        complaints,
        root: root.to_owned(),
    }
}

const CACHE: Use = Use::CacheTo { is_optional: false };

fn digest(content: &str) -> String {
    Digest::of_sha256(&Sha256::digest(content)).to_string()
}

fn wish(action: WriteAction, offset: i64, data: &str) -> WriteContentRequest {
    WriteContentRequest {
        action: action.into(),
        r#ref: "layer".to_owned(),
        offset,
        data: data.to_owned().into(),
        ..WriteContentRequest::default()
    }
}

fn commit(offset: i64, expected: &str, total: i64) -> WriteContentRequest {
    WriteContentRequest {
        expected: expected.to_owned(),
        total,
        ..wish(WriteAction::Commit, offset, "")
    }
}

/// Sends the messages of a write, and returns the answers as far as they are good, and why there are no more.
async fn write(
    caller: &Caller,
    messages: Vec<WriteContentRequest>,
) -> (Vec<WriteContentResponse>, Option<Status>) {
    let mut answers = Vec::new();
    let mut stream: Streaming<WriteContentResponse> =
        match caller.streams(WRITE, &[STORE], iter(messages)).await {
            Ok(stream) => stream,
            Err(status) => return (answers, Some(status)),
        };
    loop {
        match stream.message().await {
            Ok(Some(answer)) => answers.push(answer),
            Ok(None) => return (answers, None),
            Err(status) => return (answers, Some(status)),
        }
    }
}

async fn read(caller: &Caller, digest: &str, offset: i64, size: i64) -> Result<String, Status> {
    let wanted = ReadContentRequest {
        digest: digest.to_owned(),
        offset,
        size,
    };
    let pieces = caller.streams(READ, &[STORE], iter([wanted])).await;
    let mut pieces: Streaming<ReadContentResponse> = pieces?;
    let mut content = Vec::new();
    while let Some(piece) = pieces.message().await? {
        assert_eq!(piece.offset, i64::try_from(content.len()).unwrap());
        content.extend_from_slice(&piece.data);
    }
    Ok(String::from_utf8(content).unwrap())
}

fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn what_is_written_and_committed_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let open = open(&folder.path().join("new/cache"), CACHE).await;
    let content = digest("hello world");
    let (answers, failed) = write(
        &open.caller,
        vec![
            wish(WriteAction::Stat, 0, ""),
            wish(WriteAction::Write, 0, "hello "),
            wish(WriteAction::Write, 6, "world"),
            commit(11, &content, 11),
        ],
    )
    .await;
    assert!(failed.is_none(), "{failed:?}");
    let offsets: Vec<i64> = answers.iter().map(|answer| answer.offset).collect();
    assert_eq!(offsets, [0, 6, 11, 11]);
    assert_eq!(answers[3].digest, content);
    assert_eq!(
        read(&open.caller, &content, 0, 0).await.unwrap(),
        "hello world"
    );
    assert_eq!(read(&open.caller, &content, 6, 3).await.unwrap(), "wor");
    assert_eq!(read(&open.caller, &content, 6, 99).await.unwrap(), "world");
    assert_eq!(read(&open.caller, &content, 11, 1).await.unwrap(), "");
    let past = read(&open.caller, &content, 12, 1).await.unwrap_err();
    assert_eq!(past.code(), Code::OutOfRange);
    let info = InfoRequest {
        digest: content.clone(),
    };
    let info: InfoResponse = open.caller.unary(INFO, &[STORE], info).await.unwrap();
    assert_eq!(info.info.unwrap().size, 11);

    let (_, again) = write(&open.caller, vec![commit(0, &content, 11)]).await;
    assert_eq!(again.unwrap().code(), Code::AlreadyExists);
    drop(open.stores);
    let name = format!("blobs/{}", content.replace(':', "/"));
    assert_eq!(files(&open.root), [name]);
    assert!(!open.root.join("ingest").exists());
}

#[tokio::test]
async fn what_is_not_what_was_promised_does_not_become_a_blob() {
    let folder = tempfile::tempdir().unwrap();
    let open = open(folder.path(), CACHE).await;
    for (messages, code) in [
        (
            vec![
                wish(WriteAction::Write, 0, "evil"),
                commit(4, &digest("good"), 4),
            ],
            Code::FailedPrecondition,
        ),
        (
            vec![
                wish(WriteAction::Write, 0, "short"),
                commit(5, &digest("short"), 6),
            ],
            Code::FailedPrecondition,
        ),
        (vec![wish(WriteAction::Write, 7, "x")], Code::OutOfRange),
        (
            vec![commit(0, "sha256:../../../evil", 0)],
            Code::InvalidArgument,
        ),
        (vec![WriteContentRequest::default()], Code::InvalidArgument),
    ] {
        let (_, failed) = write(&open.caller, messages).await;
        assert_eq!(failed.unwrap().code(), code);
    }
    // A call that ends without a commit leaves nothing.
    let (answers, failed) = write(&open.caller, vec![wish(WriteAction::Write, 0, "half")]).await;
    assert_eq!((answers.len(), failed.is_none()), (1, true));
    assert!(files(folder.path()).is_empty());
    assert!(open.complaints.take("").is_none(), "the engine is at fault");
}

#[tokio::test]
async fn a_write_can_begin_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = open(folder.path(), CACHE).await;
    let messages = vec![
        wish(WriteAction::Write, 0, "first try"),
        wish(WriteAction::Write, 0, "second"),
        commit(6, &digest("second"), 6),
    ];
    let (answers, failed) = write(&open.caller, messages).await;
    assert!(failed.is_none(), "{failed:?}");
    assert_eq!(answers[1].offset, 6);
    assert_eq!(
        read(&open.caller, &digest("second"), 0, 0).await.unwrap(),
        "second"
    );
}

#[tokio::test]
async fn one_writer_at_a_time_has_a_reference() {
    let folder = tempfile::tempdir().unwrap();
    let open = open(folder.path(), CACHE).await;
    let (messages, outbound) = mpsc::channel(8);
    let outbound = unfold(outbound, |mut outbound| async {
        Some((outbound.recv().await?, outbound))
    });
    messages
        .send(wish(WriteAction::Write, 0, "half"))
        .await
        .unwrap();
    let first = open.caller.streams(WRITE, &[STORE], outbound).await;
    let mut first: Streaming<WriteContentResponse> = first.unwrap();
    first.message().await.unwrap().unwrap();

    let (_, second) = write(&open.caller, vec![wish(WriteAction::Stat, 0, "")]).await;
    assert_eq!(second.unwrap().code(), Code::Unavailable);
    let wanted = StatusRequest {
        r#ref: "layer".to_owned(),
    };
    let status = open.caller.unary(STATUS, &[STORE], wanted.clone()).await;
    let status: StatusResponse = status.unwrap();
    assert_eq!(status.status.unwrap().offset, 4);

    drop(messages);
    assert!(first.message().await.unwrap().is_none());
    let status: Result<StatusResponse, _> = open.caller.unary(STATUS, &[STORE], wanted).await;
    assert_eq!(status.unwrap_err().code(), Code::NotFound);
    let abort = AbortRequest {
        r#ref: "layer".to_owned(),
    };
    let abort: Result<Empty, _> = open.caller.unary(ABORT, &[STORE], abort).await;
    assert_eq!(abort.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn an_engine_reads_only_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    let open = open(folder.path(), Use::Context).await;
    for wrong in [
        "sha256:../../secret",
        "../secret",
        "",
        &digest("x").to_uppercase(),
    ] {
        let refused = read(&open.caller, wrong, 0, 0).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let missing = read(&open.caller, &digest("x"), 0, 0).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let (_, refused) = write(&open.caller, vec![wish(WriteAction::Write, 0, "x")]).await;
    assert_eq!(refused.unwrap().code(), Code::PermissionDenied);
    for store in [None, Some(("buildkit-attachable-store-id", "local:/etc"))] {
        let info = InfoRequest {
            digest: digest("x"),
        };
        let store: Vec<_> = store.into_iter().collect();
        let refused: Result<InfoResponse, _> = open.caller.unary(INFO, &store, info).await;
        assert!(refused.is_err());
    }
    assert_eq!(files(folder.path()), ["secret"]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_complained_about() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for (is_optional, complains) in [(false, true), (true, false)] {
        let open = open(&file.join("below"), Use::CacheTo { is_optional }).await;
        let (_, failed) = write(&open.caller, vec![wish(WriteAction::Write, 0, "x")]).await;
        assert_eq!(failed.unwrap().code(), Code::Unknown);
        let complaint = open.complaints.take("");
        assert_eq!(complaint.is_some(), complains);
        if let Some(complaint) = complaint {
            assert_eq!(complaint.kind, ErrorKind::OutputFailed);
        }
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_write_when_the_build_ends() {
    let folder = tempfile::tempdir().unwrap();
    let open = open(folder.path(), CACHE).await;
    let messages = iter([wish(WriteAction::Write, 0, "half")]);
    let messages = futures_util::StreamExt::chain(messages, futures_util::stream::pending());
    let stream = open.caller.streams(WRITE, &[STORE], messages).await;
    let mut stream: Streaming<WriteContentResponse> = stream.unwrap();
    stream.message().await.unwrap().unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    drop(open.stores);
    assert!(files(folder.path()).is_empty());
}
