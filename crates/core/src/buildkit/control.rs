//! BuildKit's control API, as far as a build needs it.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/api/services/control/control.proto>

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use bollard_buildkit_proto::moby::buildkit::v1::frontend as gateway;
use futures_util::Stream;
use http::Uri;
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Extensions, Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::channel::Channel;
use super::session::BytesMessage;
use super::status::StatusResponse;

/// Longest message either side sends (containerd's `DefaultMaxRecvMsgSize`, which BuildKit uses).
pub(crate) const MESSAGE_BYTES: usize = 16 << 20;

/// Calls one BuildKit.
#[derive(Clone)]
pub(crate) struct Control(Grpc<Channel>);

impl Control {
    pub(crate) fn new(channel: Channel) -> Self {
        let origin = Uri::from_static("http://buildkit");
        Self(Grpc::with_origin(channel, origin).max_decoding_message_size(MESSAGE_BYTES))
    }

    /// Builds, and answers once everything is exported.
    pub(crate) async fn solve(
        &self,
        request: api::SolveRequest,
    ) -> Result<api::SolveResponse, Status> {
        self.unary("/moby.buildkit.v1.Control/Solve", request).await
    }

    /// Tells what the build `reference` does, until it has ended. May be called before the build begins.
    pub(crate) async fn status(
        &self,
        reference: &str,
    ) -> Result<Streaming<StatusResponse>, Status> {
        let request = api::StatusRequest {
            r#ref: reference.to_owned(),
        };
        let mut grpc = self.ready().await?;
        let path = PathAndQuery::from_static("/moby.buildkit.v1.Control/Status");
        let codec = ProstCodec::default();
        let answer = grpc.server_streaming(Request::new(request), path, codec);
        Ok(answer.await?.into_inner())
    }

    /// Carries a session: what the engine sends to it comes out, what the session answers goes in.
    pub(crate) async fn session(
        &self,
        metadata: MetadataMap,
        outbound: impl Stream<Item = BytesMessage> + Send + 'static,
    ) -> Result<Streaming<BytesMessage>, Status> {
        let mut grpc = self.ready().await?;
        let path = PathAndQuery::from_static("/moby.buildkit.v1.Control/Session");
        let request = Request::from_parts(metadata, Extensions::default(), outbound);
        Ok(grpc
            .streaming(request, path, ProstCodec::default())
            .await?
            .into_inner())
    }

    /// Says which workers there are.
    pub(crate) async fn list_workers(&self) -> Result<api::ListWorkersResponse, Status> {
        let request = api::ListWorkersRequest::default();
        self.unary("/moby.buildkit.v1.Control/ListWorkers", request)
            .await
    }

    /// Runs a frontend for the open build `reference`.
    pub(crate) async fn gateway_solve(
        &self,
        reference: &str,
        request: gateway::SolveRequest,
    ) -> Result<gateway::SolveResponse, Status> {
        let path = "/moby.buildkit.v1.frontend.LLBBridge/Solve";
        self.call(path, of_build(reference, request)?).await
    }

    /// Ends the open build `reference`.
    pub(crate) async fn gateway_return(
        &self,
        reference: &str,
        request: gateway::ReturnRequest,
    ) -> Result<gateway::ReturnResponse, Status> {
        let path = "/moby.buildkit.v1.frontend.LLBBridge/Return";
        self.call(path, of_build(reference, request)?).await
    }

    async fn unary<M1, M2>(&self, path: &'static str, message: M1) -> Result<M2, Status>
    where
        M1: Message + 'static,
        M2: Message + Default + 'static,
    {
        self.call(path, Request::new(message)).await
    }

    async fn call<M1, M2>(&self, path: &'static str, request: Request<M1>) -> Result<M2, Status>
    where
        M1: Message + 'static,
        M2: Message + Default + 'static,
    {
        let mut grpc = self.ready().await?;
        let path = PathAndQuery::from_static(path);
        let answer = grpc.unary(request, path, ProstCodec::default());
        Ok(answer.await?.into_inner())
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = self.0.clone();
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }
}

/// A call on behalf of the open build `reference`
/// (<https://github.com/moby/buildkit/blob/v0.25.2/client/buildid/metadata.go>).
fn of_build<M>(reference: &str, message: M) -> Result<Request<M>, Status> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(reference)
        .map_err(|_| Status::internal("a build's name is no header"))?;
    request
        .metadata_mut()
        .insert("buildkit-controlapi-buildid", value);
    Ok(request)
}
