//! Sends a tree: describes all of it, and gives the content that the receiver asks for.
//!
//! The protocol is that of <https://github.com/tonistiigi/fsutil/blob/586307ad452f/send.go>. Two threads work for one
//! transfer, because a tree is read with calls that block: one walks, the other reads the files that are asked for
//! meanwhile. Both give messages to one channel, which is the body of the answer.

use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::{Code, Status, Streaming};

use super::counters::SyncCounters;
use super::filter::Filter;
use super::packet::{Packet, PacketType, Stat, put, put_data_header};
use super::request::SyncRequest;
use super::table::{Id, Table, Wanted};
use super::tree::Tree;
use super::walk::{Stop, Walker, walk};
use crate::build_context::disk::Kind;
use crate::build_context::failure::{changed, shown, unreadable};
use crate::buildkit::complaints::Complaints;
use crate::buildkit::tasks::Spawner;
use crate::error::{Error, ErrorKind};
use crate::progress::Warning;

/// Messages are gathered up to this size before they are handed on.
const CHUNK_BYTES: usize = 64 * 1024;

/// Longest content in one packet, as Go's side has it.
const DATA_BYTES: usize = 32 * 1024;

/// Chunks that wait for the connection.
const CHUNKS_WAITING: usize = 8;

/// One transfer of a tree.
pub(crate) struct Transfer {
    tree: Arc<dyn Tree>,
    filter: Filter,
    counters: Arc<SyncCounters>,
    complaints: Arc<Complaints>,
}

impl Transfer {
    /// The transfer of what is wanted of `tree`.
    pub(crate) fn new(
        tree: Arc<dyn Tree>,
        wanted: SyncRequest,
        counters: Arc<SyncCounters>,
        complaints: Arc<Complaints>,
    ) -> Result<Self, Status> {
        let filter = Filter::new(&*tree, wanted).map_err(|error| {
            let message = error.message.clone();
            complaints.complain(error);
            Status::invalid_argument(message)
        })?;
        Ok(Self {
            tree,
            filter,
            counters,
            complaints,
        })
    }
}

/// Answers a call for a folder.
pub(crate) fn answer(
    transfer: Transfer,
    inbound: Streaming<Packet>,
    spawner: &Spawner,
) -> Response<Body> {
    let (sender, chunks) = mpsc::channel(CHUNKS_WAITING);
    let outbox = Outbox(sender);
    let sending = Arc::new(Sending {
        transfer,
        table: Mutex::default(),
        wishes: Wishes::default(),
    });
    sending.transfer.counters.begin();
    let work = [
        (
            "shipway-walk",
            describe as fn(&Sending, &Outbox) -> Result<(), Stop>,
        ),
        ("shipway-read", give),
    ];
    for (name, work) in work {
        let (shared, outbox) = (Arc::clone(&sending), outbox.clone());
        let started = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || match work(&shared, &outbox) {
                Err(Stop::Failed(error)) => shared.fail(error, &outbox),
                Ok(()) | Err(Stop::Unwanted) => {}
            });
        if let Err(error) = started {
            let message = "cannot start a thread that reads the build context";
            let error = Error::new(ErrorKind::Internal, message).with_source(error);
            sending.transfer.complaints.complain(error);
            return Status::resource_exhausted(message).into_http();
        }
    }
    let body = Outgoing {
        chunks,
        counters: Arc::clone(&sending.transfer.counters),
        has_ended: false,
    };
    spawner.spawn(listen(inbound, sending, outbox));
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    response
}

/// Takes the wishes of the receiver until it has all that it wants.
async fn listen(mut inbound: Streaming<Packet>, sending: Arc<Sending>, outbox: Outbox) {
    // However this ends, also when it is dropped, the reading thread has no more to wait for.
    let sending = EndsWishes(sending);
    let status = loop {
        let packet = tokio::select! {
            () = outbox.0.closed() => return,
            packet = inbound.message() => packet,
        };
        match packet {
            Ok(Some(packet)) => match packet.r#type() {
                PacketType::Req => sending.0.wishes.push(packet.id),
                PacketType::Fin => {
                    sending.0.transfer.counters.end();
                    outbox.send(packet_of(PacketType::Fin, Bytes::new())).await;
                    break Status::ok("");
                }
                // Why is in the engine's answer to the build.
                PacketType::Err => break Status::aborted("the receiver failed"),
                PacketType::Stat | PacketType::Data => {
                    break Status::invalid_argument("only a sender describes and gives files");
                }
            },
            Ok(None) => break Status::cancelled("the receiver left"),
            Err(status) => break status,
        }
    };
    // The receiver of the channel may be gone: then nobody wants to know.
    let _ = outbox.0.send(Chunk::End(status)).await;
}

