//! `moby.filesync.v1.FileSend`: takes what the exporters make, a file or a tree.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/session/filesync/filesync.go>

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{once, unfold};
use futures_util::{FutureExt as _, StreamExt as _};
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tonic::body::Body;
use tonic::{Status, Streaming};

use super::grpc::{messages, stream};
use super::{BytesMessage, Service};
use crate::buildkit::complaints::Complaints;
use crate::buildkit::filesync::packet::{Packet, PacketType};
use crate::buildkit::filesync::{Destination, ReceiveStop, Receiver, SystemDir};
use crate::buildkit::outputs::failure::unwritable;
use crate::buildkit::outputs::{OutputFile, Place};
use crate::buildkit::tasks::Spawner;
use crate::engine::classify::readable;
use crate::error::{Error, ErrorKind};

/// Names the exporter that sends. Engines before BuildKit 0.13 have one, and do not say which.
const EXPORTER: &str = "buildkit-attachable-exporter-id";

/// Messages that wait for the disk, and for the connection.
const MESSAGES_WAITING: usize = 8;

/// Where each exporter may send to.
pub(crate) struct FileSend {
    pub(crate) places: BTreeMap<usize, Place>,
    pub(crate) complaints: Arc<Complaints>,
    pub(crate) spawner: Spawner,
}

impl Service for FileSend {
    fn methods(&self) -> &'static [&'static str] {
        &["/moby.filesync.v1.FileSend/DiffCopy"]
    }

    fn call(
        &self,
        _index: usize,
        request: Request<Incoming>,
    ) -> BoxFuture<'static, Response<Body>> {
        let exporter = exporter(request.headers());
        let complaints = Arc::clone(&self.complaints);
        let response = match exporter.and_then(|exporter| self.places.get(&exporter)) {
            Some(Place::File(file)) => take_file(Arc::clone(file), messages(request), complaints),
            Some(Place::Folder(folder)) => {
                let folder = Arc::clone(folder);
                take_tree(folder, messages(request), complaints, &self.spawner)
            }
            None => Status::not_found("this build has no such exporter").into_http(),
        };
        ready(response).boxed()
    }
}

fn exporter(headers: &HeaderMap) -> Option<usize> {
    let Some(value) = headers.get(EXPORTER) else {
        return Some(0);
    };
    value.to_str().ok()?.parse().ok()
}

/// Writes a file while the answer is waited for: its end is the engine's word that the file is here.
fn take_file(
    file: Arc<OutputFile>,
    inbound: Streaming<BytesMessage>,
    complaints: Arc<Complaints>,
) -> Response<Body> {
    let work = async move {
        write_file(&file, inbound).await.err().map(|stop| {
            Err(match stop {
                FileStop::Peer(status) => status,
                FileStop::Failed(error) => complain(error, &complaints),
            })
        })
    };
    stream::<BytesMessage>(once(work).filter_map(ready))
}

enum FileStop {
    Peer(Status),
    Failed(Error),
}

async fn write_file(
    output: &Arc<OutputFile>,
    mut inbound: Streaming<BytesMessage>,
) -> Result<(), FileStop> {
    let begun = Arc::clone(output);
    let begun = blocking(move || begun.begin()).await;
    let (piece, mut file) = begun.map_err(FileStop::Failed)?;
    while let Some(message) = inbound.message().await.map_err(FileStop::Peer)? {
        let given = Arc::clone(output);
        let written = blocking(move || match file.write_all(&message.data) {
            Ok(()) => Ok(file),
            Err(error) => Err(unwritable(given.given(), error)),
        });
        file = written.await.map_err(FileStop::Failed)?;
    }
    output.end(piece);
    Ok(())
}

/// Does work that waits for the disk on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work).await.unwrap_or_else(|error| {
        let message = "the thread that writes an output ended";
        Err(Error::new(ErrorKind::Internal, message).with_source(error))
    })
}

fn complain(error: Error, complaints: &Complaints) -> Status {
    let message = error.message.clone();
    complaints.complain(error);
    Status::unknown(message)
}

/// Receives a tree on a thread of its own, because folders are written to with calls that block.
fn take_tree(
    folder: Arc<Destination<SystemDir>>,
    inbound: Streaming<Packet>,
    complaints: Arc<Complaints>,
    spawner: &Spawner,
) -> Response<Body> {
    let (packets, for_thread) = mpsc::channel(MESSAGES_WAITING);
    let (replies, for_engine) = mpsc::channel(MESSAGES_WAITING);
    let work = move || {
        let reply = receive(folder, for_thread, &replies, &complaints);
        // The engine may be gone: then nobody wants to know.
        let _ = replies.blocking_send(reply);
    };
    let started = std::thread::Builder::new()
        .name("shipway-receive".to_owned())
        .spawn(work);
    if started.is_err() {
        return Status::resource_exhausted("cannot start a thread that writes files").into_http();
    }
    spawner.spawn(relay(inbound, packets));
    stream(unfold(Some(for_engine), |for_engine| async {
        let mut for_engine = for_engine?;
        match for_engine.recv().await {
            Some(Reply::Packet(packet)) => Some((Ok(packet), Some(for_engine))),
            Some(Reply::Whole) => None,
            Some(Reply::Failed(status)) => Some((Err(status), None)),
            None => Some((Err(Status::cancelled("the transfer was given up")), None)),
        }
    }))
}

enum Reply {
    Packet(Packet),
    Whole,
    Failed(Status),
}

/// Hands packets to the thread until either side has enough. A connection that breaks is the end of packets.
async fn relay(mut inbound: Streaming<Packet>, packets: mpsc::Sender<Packet>) {
    loop {
        let packet = tokio::select! {
            () = packets.closed() => return,
            packet = inbound.message() => packet,
        };
        let Ok(Some(packet)) = packet else { return };
        if packets.send(packet).await.is_err() {
            return;
        }
    }
}

/// Takes packets until the tree is whole. Returns the last word to the engine.
fn receive(
    folder: Arc<Destination<SystemDir>>,
    mut packets: mpsc::Receiver<Packet>,
    replies: &mpsc::Sender<Reply>,
    complaints: &Complaints,
) -> Reply {
    let fail = |error: Error| {
        let status = complain(error, complaints);
        let reason = Packet {
            r#type: PacketType::Err.into(),
            data: status.message().to_owned().into(),
            ..Packet::default()
        };
        let _ = replies.blocking_send(Reply::Packet(reason));
        Reply::Failed(status)
    };
    let mut receiver = match Receiver::new(folder) {
        Ok(receiver) => receiver,
        Err(error) => return fail(error),
    };
    while let Some(packet) = packets.blocking_recv() {
        match receiver.take(packet) {
            Ok(answers) => {
                for answer in answers {
                    if replies.blocking_send(Reply::Packet(answer)).is_err() {
                        return Reply::Failed(Status::cancelled("the engine left"));
                    }
                }
            }
            // Its own answer to the build says it as well.
            Err(ReceiveStop::Sender(reason)) => {
                return Reply::Failed(Status::aborted(readable(&reason)));
            }
            Err(ReceiveStop::Failed(error)) => return fail(error),
        }
        if receiver.has_ended() {
            return Reply::Whole;
        }
    }
    Reply::Failed(Status::cancelled(
        "the engine left in the middle of a transfer",
    ))
}
