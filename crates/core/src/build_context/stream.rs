//! The bridge from the thread that writes the archive to the request that carries it.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;

use bytes::Bytes;
use flate2::write::GzEncoder;
use futures_util::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::archive::{Archive, Halt};
use super::counters::ContextCounters;
use super::disk::{Disk, Files};
use super::plan::{Plan, plan};
use super::sink::{Chunk, ChunkSink};
use super::{Compression, ContextSource};
use crate::error::{Error, ErrorKind, Result};

/// Chunks that wait for the consumer; with the one being filled, the memory of a context in transit is 1.25 MiB.
pub(super) const CHUNKS_WAITING: usize = 4;

/// Level for gzip: 306 MB of source a second at a ratio of 0.25 on one core, against 164 MB at level 3, so that even a
/// 1 Gbit/s link is not waited on.
const GZIP_LEVEL: u32 = 1;

/// A build context on its way.
#[derive(Debug)]
pub struct BuildContext {
    /// Name of the Dockerfile in the archive, with `/` between its parts.
    pub dockerfile: String,
    /// The text of the Dockerfile.
    pub dockerfile_text: Vec<u8>,
    /// The archive: the body of the build request.
    pub stream: ContextStream,
    /// How the archive ended; it is pending until `stream` is at its end or dropped.
    pub outcome: ContextOutcome,
    /// How far it has come.
    pub counters: Arc<ContextCounters>,
}

/// The bytes of the archive, in chunks of at most 256 KiB.
///
/// An archive that was cut short ends with an error, whose cause is in [`BuildContext::outcome`]. To drop the stream
/// ends the work behind it.
#[derive(Debug)]
pub struct ContextStream {
    chunks: mpsc::Receiver<Chunk>,
    counters: Arc<ContextCounters>,
    ended: bool,
}

/// How the archive ended.
#[derive(Debug)]
pub struct ContextOutcome {
    result: oneshot::Receiver<Result<ContextSummary>>,
    thread: JoinHandle<()>,
}

/// An archive that met no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextSummary {
    /// Entries written, folders and links included.
    pub files: u64,
    /// Bytes handed to the stream, compressed where compression is on.
    pub bytes: u64,
    /// Whether the archive is whole; `false` where the stream was dropped before its end.
    pub complete: bool,
}

/// Looks through a build context and starts to write its archive, on threads for blocking work.
///
/// What can be known before the first byte is sent is an error here: `CONTEXT_INVALID` for a path that cannot be read
/// and for a bad ignore file, `DOCKERFILE_INVALID` for a Dockerfile that does not exist, is no file or is a link out of
/// the context, `INVALID_OPTION` for a bad name in [`ContextSource::Files`]. Files are opened later, and one that
/// changes meanwhile is `CONTEXT_INVALID` from [`BuildContext::outcome`]; one that grows is a warning.
///
/// # Panics
///
/// Outside a tokio runtime.
pub async fn open(source: ContextSource, compression: Compression) -> Result<BuildContext> {
    open_from(source, compression, Box::new(Disk)).await
}

/// [`open`] with the files read through `files`.
pub(super) async fn open_from(
    source: ContextSource,
    compression: Compression,
    files: Box<dyn Files + Send>,
) -> Result<BuildContext> {
    let stop = StopOnDrop::default();
    let stopped = Arc::clone(&stop.0);
    let mut plan = ended(spawn_blocking(move || plan(source, &stopped)).await)?;
    let warnings = std::mem::take(&mut plan.warnings);
    let counters = Arc::new(ContextCounters::new(plan.entries.len() as u64, warnings));
    let (sender, chunks) = mpsc::channel(CHUNKS_WAITING);
    let dockerfile = std::mem::take(&mut plan.dockerfile);
    let dockerfile_text = std::mem::take(&mut plan.text);
    let written = Arc::clone(&counters);
    let (tell, result) = oneshot::channel();
    let work = move || {
        let sink = ChunkSink::new(sender);
        // Where nobody waits for it any more, nothing is to be said.
        let _ = tell.send(write(plan, compression, &*files, sink, &written));
    };
    // Its own, for as long as the engine reads: threads for blocking work are few, and look up the engine's name.
    let thread = std::thread::Builder::new().name("shipway-archive".to_owned());
    let thread = thread.spawn(work).map_err(|error| {
        let message = "cannot start the thread that writes the build context";
        Error::new(ErrorKind::Internal, message).with_source(error)
    })?;
    let stream = ContextStream {
        chunks,
        counters: Arc::clone(&counters),
        ended: false,
    };
    Ok(BuildContext {
        dockerfile,
        dockerfile_text,
        stream,
        outcome: ContextOutcome { result, thread },
        counters,
    })
}

impl ContextOutcome {
    /// Waits for the end of the archive. A panic behind it is `INTERNAL`.
    pub async fn wait(self) -> Result<ContextSummary> {
        match self.result.await {
            Ok(result) => result,
            // It ends as it panics: there is next to nothing to wait for.
            Err(_) => {
                Err(panicked(&*self.thread.join().err().unwrap_or_else(|| {
                    Box::new("the thread ended without a word")
                })))
            }
        }
    }
}

impl ContextStream {
    /// Chunks that could be taken now.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.chunks.len()
    }
}

impl Stream for ContextStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match ready!(self.chunks.poll_recv(context)) {
            Some(Chunk::Bytes(bytes)) => {
                self.counters.add_bytes(bytes.len());
                Some(Ok(bytes))
            }
            Some(Chunk::End) => {
                self.ended = true;
                self.counters.set_done();
                None
            }
            None => {
                self.ended = true;
                let message = "the build context was cut short";
                Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)))
            }
        };
        Poll::Ready(item)
    }
}

fn write(
    plan: Plan,
    compression: Compression,
    files: &dyn Files,
    mut sink: ChunkSink,
    counters: &ContextCounters,
) -> Result<ContextSummary> {
    let written = match compression {
        Compression::None => write_archive(plan, files, &mut sink, counters).map(drop),
        Compression::Gzip => {
            let watch = sink.watch();
            let encoder = GzEncoder::new(&mut sink, flate2::Compression::new(GZIP_LEVEL));
            write_archive(plan, files, watch.over(encoder), counters)
                .and_then(|watched| Ok(watched.into_inner().finish().map(drop)?))
        }
    };
    let (complete, bytes) = match written.and_then(|()| Ok(sink.finish()?)) {
        Ok(()) => (true, sink.sent_bytes()),
        Err(Halt::Dropped) => (false, sink.sent_bytes()),
        Err(Halt::Failed(error)) => return Err(error),
    };
    Ok(ContextSummary {
        files: counters.event().files_sent,
        bytes,
        complete,
    })
}

fn write_archive<W: io::Write>(
    plan: Plan,
    files: &dyn Files,
    writer: W,
    counters: &ContextCounters,
) -> std::result::Result<W, Halt> {
    let mut archive = Archive::new(plan.root, files, writer);
    for entry in plan.entries {
        counters.add_file(archive.append(entry)?);
    }
    archive.finish()
}

/// Tells the task that looks that nobody waits for it any more.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a blocking task returned; that it panicked is a fault of this library.
fn ended<T>(result: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    result.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => Err(panicked(&*panic)),
        Err(error) => Err(failed(&error.to_string())),
    })
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    failed(&format!("panic: {}", text_of(panic)))
}

fn failed(what: &str) -> Error {
    let what = what.replace(char::is_control, " ");
    let message = format!("failed to create build context: {what}");
    Error::new(ErrorKind::Internal, message)
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
