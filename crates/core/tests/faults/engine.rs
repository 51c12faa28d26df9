//! An engine that answers as it is told.

use std::sync::Arc;

use shipway_core::DockerEngine;
use shipway_core::engine::endpoint::Endpoint;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Duration, timeout};

/// The end of a chunked body.
pub(crate) const END: &[u8] = b"0\r\n\r\n";

/// Longest wait for something that must happen at once.
const AT_ONCE: Duration = Duration::from_secs(30);

/// One thing that the engine does with a connection. After the last one it closes it.
#[derive(Clone)]
pub(crate) enum Act {
    /// Reads the request's body to its end.
    TakeBody,
    /// Reads at least so many bytes of the request's body.
    TakeBytes(usize),
    /// Writes.
    Send(Vec<u8>),
    /// Writes the same again and again for as long as the client listens.
    Repeat(Vec<u8>),
    /// Waits for the test.
    Wait(Arc<Notify>),
    /// Tells the test.
    Tell(Arc<Notify>),
    /// Reads until the client closes the connection.
    AwaitClose,
}

/// What the engine has seen of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// `POST`.
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// The whole head, in lower case.
    pub(crate) head: String,
    /// The whole head, as it came.
    pub(crate) sent: String,
    /// The body as far as it was read, without its transfer coding.
    pub(crate) body: Vec<u8>,
    /// Bytes that the client's side of the connection has taken.
    pub(crate) sent_bytes: usize,
    /// Whether the client closed the connection.
    pub(crate) is_closed: bool,
}

impl Seen {
    /// Whether this is a request with that method and a target that begins so.
    pub(crate) fn is(&self, method: &str, target: &str) -> bool {
        self.method == method && self.target.starts_with(target)
    }

    /// Whether this asks for a pull.
    pub(crate) fn is_pull(&self) -> bool {
        self.is("POST", "/images/create")
    }

    /// Whether this asks for a build.
    pub(crate) fn is_build(&self) -> bool {
        self.is("POST", "/build")
    }

    /// The value of the query's `tag`.
    pub(crate) fn tag(&self) -> &str {
        let (_, rest) = self.target.split_once("&tag=").unwrap_or_default();
        rest.split('&').next().unwrap_or_default()
    }
}

