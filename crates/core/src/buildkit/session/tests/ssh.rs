use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::uri::PathAndQuery;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::Caller;
use crate::buildkit::session::{BytesMessage, Ssh};
use crate::buildkit::tasks::Tasks;

/// An agent that answers every request with its own bytes, and a number that says which agent it is.
fn echoing_agent(folder: &Path) -> PathBuf {
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
async fn ask_agent(caller: &Caller, id: &str, requests: &[&[u8]]) -> Result<Vec<Bytes>, Status> {
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
    let mut grpc = caller.grpc.clone();
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/moby.sshforward.v1.SSH/ForwardAgent");
    let codec = ProstCodec::<BytesMessage, BytesMessage>::default();
    let mut answers = grpc.streaming(request, path, codec).await?.into_inner();
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
    let caller = Caller::of(ssh).await;
    let requests: [&[u8]; 4] = [
        &[0, 0, 0, 1, 11],
        &[0, 0, 0, 2, 19, 0],
        &[0, 0, 0, 0],
        &[0, 0, 0, 2, 13, 7],
    ];
    let answers = ask_agent(&caller, "default", &requests).await.unwrap();
    let expected: [&[u8]; 4] = [
        &[0, 0, 0, 2, 11, b'!'],
        &[0, 0, 0, 1, 5],
        &[0, 0, 0, 1, 5],
        &[0, 0, 0, 3, 13, 7, b'!'],
    ];
    assert_eq!(answers, expected);
    let other = ask_agent(&caller, "other", &requests).await;
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
    let caller = Caller::of(ssh).await;
    let answer = ask_agent(&caller, "default", &[&[0, 0, 0, 1, 11]]).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    tasks.close().await;
    caller.tasks.close().await;
}
