//! A session inside a call: its bytes travel as messages of the control API.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/session/grpchijack/dial.go>

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream as _;
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Status, Streaming};

use super::{Session, headers};
use crate::buildkit::control::Control;

/// Most bytes in a message, as Go's side has it.
const MESSAGE_BYTES: usize = 32 * 1024;

/// Messages that wait for the connection.
const MESSAGES_WAITING: usize = 8;

/// A piece of the tunnelled stream.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BytesMessage {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) data: Bytes,
}

/// Opens the way of `session` to the engine.
pub(crate) async fn tunnel(control: &Control, session: &Session) -> Result<Tunnel, Status> {
    let (sender, mut receiver) = mpsc::channel(MESSAGES_WAITING);
    let outbound = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut metadata = MetadataMap::new();
    for (name, value) in headers(session) {
        let value = MetadataValue::try_from(value)
            .map_err(|_| Status::internal("a session's name is no header"))?;
        metadata.append(name, value);
    }
    Ok(Tunnel {
        inbound: control.session(metadata, outbound).await?,
        read: Bytes::new(),
        outbound: PollSender::new(sender),
    })
}

/// The stream of bytes.
pub(crate) struct Tunnel {
    inbound: Streaming<BytesMessage>,
    /// Read, and not yet taken.
    read: Bytes,
    outbound: PollSender<BytesMessage>,
}

/// As much of the slices as one message takes.
fn gather(slices: &[IoSlice<'_>]) -> Bytes {
    let total: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut data = BytesMut::with_capacity(total.min(MESSAGE_BYTES));
    for slice in slices {
        let room = MESSAGE_BYTES - data.len();
        data.extend_from_slice(&slice[..slice.len().min(room)]);
    }
    data.freeze()
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.read.is_empty() {
            match ready!(Pin::new(&mut self.inbound).poll_next(context)) {
                Some(Ok(message)) => self.read = message.data,
                Some(Err(status)) => return Poll::Ready(Err(io::Error::other(status))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..length]);
        self.read.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    /// A frame's head and its content come apart, and would be a message each.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.outbound.poll_reserve(context)).map_err(closed)?;
        let data = gather(slices);
        let length = data.len();
        self.outbound
            .send_item(BytesMessage { data })
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outbound.close();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_slices_up_to_its_size() {
        let (head, content) = (vec![1; 9], vec![2; MESSAGE_BYTES]);
        let gathered = gather(&[
            IoSlice::new(&head),
            IoSlice::new(&content),
            IoSlice::new(&head),
        ]);
        assert_eq!(gathered.len(), MESSAGE_BYTES);
        assert_eq!(gathered[8..10], [1, 2]);
        assert_eq!(
            gather(&[IoSlice::new(&head), IoSlice::new(&head)]).len(),
            18
        );
        assert!(gather(&[]).is_empty());
    }
}
