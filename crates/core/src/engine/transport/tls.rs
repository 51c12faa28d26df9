//! TLS to one engine: its certificates are read when the first connection needs them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::engine::endpoint::Endpoint;
use crate::tls::certificates::{read_own, read_roots, system_roots};
use crate::tls::{TlsClient, TlsFailure};

/// The client for all connections to one engine. Its copies are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineTls(Arc<OnceCell<TlsClient>>);

impl EngineTls {
    /// The client with the certificates of `endpoint`.
    pub(super) async fn client(&self, endpoint: &Endpoint) -> io::Result<&TlsClient> {
        let make = || async {
            let folder = match endpoint {
                Endpoint::Tls { certificates, .. } => certificates.clone(),
                _ => None,
            };
            let read = tokio::task::spawn_blocking(move || read(folder.as_deref()));
            Ok(read.await??)
        };
        self.0.get_or_try_init(make).await
    }
}

fn read(folder: Option<&Path>) -> Result<TlsClient, TlsFailure> {
    let Some(folder) = folder else {
        return TlsClient::new(system_roots()?, None);
    };
    let file = |name: &str| folder.join(name);
    let roots = match read_roots(&file("ca.pem"))? {
        Some(roots) => roots,
        None => system_roots()?,
    };
    TlsClient::new(roots, read_own(&file("cert.pem"), &file("key.pem"))?)
}

#[cfg(test)]
mod tests;
