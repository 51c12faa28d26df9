//! The services, called over a connection as an engine calls them.

mod content;
mod health;
mod secrets;
mod send;
#[cfg(unix)]
mod ssh;
mod upload;

use futures_util::Stream;
use http::Uri;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::io::{DuplexStream, duplex};
use tonic::client::Grpc;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Extensions, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::{Service, Session, serve};
use crate::buildkit::channel::Channel;
use crate::buildkit::tasks::Tasks;

/// An engine that has a session. Dropping it cuts the connection.
struct Caller {
    grpc: Grpc<Channel>,
    tasks: Tasks,
}

impl Caller {
    async fn of(service: impl Service + 'static) -> Self {
        let tasks = Tasks::default();
        let (ours, theirs): (DuplexStream, DuplexStream) = duplex(64 * 1024);
        let session = Session {
            id: "id".to_owned(),
            shared_key: String::new(),
            services: vec![Box::new(service) as Box<dyn Service>].into(),
        };
        let spawner = tasks.spawner();
        spawner.spawn(serve(ours, session, spawner.clone()));
        let channel = Channel::over(theirs, spawner).await.unwrap();
        let grpc = Grpc::with_origin(channel, Uri::from_static("http://session"));
        Self {
            grpc: grpc.max_decoding_message_size(16 << 20),
            tasks,
        }
    }

    async fn unary<M1, M2>(
        &self,
        path: &'static str,
        metadata: &[(&'static str, &str)],
        message: M1,
    ) -> Result<M2, Status>
    where
        M1: Message + 'static,
        M2: Message + Default + 'static,
    {
        let mut grpc = self.grpc.clone();
        grpc.ready().await.unwrap();
        let request = request(metadata, message);
        let path = PathAndQuery::from_static(path);
        let answer = grpc.unary(request, path, ProstCodec::default()).await?;
        Ok(answer.into_inner())
    }

    async fn streams<M1, M2>(
        &self,
        path: &'static str,
        metadata: &[(&'static str, &str)],
        messages: impl Stream<Item = M1> + Send + 'static,
    ) -> Result<Streaming<M2>, Status>
    where
        M1: Message + 'static,
        M2: Message + Default + 'static,
    {
        let mut grpc = self.grpc.clone();
        grpc.ready().await.unwrap();
        let request = request(metadata, messages);
        let path = PathAndQuery::from_static(path);
        let answer = grpc.streaming(request, path, ProstCodec::default()).await?;
        Ok(answer.into_inner())
    }
}

fn request<T>(metadata: &[(&'static str, &str)], message: T) -> Request<T> {
    let mut map = MetadataMap::new();
    for (key, value) in metadata {
        map.insert(*key, MetadataValue::try_from(*value).unwrap());
    }
    Request::from_parts(map, Extensions::default(), message)
}
