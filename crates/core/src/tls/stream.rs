//! A stream over TLS that says why it ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client;

use super::TlsFailure;
use super::own_certificate::OwnCertificate;

/// The stream of one connection.
///
/// With TLS 1.3 a client learns only after the handshake that its certificate is missed or refused: from an alert in the
/// place of the first answer, or from a connection that breaks there, where the alert was lost.
pub(crate) struct TlsStream<T> {
    inner: client::TlsStream<T>,
    own: Arc<OwnCertificate>,
    /// Whether the other side has said anything.
    has_answered: bool,
}

impl<T> TlsStream<T> {
    pub(super) fn new(inner: client::TlsStream<T>, own: Arc<OwnCertificate>) -> Self {
        Self {
            inner,
            own,
            has_answered: false,
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let room = buffer.remaining();
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, buffer));
        let is_end = read.is_err() || (room > 0 && buffer.filled().len() == before);
        if is_end && !self.has_answered && self.own.is_missed() {
            return Poll::Ready(Err(TlsFailure::CertificateRequired.into()));
        }
        self.has_answered |= buffer.filled().len() > before;
        // The name of the other side was settled by the handshake.
        Poll::Ready(read.map_err(|error| TlsFailure::within(error, "", &self.own)))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
