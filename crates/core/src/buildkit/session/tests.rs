//! The services as an engine calls them, over a connection in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bollard_buildkit_proto::health::{HealthCheckRequest, HealthCheckResponse, HealthListResponse};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bytes::Bytes;
use http::Uri;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::*;
use crate::build_options::SecretValue;
use crate::buildkit::channel::Channel;
use crate::buildkit::tasks::Tasks;

/// An engine that has been offered a session.
struct Caller {
    grpc: Grpc<Channel>,
    tasks: Tasks,
}

impl Caller {
    async fn of(services: Vec<Box<dyn Service>>) -> Self {
        let tasks = Tasks::default();
        let session = Session {
            id: "id".to_owned(),
            shared_key: "key".to_owned(),
            services: services.into(),
        };
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let spawner = tasks.spawner();
        spawner.spawn(serve(ours, session, spawner.clone()));
        let channel = Channel::over(theirs, spawner).await.unwrap();
        Self {
            grpc: Grpc::with_origin(channel, Uri::from_static("http://session")),
            tasks,
        }
    }

    async fn unary<M1, M2>(&mut self, path: &'static str, message: M1) -> Result<M2, Status>
    where
        M1: Message + 'static,
        M2: Message + Default + 'static,
    {
        self.grpc.ready().await.unwrap();
        let path = PathAndQuery::from_static(path);
        let answer = self
            .grpc
            .unary(Request::new(message), path, ProstCodec::default());
        Ok(answer.await?.into_inner())
    }
}

#[tokio::test]
async fn a_session_is_healthy() {
    let mut caller = Caller::of(vec![Box::new(Health)]).await;
    let checked: HealthCheckResponse = caller
        .unary(
            "/grpc.health.v1.Health/Check",
            HealthCheckRequest::default(),
        )
        .await
        .unwrap();
    assert_eq!(checked.status, 1);
    let listed: HealthListResponse = caller
        .unary("/grpc.health.v1.Health/List", HealthCheckRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.statuses[""], checked);
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Watch");
    caller.grpc.ready().await.unwrap();
    let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let watch =
        caller
            .grpc
            .server_streaming(Request::new(HealthCheckRequest::default()), path, codec);
    let mut watch = watch.await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap(), Some(checked));
    caller.tasks.close().await;
}

#[tokio::test]
async fn what_a_session_does_not_offer_is_unimplemented() {
    let mut caller = Caller::of(vec![Box::new(Health)]).await;
    let answer = caller
        .unary::<_, HealthCheckResponse>(
            "/moby.filesync.v1.Auth/Credentials",
            HealthCheckRequest::default(),
        )
        .await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    caller.tasks.close().await;
}

#[tokio::test]
async fn a_secret_is_given_by_its_id_and_no_other() {
    let secrets = BTreeMap::from([("token".to_owned(), SecretValue::new("hunter2"))]);
    let mut caller = Caller::of(vec![Box::new(Secrets(secrets.into()))]).await;
    let path = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
    let ask = |id: &str| GetSecretRequest {
        id: id.to_owned(),
        ..GetSecretRequest::default()
    };
    let given: GetSecretResponse = caller.unary(path, ask("token")).await.unwrap();
    assert_eq!(given.data, b"hunter2");
    let other = caller
        .unary::<_, GetSecretResponse>(path, ask("other"))
        .await;
    assert_eq!(other.unwrap_err().code(), Code::NotFound);
    caller.tasks.close().await;
}

/// An agent that answers every request with its own bytes, and a number that says which agent it is.
fn echoing_agent(folder: &std::path::Path) -> PathBuf {
    let path = folder.join("agent");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Ok(length) = stream.read_u32().await {
            let mut request = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut request).await.unwrap();
            let answer = [&(length + 1).to_be_bytes()[..], &request, b"!"].concat();
            stream.write_all(&answer).await.unwrap();
        }
    });
    path
}

/// Sends `requests` to the agent `id` in one message each, and returns as many answers, put together.
async fn ask_agent(
    caller: &mut Caller,
    id: &str,
    requests: &[&[u8]],
) -> Result<Vec<Bytes>, Status> {
    let (sender, mut receiver) = mpsc::channel(16);
    for request in requests {
        let data = Bytes::copy_from_slice(request);
        sender.send(BytesMessage { data }).await.unwrap();
    }
    let outbound = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut request = Request::new(outbound);
    request
        .metadata_mut()
        .insert("buildkit.ssh.id", id.parse().unwrap());
    caller.grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/moby.sshforward.v1.SSH/ForwardAgent");
    let codec = ProstCodec::<BytesMessage, BytesMessage>::default();
    let mut answers = caller
        .grpc
        .streaming(request, path, codec)
        .await?
        .into_inner();
    let mut answered = Vec::new();
    while answered.len() < requests.len() {
        answered.extend(answers.message().await?.map(|message| message.data));
    }
    drop(sender);
    assert_eq!(answers.message().await?, None);
    Ok(answered)
}

#[tokio::test]
async fn an_agent_is_asked_for_keys_and_signatures_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = Tasks::default();
    let agents = BTreeMap::from([("default".to_owned(), echoing_agent(folder.path()))]);
    let ssh = Ssh {
        agents: agents.into(),
        spawner: tasks.spawner(),
    };
    let mut caller = Caller::of(vec![Box::new(ssh)]).await;
    let requests: [&[u8]; 4] = [
        &[0, 0, 0, 1, 11],
        &[0, 0, 0, 2, 19, 0],
        &[0, 0, 0, 0],
        &[0, 0, 0, 2, 13, 7],
    ];
    let answers = ask_agent(&mut caller, "default", &requests).await.unwrap();
    let expected: [&[u8]; 4] = [
        &[0, 0, 0, 2, 11, b'!'],
        &[0, 0, 0, 1, 5],
        &[0, 0, 0, 1, 5],
        &[0, 0, 0, 3, 13, 7, b'!'],
    ];
    assert_eq!(answers, expected);
    let other = ask_agent(&mut caller, "other", &requests).await;
    assert_eq!(other.unwrap_err().code(), Code::NotFound);
    tasks.close().await;
    caller.tasks.close().await;
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_a_failure_of_the_call() {
    let tasks = Tasks::default();
    let agents = BTreeMap::from([("default".to_owned(), PathBuf::from("/there/is/none"))]);
    let ssh = Ssh {
        agents: agents.into(),
        spawner: tasks.spawner(),
    };
    let mut caller = Caller::of(vec![Box::new(ssh)]).await;
    let answer = ask_agent(&mut caller, "default", &[&[0, 0, 0, 1, 11]]).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    tasks.close().await;
    caller.tasks.close().await;
}

#[tokio::test]
async fn headers_of_half_a_megabyte_reach_a_service() {
    let mut caller = Caller::of(vec![Box::new(Health)]).await;
    let mut request = Request::new(HealthCheckRequest::default());
    for number in 0..10_000 {
        let value = format!("a-pattern-that-is-longer-than-most-of-them-are-{number}");
        request
            .metadata_mut()
            .append("exclude-patterns", value.parse().unwrap());
    }
    caller.grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let answer = caller.grpc.unary(request, path, codec).await;
    assert_eq!(answer.unwrap().into_inner().status, 1);
    caller.tasks.close().await;
}