/// A scripted engine. It ends when it is dropped.
pub(crate) struct Engine {
    /// Where it listens.
    pub(crate) endpoint: Endpoint,
    seen: watch::Receiver<Vec<Seen>>,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

type Script = dyn Fn(&Seen) -> Vec<Act> + Send + Sync;

impl Engine {
    /// An engine on a unix socket.
    pub(crate) fn start(script: impl Fn(&Seen) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (sender, seen) = watch::channel(Vec::new());
        let script: Arc<Script> = Arc::new(script);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let sender = Arc::new(sender);
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&script), Arc::clone(&sender)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            endpoint: Endpoint::Unix(path),
            seen,
            serving,
            _folder: folder,
        }
    }

    /// An engine on a TCP port.
    pub(crate) async fn start_tcp(
        script: impl Fn(&Seen) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = Endpoint::Tcp {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
        };
        let (sender, seen) = watch::channel(Vec::new());
        let script: Arc<Script> = Arc::new(script);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let sender = Arc::new(sender);
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&script), Arc::clone(&sender)));
            }
        });
        Self {
            endpoint,
            seen,
            serving,
            _folder: TempDir::new().unwrap(),
        }
    }

    /// A client of this engine.
    pub(crate) fn client(&self) -> DockerEngine {
        DockerEngine::at(self.endpoint.clone(), Duration::from_secs(10)).unwrap()
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// Waits until some request fulfils `condition`, and returns it.
    pub(crate) async fn observes(&self, condition: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.clone();
        let found = timeout(AT_ONCE, seen.wait_for(|seen| seen.iter().any(&condition))).await;
        let found = found.expect("the engine observes it at once").unwrap();
        found.iter().find(|seen| condition(seen)).unwrap().clone()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The head of an answer; the body follows in the way that `headers` tell.
pub(crate) fn head(status: u16, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\n{headers}\r\n")
        .into_bytes()
}

/// The head of an answer in chunks.
pub(crate) fn chunked_head() -> Vec<u8> {
    head(200, "Transfer-Encoding: chunked\r\n")
}

/// One chunk of a chunked body.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A whole answer.
pub(crate) fn answer(status: u16, body: &str) -> Vec<Act> {
    let mut bytes = head(status, &format!("Content-Length: {}\r\n", body.len()));
    bytes.extend_from_slice(body.as_bytes());
    vec![Act::Send(bytes)]
}

/// A whole stream, each frame a chunk.
pub(crate) fn stream<T: AsRef<[u8]>>(frames: impl IntoIterator<Item = T>) -> Vec<Act> {
    let mut bytes = open_stream(frames);
    bytes.extend_from_slice(END);
    vec![Act::Send(bytes)]
}

/// The head and the frames of a stream that has not ended.
pub(crate) fn open_stream<T: AsRef<[u8]>>(frames: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut bytes = chunked_head();
    for frame in frames {
        bytes.extend_from_slice(&chunk(&[frame.as_ref(), b"\r\n"].concat()));
    }
    bytes
}

/// The ID of the image that an inspection finds.
pub(crate) const IMAGE_ID: &str =
    "sha256:a5438367fd950aaab5eb54c3cae3380ca0011811b9a8424bf100c1c12d0f98bb";

/// An inspection that finds an image.
pub(crate) fn image() -> Vec<Act> {
    answer(
        200,
        &format!(
            r#"{{"Id":"{IMAGE_ID}","RepoTags":[],"RepoDigests":[],"Os":"linux","Architecture":"amd64","Size":7}}"#
        ),
    )
}

/// An inspection that finds none.
pub(crate) fn no_image() -> Vec<Act> {
    answer(404, r#"{"message":"No such image: x"}"#)
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Arc<Script>,
    seen: Arc<watch::Sender<Vec<Seen>>>,
) {
    let mut input = Vec::new();
    let head_end = loop {
        if let Some(at) = input.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read_buf(&mut input).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    };
    let head = String::from_utf8(input.drain(..head_end).collect()).unwrap();
    let mut words = head.split(' ').map(str::to_owned);
    let request = Seen {
        method: words.next().unwrap(),
        target: words.next().unwrap(),
        head: head.to_lowercase(),
        sent: head.clone(),
        ..Seen::default()
    };
    let acts = script(&request);
    let mut place = 0;
    seen.send_modify(|seen| {
        place = seen.len();
        seen.push(request);
    });
    let note = |change: &dyn Fn(&mut Seen)| seen.send_modify(|seen| change(&mut seen[place]));
    let mut body = Body::new(input);
    for act in acts {
        let is_alive = match act {
            Act::TakeBody => {
                while !body.is_whole && body.read(&mut stream).await {}
                note(&|seen| seen.body.clone_from(&body.bytes));
                body.is_whole
            }
            Act::TakeBytes(count) => {
                while !body.is_whole && body.bytes.len() < count && body.read(&mut stream).await {}
                note(&|seen| seen.body.clone_from(&body.bytes));
                body.is_whole || body.bytes.len() >= count
            }
            Act::Send(bytes) => send(&mut stream, &bytes, &note).await,
            Act::Repeat(bytes) => {
                while send(&mut stream, &bytes, &note).await {
                    tokio::task::yield_now().await;
                }
                false
            }
            Act::Wait(go) => {
                go.notified().await;
                true
            }
            Act::Tell(told) => {
                told.notify_one();
                true
            }
            Act::AwaitClose => {
                while body.read(&mut stream).await {}
                note(&|seen| seen.body.clone_from(&body.bytes));
                false
            }
        };
        if !is_alive {
            return note(&|seen| seen.is_closed = true);
        }
    }
}

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    note: &impl Fn(&dyn Fn(&mut Seen)),
) -> bool {
    for piece in bytes.chunks(64 * 1024) {
        if stream.write_all(piece).await.is_err() {
            return false;
        }
        note(&|seen| seen.sent_bytes += piece.len());
    }
    true
}

/// A request's chunked body as it comes.
struct Body {
    input: Vec<u8>,
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Body {
    fn new(input: Vec<u8>) -> Self {
        let mut body = Self {
            input,
            bytes: Vec::new(),
            is_whole: false,
        };
        body.decode();
        body
    }

    /// Reads once; `false` at the end of the connection.
    async fn read(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> bool {
        let is_alive = matches!(stream.read_buf(&mut self.input).await, Ok(count) if count > 0);
        self.decode();
        is_alive
    }

    fn decode(&mut self) {
        while let Some(line) = self.input.windows(2).position(|window| window == b"\r\n") {
            let size = std::str::from_utf8(&self.input[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let (from, to) = (line + 2, line + 2 + size);
            if self.input.len() < to + 2 {
                return;
            }
            self.bytes.extend_from_slice(&self.input[from..to]);
            self.input.drain(..to + 2);
            self.is_whole |= size == 0;
        }
    }
}
