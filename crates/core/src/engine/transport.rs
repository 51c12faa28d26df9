//! The byte stream to an engine: one for every scheme, under every protocol.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use super::endpoint::Endpoint;

/// A connected byte stream.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens a connection to `endpoint`.
pub(super) async fn connect(endpoint: &Endpoint) -> io::Result<Box<dyn Io>> {
    match endpoint {
        Endpoint::Unix(path) => connect_unix(path).await,
        Endpoint::NamedPipe(name) => connect_pipe(name).await,
        Endpoint::Tcp { host, port } => {
            let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
    }
}

#[cfg(unix)]
async fn connect_unix(path: &std::path::Path) -> io::Result<Box<dyn Io>> {
    Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
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