/// Describes the tree, on a thread of its own.
fn describe(sending: &Sending, outbox: &Outbox) -> Result<(), Stop> {
    let mut describer = Describer {
        sending,
        outbox,
        packet: Packet {
            stat: Some(Stat::default()),
            ..Packet::default()
        },
        buffer: Vec::with_capacity(CHUNK_BYTES),
    };
    let transfer = &sending.transfer;
    walk(&*transfer.tree, &transfer.filter, &mut describer)?;
    transfer.counters.end_walk();
    put(&mut describer.buffer, &Packet::default());
    outbox.flush(&mut describer.buffer)
}

/// Gives the files that are asked for, on a thread of its own.
fn give(sending: &Sending, outbox: &Outbox) -> Result<(), Stop> {
    let mut buffer = Vec::new();
    loop {
        let id = match sending.wishes.try_pop() {
            Some(id) => id,
            None => {
                outbox.flush(&mut buffer)?;
                match sending.wishes.pop() {
                    Some(id) => id,
                    None => return Ok(()),
                }
            }
        };
        let Some(wanted) = sending.table().take(id) else {
            let message = format!("the engine asked for file {id}, which it cannot have");
            return Err(Stop::Failed(Error::new(ErrorKind::EngineProtocol, message)));
        };
        give_file(sending, outbox, id, &wanted, &mut buffer)?;
    }
}

/// A file is cut where it ended when it was described: its size is in the engine's records by now.
fn give_file(
    sending: &Sending,
    outbox: &Outbox,
    id: u32,
    wanted: &Wanted,
    buffer: &mut Vec<u8>,
) -> Result<(), Stop> {
    let Transfer { tree, counters, .. } = &sending.transfer;
    let place = || tree.shown(&wanted.path);
    let vanished = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            changed(&place(), "vanished").with_source(error)
        }
        _ => unreadable(&place(), error),
    };
    let shrank = || Stop::Failed(changed(&place(), "shrank"));
    if let Some(mut opened) = tree
        .open(&wanted.path)
        .map_err(|error| Stop::Failed(vanished(error)))?
    {
        if opened.size_bytes < wanted.size_bytes {
            return Err(shrank());
        }
        if opened.size_bytes > wanted.size_bytes {
            let message = format!(
                "`{}` grew while it was read; its first {} bytes were sent",
                shown(&place()),
                wanted.size_bytes
            );
            counters.warn(Warning::new("CONTEXT_FILE_GREW", message));
        }
        let mut left_bytes = wanted.size_bytes;
        while left_bytes > 0 {
            let length =
                usize::try_from(left_bytes).map_or(DATA_BYTES, |left| left.min(DATA_BYTES));
            put_data_header(buffer, id, length);
            let start = buffer.len();
            buffer.resize(start + length, 0);
            match opened.content.read_exact(&mut buffer[start..]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(shrank()),
                Err(error) => return Err(Stop::Failed(unreadable(&place(), error))),
            }
            left_bytes -= length as u64;
            outbox.flush_full(buffer)?;
        }
    }
    put_data_header(buffer, id, 0);
    counters.add_file();
    outbox.flush_full(buffer)
}

/// What the threads of one transfer share.
struct Sending {
    transfer: Transfer,
    table: Mutex<Table>,
    wishes: Wishes,
}

impl Sending {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the transfer, and the build that waits for it.
    fn fail(&self, error: Error, outbox: &Outbox) {
        let message = error.message.clone();
        self.transfer.complaints.complain(error);
        let reason = Bytes::from(message.clone());
        let _ = outbox
            .0
            .blocking_send(Chunk::Data(packet_of(PacketType::Err, reason)));
        let _ = outbox
            .0
            .blocking_send(Chunk::End(Status::new(Code::Unknown, message)));
    }
}

struct EndsWishes(Arc<Sending>);

impl Drop for EndsWishes {
    fn drop(&mut self) {
        self.0.wishes.end();
    }
}

