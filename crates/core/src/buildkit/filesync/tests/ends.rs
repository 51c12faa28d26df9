//! However a transfer ends, nothing of it is left.

use std::io;
use std::sync::Arc;

use tonic::Code;

use super::support::{Call, Made, Told, in_memory, released};
use crate::build_context::disk::Kind;
use crate::buildkit::filesync::Tree;
use crate::buildkit::filesync::packet::PacketType;

type Listed = fn(&[u8]) -> Vec<(String, Kind, u64)>;
type Content = fn(&[u8]) -> io::Result<Box<dyn io::Read>>;

/// Folders in folders, and endless files in each.
fn endless() -> Arc<Made<Listed, Content>> {
    Arc::new(Made {
        listed: |_| {
            let file = ("a".to_owned(), Kind::File, 1 << 40);
            vec![file, ("b".to_owned(), Kind::Folder, 0)]
        },
        content: |_| Ok(Box::new(io::repeat(b'x'))),
    })
}

fn three_files() -> Arc<dyn Tree> {
    let long = "x".repeat(200_000);
    in_memory(&[("a/x", &long), ("b", &long), ("c", "")])
}

#[tokio::test]
async fn after_a_whole_transfer_no_thread_is_left() {
    let tree = three_files();
    let mut call = Call::start(Arc::clone(&tree));
    call.described().await;
    call.content(1).await;
    call.finish().await;
    released(tree).await;
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_ends_the_transfer() {
    for frames in 0..9 {
        let tree = three_files();
        let mut call = Call::start(Arc::clone(&tree));
        for id in [1, 2, 3] {
            call.want(id);
        }
        for _ in 0..frames {
            // The wishes may come before their files are described, which ends the call as well.
            if call.frame().await.is_none() {
                break;
            }
        }
        call.cut();
        assert!(call.counters.get().done);
        released(tree).await;
        assert!(call.counters.get().walk_ended);
    }
}

#[tokio::test]
async fn a_walk_and_a_file_that_have_no_end_end_with_the_call() {
    let tree = endless();
    let mut call = Call::start(tree.clone());
    assert!(matches!(call.next().await, Told::Stat(_)));
    call.want(0);
    loop {
        if let Told::Data(..) = call.next().await {
            break;
        }
    }
    call.cut();
    released(tree).await;
}

#[tokio::test]
async fn a_walk_that_finds_nothing_ends_with_the_call() {
    let tree: Arc<Made<Listed, Content>> = Arc::new(Made {
        listed: |_| vec![("b".to_owned(), Kind::Folder, 0)],
        content: |_| Err(io::ErrorKind::NotFound.into()),
    });
    let wanted = crate::buildkit::filesync::SyncRequest {
        exclude: vec![b"**".to_vec(), b"!**/a".to_vec()],
        ..Default::default()
    };
    let mut call = Call::start_for(tree.clone(), wanted);
    call.cut();
    released(tree).await;
}

#[tokio::test]
async fn a_receiver_that_leaves_ends_the_transfer() {
    let tree = three_files();
    let mut call = Call::start(Arc::clone(&tree));
    call.described().await;
    call.leave();
    assert_eq!(call.next().await, Told::End(Code::Cancelled));
    call.cut();
    released(tree).await;
}

#[tokio::test]
async fn a_receiver_that_fails_ends_the_transfer() {
    let tree = three_files();
    let mut call = Call::start(Arc::clone(&tree));
    call.described().await;
    call.say(PacketType::Err, 0);
    assert_eq!(call.next().await, Told::End(Code::Aborted));
    // The engine's answer to the build says why.
    assert!(call.complaint().is_none());
    call.cut();
    released(tree).await;
}

#[tokio::test]
async fn a_session_that_ends_at_once_ends_the_transfer() {
    let tree = three_files();
    Call::start(Arc::clone(&tree)).close().await;
    released(tree).await;
}

#[tokio::test]
async fn the_end_of_the_session_ends_the_transfer() {
    let tree = three_files();
    let mut call = Call::start(Arc::clone(&tree));
    call.described().await;
    call.close().await;
    released(tree).await;
}
