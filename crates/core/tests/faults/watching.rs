//! What the tests share: a sink that can be waited for, a clock that stands still, requests.

use std::future::Future;
use std::path::Path;
use std::sync::mpsc;

use shipway_core::build_context::DockerfileSource;
use shipway_core::build_options::Builder;
use shipway_core::engine::EnginePull;
use shipway_core::progress::{ProgressEvent, ProgressSink};
use shipway_core::{BuildRequest, BuildSource, ErrorKind, PullRequest, Reference};
use tempfile::TempDir;
use tokio::sync::watch;

/// The transcripts of pulls, with their engines.
pub(crate) const PULLS: [(&str, &str); 3] = [
    (
        "docker 20.10",
        include_str!("../../../../fixtures/pull/docker-20.10.jsonl"),
    ),
    (
        "docker 28.5",
        include_str!("../../../../fixtures/pull/docker-28.5.jsonl"),
    ),
    (
        "docker 28.5 containerd",
        include_str!("../../../../fixtures/pull/docker-28.5-containerd.jsonl"),
    ),
];

/// Keeps every event.
pub(crate) struct Events(watch::Sender<Vec<ProgressEvent>>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    /// Waits until an event fulfils `condition`.
    pub(crate) async fn until(&self, condition: impl Fn(&ProgressEvent) -> bool) {
        let mut events = self.0.subscribe();
        let found = events.wait_for(|events| events.iter().any(&condition));
        found.await.unwrap();
    }

    /// Every event so far.
    pub(crate) fn all(&self) -> Vec<ProgressEvent> {
        self.0.borrow().clone()
    }
}

impl ProgressSink for Events {
    fn emit(&self, event: &ProgressEvent) {
        self.0.send_modify(|events| events.push(event.clone()));
    }
}

/// Holds a paused clock still although nothing else is to be done: sockets are awaited in real time, and the clock
/// moves only when it is told to.
pub(crate) struct StoppedClock {
    _held: mpsc::Sender<()>,
}

impl StoppedClock {
    pub(crate) fn new() -> Self {
        let (held, wait) = mpsc::channel();
        // A paused clock moves on its own only while no blocking task runs.
        tokio::task::spawn_blocking(move || wait.recv());
        Self { _held: held }
    }
}

/// Lets `work` do what it can without time passing; its output where it ended.
pub(crate) async fn settle<F: Future + Unpin>(work: &mut F) -> Option<F::Output> {
    for _ in 0..200 {
        tokio::select! {
            biased;
            output = &mut *work => return Some(output),
            () = tokio::task::yield_now() => {}
        }
    }
    None
}

/// A pull of one source that is tried once.
pub(crate) fn one_try(reference: &str) -> PullRequest {
    let mut request = PullRequest::new(Reference::parse(reference).unwrap());
    request.fallbacks = Some(Vec::new());
    request.retry.attempts = 1;
    request
}

/// What the engine is asked for by [`one_try`].
pub(crate) fn engine_pull(reference: &str) -> EnginePull {
    let request = one_try(reference);
    EnginePull {
        reference: request.reference,
        platform: None,
        stall: request.timeouts.stall,
        credentials: None,
    }
}

/// A folder with a Dockerfile and a file of so many bytes that do not compress.
pub(crate) fn folder_of(bytes: usize) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let mut state = 1_u64;
    // Longer than the window in which gzip looks for repetitions.
    let block: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 16).to_be_bytes()
    })
    .flatten()
    .take(256 * 1024)
    .collect();
    let mut noise = block.repeat(bytes / block.len() + 1);
    noise.truncate(bytes);
    std::fs::write(folder.path().join("noise"), noise).unwrap();
    folder
}

/// A build of a folder by the classic builder.
pub(crate) fn builds_folder(path: &Path) -> BuildRequest {
    classic(BuildSource::directory(path, DockerfileSource::default()))
}

/// A build by the classic builder, with every default.
pub(crate) fn classic(source: BuildSource) -> BuildRequest {
    let mut request = BuildRequest::new(source);
    request.options.builder = Builder::Classic;
    request
}

/// Whether a failure of this kind says that the engine's answer was not a whole one.
pub(crate) fn is_engine_fault(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::EngineDisconnected | ErrorKind::EngineProtocol
    )
}
