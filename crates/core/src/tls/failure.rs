//! Why TLS failed, in words for people.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustls::{AlertDescription, CertificateError, Error};

use super::own_certificate::OwnCertificate;
use crate::source;

/// Why there is no TLS stream, or no more.
#[derive(Debug)]
pub(crate) enum TlsFailure {
    /// A file with a certificate or a key cannot be used.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system trusts no authority.
    NoAuthorities,
    /// What is to be reached has no name that a certificate could have.
    Host(String),
    /// The certificate of the server is not accepted.
    Certificate {
        /// Whom it should be of.
        host: String,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// The server wants a certificate of the client, and there is none.
    CertificateRequired,
    /// The server does not accept the certificate of the client.
    CertificateRefused(AlertDescription),
    /// What answers does not speak TLS.
    NotSpoken,
    /// What answers speaks TLS, and was not expected to.
    Spoken,
    /// The server closed the connection in the middle of the handshake.
    Closed,
    /// Anything else.
    Protocol(Error),
}

impl TlsFailure {
    /// What is wrong with the file at `path`.
    pub(super) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    /// The failure in what a stream to `host` reports, as the system's errors have it. An error that is not of TLS stays as it
    /// is.
    pub(super) fn within(error: io::Error, host: &str, own: &OwnCertificate) -> io::Error {
        let Some(failure) = error.get_ref().and_then(|inner| inner.downcast_ref()) else {
            return error;
        };
        Self::of(failure, host, own).into()
    }

    /// The failure below `error`, at whatever depth.
    pub(crate) fn below<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        source::find(error)
    }

    fn of(error: &Error, host: &str, own: &OwnCertificate) -> Self {
        use AlertDescription as Alert;
        match error {
            Error::InvalidCertificate(error) => Self::Certificate {
                host: host.to_owned(),
                error: error.clone(),
            },
            Error::AlertReceived(Alert::CertificateRequired) => Self::CertificateRequired,
            // Before TLS 1.3 there was no word for a certificate that is missing.
            Error::AlertReceived(Alert::HandshakeFailure | Alert::BadCertificate)
                if own.is_missed() =>
            {
                Self::CertificateRequired
            }
            Error::AlertReceived(
                alert @ (Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError),
            ) if own.was_shown() => Self::CertificateRefused(*alert),
            Error::InvalidMessage(_) => Self::NotSpoken,
            error => Self::Protocol(error.clone()),
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, reason } => write!(formatter, "`{}` {reason}", path.display()),
            Self::NoAuthorities => {
                formatter.write_str("the system trusts no certificate authority")
            }
            Self::Host(host) => write!(formatter, "no certificate can name `{host}`"),
            Self::Certificate { host, error } => certificate(formatter, host, error),
            Self::CertificateRequired => {
                formatter.write_str("it wants a client certificate, and there is none")
            }
            Self::CertificateRefused(alert) => {
                write!(
                    formatter,
                    "it does not accept the client certificate ({alert:?})"
                )
            }
            Self::NotSpoken => formatter.write_str("what answers there does not speak TLS"),
            Self::Spoken => formatter.write_str("what answers there speaks TLS"),
            Self::Closed => {
                formatter.write_str("it closed the connection in the middle of the TLS handshake")
            }
            Self::Protocol(Error::PeerIncompatible(_)) => {
                formatter.write_str("it has no version or cipher of TLS in common with this client")
            }
            Self::Protocol(Error::AlertReceived(alert)) => {
                write!(formatter, "it refuses the TLS connection ({alert:?})")
            }
            Self::Protocol(error) => write!(formatter, "TLS failed: {error}"),
        }
    }
}

fn certificate(
    formatter: &mut fmt::Formatter<'_>,
    host: &str,
    error: &CertificateError,
) -> fmt::Result {
    use CertificateError as Bad;
    match error {
        // The signature is wrong where an authority was made anew under its old name.
        Bad::UnknownIssuer | Bad::BadSignature => {
            formatter.write_str("its certificate is signed by an authority that is not trusted")
        }
        Bad::Expired | Bad::ExpiredContext { .. } => {
            formatter.write_str("its certificate has expired")
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            formatter.write_str("its certificate is not valid yet")
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            write!(formatter, "its certificate does not name `{host}`")
        }
        error => write!(formatter, "its certificate cannot be used: {error}"),
    }
}

impl StdError for TlsFailure {}

impl From<Error> for TlsFailure {
    fn from(error: Error) -> Self {
        Self::Protocol(error)
    }
}

impl From<TlsFailure> for io::Error {
    fn from(failure: TlsFailure) -> Self {
        Self::other(failure)
    }
}
