//! `containerd.services.content.v1.Content`: layouts of this machine that the engine reads images and caches from, and
//! writes caches to.
//!
//! <https://github.com/containerd/containerd/blob/v2.1.4/plugins/services/content/contentserver/contentserver.go>;
//! <https://github.com/moby/buildkit/blob/v0.25.2/session/content/attachable.go> chooses the store.

mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;

use self::store::{Store, blocking};
use super::Service;
use super::grpc::{messages, stream, unary};
use crate::buildkit::complaints::Complaints;
use crate::buildkit::content::messages::{
    AbortRequest, Empty, ListStatusesRequest, ListStatusesResponse, ReadContentRequest,
    Status as WriteStatus, StatusRequest, StatusResponse, timestamp,
};
use crate::buildkit::content::{Layout, Progress};

/// Names the store that a call is for.
const STORE: &str = "buildkit-attachable-store-id";

/// The stores that the engine may use, by name.
pub(crate) struct Content {
    pub(crate) stores: BTreeMap<String, Arc<Layout>>,
    pub(crate) complaints: Arc<Complaints>,
}

impl Service for Content {
    fn methods(&self) -> &'static [&'static str] {
        &[
            "/containerd.services.content.v1.Content/Info",
            "/containerd.services.content.v1.Content/Read",
            "/containerd.services.content.v1.Content/Status",
            "/containerd.services.content.v1.Content/ListStatuses",
            "/containerd.services.content.v1.Content/Write",
            "/containerd.services.content.v1.Content/Abort",
        ]
    }

    fn call(&self, index: usize, request: Request<Incoming>) -> BoxFuture<'static, Response<Body>> {
        let store = match self.store(request.headers()) {
            Ok(layout) => Store {
                layout,
                complaints: Arc::clone(&self.complaints),
            },
            Err(status) => return ready(status.into_http()).boxed(),
        };
        match index {
            0 => unary_call(store, request, Store::info),
            1 => async move {
                let mut wishes = messages::<ReadContentRequest>(request);
                match wishes.message().await {
                    Ok(Some(wanted)) => match store.read(&wanted).await {
                        Ok(pieces) => stream(pieces),
                        Err(status) => status.into_http(),
                    },
                    Ok(None) => Status::invalid_argument("nothing was asked for").into_http(),
                    Err(status) => status.into_http(),
                }
            }
            .boxed(),
            2 => unary_call(store, request, |store, StatusRequest { r#ref }| {
                let progress = store.layout.progress(&r#ref);
                let progress = progress.ok_or_else(|| not_written(&r#ref))?;
                Ok(StatusResponse {
                    status: Some(status_of(r#ref, &progress)),
                })
            }),
            3 => unary_call(store, request, |store, _: ListStatusesRequest| {
                let active = store.layout.all_progress();
                let statuses = active.into_iter();
                Ok(ListStatusesResponse {
                    statuses: statuses
                        .map(|(reference, progress)| status_of(reference, &progress))
                        .collect(),
                })
            }),
            4 => ready(stream(store.write(messages(request)))).boxed(),
            _ => unary_call(store, request, |store, AbortRequest { r#ref }| {
                // Nothing stays of a write whose call has ended.
                match store.layout.progress(&r#ref) {
                    Some(_) => Err(Status::unavailable("this content is being written")),
                    None => Err::<Empty, _>(not_written(&r#ref)),
                }
            }),
        }
    }
}

impl Content {
    fn store(&self, headers: &HeaderMap) -> Result<Arc<Layout>, Status> {
        let name = headers
            .get(STORE)
            .ok_or_else(|| Status::invalid_argument("the call names no store"))?;
        let store = name.to_str().ok().and_then(|name| self.stores.get(name));
        let unknown = || Status::not_found("this build has no such store");
        store.cloned().ok_or_else(unknown)
    }
}

fn unary_call<M1, M2>(
    store: Store,
    request: Request<Incoming>,
    answer: impl Fn(&Store, M1) -> Result<M2, Status> + Send + Sync + 'static,
) -> BoxFuture<'static, Response<Body>>
where
    M1: prost::Message + Default + 'static,
    M2: prost::Message + 'static,
{
    let answer = Arc::new(answer);
    async move {
        unary(request, |request: tonic::Request<M1>| {
            let (store, answer) = (store.clone(), Arc::clone(&answer));
            blocking(move || answer(&store, request.into_inner()))
        })
        .await
    }
    .boxed()
}

fn not_written(reference: &str) -> Status {
    Status::not_found(format!("nothing is written as {reference:?}"))
}

fn status_of(reference: String, progress: &Progress) -> WriteStatus {
    WriteStatus {
        started_at: Some(timestamp(progress.started)),
        updated_at: Some(timestamp(progress.updated)),
        r#ref: reference,
        offset: i64::try_from(progress.offset).unwrap_or(i64::MAX),
        total: progress.total,
        expected: progress
            .expected
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}
