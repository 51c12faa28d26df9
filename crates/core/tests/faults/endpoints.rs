//! Endpoints at which there is no engine: the kind is right, the message names the endpoint, the hint says what to do.

use std::os::unix::net::UnixListener;
use std::path::Path;

use shipway_core::engine::classify::connection_failed;
use shipway_core::engine::endpoint::Endpoint;
use shipway_core::progress::NoProgress;
use shipway_core::{DockerEngine, Environment, Error, ErrorKind, Operation, pull_image};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::Duration;

use super::engine::{Act, Engine, answer, head};
use super::watching::one_try;

const CONNECT: Duration = Duration::from_secs(10);

/// Connects to `endpoint` and pulls from it; both fail, and alike.
async fn fails(endpoint: &Endpoint, kind: ErrorKind, words: &str) {
    let shown = endpoint.to_string();
    let environment = Environment::default();
    let connected = DockerEngine::connect(Some(&shown), &environment, CONNECT).await;
    let error = connected.unwrap_err();
    assert_eq!(error.operation, Some(Operation::Connect), "{error}");
    check(&error, endpoint, kind, words);

    let client = DockerEngine::at(endpoint.clone(), CONNECT).unwrap();
    let pulled = pull_image(&client, &one_try("a/b:1"), &NoProgress).await;
    let error = pulled.unwrap_err();
    assert_eq!(error.operation, Some(Operation::PullImage), "{error}");
    check(&error, endpoint, kind, words);
}

fn check(error: &Error, endpoint: &Endpoint, kind: ErrorKind, words: &str) {
    assert_eq!(error.kind, kind, "{error:?}");
    assert!(
        error.message.contains(&format!("`{endpoint}`")),
        "{}",
        error.message
    );
    assert!(error.message.contains(words), "{}", error.message);
    assert!(error.hint().is_some());
    assert!(!error.message.contains("os error"), "{}", error.message);
}

fn unix(path: &Path) -> Endpoint {
    Endpoint::Unix(path.to_owned())
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_unreachable() {
    let folder = TempDir::new().unwrap();
    for path in ["none.sock", "none/none.sock"] {
        let endpoint = unix(&folder.path().join(path));
        fails(
            &endpoint,
            ErrorKind::EngineUnreachable,
            "there is no such socket",
        )
        .await;
    }
}

#[tokio::test]
async fn what_is_no_socket_and_a_socket_left_behind_are_unreachable() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let left = folder.path().join("left.sock");
    drop(UnixListener::bind(&left).unwrap());
    for (path, words) in [
        (file.as_path(), "what is there is not a socket"),
        (folder.path(), "what is there is not a socket"),
        (left.as_path(), "nothing listens there"),
    ] {
        fails(&unix(path), ErrorKind::EngineUnreachable, words).await;
    }
}

#[tokio::test]
async fn a_path_through_a_file_or_of_too_many_letters_is_unreachable() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    fails(
        &unix(&file.join("engine.sock")),
        ErrorKind::EngineUnreachable,
        "cannot reach",
    )
    .await;
    let long = unix(&folder.path().join("x".repeat(200)));
    fails(&long, ErrorKind::EngineUnreachable, "cannot reach").await;
}

#[tokio::test]
async fn a_port_at_which_nobody_listens_is_unreachable() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = Endpoint::Tcp {
        host: "127.0.0.1".to_owned(),
        port: listener.local_addr().unwrap().port(),
    };
    drop(listener);
    fails(
        &endpoint,
        ErrorKind::EngineUnreachable,
        "nothing listens there",
    )
    .await;
}

#[tokio::test]
async fn a_host_that_does_not_resolve_is_unreachable() {
    // No resolver is asked for a name with an empty label.
    let endpoint = Endpoint::Tcp {
        host: "a..b".to_owned(),
        port: 2375,
    };
    fails(
        &endpoint,
        ErrorKind::EngineUnreachable,
        "failed to lookup address",
    )
    .await;
}

/// The superuser may open everything, so the system's answer is given by hand.
#[test]
fn a_socket_that_may_not_be_opened_is_a_matter_of_permission() {
    let endpoint = unix(Path::new("/var/run/docker.sock"));
    for failure in [
        std::io::Error::from_raw_os_error(13),
        std::io::Error::other(std::io::Error::from_raw_os_error(13)),
    ] {
        let error = connection_failed(&endpoint, failure.into());
        check(
            &error,
            &endpoint,
            ErrorKind::EnginePermissionDenied,
            "this user may not open it",
        );
    }
}

