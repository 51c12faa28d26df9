//! Answers the engine's calls over one connection.

use std::convert::Infallible;
use std::future::Future;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::Status;
use tonic::body::Body;

use super::Session;
use crate::buildkit::tasks::Spawner;

/// Longest headers of a call: the patterns of an ignore file, and the paths that a Dockerfile copies, are headers. Go
/// allows as much (<https://github.com/grpc/grpc-go/blob/v1.76.0/internal/transport/defaults.go>), hyper 16 KiB.
const HEADERS_BYTES: u32 = 16 << 20;

/// What the engine may send ahead: it exports whole images through a session.
const WINDOW_BYTES: u32 = 4 << 20;

/// Serves `session` over `io` until the connection ends.
pub(crate) fn serve<T>(
    io: T,
    session: Session,
    spawner: Spawner,
) -> impl Future<Output = Result<(), hyper::Error>>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| route(session.clone(), request));
    http2::Builder::new(spawner)
        .timer(TokioTimer::new())
        .max_header_list_size(HEADERS_BYTES)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .serve_connection(TokioIo::new(io), service)
}

async fn route(session: Session, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    let found = session.services.iter().find_map(|service| {
        let mut methods = service.methods().iter();
        Some((service, methods.position(|method| *method == path)?))
    });
    Ok(match found {
        Some((service, index)) => service.call(index, request).await,
        None => Status::unimplemented("this session has no such method").into_http(),
    })
}
