//! One HTTP/1.1 request over a connection of its own.
//!
//! A connection is never shared or kept: dropping the answer closes it, and a closed connection is how an engine learns
//! that a pull or a build is cancelled.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::api_version::ApiVersion;
use super::custom_headers::CustomHeaders;
use super::endpoint::Endpoint;
use super::transport::{self, EngineTls, ReadToEnd};
use crate::tls::Protocol;

/// Longest body of an error answer that is read: a proxy's HTML page must not fill the memory.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// Longest wait for the body of an error answer: its status alone says enough to fail.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(10);

/// Makes requests to one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    pub(crate) endpoint: Endpoint,
    pub(crate) connect_timeout: Duration,
    tls: EngineTls,
    headers: Arc<CustomHeaders>,
    /// The version that is spoken, once it is known.
    version: Arc<OnceLock<ApiVersion>>,
}

/// What this package calls itself.
pub(crate) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("shipway/", env!("CARGO_PKG_VERSION")));

/// An answer whose body may still be on its way. Dropping it closes the connection.
pub(crate) struct Exchange {
    pub(crate) response: Response<Incoming>,
    connection: Connection,
}

/// Why no answer came.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// No connection.
    Connect(io::Error),
    /// No connection within the allowed time.
    ConnectTimeout(Duration),
    /// The connection or the exchange over it broke.
    Exchange(hyper::Error),
}

impl Http {
    /// Requests to `endpoint`; no connection takes longer than `connect_timeout`.
    pub(crate) fn new(endpoint: Endpoint, connect_timeout: Duration) -> Self {
        Self {
            endpoint,
            connect_timeout,
            tls: EngineTls::default(),
            headers: Arc::default(),
            version: Arc::default(),
        }
    }

    /// The same with these headers in each request.
    pub(super) fn with_headers(mut self, headers: CustomHeaders) -> Self {
        self.headers = Arc::new(headers);
        self
    }

    /// The headers that each request has.
    pub(crate) fn custom_headers(&self) -> &CustomHeaders {
        &self.headers
    }

    /// Speaks this version of the API from now on, for as long as no other was chosen before.
    pub(super) fn speak(&self, version: ApiVersion) {
        let _ = self.version.set(version);
    }

    /// Sends `request`, whose URI may have any authority and no version of the API, and waits for the head of the answer.
    pub(super) async fn send<B>(&self, mut request: Request<B>) -> Result<Exchange, HttpError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        *request.uri_mut() = self.target(request.uri());
        self.complete(request.headers_mut());
        let io = self.connect(Protocol::Http1).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(ReadToEnd::new(io)))
            .await
            .map_err(HttpError::Exchange)?;
        let connection = Connection(Some(tokio::spawn(async move {
            // The exchange itself reports what breaks here.
            drop(connection.await);
        })));
        let response = sender
            .send_request(request)
            .await
            .map_err(HttpError::Exchange)?;
        Ok(Exchange {
            response,
            connection,
        })
    }

    /// Sends `request`, and takes the connection over once the other side agrees to speak another protocol. Any other
    /// answer is given back. What is taken over has no version, in docker's own clients either.
    pub(crate) async fn upgrade(
        &self,
        mut request: Request<Empty<Bytes>>,
    ) -> Result<Result<TokioIo<Upgraded>, Exchange>, HttpError> {
        *request.uri_mut() = origin_form(request.uri());
        self.complete(request.headers_mut());
        let io = self.connect(Protocol::Http1).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io))
            .await
            .map_err(HttpError::Exchange)?;
        let connection = Connection(Some(tokio::spawn(async move {
            drop(connection.with_upgrades().await);
        })));
        let response = sender
            .send_request(request)
            .await
            .map_err(HttpError::Exchange)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Err(Exchange {
                response,
                connection,
            }));
        }
        let upgraded = hyper::upgrade::on(response).await;
        Ok(Ok(TokioIo::new(upgraded.map_err(HttpError::Exchange)?)))
    }

    /// Opens a connection.
    pub(crate) async fn connect(
        &self,
        protocol: Protocol,
    ) -> Result<Box<dyn transport::Io>, HttpError> {
        let connect = transport::connect(&self.endpoint, &self.tls, protocol);
        tokio::time::timeout(self.connect_timeout, connect)
            .await
            .map_err(|_| HttpError::ConnectTimeout(self.connect_timeout))?
            .map_err(HttpError::Connect)
    }

    /// Makes a request one to this endpoint.
    fn complete(&self, headers: &mut HeaderMap) {
        self.headers.add_to(headers);
        headers.insert(HOST, self.host());
        headers.insert(USER_AGENT, AGENT);
    }

    /// What stands in the request line.
    fn target(&self, uri: &Uri) -> Uri {
        let target = origin_form(uri);
        let Some((major, minor)) = self.version.get() else {
            return target;
        };
        let versioned = format!("/v{major}.{minor}{target}").parse();
        versioned.unwrap_or(target)
    }

    fn host(&self) -> HeaderValue {
        let host = self.endpoint.authority();
        let host = host.unwrap_or_else(|| "docker".to_owned());
        HeaderValue::try_from(host).unwrap_or(HeaderValue::from_static("docker"))
    }
}

impl Exchange {
    /// Waits for the next piece of the body; `None` at its end. Cancel safe.
    pub(super) async fn next_bytes(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.response.body_mut().frame().await? {
                Ok(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Some(Ok(bytes));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Reads the body of an error answer, or as much of it as is worth reading.
    pub(super) async fn error_body(mut self) -> String {
        let mut body = Vec::new();
        let ends_at = Instant::now() + ERROR_BODY_WAIT;
        while let Ok(Some(Ok(bytes))) = timeout_at(ends_at, self.next_bytes()).await {
            let room = ERROR_BODY_LIMIT - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if body.len() == ERROR_BODY_LIMIT {
                break;
            }
        }
        String::from_utf8_lossy(&body).into_owned()
    }

    /// Reads the whole body, which may not be longer than `limit` bytes; `None` when it is.
    pub(super) async fn body(mut self, limit: usize) -> Option<Result<Vec<u8>, hyper::Error>> {
        let mut body = Vec::new();
        while let Some(bytes) = self.next_bytes().await {
            match bytes {
                Ok(bytes) => body.extend_from_slice(&bytes),
                Err(error) => return Some(Err(error)),
            }
            if body.len() > limit {
                return None;
            }
        }
        Some(Ok(body))
    }

    /// Gives the answer away; the connection then lives as long as the body.
    pub(super) fn into_response(self) -> Response<Incoming> {
        self.connection.detach();
        self.response
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => error.fmt(formatter),
            Self::ConnectTimeout(limit) => {
                write!(formatter, "no connection within {} s", limit.as_secs_f64())
            }
            Self::Exchange(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::ConnectTimeout(_) => None,
            Self::Exchange(error) => Some(error),
        }
    }
}

/// The task that moves the bytes of one connection; dropping it closes the connection.
struct Connection(Option<JoinHandle<()>>);

impl Connection {
    /// Leaves the task to end with the body that it moves.
    fn detach(mut self) {
        self.0 = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// What stands in the request line: path and query, without the authority.
fn origin_form(uri: &Uri) -> Uri {
    uri.path_and_query()
        .cloned()
        .map_or_else(|| Uri::from_static("/"), Uri::from)
}
