//! `moby.buildkit.secrets.v1.Secrets`: gives a step the secrets that it mounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;

use super::Service;
use super::grpc::unary;
use crate::build_options::SecretValue;

/// The secrets of one build, by their IDs.
pub(crate) struct Secrets(pub(crate) Arc<BTreeMap<String, SecretValue>>);

impl Service for Secrets {
    fn methods(&self) -> &'static [&'static str] {
        &["/moby.buildkit.secrets.v1.Secrets/GetSecret"]
    }

    fn call(
        &self,
        _index: usize,
        request: Request<Incoming>,
    ) -> BoxFuture<'static, Response<Body>> {
        let secrets = Arc::clone(&self.0);
        async move {
            unary(request, move |request: tonic::Request<GetSecretRequest>| {
                let secret = secrets.get(&request.get_ref().id);
                // The engine takes this code for a secret that the step may do without.
                let answer = secret
                    .map(|secret| GetSecretResponse {
                        data: secret.reveal().to_vec(),
                    })
                    .ok_or_else(|| Status::not_found("not found"));
                ready(answer)
            })
            .await
        }
        .boxed()
    }
}