#[tokio::test]
async fn what_speaks_another_protocol_is_no_engine() {
    for greeting in [
        "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        "220 mail.example ESMTP\r\n",
        "\x15\x03\x01\x00\x02\x02\x46",
        "-ERR unknown command 'POST'\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
    ] {
        let server = Engine::start(move |_| vec![Act::Send(greeting.into()), Act::AwaitClose]);
        fails(
            &server.endpoint,
            ErrorKind::EngineProtocol,
            "cannot understand",
        )
        .await;
    }
}

#[tokio::test]
async fn a_head_without_end_is_a_protocol_error() {
    let server = Engine::start(move |_| {
        vec![
            Act::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Act::Repeat(b"X-Header: and one more\r\n".repeat(1000)),
        ]
    });
    fails(
        &server.endpoint,
        ErrorKind::EngineProtocol,
        "cannot understand",
    )
    .await;
    let seen = server.observes(|seen| seen.is_closed).await;
    assert!(seen.sent_bytes < 2 * 1024 * 1024, "{}", seen.sent_bytes);
}

#[tokio::test]
async fn a_connection_that_ends_without_an_answer_is_lost() {
    for sent in ["", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-"] {
        let server = Engine::start(move |_| vec![Act::Send(sent.into())]);
        fails(&server.endpoint, ErrorKind::EngineDisconnected, "lost").await;
    }
}

#[tokio::test]
async fn an_engine_that_ends_while_it_is_asked_whether_it_is_there_is_asked_once_more() {
    let is_back = std::sync::atomic::AtomicBool::new(false);
    let server = Engine::start(move |_| {
        if is_back.swap(true, std::sync::atomic::Ordering::Relaxed) {
            let head = head(200, "Api-Version: 1.51\r\nContent-Length: 0\r\n");
            return vec![Act::Send(head)];
        }
        Vec::new()
    });
    let (shown, environment) = (server.endpoint.to_string(), Environment::default());
    let connected = DockerEngine::connect(Some(&shown), &environment, CONNECT).await;
    assert!(connected.is_ok(), "{connected:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_server_whose_answer_to_a_ping_names_no_api_is_no_engine() {
    for (status, headers, body, kind) in [
        (200, "", "OK", ErrorKind::EngineProtocol),
        (204, "", "", ErrorKind::EngineProtocol),
        (
            200,
            "Api-Version: latest\r\n",
            "OK",
            ErrorKind::EngineProtocol,
        ),
        (301, "Location: /login\r\n", "", ErrorKind::EngineProtocol),
        (400, "", "what?", ErrorKind::EngineProtocol),
        (
            404,
            "",
            r#"{"error":"no such page"}"#,
            ErrorKind::EngineProtocol,
        ),
        (405, "", "", ErrorKind::EngineProtocol),
        (
            404,
            "",
            "<html>no such page</html>",
            ErrorKind::EngineProtocol,
        ),
        (401, "", "who are you?", ErrorKind::EnginePermissionDenied),
        (
            403,
            "",
            "<html>Forbidden</html>",
            ErrorKind::EnginePermissionDenied,
        ),
        (
            502,
            "",
            "<html>Bad Gateway</html>",
            ErrorKind::EngineUnreachable,
        ),
        (502, "", "Bad Gateway", ErrorKind::EngineUnreachable),
        (503, "", "", ErrorKind::EngineUnreachable),
        (
            504,
            "",
            "upstream: 401 unauthorized",
            ErrorKind::EngineUnreachable,
        ),
        (500, "", "oops", ErrorKind::EngineError),
        (200, "Api-Version: 1.24\r\n", "OK", ErrorKind::EngineVersion),
        (500, "Api-Version: 1.51\r\n", "ill", ErrorKind::EngineError),
    ] {
        let server = Engine::start(move |_| {
            let length = body.len();
            let mut bytes = head(status, &format!("{headers}Content-Length: {length}\r\n"));
            bytes.extend_from_slice(body.as_bytes());
            vec![Act::Send(bytes)]
        });
        let shown = server.endpoint.to_string();
        let environment = Environment::default();
        let connected = DockerEngine::connect(Some(&shown), &environment, CONNECT).await;
        let error = connected.unwrap_err();
        assert_eq!(error.kind, kind, "{status} {headers} {body}: {error}");
        assert_eq!(error.operation, Some(Operation::Connect), "{error}");
        assert!(
            error.message.contains(&shown) && error.hint().is_some(),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_web_server_is_no_engine() {
    let server = Engine::start(|_| answer(200, "<html>It works!</html>"));
    let client = server.client();
    let pulled = pull_image(&client, &one_try("a/b:1"), &NoProgress).await;
    let error = pulled.unwrap_err();
    assert_eq!(error.kind, ErrorKind::EngineProtocol, "{error}");
}
