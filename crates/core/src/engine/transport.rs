//! The byte stream to an engine: one for every scheme, under every protocol.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::endpoint::Endpoint;
use crate::tls::{Protocol, TlsFailure};

pub(crate) use ssh::SshFailure;
pub(crate) use tls::EngineTls;

mod ssh;
mod tls;

/// How long nothing may come over TCP before the other machine is asked whether it is there, and how often then. A build
/// may be silent for hours, and an engine that lost its power says nothing
/// (<https://github.com/golang/go/blob/go1.24.0/src/net/dial.go>, `defaultTCPKeepAliveIdle`).
const SILENCE: Duration = Duration::from_secs(15);

/// A connected byte stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens a connection to `endpoint` that `protocol` is spoken over.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    tls: &EngineTls,
    protocol: Protocol,
) -> io::Result<Box<dyn Io>> {
    match endpoint {
        Endpoint::Unix(path) => connect_unix(path).await,
        Endpoint::NamedPipe(name) => connect_pipe(name).await,
        Endpoint::Tcp { host, port } => Ok(Box::new(Plain::new(connect_tcp(host, *port).await?))),
        Endpoint::Tls { host, port, .. } => {
            let client = tls.client(endpoint).await?;
            let stream = connect_tcp(host, *port).await?;
            Ok(Box::new(client.handshake(stream, host, protocol).await?))
        }
        Endpoint::Ssh(host) => Ok(Box::new(ssh::start(host)?)),
    }
}

/// Opens a connection to something of this machine: a unix socket, on Windows a named pipe.
pub(crate) async fn connect_local(path: &std::path::Path) -> io::Result<Box<dyn Io>> {
    if cfg!(windows) {
        connect_pipe(&path.to_string_lossy()).await
    } else {
        connect_unix(path).await
    }
}

async fn connect_tcp(host: &str, port: u16) -> io::Result<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(SILENCE)
        .with_interval(SILENCE);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

/// A stream without TLS, which notices where the other side speaks it.
struct Plain<T> {
    inner: T,
    has_answered: bool,
}

impl<T> Plain<T> {
    fn new(inner: T) -> Self {
        Self {
            inner,
            has_answered: false,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Plain<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if !self.has_answered
            && let Some(first) = buffer.filled().get(before)
        {
            self.has_answered = true;
            // An alert: what was said to it is not TLS (<https://www.rfc-editor.org/rfc/rfc8446#section-5.1>).
            if *first == 0x15 {
                return Poll::Ready(Err(TlsFailure::Spoken.into()));
            }
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Plain<T> {
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

/// A stream that can still be read when nothing can be written to it any more.
///
/// An engine that refuses a build early answers, and closes the connection under the upload. hyper takes the failed
/// write for the end of the exchange, although the answer lies ready to be read
/// (<https://github.com/hyperium/hyper/blob/v1.12.0/src/proto/h1/dispatch.rs>, `poll_loop`). So such a write waits
/// instead: the answer ends the exchange, or the end of the stream does. To be removed when hyper reads on.
///
/// What comes before anything was asked waits until then, and is taken for the answer. It is another service that greets,
/// and hyper tells no more of that than that it was unexpected.
pub(super) struct ReadToEnd<T> {
    inner: T,
    has_asked: bool,
    reader: Option<Waker>,
    is_broken: bool,
}

impl<T> ReadToEnd<T> {
    pub(super) fn new(inner: T) -> Self {
        Self {
            inner,
            has_asked: false,
            reader: None,
            is_broken: false,
        }
    }

    /// From now on something may come.
    fn ask(&mut self) {
        self.has_asked = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Reading has its own waker, which a stream that has ended wakes.
    fn wait_if_broken<R>(&mut self, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match written {
            Poll::Ready(Err(error)) if is_closed(&error) => {
                self.is_broken = true;
                Poll::Pending
            }
            written => written,
        }
    }
}

/// Whether the other side has closed the connection.
fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
    )
}

impl<T: AsyncRead + Unpin> AsyncRead for ReadToEnd<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.has_asked {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ReadToEnd<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken {
            return Poll::Pending;
        }
        self.ask();
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wait_if_broken(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken {
            return Poll::Pending;
        }
        self.ask();
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.wait_if_broken(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_broken {
            return Poll::Pending;
        }
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.wait_if_broken(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(unix)]
async fn connect_unix(path: &std::path::Path) -> io::Result<Box<dyn Io>> {
    use std::os::unix::fs::FileTypeExt as _;

    let refused = match tokio::net::UnixStream::connect(path).await {
        Ok(stream) => return Ok(Box::new(stream)),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => error,
        Err(error) => return Err(error),
    };
    // Linux refuses alike where nobody listens at a socket and where there is a file or a folder.
    Err(match tokio::fs::metadata(path).await {
        Ok(found) if !found.file_type().is_socket() => {
            io::Error::new(io::ErrorKind::NotConnected, "what is there is not a socket")
        }
        _ => refused,
    })
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "it stands in for one that waits")]
async fn connect_unix(_path: &std::path::Path) -> io::Result<Box<dyn Io>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "unix sockets need a unix system",
    ))
}

#[cfg(windows)]
async fn connect_pipe(name: &str) -> io::Result<Box<dyn Io>> {
    use tokio::net::windows::named_pipe::ClientOptions;

    /// All instances of the pipe are busy: wait for the next
    /// (<https://learn.microsoft.com/windows/win32/debug/system-error-codes--0-499->).
    const ERROR_PIPE_BUSY: i32 = 231;
    loop {
        match ClientOptions::new().open(name) {
            Ok(pipe) => return Ok(Box::new(pipe)),
            Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY) => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(not(windows))]
#[expect(clippy::unused_async, reason = "it stands in for one that waits")]
async fn connect_pipe(_name: &str) -> io::Result<Box<dyn Io>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "named pipes need Windows",
    ))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn an_engine_that_is_gone_is_noticed_although_it_says_nothing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = connect_tcp("127.0.0.1", port).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_keepalive_time().unwrap(), SILENCE);
    }

    #[tokio::test]
    async fn a_greeting_waits_for_the_question() {
        let (ours, mut theirs) = duplex(64);
        theirs.write_all(b"hello").await.unwrap();
        drop(theirs);
        let (mut reads, mut writes) = tokio::io::split(ReadToEnd::new(ours));
        let mut greeting = String::new();
        let mut read = std::pin::pin!(reads.read_to_string(&mut greeting));
        assert!(read.as_mut().now_or_never().is_none());
        assert!(writes.write_all(b"ask").now_or_never().is_none());
        read.await.unwrap();
        assert_eq!(greeting, "hello");
    }

    #[tokio::test]
    async fn an_answer_can_be_read_after_a_write_has_failed() {
        let (ours, mut theirs) = duplex(64);
        theirs.write_all(b"no").await.unwrap();
        drop(theirs);
        let mut ours = ReadToEnd::new(ours);
        assert!(ours.write_all(b"upload").now_or_never().is_none());
        assert!(ours.write_all(b"upload").now_or_never().is_none());
        let mut answer = String::new();
        ours.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "no");
    }
}
