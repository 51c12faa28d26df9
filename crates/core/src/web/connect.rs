//! Connections, directly or through a proxy.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};

use super::proxy::Proxy;
use super::{Io, Url, Web, WebError};
use crate::tls::certificates::system_roots;
use crate::tls::{Protocol, TlsClient};

/// Longest head of a proxy's answer.
const HEAD_BYTES: usize = 16 * 1024;

/// Connects to the server of `url`, so that requests can be sent to it, or to its proxy.
pub(super) async fn connect(
    web: &Web,
    url: &Url,
    proxy: Option<&Proxy>,
) -> Result<Box<dyn Io>, WebError> {
    let nearest = proxy.map_or(url, |proxy| &proxy.url);
    let stream = reach(nearest).await?;
    let stream = encrypt(web, Box::new(stream), nearest).await?;
    match proxy {
        Some(proxy) if url.is_tls => {
            let stream = tunnel(stream, url, proxy).await?;
            encrypt(web, stream, url).await
        }
        _ => Ok(stream),
    }
}

async fn reach(url: &Url) -> Result<TcpStream, WebError> {
    let addresses = lookup_host((url.host.as_str(), url.port)).await;
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses.map_err(WebError::Name)? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(WebError::Connect(last))
}

async fn encrypt(web: &Web, io: Box<dyn Io>, url: &Url) -> Result<Box<dyn Io>, WebError> {
    if !url.is_tls {
        return Ok(io);
    }
    let make = || async {
        let read = || TlsClient::new(system_roots()?, None);
        Ok::<_, io::Error>(tokio::task::spawn_blocking(read).await??)
    };
    let client = web.tls.get_or_try_init(make).await;
    let client = client.map_err(WebError::Connect)?;
    let stream = client.handshake(io, &url.host, Protocol::Http1).await;
    Ok(Box::new(stream.map_err(WebError::Connect)?))
}

/// Asks a proxy for a way through (<https://www.rfc-editor.org/rfc/rfc9110#name-connect>).
async fn tunnel(mut io: Box<dyn Io>, url: &Url, proxy: &Proxy) -> Result<Box<dyn Io>, WebError> {
    let address = url.address();
    let mut request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    io.write_all(&request).await.map_err(WebError::Connect)?;
    io.flush().await.map_err(WebError::Connect)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head is the server's.
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES {
        head.push(io.read_u8().await.map_err(WebError::Connect)?);
    }
    let mut words = head.split(|byte| *byte == b' ');
    let status = words
        .nth(1)
        .and_then(|status| std::str::from_utf8(status).ok());
    match status.and_then(|status| status.parse().ok()) {
        Some(200..=299) => Ok(io),
        Some(status) => Err(WebError::ProxyRefused(status)),
        None => Err(WebError::Connect(io::ErrorKind::InvalidData.into())),
    }
}
