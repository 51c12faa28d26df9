//! gRPC calls over one connection.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::USER_AGENT;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::body::Body;

use super::tasks::Spawner;
use crate::engine::http::AGENT;

/// Longest headers of an answer. A failed build carries its Dockerfile there
/// (<https://github.com/moby/buildkit/blob/v0.25.2/util/grpcerrors/grpcerrors.go>), and base64 makes it longer.
const HEADERS_BYTES: u32 = 16 << 20;

/// A connection that takes any number of calls at once.
#[derive(Clone)]
pub(crate) struct Channel {
    sender: http2::SendRequest<Body>,
    /// What each call has besides its own.
    headers: Arc<HeaderMap>,
}

impl Channel {
    /// Speaks HTTP/2 over `io` at once, as gRPC does where it is known that the other side understands it.
    pub(crate) async fn over<T>(io: T, spawner: Spawner) -> Result<Self, hyper::Error>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http2::Builder::new(spawner.clone())
            .max_header_list_size(HEADERS_BYTES)
            .handshake(TokioIo::new(io))
            .await?;
        // What breaks here breaks the calls as well, and they say so.
        spawner.spawn(connection);
        let headers = HeaderMap::from_iter([(USER_AGENT, AGENT)]);
        Ok(Self {
            sender,
            headers: Arc::new(headers),
        })
    }

    /// The same with these headers in each call.
    pub(crate) fn with_headers(mut self, add: impl FnOnce(&mut HeaderMap)) -> Self {
        add(Arc::make_mut(&mut self.headers));
        self
    }
}

impl tower_service::Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let headers = request.headers_mut();
        for (name, value) in &*self.headers {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        Box::pin(self.sender.send_request(request))
    }
}
