//! Sends a tree: describes all of it, and gives the content that the receiver asks for.
//!
//! The protocol is that of <https://github.com/tonistiigi/fsutil/blob/586307ad452f/send.go>. Two threads work for one
//! transfer, because a tree is read with calls that block: one walks, the other reads the files that are asked for
//! meanwhile. Both give messages to one channel, which is the body of the answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Response};
use tonic::body::Body;
use tonic::{Status, Streaming};

use super::counters::SyncCounters;
use super::describe::describe;
use super::give::give;
use super::outbox::{Outbox, outbox};
use super::packet::{Packet, PacketType};
use super::request::SyncRequest;
use super::table::Table;
use super::tree::Tree;
use super::walk::Stop;
use super::wishes::Wishes;
use crate::buildkit::complaints::Complaints;
use crate::buildkit::tasks::Spawner;
use crate::error::{Error, ErrorKind};

/// One transfer of a tree.
pub(crate) struct Transfer {
    pub(crate) tree: Arc<dyn Tree>,
    /// What is wanted of it.
    pub(crate) wanted: SyncRequest,
    pub(crate) counters: Arc<SyncCounters>,
    pub(crate) complaints: Arc<Complaints>,
}

/// Answers a call for a folder.
pub(crate) fn answer(
    transfer: Transfer,
    inbound: Streaming<Packet>,
    spawner: &Spawner,
) -> Response<Body> {
    transfer.counters.begin();
    let (outbox, body) = outbox(Arc::clone(&transfer.counters));
    let sending = Arc::new(Sending {
        transfer,
        table: Mutex::default(),
        wishes: Wishes::default(),
    });
    let work = [
        (
            "shipway-walk",
            describe as fn(&Sending, &Outbox) -> Result<(), Stop>,
        ),
        ("shipway-read", give),
    ];
    for (name, work) in work {
        let (shared, outbox) = (Arc::clone(&sending), outbox.clone());
        let started = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // Whoever waits for the rest has to be told that it does not come.
                let worked = catch_unwind(AssertUnwindSafe(|| work(&shared, &outbox)));
                let worked = worked.unwrap_or_else(|_| Err(Stop::Failed(panicked())));
                if let Err(Stop::Failed(error)) = worked {
                    outbox.fail(&shared.complain(error));
                }
            });
        if let Err(error) = started {
            let message = "cannot start a thread that reads the build context";
            sending.complain(Error::new(ErrorKind::Internal, message).with_source(error));
            return Status::resource_exhausted(message).into_http();
        }
    }
    // Made here, because a task that is ended before it begins drops only what it was given.
    spawner.spawn(listen(inbound, EndsWishes(sending), outbox));
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    response
}

fn panicked() -> Error {
    let message = "the thread that reads the build context panicked";
    Error::new(ErrorKind::Internal, message)
}

/// Takes the wishes of the receiver until it has all that it wants.
async fn listen(mut inbound: Streaming<Packet>, sending: EndsWishes, outbox: Outbox) {
    let status = loop {
        let packet = tokio::select! {
            () = outbox.closed() => return,
            packet = inbound.message() => packet,
        };
        match packet {
            Ok(Some(packet)) => match packet.r#type() {
                PacketType::Req if sending.0.table().ask(packet.id) => {
                    sending.0.wishes.push(packet.id);
                }
                PacketType::Req => {
                    let message = format!(
                        "the engine asked for file {} of the build context, which it cannot have",
                        packet.id
                    );
                    let error = Error::new(ErrorKind::EngineProtocol, message);
                    break Status::invalid_argument(sending.0.complain(error));
                }
                PacketType::Fin => {
                    outbox.send(PacketType::Fin, Bytes::new()).await;
                    break Status::ok("");
                }
                // Why is in the engine's answer to the build.
                PacketType::Err => break Status::aborted("the receiver failed"),
                PacketType::Stat | PacketType::Data => {
                    break Status::invalid_argument("only a sender describes and gives files");
                }
            },
            Ok(None) => break Status::cancelled("the receiver left"),
            Err(status) => break status,
        }
    };
    outbox.end(status).await;
}

/// What the threads of one transfer share.
pub(super) struct Sending {
    pub(super) transfer: Transfer,
    pub(super) wishes: Wishes,
    table: Mutex<Table>,
}

impl Sending {
    /// Every entry that was described.
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an error for the caller of the build. Returns its words, for the engine.
    fn complain(&self, error: Error) -> String {
        let message = error.message.clone();
        self.transfer.complaints.complain(error);
        message
    }
}

/// Once it is dropped, the reading thread has no more to wait for.
struct EndsWishes(Arc<Sending>);

impl Drop for EndsWishes {
    fn drop(&mut self) {
        self.0.wishes.end();
    }
}
