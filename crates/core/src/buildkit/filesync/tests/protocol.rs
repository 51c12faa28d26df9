use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};

use tonic::Code;

use super::support::{Call, Made, Told, in_memory};
use crate::build_context::disk::Kind;
use crate::buildkit::filesync::packet::{PacketType, Stat};
use crate::buildkit::filesync::{SyncRequest, Tree};
use crate::error::ErrorKind;

fn paths(stats: &[Stat]) -> Vec<&str> {
    stats
        .iter()
        .map(|stat| str::from_utf8(&stat.path).unwrap())
        .collect()
}

#[tokio::test]
async fn a_tree_is_described_in_order_and_given_as_it_is_asked_for() {
    let long = "0123456789abcdef".repeat(5000);
    let tree = in_memory(&[
        ("b", "of b"),
        ("a/x", &long),
        ("a-b", ""),
        ("a.b", "of a.b"),
    ]);
    let mut call = Call::start(tree);
    let stats = call.described().await;
    assert_eq!(paths(&stats), ["a", "a/x", "a-b", "a.b", "b"]);
    for (id, expected) in [(4, "of b"), (1, long.as_str()), (2, ""), (3, "of a.b")] {
        assert_eq!(call.content(id).await, expected.as_bytes());
    }
    let counts = call.counters.get();
    assert!(counts.walk_ended && !counts.done);
    assert_eq!((counts.entries, counts.files_sent), (5, 4));
    let counters = Arc::clone(&call.counters);
    call.finish().await;
    assert!(counters.get().done);
}

#[tokio::test]
async fn contents_come_in_pieces_that_an_empty_one_ends() {
    let long = "x".repeat(70_000);
    let mut call = Call::start(in_memory(&[("a", &long), ("b", "y")]));
    call.described().await;
    call.want(1);
    call.want(0);
    let mut pieces = Vec::new();
    while pieces.len() < 6 {
        match call.next().await {
            Told::Data(id, data) => pieces.push((id, data.len())),
            other => panic!("{other:?} is no content"),
        }
    }
    let expected = [(1, 1), (1, 0), (0, 32_768), (0, 32_768), (0, 4464), (0, 0)];
    assert_eq!(pieces, expected);
    call.finish().await;
}

/// A tree of a folder `a` with many files, and of a folder `z` that is listed once the gate opens.
fn gated(gate: Receiver<()>) -> Arc<dyn Tree> {
    let gate = Mutex::new(gate);
    let listed = move |folder: &[u8]| match folder {
        b"" => ["a", "z"]
            .map(|name| (name.to_owned(), Kind::Folder, 0))
            .to_vec(),
        b"a" => (1000..3000)
            .map(|number| (format!("file-with-a-long-name-{number}"), Kind::File, 7))
            .collect(),
        _ => {
            gate.lock().unwrap().recv().unwrap();
            vec![("last".to_owned(), Kind::File, 7)]
        }
    };
    Arc::new(Made {
        listed,
        content: |_: &[u8]| Ok(Box::new(&b"content"[..]) as Box<dyn io::Read>),
    })
}

#[tokio::test]
async fn files_are_given_while_the_walk_goes_on() {
    let (open, gate) = channel();
    let mut call = Call::start(gated(gate));
    assert!(matches!(call.next().await, Told::Stat(_)));
    call.want(1);
    loop {
        match call.next().await {
            Told::Stat(stat) => assert!(!stat.path.starts_with(b"z")),
            Told::Data(1, data) if data.is_empty() => break,
            Told::Data(1, data) => assert_eq!(data, "content"),
            other => panic!("{other:?} comes too soon"),
        }
    }
    // Once for the folder, and once for the look at its file.
    open.send(()).unwrap();
    open.send(()).unwrap();
    let rest = call.described().await;
    assert_eq!(rest.last().unwrap().path, b"z/last");
    call.finish().await;
}

#[tokio::test]
async fn only_what_is_wanted_is_described() {
    let tree = in_memory(&[("a/x", ""), ("a/y", ""), ("b/x", ""), ("c", "")]);
    let wanted = SyncRequest {
        exclude: vec![b"*/y".to_vec()],
        follow: vec![b"a".to_vec(), b"c".to_vec()],
        ..SyncRequest::default()
    };
    let mut call = Call::start_for(tree, wanted);
    assert_eq!(paths(&call.described().await), ["a", "a/x", "c"]);
    call.finish().await;
}

#[tokio::test]
async fn a_pattern_that_makes_no_sense_ends_the_call() {
    for (pattern, reason) in [
        ("a[", "syntax error in pattern `a[`"),
        ("!", "illegal exclusion pattern `!`"),
        (r"\q", r"syntax error in pattern `\\q`"),
    ] {
        let wanted = SyncRequest {
            exclude: vec![pattern.into()],
            ..SyncRequest::default()
        };
        let mut call = Call::start_for(in_memory(&[("a", "")]), wanted);
        let error = call.failure().await;
        assert_eq!(error.kind, ErrorKind::ContextInvalid);
        assert!(error.message.ends_with(reason), "{}", error.message);
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_had_is_refused() {
    // A folder, a file that was asked for before, and two that do not exist.
    for id in [0, 2, 3, u32::MAX] {
        let mut call = Call::start(in_memory(&[("a/x", "x"), ("b", "b")]));
        call.described().await;
        call.content(2).await;
        call.want(id);
        assert_eq!(call.next().await, Told::End(Code::InvalidArgument));
        let error = call.complaint().unwrap();
        assert_eq!(error.kind, ErrorKind::EngineProtocol);
        assert!(error.message.contains(&id.to_string()), "{}", error.message);
    }
}

#[tokio::test]
async fn what_only_a_sender_says_is_refused() {
    for kind in [PacketType::Stat, PacketType::Data] {
        let mut call = Call::start(in_memory(&[("a", "")]));
        call.described().await;
        call.say(kind, 0);
        assert_eq!(call.next().await, Told::End(Code::InvalidArgument));
    }
}

/// Counts the bytes that are read.
struct Counted(Arc<AtomicU64>);
impl io::Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Ok(buffer.len())
    }
}

/// What waits for a receiver that takes nothing is as much as the channel holds.
#[tokio::test]
async fn a_slow_receiver_slows_the_sender_down() {
    const SIZE_BYTES: u64 = 64 << 20;
    const WAITING_BYTES: u64 = 11 * 96 * 1024;
    let read = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&read);
    let tree = Made {
        listed: |_: &[u8]| vec![("file".to_owned(), Kind::File, SIZE_BYTES)],
        content: move |_: &[u8]| Ok(Box::new(Counted(Arc::clone(&counted))) as Box<dyn io::Read>),
    };
    let mut call = Call::start(Arc::new(tree));
    call.described().await;
    call.want(0);
    let mut taken = 0;
    while taken < SIZE_BYTES {
        let data = call.frame().await.unwrap().into_data().unwrap();
        taken += data.len() as u64;
        let ahead = read.load(Ordering::Relaxed).saturating_sub(taken);
        assert!(ahead <= WAITING_BYTES, "{ahead} bytes wait");
    }
}
