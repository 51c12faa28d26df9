//! Engines over TLS, as the verbs see them.

use std::path::PathBuf;
use std::time::Duration;

use rustls::ServerConfig;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::engine::docker::DockerEngine;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Operation};
use crate::tls::authority::{Authority, Signed, VERSIONS};
use crate::web::server::listen;

/// An engine that answers pings over TLS.
async fn listen_tls(config: Arc<ServerConfig>) -> u16 {
    let acceptor = TlsAcceptor::from(config);
    listen(move |stream| {
        let accept = acceptor.accept(stream);
        async move {
            answer(
                accept.await?,
                "HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Length: 2\r\n\r\nOK",
            )
            .await
        }
    })
    .await
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> io::Result<()> {
    let mut request = vec![0; 1024];
    if stream.read(&mut request).await? > 0 {
        stream.write_all(text.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// A folder with certificates, as `DOCKER_CERT_PATH` names one.
struct Certificates(TempDir);

impl Certificates {
    fn of(authority: &Authority, own: Option<&Signed>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        authority.write(folder.path(), own);
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn connect(&self, endpoint: &str) -> Result<DockerEngine, Error> {
        let environment = Environment {
            docker_cert_path: Some(self.0.path().to_owned()),
            ..Environment::default()
        };
        DockerEngine::connect(Some(endpoint), &environment, Duration::from_secs(10)).await
    }

    /// Connecting fails so.
    async fn fails(&self, endpoint: &str, words: &str) {
        let error = self.connect(endpoint).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::EngineTls, "{error:?}");
        assert_eq!(error.operation, Some(Operation::Connect), "{error:?}");
        assert!(error.message.contains(words), "{}", error.message);
        assert!(error.message.contains(&format!("`{endpoint}`")), "{error}");
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn an_engine_is_reached_with_a_client_certificate_and_not_without() {
    let authority = Authority::new();
    let own = authority.sign("127.0.0.1");
    for versions in VERSIONS {
        let config = Authority::server(&own, Some(&authority), versions);
        let endpoint = format!("https://127.0.0.1:{}", listen_tls(config).await);
        let client = authority.sign("client");
        let with = Certificates::of(&authority, Some(&client));
        let engine = with.connect(&endpoint).await.unwrap();
        assert_eq!(engine.endpoint().to_string(), endpoint);
        let without = Certificates::of(&authority, None);
        without.fails(&endpoint, "wants a client certificate").await;
        let stranger = Authority::new().sign("client");
        let wrong = Certificates::of(&authority, Some(&stranger));
        wrong
            .fails(&endpoint, "does not accept the client certificate")
            .await;
    }
}

#[tokio::test]
async fn an_engine_that_nobody_vouches_for_is_not_talked_to() {
    let authority = Authority::new();
    let certificates = Certificates::of(&authority, None);
    for (own, words) in [
        (
            Authority::new().sign("127.0.0.1"),
            "an authority that is not trusted",
        ),
        (authority.sign("127.0.0.2"), "does not name `127.0.0.1`"),
        (authority.sign_expired("127.0.0.1"), "has expired"),
    ] {
        let port = listen_tls(Authority::server(&own, None, VERSIONS[1])).await;
        let endpoint = format!("https://127.0.0.1:{port}");
        certificates.fails(&endpoint, words).await;
    }
}

#[tokio::test]
async fn the_authorities_of_the_system_are_trusted_where_there_are_no_others() {
    let authority = Authority::new();
    let certificates = Certificates::of(&authority, None);
    std::fs::remove_file(certificates.file("ca.pem")).unwrap();
    let own = authority.sign("127.0.0.1");
    let port = listen_tls(Authority::server(&own, None, VERSIONS[1])).await;
    let error = certificates
        .connect(&format!("https://127.0.0.1:{port}"))
        .await;
    // It is not one of them, if there are any.
    assert_eq!(error.unwrap_err().kind, ErrorKind::EngineTls);
}

#[tokio::test]
async fn plain_http_where_tls_is_spoken_is_told_and_so_is_the_reverse() {
    let authority = Authority::new();
    let certificates = Certificates::of(&authority, None);
    let own = authority.sign("127.0.0.1");
    let port = listen_tls(Authority::server(&own, None, VERSIONS[1])).await;
    let endpoint = format!("tcp://127.0.0.1:{port}");
    certificates
        .fails(&endpoint, "what answers there speaks TLS")
        .await;

    // Go's server says it in words.
    let words = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let port = listen(move |stream| answer(stream, words)).await;
    let endpoint = format!("tcp://127.0.0.1:{port}");
    certificates
        .fails(&endpoint, "Client sent an HTTP request")
        .await;

    let port = listen(|stream| answer(stream, "HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let endpoint = format!("https://127.0.0.1:{port}");
    certificates.fails(&endpoint, "does not speak TLS").await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_told_before_anything_is_sent() {
    let authority = Authority::new();
    let client = authority.sign("client");
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        let certificates = Certificates::of(&authority, Some(&client));
        std::fs::write(certificates.file(file), "nonsense").unwrap();
        // Nothing listens there.
        certificates
            .fails("https://127.0.0.1:1", &format!("/{file}`"))
            .await;
    }
}
