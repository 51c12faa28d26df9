//! `grpc.health.v1.Health`: an engine that hears nothing here for too long ends the session, and the build with it
//! (<https://github.com/moby/buildkit/blob/v0.25.2/session/grpc.go>, `monitorHealth`).

use std::collections::HashMap;

use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{once, pending};
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::body::Body;

use super::Service;
use super::grpc::{stream, unary};

/// Says that all is well.
pub(crate) struct Health;

const SERVING: HealthCheckResponse = HealthCheckResponse {
    status: ServingStatus::Serving as i32,
};

impl Service for Health {
    fn methods(&self) -> &'static [&'static str] {
        &[
            "/grpc.health.v1.Health/Check",
            "/grpc.health.v1.Health/List",
            "/grpc.health.v1.Health/Watch",
        ]
    }

    fn call(&self, index: usize, request: Request<Incoming>) -> BoxFuture<'static, Response<Body>> {
        async move {
            match index {
                0 => {
                    unary(request, |_: tonic::Request<HealthCheckRequest>| async {
                        Ok(SERVING)
                    })
                    .await
                }
                1 => {
                    unary(request, |_: tonic::Request<HealthListRequest>| async {
                        let statuses = HashMap::from([(String::new(), SERVING)]);
                        Ok(HealthListResponse { statuses })
                    })
                    .await
                }
                // It does not change: after the first word there is nothing more to say.
                _ => stream(once(ready(Ok(SERVING))).chain(pending())),
            }
        }
        .boxed()
    }
}
