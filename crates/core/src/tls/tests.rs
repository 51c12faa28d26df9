use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, Signed, VERSIONS, pem};
use super::certificates::{read_own, read_roots};
use super::*;

/// A connection to a server that answers `ok` once it has read a byte.
fn connect(config: Arc<rustls::ServerConfig>) -> DuplexStream {
    let (ours, theirs) = duplex(64 * 1024);
    tokio::spawn(async move {
        let mut stream = TlsAcceptor::from(config).accept(theirs).await?;
        stream.read_u8().await?;
        stream.write_all(b"ok").await?;
        stream.shutdown().await
    });
    ours
}

/// What a client says to a server: its answer, or why there is none.
async fn talk(client: &TlsClient, io: DuplexStream, host: &str) -> Result<String, String> {
    let talk = async {
        let mut stream = client.handshake(io, host, Protocol::Http1).await?;
        stream.write_all(b"?").await?;
        stream.flush().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    talk.await.map_err(|error| {
        let failure = TlsFailure::below(&error);
        failure.unwrap_or_else(|| panic!("{error:?}")).to_string()
    })
}

fn client(authority: &Authority, own: Option<&Signed>) -> TlsClient {
    let folder = tempfile::tempdir().unwrap();
    authority.write(folder.path(), own);
    let file = |name: &str| folder.path().join(name);
    let own = read_own(&file("cert.pem"), &file("key.pem")).unwrap();
    let roots = read_roots(&file("ca.pem")).unwrap().unwrap();
    TlsClient::new(roots, own).unwrap()
}

#[tokio::test]
async fn a_server_that_the_authorities_vouch_for_is_talked_to() {
    let authority = Authority::new();
    for host in ["engine.example", "127.0.0.9", "::1"] {
        for versions in VERSIONS {
            let server = Authority::server(&authority.sign(host), None, versions);
            let answer = talk(&client(&authority, None), connect(server), host).await;
            assert_eq!(answer.as_deref(), Ok("ok"), "{host}");
        }
    }
}

#[tokio::test]
async fn every_wrong_certificate_has_its_own_words() {
    let authority = Authority::new();
    for (certificate, words) in [
        (
            Authority::named("another").sign("engine.example"),
            "its certificate is signed by an authority that is not trusted",
        ),
        (
            Authority::new().sign("engine.example"),
            "its certificate is signed by an authority that is not trusted",
        ),
        (
            authority.sign("other.example"),
            "its certificate does not name `engine.example`",
        ),
        (
            authority.sign_expired("engine.example"),
            "its certificate has expired",
        ),
    ] {
        for versions in VERSIONS {
            let server = Authority::server(&certificate, None, versions);
            let io = connect(server);
            let answer = talk(&client(&authority, None), io, "engine.example").await;
            assert_eq!(answer, Err(words.to_owned()));
        }
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_missed_or_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = authority.sign("engine.example");
    for versions in VERSIONS {
        for (own, answer) in [
            (Some(authority.sign("client")), Ok("ok")),
            (
                None,
                Err("it wants a client certificate, and there is none"),
            ),
            (
                Some(other.sign("client")),
                Err("it does not accept the client certificate"),
            ),
        ] {
            let io = connect(Authority::server(&server, Some(&authority), versions));
            let client = client(&authority, own.as_ref());
            match (talk(&client, io, "engine.example").await, answer) {
                (Ok(said), Ok(wanted)) => assert_eq!(said, wanted),
                (Err(said), Err(wanted)) => assert!(said.starts_with(wanted), "{said}"),
                (said, wanted) => panic!("{said:?} is not {wanted:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_missed_is_told_although_the_connection_just_breaks() {
    let authority = Authority::new();
    let own = authority.sign("engine.example");
    let config = Authority::server(&own, Some(&authority), VERSIONS[1]);
    let (ours, theirs) = duplex(64 * 1024);
    let (mut between, server) = duplex(64 * 1024);
    let accept = tokio::spawn(TlsAcceptor::from(config).accept(server));
    // Takes the server's first flight to the client, and loses everything after it.
    tokio::spawn(async move {
        let (mut from_client, mut to_client) = tokio::io::split(theirs);
        let mut hello = vec![0; 16 * 1024];
        let count = from_client.read(&mut hello).await.unwrap();
        between.write_all(&hello[..count]).await.unwrap();
        let count = between.read(&mut hello).await.unwrap();
        to_client.write_all(&hello[..count]).await.unwrap();
        // The client's last flight comes, and nobody answers.
        assert!(from_client.read(&mut hello).await.unwrap() > 0);
        accept.abort();
    });
    let answer = talk(&client(&authority, None), ours, "engine.example").await;
    let words = "it wants a client certificate, and there is none";
    assert_eq!(answer, Err(words.to_owned()));
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told_apart_from_what_hangs_up() {
    let authority = Authority::new();
    for (said, words) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "what answers there does not speak TLS",
        ),
        (
            b"",
            "it closed the connection in the middle of the TLS handshake",
        ),
    ] {
        let (ours, mut theirs) = duplex(64 * 1024);
        theirs.write_all(said).await.unwrap();
        tokio::spawn(async move {
            theirs.shutdown().await?;
            tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await
        });
        let answer = talk(&client(&authority, None), ours, "engine.example").await;
        assert_eq!(answer, Err(words.to_owned()));
    }
}

#[tokio::test]
async fn http2_is_asked_for_where_it_is_spoken_at_once() {
    let authority = Authority::new();
    let own = authority.sign("engine.example");
    for (protocol, name) in [(Protocol::Http1, "http/1.1"), (Protocol::Http2, "h2")] {
        let config = Authority::server(&own, None, VERSIONS[1]);
        let (ours, theirs) = duplex(64 * 1024);
        let accept = tokio::spawn(TlsAcceptor::from(config).accept(theirs));
        let client = client(&authority, None);
        let stream = client.handshake(ours, "engine.example", protocol).await;
        assert!(stream.is_ok());
        let accepted = accept.await.unwrap().unwrap();
        assert_eq!(accepted.get_ref().1.alpn_protocol(), Some(name.as_bytes()));
    }
}

#[test]
fn files_that_cannot_be_used_say_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (own, another) = (authority.sign("client"), other.sign("client"));
    let certificate = pem("CERTIFICATE", &own.certificate);
    let key = pem("PRIVATE KEY", own.key.secret_der());
    let encrypted = pem("ENCRYPTED PRIVATE KEY", own.key.secret_der());
    let wrong = pem("PRIVATE KEY", another.key.secret_der());
    let broken = pem("CERTIFICATE", b"broken");
    for (certificate, key, words) in [
        (Some(certificate.as_str()), None, "/key.pem` is not there"),
        (None, Some(key.as_str()), "/cert.pem` is not there"),
        (
            Some(&certificate),
            Some(&encrypted),
            "/key.pem` is encrypted",
        ),
        (
            Some(&certificate),
            Some("x"),
            "/key.pem` holds no key in PEM",
        ),
        (
            Some(&certificate),
            Some(&certificate),
            "/key.pem` holds no key in PEM",
        ),
        (
            Some("x"),
            Some(&key),
            "/cert.pem` holds no certificate in PEM",
        ),
        (
            Some(&certificate),
            Some(&wrong),
            "/key.pem` is not the key of",
        ),
        (Some(&broken), Some(&key), "/key.pem` is not the key of"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        for (path, content) in paths.iter().zip([certificate, key]) {
            if let Some(content) = content {
                std::fs::write(path, content).unwrap();
            }
        }
        let failure = read_own(&paths[0], &paths[1]).unwrap_err().to_string();
        assert!(failure.contains(words), "{failure}");
    }
}

#[test]
fn a_file_of_authorities_is_read_whole_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    assert!(read_roots(&path).unwrap().is_none());
    for content in ["", "x", &pem("CERTIFICATE", b"broken")] {
        std::fs::write(&path, content).unwrap();
        let failure = read_roots(&path).unwrap_err().to_string();
        assert!(failure.contains("/ca.pem`"), "{failure}");
    }
}