fn packet_of(kind: PacketType, data: Bytes) -> Bytes {
    let packet = Packet {
        r#type: kind.into(),
        data,
        ..Packet::default()
    };
    let mut buffer = Vec::new();
    put(&mut buffer, &packet);
    buffer.into()
}

struct Describer<'a> {
    sending: &'a Sending,
    outbox: &'a Outbox,
    packet: Packet,
    buffer: Vec<u8>,
}

impl Walker for Describer<'_> {
    fn entry(
        &mut self,
        stat: &Stat,
        name: &[u8],
        parent: Option<Id>,
        kind: Kind,
    ) -> Result<Id, Stop> {
        let transfer = &self.sending.transfer;
        let place = || shown(&transfer.tree.shown(&stat.path));
        match kind {
            Kind::Socket => transfer.counters.warn(Warning::new(
                "CONTEXT_SOCKET",
                format!(
                    "`{}` is a socket and is an empty file in the build context",
                    place()
                ),
            )),
            Kind::Fifo => transfer.counters.warn(Warning::new(
                "CONTEXT_FIFO",
                format!("`{}` is a named pipe in the build context", place()),
            )),
            Kind::File | Kind::Folder | Kind::Link | Kind::Device => {}
        }
        let size_bytes = u64::try_from(stat.size).unwrap_or_default();
        let id = self
            .sending
            .table()
            .push(parent, name, stat.mode, size_bytes);
        self.packet.stat.get_or_insert_default().clone_from(stat);
        put(&mut self.buffer, &self.packet);
        transfer.counters.add_entry();
        self.outbox.flush_full(&mut self.buffer)?;
        Ok(id)
    }

    fn is_stopped(&self) -> bool {
        self.outbox.0.is_closed()
    }
}

/// The numbers of the files that are asked for, in order.
#[derive(Default)]
struct Wishes {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    ids: VecDeque<u32>,
    has_ended: bool,
}

impl Wishes {
    fn push(&self, id: u32) {
        self.lock().ids.push_back(id);
        self.changed.notify_one();
    }

    fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    fn try_pop(&self) -> Option<u32> {
        self.lock().ids.pop_front()
    }

    /// Waits for the next; `None` where none will follow.
    fn pop(&self) -> Option<u32> {
        let mut waiting = self.lock();
        loop {
            if waiting.has_ended {
                return None;
            }
            if let Some(id) = waiting.ids.pop_front() {
                return Some(id);
            }
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Chunk {
    Data(Bytes),
    End(Status),
}

/// The way to the connection. Every send fails once the answer is dropped.
#[derive(Clone)]
struct Outbox(mpsc::Sender<Chunk>);

impl Outbox {
    async fn send(&self, data: Bytes) {
        let _ = self.0.send(Chunk::Data(data)).await;
    }

    fn flush_full(&self, buffer: &mut Vec<u8>) -> Result<(), Stop> {
        if buffer.len() < CHUNK_BYTES {
            return Ok(());
        }
        self.flush(buffer)
    }

    fn flush(&self, buffer: &mut Vec<u8>) -> Result<(), Stop> {
        if buffer.is_empty() {
            return Ok(());
        }
        let fresh = Vec::with_capacity(CHUNK_BYTES + DATA_BYTES);
        let data = std::mem::replace(buffer, fresh);
        self.0
            .blocking_send(Chunk::Data(data.into()))
            .map_err(|_| Stop::Unwanted)
    }
}

/// The body of the answer.
struct Outgoing {
    chunks: mpsc::Receiver<Chunk>,
    counters: Arc<SyncCounters>,
    has_ended: bool,
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let end = |status: Status| {
            let mut trailers = HeaderMap::new();
            // A status whose words are no header is told without them.
            let _ = status.add_header(&mut trailers);
            Frame::trailers(trailers)
        };
        let frame = match ready!(self.chunks.poll_recv(context)) {
            Some(Chunk::Data(data)) => {
                self.counters.add_bytes(data.len());
                Frame::data(data)
            }
            Some(Chunk::End(status)) => {
                self.has_ended = true;
                end(status)
            }
            None => {
                self.has_ended = true;
                end(Status::cancelled("the transfer was given up"))
            }
        };
        Poll::Ready(Some(Ok(frame)))
    }
}
