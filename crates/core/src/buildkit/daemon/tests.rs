use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use super::*;
use crate::engine::endpoint::Endpoint;

/// Something that takes connections; each gets `answer`, or waits for ever where there is none.
fn engine(answer: Option<&'static str>) -> (TempDir, Http) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => held.push(stream),
            }
        }
    });
    (
        folder,
        Http::new(Endpoint::Unix(path), Duration::from_secs(10)),
    )
}

#[tokio::test]
async fn an_engine_that_knows_neither_way_has_no_buildkit() {
    let (_folder, http) = engine(Some("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"));
    for version in [(1, 41), (1, 56)] {
        let unreachable = Daemon::reach(&http, version).await.err();
        assert!(matches!(unreachable, Some(Unreachable::Absent(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_answer_is_not_waited_for_for_ever() {
    let (_folder, http) = engine(None);
    let Some(Unreachable::Refused(error)) = Daemon::reach(&http, (1, 56)).await.err() else {
        panic!("it is not refused");
    };
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[test]
fn what_an_engine_says_no_with_is_told_from_a_broken_connection() {
    let said = Unreachable::by(Status::permission_denied("not you"));
    let Unreachable::Refused(error) = said else {
        panic!("it is not refused");
    };
    assert_eq!(error.kind, ErrorKind::EnginePermissionDenied);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let broken = Unreachable::by(Status::from_error(Box::new(broken)));
    assert!(matches!(broken, Unreachable::Failed(_)));
}
