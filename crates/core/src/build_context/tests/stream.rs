use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use tokio::task::yield_now;

use super::support::{Fake, directory, folder, refusal, take};
use crate::build_context::sink::CHUNK_BYTES;
use crate::build_context::stream::{CHUNKS_WAITING, open_from};
use crate::build_context::{BuildContext, Compression, ContextSource, open};
use crate::error::ErrorKind;

/// Counts what is read of it.
struct Zeros(Arc<AtomicU64>);

impl Read for Zeros {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(0);
        self.0.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        Ok(buffer.len())
    }
}

/// A context whose one file is 1 TiB long, with the bytes read of it.
async fn endless(folder: &Path, compression: Compression) -> (BuildContext, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let content = move || Box::new(Zeros(Arc::clone(&counter))) as Box<dyn Read>;
    let files = Fake {
        size_bytes: 1 << 40,
        content,
    };
    (
        open_from(directory(folder), compression, Box::new(files))
            .await
            .unwrap(),
        read,
    )
}

#[tokio::test]
async fn the_producer_waits_for_a_consumer_that_reads_nothing() {
    let folder = folder(&[("Dockerfile", "")]);
    let (context, read) = endless(folder.path(), Compression::None).await;
    while context.stream.waiting() < CHUNKS_WAITING {
        yield_now().await;
    }
    assert_eq!(context.counters.event().bytes_sent, 0);
    drop(context.stream);
    let summary = context.outcome.wait().await.unwrap();
    assert!(!summary.complete);
    assert_eq!(summary.bytes, (CHUNKS_WAITING * CHUNK_BYTES) as u64);
    // One chunk more was being filled, and what was read last did not fit into it.
    let limit = ((CHUNKS_WAITING + 2) * CHUNK_BYTES) as u64;
    assert!(read.load(Ordering::Relaxed) <= limit);
}

#[tokio::test]
async fn dropping_the_stream_ends_the_producer() {
    let folder = folder(&[("Dockerfile", "")]);
    for compression in [Compression::None, Compression::Gzip] {
        let (context, read) = endless(folder.path(), compression).await;
        while read.load(Ordering::Relaxed) == 0 {
            yield_now().await;
        }
        drop(context.stream);
        assert!(!context.outcome.wait().await.unwrap().complete);
    }
}

#[tokio::test]
async fn chunks_are_whole() {
    let folder = folder(&[("Dockerfile", "")]);
    let (mut context, _) = endless(folder.path(), Compression::None).await;
    for number in 1..=3 {
        let chunk = context.stream.next().await.unwrap().unwrap();
        assert_eq!(chunk.len(), CHUNK_BYTES);
        assert_eq!(
            context.counters.event().bytes_sent,
            (number * CHUNK_BYTES) as u64
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_cuts_the_stream_short_and_says_why_beside_it() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::PermissionDenied))
        }
    }
    let folder = folder(&[("Dockerfile", "")]);
    for compression in [Compression::None, Compression::Gzip] {
        let files = Fake {
            size_bytes: 1,
            content: || Box::new(Broken) as Box<dyn Read>,
        };
        let context = open_from(directory(folder.path()), compression, Box::new(files))
            .await
            .unwrap();
        let mut stream = context.stream;
        let mut last = None;
        while let Some(item) = stream.next().await {
            last = Some(item);
        }
        assert_eq!(
            last.unwrap().unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        let error = context.outcome.wait().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::ContextInvalid);
        assert!(
            error
                .to_string()
                .ends_with("Dockerfile`: permission denied"),
            "{error}"
        );
        assert!(!context.counters.event().done);
    }
}

#[tokio::test]
async fn a_panic_is_internal_and_cuts_the_stream_short() {
    let folder = folder(&[("Dockerfile", "")]);
    let files = Fake {
        size_bytes: 1,
        content: || std::panic::resume_unwind(Box::new("a\nfault")),
    };
    let context = open_from(directory(folder.path()), Compression::None, Box::new(files))
        .await
        .unwrap();
    let items: Vec<_> = context.stream.collect().await;
    assert!(items.last().unwrap().is_err());
    let error = context.outcome.wait().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal);
    assert_eq!(
        error.to_string(),
        "failed to create build context: panic: a fault"
    );
}

#[tokio::test]
async fn counters_end_at_what_was_sent() {
    let folder = folder(&[("Dockerfile", "FROM a"), ("a/b", ""), ("a/c", "")]);
    let context = open(directory(folder.path()), Compression::None)
        .await
        .unwrap();
    let counters = Arc::clone(&context.counters);
    assert_eq!(counters.event().files_total, Some(4));
    assert!(!counters.event().done);
    let archive = take(context).await.unwrap();
    let event = counters.event();
    assert_eq!(
        (event.files_sent, event.bytes_sent, event.done),
        (4, archive.len() as u64, true)
    );
}

#[cfg(unix)]
#[tokio::test]
async fn warnings_of_the_walk_are_there_from_the_start() {
    let folder = folder(&[("Dockerfile", "")]);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s.sock")).unwrap();
    let context = open(directory(folder.path()), Compression::None)
        .await
        .unwrap();
    assert_eq!(context.counters.take_warnings().len(), 1);
}

#[tokio::test]
async fn an_empty_list_of_files_has_no_dockerfile() {
    let source = ContextSource::Files {
        files: Vec::new(),
        dockerfile: "Dockerfile".to_owned(),
    };
    assert_eq!(refusal(source).await.kind, ErrorKind::DockerfileInvalid);
}
