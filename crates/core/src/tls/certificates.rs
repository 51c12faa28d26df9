//! Certificates and keys in files.

use std::io::ErrorKind::NotFound;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::TlsFailure;

/// The authorities that the system trusts: those in the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, else the system's
/// own. Reads files.
pub(crate) fn system_roots() -> Result<RootCertStore, TlsFailure> {
    let mut roots = RootCertStore::empty();
    // One broken file among hundreds must not be in the way.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TlsFailure::NoAuthorities);
    }
    Ok(roots)
}

/// The authorities in a PEM file; `None` where there is no such file.
pub(crate) fn read_roots(path: &Path) -> Result<Option<RootCertStore>, TlsFailure> {
    let Some(pem) = read(path)? else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, &pem)? {
        let added = roots.add(certificate);
        added.map_err(|error| TlsFailure::file(path, format!("cannot be used: {error}")))?;
    }
    Ok(Some(roots))
}

/// The certificate in a PEM file, with its key in another; `None` where there is neither.
pub(crate) fn read_own(
    certificate: &Path,
    key: &Path,
) -> Result<Option<Arc<CertifiedKey>>, TlsFailure> {
    let (pem, key_pem) = match (read(certificate)?, read(key)?) {
        (None, None) => return Ok(None),
        (Some(pem), Some(key_pem)) => (pem, key_pem),
        (Some(_), None) => return Err(TlsFailure::file(key, "is not there")),
        (None, Some(_)) => return Err(TlsFailure::file(certificate, "is not there")),
    };
    let chain = certificates(certificate, &pem)?;
    let is_encrypted = key_pem.windows(9).any(|window| window == b"ENCRYPTED");
    if is_encrypted {
        return Err(TlsFailure::file(
            key,
            "is encrypted, which is not supported",
        ));
    }
    let key_der = PrivateKeyDer::from_pem_slice(&key_pem);
    let key_der = key_der.map_err(|_| TlsFailure::file(key, "holds no key in PEM"))?;
    let signer = any_supported_type(&key_der);
    let signer = signer.map_err(|_| TlsFailure::file(key, "holds a key of an unknown kind"))?;
    let own = CertifiedKey::new(chain, signer);
    own.keys_match().map_err(|_| {
        let reason = format!("is not the key of `{}`", certificate.display());
        TlsFailure::file(key, reason)
    })?;
    Ok(Some(Arc::new(own)))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, TlsFailure> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == NotFound => Ok(None),
        Err(error) => {
            let reason = format!("cannot be read: {}", error.kind());
            Err(TlsFailure::file(path, reason))
        }
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFailure> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(TlsFailure::file(path, "holds no certificate in PEM")),
    }
}
