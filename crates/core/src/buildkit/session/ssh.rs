//! `moby.sshforward.v1.SSH`: lets a step ask an SSH agent of this machine for its keys and for signatures, and for
//! nothing else.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bollard_buildkit_proto::moby::sshforward::v1::{CheckAgentRequest, CheckAgentResponse};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::poll_fn;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::{Status, Streaming};

use super::grpc::{messages, stream, unary};
use super::{BytesMessage, Service};
use crate::buildkit::tasks::Spawner;
use crate::engine::transport::{self, Io};

/// Longest message of the agent protocol, as OpenSSH's agent takes it
/// (<https://github.com/openssh/openssh-portable/blob/V_10_0_P1/ssh-agent.c>, `AGENT_MAX_LEN`).
const MESSAGE_BYTES: usize = 256 * 1024;

/// Requests that a step may make, by their numbers
/// (<https://datatracker.ietf.org/doc/html/draft-ietf-sshm-ssh-agent-05#section-6.1>): the list of keys, a signature.
/// The others add, remove and lock keys, or are extensions.
const ALLOWED: [u8; 2] = [11, 13];

/// The answer to any other request: `SSH_AGENT_FAILURE`, with its length before it.
const REFUSED: &[u8] = &[0, 0, 0, 1, 5];

/// The agents of one build, by the IDs that the Dockerfile uses.
pub(crate) struct Ssh {
    pub(crate) agents: Arc<BTreeMap<String, PathBuf>>,
    pub(crate) spawner: Spawner,
}

impl Service for Ssh {
    fn methods(&self) -> &'static [&'static str] {
        &[
            "/moby.sshforward.v1.SSH/CheckAgent",
            "/moby.sshforward.v1.SSH/ForwardAgent",
        ]
    }

    fn call(&self, index: usize, request: Request<Incoming>) -> BoxFuture<'static, Response<Body>> {
        let agents = Arc::clone(&self.agents);
        if index == 0 {
            return async move {
                unary(
                    request,
                    move |request: tonic::Request<CheckAgentRequest>| {
                        let agent = find(&agents, &request.get_ref().id);
                        ready(agent.map(|_| CheckAgentResponse {}))
                    },
                )
                .await
            }
            .boxed();
        }
        let id = request.headers().get("buildkit.ssh.id");
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        let response = match find(&agents, id) {
            Ok(agent) => forward(agent, messages(request), &self.spawner),
            Err(status) => status.into_http(),
        };
        ready(response).boxed()
    }
}

fn find(agents: &BTreeMap<String, PathBuf>, id: &str) -> Result<PathBuf, Status> {
    let id = if id.is_empty() { "default" } else { id };
    let agent = agents.get(id).cloned();
    agent.ok_or_else(|| Status::not_found(format!("unset ssh forward key {id}")))
}

fn forward(agent: PathBuf, inbound: Streaming<BytesMessage>, spawner: &Spawner) -> Response<Body> {
    let (sender, mut answers) = mpsc::channel(1);
    spawner.spawn(async move {
        let error = match proxy(agent, inbound, &sender).await {
            Ok(()) => return,
            Err(error) => error,
        };
        let message = format!("the SSH agent failed: {error}");
        let _ = sender.send(Err(Status::unavailable(message))).await;
    });
    stream(poll_fn(move |context| answers.poll_recv(context)))
}

/// Hands requests on, one after the other, and their answers back.
async fn proxy(
    agent: PathBuf,
    mut inbound: Streaming<BytesMessage>,
    answers: &mpsc::Sender<Result<BytesMessage, Status>>,
) -> io::Result<()> {
    let mut agent = transport::connect_local(&agent).await?;
    let mut received = BytesMut::new();
    loop {
        while let Some(request) = next_request(&mut received)? {
            let is_allowed = request
                .get(4)
                .is_some_and(|number| ALLOWED.contains(number));
            let data = if is_allowed {
                ask(&mut *agent, &request).await?
            } else {
                Bytes::from_static(REFUSED)
            };
            if answers.send(Ok(BytesMessage { data })).await.is_err() {
                return Ok(());
            }
        }
        match inbound.message().await {
            Ok(Some(message)) => received.extend_from_slice(&message.data),
            Ok(None) => return Ok(()),
            Err(status) => return Err(io::Error::other(status)),
        }
    }
}

/// Takes the next whole request, with its length before it, out of what has been received.
fn next_request(received: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some(mut prefix) = received.get(..4) else {
        return Ok(None);
    };
    let length = length_of(prefix.get_u32())?;
    if received.len() < 4 + length {
        return Ok(None);
    }
    Ok(Some(received.split_to(4 + length).freeze()))
}

/// Asks the agent, and returns its whole answer.
async fn ask(agent: &mut dyn Io, request: &[u8]) -> io::Result<Bytes> {
    agent.write_all(request).await?;
    agent.flush().await?;
    let prefix = agent.read_u32().await?;
    let mut answer = prefix.to_be_bytes().to_vec();
    answer.resize(4 + length_of(prefix)?, 0);
    agent.read_exact(&mut answer[4..]).await?;
    Ok(answer.into())
}

fn length_of(prefix: u32) -> io::Result<usize> {
    let length = usize::try_from(prefix).unwrap_or(usize::MAX);
    if length > MESSAGE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a message is longer than 256 KiB",
        ));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_one_by_one_however_they_were_cut() {
        let mut received = BytesMut::new();
        let mut taken = Vec::new();
        for byte in [0, 0, 0, 2, 11, 9, 0, 0, 0, 1, 13] {
            received.extend_from_slice(&[byte]);
            taken.extend(next_request(&mut received).unwrap());
        }
        assert_eq!(taken, [&[0, 0, 0, 2, 11, 9][..], &[0, 0, 0, 1, 13]]);
        assert!(received.is_empty());
    }

    #[test]
    fn a_request_of_any_length_is_refused() {
        let mut received = BytesMut::from(&[0xff, 0xff, 0xff, 0xff][..]);
        assert!(next_request(&mut received).is_err());
    }

    #[test]
    fn an_agent_is_found_by_its_id_or_is_the_usual_one() {
        let agents = BTreeMap::from([("default".to_owned(), PathBuf::from("/a"))]);
        assert_eq!(find(&agents, "").unwrap(), PathBuf::from("/a"));
        assert!(find(&agents, "other").is_err());
    }
}
