use bollard_buildkit_proto::health::{HealthCheckRequest, HealthCheckResponse, HealthListResponse};
use http::uri::PathAndQuery;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;

use super::Caller;
use crate::buildkit::session::Health;

#[tokio::test]
async fn a_session_is_healthy() {
    let caller = Caller::of(Health).await;
    let checked: HealthCheckResponse = caller
        .unary(
            "/grpc.health.v1.Health/Check",
            &[],
            HealthCheckRequest::default(),
        )
        .await
        .unwrap();
    assert_eq!(checked.status, 1);
    let listed: HealthListResponse = caller
        .unary(
            "/grpc.health.v1.Health/List",
            &[],
            HealthCheckRequest::default(),
        )
        .await
        .unwrap();
    assert_eq!(listed.statuses[""], checked);
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Watch");
    let mut grpc = caller.grpc.clone();
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let watch = grpc.server_streaming(Request::new(HealthCheckRequest::default()), path, codec);
    let mut watch = watch.await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap(), Some(checked));
    caller.tasks.close().await;
}

#[tokio::test]
async fn what_a_session_does_not_offer_is_unimplemented() {
    let caller = Caller::of(Health).await;
    let answer = caller
        .unary::<_, HealthCheckResponse>(
            "/moby.filesync.v1.Auth/Credentials",
            &[],
            HealthCheckRequest::default(),
        )
        .await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    caller.tasks.close().await;
}

#[tokio::test]
async fn headers_of_half_a_megabyte_reach_a_service() {
    let caller = Caller::of(Health).await;
    let mut request = Request::new(HealthCheckRequest::default());
    for number in 0..10_000 {
        let value = format!("a-pattern-that-is-longer-than-most-of-them-are-{number}");
        request
            .metadata_mut()
            .append("exclude-patterns", value.parse().unwrap());
    }
    let mut grpc = caller.grpc.clone();
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let answer = grpc.unary(request, path, codec).await;
    assert_eq!(answer.unwrap().into_inner().status, 1);
    caller.tasks.close().await;
}
