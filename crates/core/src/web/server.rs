//! A server for tests, which remembers what it was asked.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};

/// The requests that a server has got: head and body.
pub(crate) type Seen = Arc<Mutex<Vec<String>>>;

/// A server on a port of loopback.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) seen: Seen,
}

impl Server {
    /// A server that answers each request with what `answer` makes of it.
    pub(crate) async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let seen = Seen::default();
        let (kept, answer) = (Arc::clone(&seen), Arc::new(answer));
        let port = listen(move |stream| {
            let (seen, answer) = (Arc::clone(&kept), Arc::clone(&answer));
            async move { serve(stream, &seen, &*answer).await }
        });
        Self {
            port: port.await,
            seen,
        }
    }

    /// The URL of `path` on it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Gives each connection to `serve`, and returns the port.
pub(crate) async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    port
}

/// Reads one request, and answers it.
pub(crate) async fn serve(
    io: impl AsyncRead + AsyncWrite + Unpin,
    seen: &Seen,
    answer: impl Fn(&str) -> String,
) -> io::Result<()> {
    let mut io = BufReader::new(io);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if io.read_line(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let length = request
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    io.read_exact(&mut body).await?;
    request.push_str(&String::from_utf8_lossy(&body));
    let answer = answer(&request);
    seen.lock().unwrap().push(request);
    io.get_mut().write_all(answer.as_bytes()).await?;
    io.get_mut().flush().await
}

/// An answer with a body.
pub(crate) fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Answer\r\nContent-Length: {length}\r\n\r\n{body}")
}
