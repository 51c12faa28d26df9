//! A receiver that is played by hand, and trees that misbehave.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tonic::Code;
use tonic::body::Body;

use crate::build_context::disk::{Facts, Identity, Kind, Opened};
use crate::buildkit::complaints::Complaints;
use crate::buildkit::filesync::packet::{Packet, PacketType, Stat, put};
use crate::buildkit::filesync::tree::{Listing, Looked};
use crate::buildkit::filesync::{
    Files, Folder, SyncCounters, SyncRequest, Transfer, Tree, answer, packets,
};
use crate::buildkit::tasks::Tasks;
use crate::error::Error;

/// What a receiver is told.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Stat(Stat),
    AllDescribed,
    Data(u32, Bytes),
    Fin,
    Failed(String),
    End(Code),
}

/// One call for a folder, seen by the engine.
pub(super) struct Call {
    said: Option<mpsc::UnboundedSender<Bytes>>,
    body: Option<Body>,
    read: bytes::BytesMut,
    tasks: Tasks,
    pub(super) counters: Arc<SyncCounters>,
    complaints: Arc<Complaints>,
}

impl Call {
    /// Asks for all of `tree`.
    pub(super) fn start(tree: Arc<dyn Tree>) -> Self {
        Self::start_for(tree, SyncRequest::default())
    }

    pub(super) fn start_for(tree: Arc<dyn Tree>, wanted: SyncRequest) -> Self {
        let (said, mut hears) = mpsc::unbounded_channel();
        let stream = futures_util::stream::poll_fn(move |context| hears.poll_recv(context));
        let inbound = StreamBody::new(stream.map(|data| Ok::<_, io::Error>(Frame::data(data))));
        let tasks = Tasks::default();
        let (counters, complaints) = (Arc::default(), Arc::default());
        let transfer = Transfer {
            tree,
            wanted,
            counters: Arc::clone(&counters),
            complaints: Arc::clone(&complaints),
        };
        let response = answer(transfer, packets(inbound), &tasks.spawner());
        Self {
            said: Some(said),
            body: Some(response.into_body()),
            read: bytes::BytesMut::new(),
            tasks,
            counters,
            complaints,
        }
    }

    pub(super) fn say(&self, kind: PacketType, id: u32) {
        let packet = Packet {
            r#type: kind.into(),
            id,
            ..Packet::default()
        };
        let mut message = Vec::new();
        put(&mut message, &packet);
        if let Some(said) = &self.said {
            let _ = said.send(message.into());
        }
    }

    pub(super) fn want(&self, id: u32) {
        self.say(PacketType::Req, id);
    }

    /// Says nothing more.
    pub(super) fn leave(&mut self) {
        self.said = None;
    }

    /// Listens no more.
    pub(super) fn cut(&mut self) {
        self.body = None;
    }

    /// Takes the next frame of the answer; `None` at its end.
    pub(super) async fn frame(&mut self) -> Option<Frame<Bytes>> {
        let frame = self.body.as_mut()?.frame();
        let frame = tokio::time::timeout(Duration::from_secs(60), frame).await;
        Some(frame.expect("the sender moves")?.unwrap())
    }

    /// Takes the next message.
    pub(super) async fn next(&mut self) -> Told {
        loop {
            if let Some(packet) = self.whole_packet() {
                return told(packet);
            }
            let frame = self.frame().await.expect("a call ends with a status");
            match frame.into_data() {
                Ok(data) => self.read.extend_from_slice(&data),
                Err(frame) => {
                    assert_eq!(self.read.len(), 0, "a message is cut");
                    let trailers = frame.into_trailers().unwrap();
                    let status = tonic::Status::from_header_map(&trailers).unwrap();
                    return Told::End(status.code());
                }
            }
        }
    }

    fn whole_packet(&mut self) -> Option<Packet> {
        let prefix = self.read.get(..5)?;
        let length = u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize;
        if self.read.len() < 5 + length {
            return None;
        }
        self.read.advance(5);
        Some(Packet::decode(self.read.split_to(length).freeze()).unwrap())
    }

    /// Takes all that is described.
    pub(super) async fn described(&mut self) -> Vec<Stat> {
        let mut stats = Vec::new();
        loop {
            match self.next().await {
                Told::Stat(stat) => stats.push(stat),
                Told::AllDescribed => return stats,
                other => panic!("{other:?} is no description"),
            }
        }
    }

    /// Asks for a file and takes all of it.
    pub(super) async fn content(&mut self, id: u32) -> Vec<u8> {
        self.want(id);
        let mut content = Vec::new();
        loop {
            match self.next().await {
                Told::Data(of, data) if of == id && data.is_empty() => return content,
                Told::Data(of, data) if of == id => content.extend_from_slice(&data),
                other => panic!("{other:?} is no part of file {id}"),
            }
        }
    }

    /// Says that all has arrived, and takes the end.
    pub(super) async fn finish(mut self) {
        self.say(PacketType::Fin, 0);
        assert_eq!(self.next().await, Told::Fin);
        assert_eq!(self.next().await, Told::End(Code::Ok));
        assert!(self.complaints.take("").is_none());
    }

