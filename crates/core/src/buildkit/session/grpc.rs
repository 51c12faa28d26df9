//! Calls of the three shapes that services have, as functions.

use std::future::Future;
use std::task::{Context, Poll};

use futures_util::Stream;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request as HttpRequest, Response as HttpResponse};
use hyper::body::Incoming;
use prost::Message;
use tonic::body::Body;
use tonic::codec::{BufferSettings, Codec as _, EncodeBody, SingleMessageCompressionOverride};
use tonic::server::Grpc;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::buildkit::control::MESSAGE_BYTES;

/// A message in, a message out.
pub(super) async fn unary<M1, M2, F, Fut>(
    request: HttpRequest<Incoming>,
    answer: F,
) -> HttpResponse<Body>
where
    M1: Message + Default + 'static,
    M2: Message + 'static,
    F: FnMut(Request<M1>) -> Fut,
    Fut: Future<Output = Result<M2, Status>> + Send + 'static,
{
    let mut answer = answer;
    let codec = ProstCodec::<M2, M1>::default();
    let mut grpc = Grpc::new(codec).max_decoding_message_size(MESSAGE_BYTES);
    let service = Function(|request| {
        let answer = answer(request);
        async move { Ok(Response::new(answer.await?)) }
    });
    grpc.unary(service, request).await
}

/// The answer of a call whose messages come one after the other.
pub(super) fn stream<M>(
    messages: impl Stream<Item = Result<M, Status>> + Send + 'static,
) -> HttpResponse<Body>
where
    M: Message + Default + 'static,
{
    let encoder = ProstCodec::<M, M>::raw_encoder(BufferSettings::default());
    let none = SingleMessageCompressionOverride::default();
    let body = EncodeBody::new_server(encoder, messages, None, none, None);
    let mut response = HttpResponse::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

struct Function<F>(F);

impl<F, M1, M2, Fut> tower_service::Service<Request<M1>> for Function<F>
where
    F: FnMut(Request<M1>) -> Fut,
    Fut: Future<Output = Result<Response<M2>, Status>>,
{
    type Response = Response<M2>;
    type Error = Status;
    type Future = Fut;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<M1>) -> Fut {
        (self.0)(request)
    }
}

/// The messages of a call whose answer is made by hand.
pub(super) fn messages<M>(request: HttpRequest<Incoming>) -> Streaming<M>
where
    M: Message + Default + 'static,
{
    let decoder = ProstCodec::<M, M>::default().decoder();
    Streaming::new_request(decoder, request.into_body(), None, Some(MESSAGE_BYTES))
}
