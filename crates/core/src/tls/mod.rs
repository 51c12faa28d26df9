//! TLS towards engines and token servers: who answers is always checked.

#[cfg(test)]
pub(crate) mod authority;
pub(crate) mod certificates;
mod failure;
mod own_certificate;
mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

pub(crate) use failure::TlsFailure;
pub(crate) use stream::TlsStream;

use self::own_certificate::OwnCertificate;

/// What is spoken inside, as ALPN has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, and what it is upgraded to.
    Http1,
    /// HTTP/2 at once.
    Http2,
}

/// A client that trusts some authorities, and may have a certificate of its own. Its copies are one.
#[derive(Debug, Clone)]
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
    own: Arc<OwnCertificate>,
}

impl TlsClient {
    /// A client that takes the servers which `roots` vouch for, and shows `own` to those that ask for it.
    pub(crate) fn new(
        roots: RootCertStore,
        own: Option<Arc<CertifiedKey>>,
    ) -> Result<Self, TlsFailure> {
        let own = Arc::new(OwnCertificate::new(own));
        // Named and not the process's default: somebody else in the process may have chosen another, or none.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::clone(&own) as _);
        Ok(Self {
            config: Arc::new(config),
            own,
        })
    }

    /// Makes a TLS stream of `io`, whose other side must be `host`, a name or an address without brackets.
    pub(crate) async fn handshake<T>(
        &self,
        io: T,
        host: &str,
        protocol: Protocol,
    ) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| TlsFailure::Host(host.to_owned()))?;
        let alpn = match protocol {
            Protocol::Http1 => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        };
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let handshake = connector.with_alpn(vec![alpn]).connect(name, io).await;
        match handshake {
            Ok(stream) => Ok(TlsStream::new(stream, Arc::clone(&self.own))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(TlsFailure::Closed.into())
            }
            Err(error) => Err(TlsFailure::within(error, host, &self.own)),
        }
    }
}
