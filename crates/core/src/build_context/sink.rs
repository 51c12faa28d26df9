//! The writer at the end of the archive: whole chunks into a channel, at the pace of the consumer.

use std::io::{self, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Size of a chunk. A header is 512 bytes: without gathering, the channel would cost more than the archive.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

/// What goes through the channel. A channel that closes without `End` was cut short.
#[derive(Debug)]
pub(super) enum Chunk {
    Bytes(Bytes),
    End,
}

/// Gathers what is written into chunks and waits while the channel is full.
///
/// Every write fails once the receiver is dropped.
pub(super) struct ChunkSink {
    sender: mpsc::Sender<Chunk>,
    gathered: Vec<u8>,
    sent_bytes: u64,
}

impl ChunkSink {
    /// A sink for blocking threads only.
    pub(super) fn new(sender: mpsc::Sender<Chunk>) -> Self {
        Self {
            sender,
            gathered: Vec::with_capacity(CHUNK_BYTES),
            sent_bytes: 0,
        }
    }

    /// What tells early that the receiver is dropped.
    pub(super) fn watch(&self) -> Watch {
        Watch(self.sender.clone())
    }

    /// Bytes that the channel has taken.
    pub(super) fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Sends what is left, and the end.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.send_gathered()?;
        self.send(Chunk::End)
    }

    fn send_gathered(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.gathered);
        let bytes = chunk.len() as u64;
        self.send(Chunk::Bytes(chunk.into()))?;
        self.sent_bytes += bytes;
        self.gathered.reserve_exact(CHUNK_BYTES);
        Ok(())
    }

    fn send(&self, chunk: Chunk) -> io::Result<()> {
        self.sender
            .blocking_send(chunk)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for ChunkSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..taken]);
        if self.gathered.len() == CHUNK_BYTES {
            self.send_gathered()?;
        }
        Ok(taken)
    }

    /// Does nothing: a chunk is sent when it is full, the last one by `finish`.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Knows whether the receiver is dropped.
pub(super) struct Watch(mpsc::Sender<Chunk>);

impl Watch {
    /// Puts a watched writer before one that gathers so much that the sink would notice late.
    pub(super) fn over<W>(self, writer: W) -> Watched<W> {
        Watched {
            watch: self,
            writer,
        }
    }
}

/// A writer that fails as soon as the receiver is dropped: 256 KiB of gzip can be 256 MiB of files.
pub(super) struct Watched<W> {
    watch: Watch,
    writer: W,
}

impl<W> Watched<W> {
    /// The writer behind it.
    pub(super) fn into_inner(self) -> W {
        self.writer
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.watch.0.is_closed() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
