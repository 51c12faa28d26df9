//! The way from the threads of a transfer to its connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::mpsc;
use tonic::Status;

use super::counters::SyncCounters;
use super::packet::{Packet, PacketType, put};
use super::walk::Stop;

/// Messages are gathered up to this size before they are handed on.
const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks that wait for the connection.
const CHUNKS_WAITING: usize = 8;

/// A way of chunks, and the body of an answer in which it ends.
pub(super) fn outbox(counters: Arc<SyncCounters>) -> (Outbox, Outgoing) {
    let (sender, chunks) = mpsc::channel(CHUNKS_WAITING);
    let outgoing = Outgoing {
        chunks,
        counters,
        has_ended: false,
    };
    (Outbox(sender), outgoing)
}

/// An empty buffer with room for a chunk and the packet that makes it too long.
pub(super) fn fresh_chunk() -> Vec<u8> {
    Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 2)
}

/// The end that takes chunks. Every send fails once the answer is dropped.
#[derive(Clone)]
pub(super) struct Outbox(mpsc::Sender<Chunk>);

enum Chunk {
    Data(Bytes),
    End(Status),
}

impl Outbox {
    /// Hands on `buffer`, and empties it, where it holds a chunk.
    pub(super) fn flush_full(&self, buffer: &mut Vec<u8>) -> Result<(), Stop> {
        if buffer.len() < CHUNK_BYTES {
            return Ok(());
        }
        self.flush(buffer)
    }

    /// Hands on `buffer`, and empties it.
    pub(super) fn flush(&self, buffer: &mut Vec<u8>) -> Result<(), Stop> {
        if buffer.is_empty() {
            return Ok(());
        }
        let data = std::mem::replace(buffer, fresh_chunk());
        self.0
            .blocking_send(Chunk::Data(data.into()))
            .map_err(|_| Stop::Unwanted)
    }

    /// Tells the receiver that the transfer failed, and ends the answer. The calling thread may block.
    pub(super) fn fail(&self, message: &str) {
        let reason = packet_of(PacketType::Err, Bytes::copy_from_slice(message.as_bytes()));
        // The answer may be gone: then nobody wants to know.
        let _ = self.0.blocking_send(Chunk::Data(reason));
        let _ = self.0.blocking_send(Chunk::End(Status::unknown(message)));
    }

    /// Sends one packet.
    pub(super) async fn send(&self, kind: PacketType, data: Bytes) {
        let _ = self.0.send(Chunk::Data(packet_of(kind, data))).await;
    }

    /// Ends the answer.
    pub(super) async fn end(&self, status: Status) {
        let _ = self.0.send(Chunk::End(status)).await;
    }

    /// Waits until nobody wants the answer any more.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }

    /// Whether nobody wants the answer any more.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
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

/// The body of the answer.
pub(super) struct Outgoing {
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
        let status = match ready!(self.chunks.poll_recv(context)) {
            Some(Chunk::Data(data)) => {
                self.counters.add_bytes(data.len());
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            Some(Chunk::End(status)) => status,
            None => Status::cancelled("the transfer was given up"),
        };
        self.end();
        let mut trailers = HeaderMap::new();
        // A status whose words are no header is told without them.
        let _ = status.add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

impl Outgoing {
    fn end(&mut self) {
        if !self.has_ended {
            self.has_ended = true;
            self.counters.end();
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.end();
    }
}
