//! What a broken connection to the engine means.

use std::error::Error as StdError;
use std::io;

use crate::engine::endpoint::Endpoint;
use crate::engine::transport::SshFailure;
use crate::error::{Error, ErrorKind};
use crate::source;
use crate::tls::TlsFailure;

/// Returns the error for a connection to `endpoint` that could not be made or broke.
///
/// What HTTP libraries say of it ("client error (Connect)") tells nothing: the operating system's answer lies below it.
pub fn connection_failed(endpoint: &Endpoint, failure: Box<dyn StdError + Send + Sync>) -> Error {
    if let Some(tls) = TlsFailure::below(&*failure) {
        let message = format!("cannot reach the engine at `{endpoint}`: {tls}");
        let error = Error::new(ErrorKind::EngineTls, message);
        let error = match tls_hint(tls) {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
        return error.with_source(failure);
    }
    if let Some(ssh) = source::find::<SshFailure>(&*failure) {
        let message = format!("cannot reach the engine at `{endpoint}`: {ssh}");
        return Error::new(ErrorKind::EngineUnreachable, message)
            .with_hint(SSH)
            .with_source(failure);
    }
    let cause = io_error(&*failure);
    let hyper = source::find::<hyper::Error>(&*failure);
    let incomplete = hyper.is_some_and(|error| error.is_incomplete_message() || error.is_closed());
    let parse = hyper.is_some_and(hyper::Error::is_parse);
    let (kind, reason) = match cause.map(io::Error::kind) {
        _ if parse => (
            ErrorKind::EngineProtocol,
            "what answers there does not speak HTTP".to_owned(),
        ),
        // Sizes of chunks that are no numbers.
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) if hyper.is_some() => (
            ErrorKind::EngineProtocol,
            "the body of its answer is not HTTP".to_owned(),
        ),
        Some(io::ErrorKind::NotFound) => (
            ErrorKind::EngineUnreachable,
            "there is no such socket".to_owned(),
        ),
        Some(io::ErrorKind::ConnectionRefused) => (
            ErrorKind::EngineUnreachable,
            "nothing listens there".to_owned(),
        ),
        Some(io::ErrorKind::PermissionDenied) => (
            ErrorKind::EnginePermissionDenied,
            "this user may not open it".to_owned(),
        ),
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
        ) => (
            ErrorKind::EngineDisconnected,
            "the connection broke".to_owned(),
        ),
        Some(_) => (
            ErrorKind::EngineUnreachable,
            cause.map(plain).unwrap_or_default(),
        ),
        None if incomplete => (
            ErrorKind::EngineDisconnected,
            "it closed the connection before its answer was complete".to_owned(),
        ),
        None => (ErrorKind::EngineDisconnected, last_words(&*failure)),
    };
    let subject = match kind {
        ErrorKind::EngineDisconnected => "lost the engine at",
        ErrorKind::EngineProtocol => "cannot understand the engine at",
        _ => "cannot reach the engine at",
    };
    let error = Error::new(kind, format!("{subject} `{endpoint}`: {reason}")).with_source(failure);
    // Some servers that want TLS hang up on plain HTTP without a word.
    if incomplete && matches!(endpoint, Endpoint::Tcp { .. }) {
        return error.with_hint(
            "look into the engine's log; where the engine wants TLS, write the endpoint as `https://host:port`",
        );
    }
    error
}

/// What to try where plain HTTP was spoken to an engine that wants TLS.
pub(crate) const SPEAK_TLS: &str =
    "write the endpoint as `https://host:port`, or set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH";

const SSH: &str = "try `ssh -o BatchMode=yes HOST docker system dial-stdio`: it has to work without a question, as an agent or a key without a passphrase and a known host allow";

/// What to try, where that is more telling than the hint of the kind.
fn tls_hint(failure: &TlsFailure) -> Option<&'static str> {
    match failure {
        TlsFailure::CertificateRequired => {
            Some("put `cert.pem` and `key.pem` into the folder that DOCKER_CERT_PATH names")
        }
        TlsFailure::Spoken => Some(SPEAK_TLS),
        TlsFailure::NotSpoken => {
            Some("write the endpoint as `http://host:port`, or unset DOCKER_TLS_VERIFY")
        }
        TlsFailure::File { .. } => {
            Some("correct the folder that DOCKER_CERT_PATH names, or `~/.docker` without it")
        }
        _ => None,
    }
}

/// The operating system's error, wherever in the chain it lies.
fn io_error<'a>(failure: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut found = None;
    let mut next = Some(failure);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // An `io::Error` may wrap another one, or an error that is none.
            match error.get_ref() {
                None => found = Some(error),
                Some(inner) => {
                    if let Some(deeper) = io_error(inner) {
                        return Some(deeper);
                    }
                    // `Other` wraps what is no answer of a system; every other kind says something.
                    if error.kind() != io::ErrorKind::Other {
                        found = Some(error);
                    }
                }
            }
        }
        next = error.source();
    }
    found
}

/// The error that lies lowest: those above it quote it for programmers.
fn last_words(failure: &(dyn StdError + 'static)) -> String {
    let mut last = failure;
    while let Some(error) = last.source() {
        last = error;
    }
    match last.downcast_ref::<tonic::Status>() {
        Some(status) => status.message().to_owned(),
        None => last.to_string(),
    }
}

/// A system error without its number, in lower case.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|character| character.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