    /// Takes what is left of a transfer that fails, up to the reason, which the build will have.
    pub(super) async fn failure(&mut self) -> Error {
        loop {
            match self.next().await {
                Told::Stat(_) | Told::AllDescribed | Told::Data(..) => {}
                Told::Failed(message) => {
                    assert_eq!(self.next().await, Told::End(Code::Unknown));
                    let error = self.complaints.take("").unwrap();
                    assert_eq!(error.message, message);
                    return error;
                }
                other => panic!("{other:?} is no failure"),
            }
        }
    }

    pub(super) fn complaint(&self) -> Option<Error> {
        self.complaints.take("")
    }

    /// Ends the session that the call belongs to.
    pub(super) async fn close(self) {
        self.tasks.close().await;
    }
}

fn told(packet: Packet) -> Told {
    match packet.r#type() {
        PacketType::Stat => packet.stat.map_or(Told::AllDescribed, Told::Stat),
        PacketType::Data => Told::Data(packet.id, packet.data),
        PacketType::Fin => Told::Fin,
        PacketType::Err => Told::Failed(String::from_utf8(packet.data.into()).unwrap()),
        PacketType::Req => panic!("a sender asks for nothing"),
    }
}

/// Waits until no thread holds `tree` any more: they have ended, each of them held it.
pub(super) async fn released<T: ?Sized>(tree: Arc<T>) {
    let waiting = async {
        while Arc::strong_count(&tree) > 1 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.expect("the threads end");
}

pub(super) fn in_memory(files: &[(&str, &str)]) -> Arc<dyn Tree> {
    let file = |&(name, content): &(&str, &str)| {
        (
            name.as_bytes().to_vec(),
            Bytes::copy_from_slice(content.as_bytes()),
        )
    };
    Files::new(files.iter().map(file))
}

/// A folder on disk with these files.
pub(super) fn on_disk(files: &[(&str, &str)]) -> (TempDir, Arc<Folder>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let root = folder.path().canonicalize().unwrap();
    (folder, Arc::new(Folder::new(root)))
}

/// A tree with something done before each of its calls, which may also fail in their place.
pub(super) struct Meddling<T> {
    pub(super) tree: Arc<T>,
    pub(super) before: fn(Asked<'_>) -> io::Result<()>,
}

/// What a tree is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked<'a> {
    List(&'a [u8]),
    Look(&'a [u8]),
    Open(&'a [u8]),
}

impl<T: Tree> Tree for Meddling<T> {
    fn list(&self, folder: &[u8]) -> io::Result<Listing> {
        (self.before)(Asked::List(folder))?;
        self.tree.list(folder)
    }

    fn look(&self, path: &[u8], stat: &mut Stat) -> io::Result<Looked> {
        (self.before)(Asked::Look(path))?;
        self.tree.look(path, stat)
    }

    fn open(&self, path: &[u8]) -> io::Result<Option<Opened>> {
        (self.before)(Asked::Open(path))?;
        self.tree.open(path)
    }

    fn shown(&self, path: &[u8]) -> PathBuf {
        self.tree.shown(path)
    }
}

/// Files that are as long as they say, whose content is what `content` makes.
pub(super) struct Made<L, C> {
    /// Names and sizes of the files of a folder.
    pub(super) listed: L,
    pub(super) content: C,
}

impl<L, C> Tree for Made<L, C>
where
    L: Fn(&[u8]) -> Vec<(String, Kind, u64)> + Send + Sync,
    C: Fn(&[u8]) -> io::Result<Box<dyn Read>> + Send + Sync,
{
    fn list(&self, folder: &[u8]) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for (name, kind, _) in (self.listed)(folder) {
            listing.push(name.as_bytes(), kind)?;
        }
        listing.sort();
        Ok(listing)
    }

    fn look(&self, path: &[u8], stat: &mut Stat) -> io::Result<Looked> {
        let (kind, size_bytes) = self.find(path)?;
        stat.mode = match kind {
            Kind::Folder => crate::buildkit::filesync::mode::FOLDER | 0o755,
            _ => 0o644,
        };
        stat.size = i64::try_from(size_bytes).unwrap();
        Ok(Looked {
            kind,
            identity: Identity::default(),
            is_linked: false,
        })
    }

    fn open(&self, path: &[u8]) -> io::Result<Option<Opened>> {
        let (kind, size_bytes) = self.find(path)?;
        let facts = Facts {
            kind,
            mode: 0o644,
            modified: 0,
            nanoseconds: 0,
            size_bytes,
            identity: Identity::default(),
        };
        let content = (self.content)(path)?;
        Ok(Some(Opened { facts, content }))
    }

    fn shown(&self, path: &[u8]) -> PathBuf {
        PathBuf::from(String::from_utf8_lossy(path).into_owned())
    }
}

impl<L, C> Made<L, C>
where
    L: Fn(&[u8]) -> Vec<(String, Kind, u64)>,
{
    fn find(&self, path: &[u8]) -> io::Result<(Kind, u64)> {
        let (folder, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b""[..], path),
        };
        let listed = (self.listed)(folder);
        let found = listed.iter().find(|(found, ..)| found.as_bytes() == name);
        let &(_, kind, size_bytes) = found.ok_or(io::ErrorKind::NotFound)?;
        Ok((kind, size_bytes))
    }
}
