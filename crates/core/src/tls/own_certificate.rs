//! The certificate that this side shows, where it has one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

/// A certificate or none, and whether a server has asked for one.
#[derive(Debug)]
pub(super) struct OwnCertificate {
    certificate: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
}

impl OwnCertificate {
    pub(super) fn new(certificate: Option<Arc<CertifiedKey>>) -> Self {
        Self {
            certificate,
            was_asked: AtomicBool::new(false),
        }
    }

    /// Whether a server has asked for what is not there.
    pub(super) fn is_missed(&self) -> bool {
        self.certificate.is_none() && self.was_asked.load(Ordering::Relaxed)
    }

    /// Whether a server has got it.
    pub(super) fn was_shown(&self) -> bool {
        self.certificate.is_some() && self.was_asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.certificate.clone()
    }

    fn has_certs(&self) -> bool {
        self.certificate.is_some()
    }
}
