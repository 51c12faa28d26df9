//! Requests to servers on the web: the token servers of registries. One connection for each, ended with its answer.

mod connect;
mod proxy;
mod redirect;
#[cfg(test)]
pub(crate) mod server;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio::time::timeout;

pub(crate) use redirect::Refused;
pub(crate) use url::Url;

use self::proxy::{Proxies, Proxy};
use crate::environment::Environment;
use crate::secret::Secret;
use crate::tls::TlsClient;

/// Longest wait for a connection, its proxy and TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Longest answer.
const ANSWER_BYTES: usize = 1 << 20;

/// How often a request is sent on, as Go's client has it.
const REDIRECTS: u32 = 10;

/// Makes requests, through the proxies of an environment.
#[derive(Debug, Default)]
pub(crate) struct Web {
    proxies: Proxies,
    tls: OnceCell<TlsClient>,
}

/// One request. It has no `Debug`: it is made of secrets.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) authorization: Option<HeaderValue>,
    /// What is sent, as a form.
    pub(crate) form: Option<Secret>,
}

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    location: Option<String>,
}

/// Why there is no answer. Nothing of the request is in it.
#[derive(Debug)]
pub(crate) enum WebError {
    /// The name of the server, or of its proxy, does not resolve.
    Name(io::Error),
    /// No connection.
    Connect(io::Error),
    /// No connection in time.
    ConnectLimit,
    /// The proxy cannot be used.
    Proxy,
    /// The proxy refuses, with a status.
    ProxyRefused(u16),
    /// The connection broke.
    Exchange(hyper::Error),
    /// The answer is too long.
    TooLong,
    /// The answer sends the request on to where it does not go.
    Redirected(Refused),
}

/// A connected byte stream.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Web {
    /// Requests in `environment`.
    pub(crate) fn new(environment: &Environment) -> Self {
        Self {
            proxies: Proxies::of(environment),
            tls: OnceCell::new(),
        }
    }

    /// Sends `request`, and on to where its answers send it.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Answer, WebError> {
        for _ in 0..=REDIRECTS {
            let answer = self.exchange(&request).await?;
            match redirect::next(&request, &answer).map_err(WebError::Redirected)? {
                None => return Ok(answer),
                Some(next) => request = next,
            }
        }
        Err(WebError::Redirected(Refused::TooOften))
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, WebError> {
        let proxy = self.proxies.to(&request.url);
        let proxy = proxy.map_err(|()| WebError::Proxy)?;
        let connect = connect::connect(self, &request.url, proxy.as_ref());
        let io = timeout(CONNECT_LIMIT, connect);
        let io = io.await.map_err(|_| WebError::ConnectLimit)??;
        let handshake = http1::handshake(TokioIo::new(io)).await;
        let (mut sender, connection) = handshake.map_err(WebError::Exchange)?;
        let message = message(request, proxy.as_ref());
        let exchange = async {
            let response = sender.send_request(message).await;
            read(response.map_err(WebError::Exchange)?).await
        };
        // Both at once, and in this task: what is dropped ends.
        let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
        let mut is_connected = true;
        loop {
            tokio::select! {
                biased;
                answer = &mut exchange => return answer,
                _ = &mut connection, if is_connected => is_connected = false,
            }
        }
    }
}

/// The request as it is sent: where a proxy takes it as it is, the target is the whole URL.
fn message(request: &Request, proxy: Option<&Proxy>) -> http::Request<Full<Bytes>> {
    let Request {
        method,
        url,
        authorization,
        form,
    } = request;
    let proxy = proxy.filter(|_| !url.is_tls);
    let target = match proxy {
        Some(_) => format!("http://{}{}", url.authority(), url.target),
        None => url.target.clone(),
    };
    let body = form.as_ref().map(|form| form.reveal().to_owned());
    let mut message = http::Request::new(Full::from(body.unwrap_or_default()));
    *message.method_mut() = method.clone();
    // Made of what was parsed.
    *message.uri_mut() = target.parse().unwrap_or_default();
    let headers = message.headers_mut();
    if let Ok(host) = HeaderValue::try_from(url.authority()) {
        headers.insert(HOST, host);
    }
    let agent = concat!("shipway/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if form.is_some() {
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.clone()) {
        headers.insert(http::header::PROXY_AUTHORIZATION, authorization);
    }
    message
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Result<Answer, WebError> {
    let (head, mut rest) = response.into_parts();
    let location = head.headers.get(LOCATION);
    let location = location.and_then(|value| value.to_str().ok().map(str::to_owned));
    let mut body = Vec::new();
    while let Some(frame) = rest.frame().await {
        let frame = frame.map_err(WebError::Exchange)?;
        if let Ok(bytes) = frame.into_data() {
            body.extend_from_slice(&bytes);
        }
        if body.len() > ANSWER_BYTES {
            return Err(WebError::TooLong);
        }
    }
    Ok(Answer {
        status: head.status,
        body,
        location,
    })
}

impl fmt::Display for WebError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(_) => formatter.write_str("its name does not resolve"),
            Self::Connect(error) => match crate::tls::TlsFailure::below(error) {
                Some(failure) => failure.fmt(formatter),
                None => match error.kind() {
                    io::ErrorKind::ConnectionRefused => {
                        formatter.write_str("nothing listens there")
                    }
                    kind => kind.fmt(formatter),
                },
            },
            Self::ConnectLimit => {
                let limit = CONNECT_LIMIT.as_secs();
                write!(formatter, "no connection within {limit} s")
            }
            Self::Proxy => formatter.write_str(
                "the proxy that HTTP_PROXY or HTTPS_PROXY names is no URL of `http` or `https`",
            ),
            Self::ProxyRefused(status) => {
                write!(formatter, "the proxy of the environment answered {status}")
            }
            Self::Exchange(_) => formatter.write_str("the connection broke"),
            Self::TooLong => formatter.write_str("its answer is too long"),
            Self::Redirected(Refused::Elsewhere) => formatter
                .write_str("it redirects to another host, where the credentials must not go"),
            Self::Redirected(Refused::Nowhere) => {
                formatter.write_str("it redirects to what is no URL")
            }
            Self::Redirected(Refused::TooOften) => {
                write!(formatter, "it redirects more than {REDIRECTS} times")
            }
        }
    }
}

impl std::error::Error for WebError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Name(error) | Self::Connect(error) => Some(error),
            Self::Exchange(error) => Some(error),
            _ => None,
        }
    }
}
