//! Answers to a pull that no engine should give.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use shipway_core::progress::{LayerState, NoProgress, ProgressEvent};
use shipway_core::{ErrorKind, PulledImage, Result, pull_image};

use super::engine::{
    Act, END, Engine, IMAGE_ID, Seen, answer, chunk, chunked_head, head, image, no_image,
    open_stream, stream,
};
use super::watching::{Events, PULLS, one_try};

const DONE: &str = r#"{"status":"Status: Downloaded newer image for a/b:1"}"#;
const MIB: usize = 1024 * 1024;

/// What lies between two sockets, and what the client has read but not yet judged.
const IN_TRANSIT: usize = 2 * MIB;

/// Pulls from an engine that answers the pull with `pull` and the inspection with `inspection`.
async fn pull(pull: Vec<Act>, inspection: Vec<Act>) -> (Result<PulledImage>, Seen, Events) {
    let server = Engine::start(move |request: &Seen| {
        if request.is_pull() {
            [pull.clone(), vec![Act::AwaitClose]].concat()
        } else {
            inspection.clone()
        }
    });
    let events = Events::new();
    let result = pull_image(&server.client(), &one_try("a/b:1"), &events).await;
    let seen = server
        .observes(|seen| seen.is_pull() && seen.is_closed)
        .await;
    (result, seen, events)
}

async fn kind_of(answer: Vec<Act>) -> (ErrorKind, String) {
    let (result, ..) = pull(answer, image()).await;
    let error = result.unwrap_err();
    (error.kind, error.message.clone())
}

#[tokio::test]
async fn what_the_engine_has_removed_meanwhile_is_asked_for_again_but_not_for_ever() {
    const COLLECTED: &str = r#"{"error":"failed to check image sha256:77: rpc error: code = NotFound desc = content digest sha256:77: not found"}"#;
    for (removals, is_served) in [(1, true), (2, true), (3, false)] {
        let left = AtomicUsize::new(removals);
        let server = Engine::start(move |request: &Seen| {
            let take = |left: usize| left.checked_sub(1);
            match request.is_pull() {
                true if left.fetch_update(SeqCst, SeqCst, take).is_ok() => stream([COLLECTED]),
                true => stream([DONE]),
                false => image(),
            }
        });
        let pulled = pull_image(&server.client(), &one_try("a/b:1"), &NoProgress).await;
        match pulled {
            Ok(image) => assert!(is_served && image.attempts.len() == 1),
            Err(error) => assert_eq!((error.kind, is_served), (ErrorKind::EngineError, false)),
        }
    }
}

#[tokio::test]
async fn a_failure_in_any_form_is_one_although_the_engine_then_says_that_it_succeeded() {
    for (frame, kind, words) in [
        (
            r#"{"error":"toomanyrequests: slow down"}"#,
            ErrorKind::RateLimited,
            "slow down",
        ),
        (
            r#"{"errorDetail":{"message":"manifest unknown"}}"#,
            ErrorKind::ImageNotFound,
            "manifest unknown",
        ),
        (
            r#"{"errorDetail":{"message":"boom"},"error":"boom"}"#,
            ErrorKind::EngineError,
            "boom",
        ),
        (
            r#"{"status":"Status: Downloaded newer image for a/b:1","error":"boom"}"#,
            ErrorKind::EngineError,
            "boom",
        ),
        (
            r#"{"errorDetail":{}}"#,
            ErrorKind::EngineError,
            "without a reason",
        ),
        (
            r#"{"error":["odd"]}"#,
            ErrorKind::EngineError,
            "without a reason",
        ),
    ] {
        for frames in [vec![frame, DONE], vec![DONE, frame]] {
            let (found, message) = kind_of(stream(frames)).await;
            assert_eq!(found, kind, "{frame}: {message}");
            assert!(message.contains(words), "{message}");
        }
    }
}

#[tokio::test]
async fn an_end_without_terminal_words_is_no_success() {
    let waiting = r#"{"status":"Pulling fs layer","progressDetail":{},"id":"a"}"#;
    let complete = r#"{"status":"Pull complete","progressDetail":{},"id":"a"}"#;
    for frames in [vec![], vec![waiting], vec![waiting, complete], vec!["{}"]] {
        let (kind, message) = kind_of(stream(frames)).await;
        assert_eq!(kind, ErrorKind::EngineDisconnected, "{message}");
        assert!(message.contains("without a result"), "{message}");
    }
    let (kind, _) = kind_of(answer(204, "")).await;
    assert_eq!(kind, ErrorKind::EngineDisconnected);
}

#[tokio::test]
async fn half_a_frame_before_a_proper_end_is_a_cut() {
    let mut body = open_stream([DONE]);
    body.extend_from_slice(&chunk(br#"{"status":"Sta"#));
    body.extend_from_slice(END);
    let (kind, message) = kind_of(vec![Act::Send(body)]).await;
    assert_eq!(kind, ErrorKind::EngineDisconnected);
    assert!(message.contains("in the middle of a frame"), "{message}");
    assert!(
        message.starts_with("cannot pull `docker.io/a/b:1`"),
        "{message}"
    );
}

#[tokio::test]
async fn what_is_no_json_is_a_protocol_error() {
    for body in [
        "garbage",
        "<!DOCTYPE html><html><body>It works!</body></html>",
        "[]",
        "null",
        "\u{feff}{}",
        "{\"status\":}",
        "{\"status\":\"a\" \"id\":\"b\"}",
        "{'status':'a'}",
        "{]",
        "}",
    ] {
        for before in ["", DONE] {
            let (kind, message) = kind_of(answer(200, &format!("{before}{body}"))).await;
            assert_eq!(kind, ErrorKind::EngineProtocol, "{body}: {message}");
            assert!(
                message.starts_with("cannot pull `docker.io/a/b:1`"),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn a_frame_of_64_mib_is_refused_before_it_is_read() {
    let mut frame = br#"{"status":""#.to_vec();
    frame.resize(64 * MIB, b'x');
    let mut body = head(200, "Connection: close\r\n");
    body.append(&mut frame);
    let (result, seen, _) = pull(vec![Act::Send(body)], image()).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::EngineProtocol, "{error}");
    assert!(error.message.contains("16 MiB"), "{error}");
    assert!(
        seen.sent_bytes < 16 * MIB + IN_TRANSIT,
        "{}",
        seen.sent_bytes
    );
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    for open in ["[", "{\"a\":"] {
        let body = format!("{{\"status\":{}", open.repeat(100_000));
        let (kind, message) = kind_of(answer(200, &body)).await;
        assert_eq!(kind, ErrorKind::EngineProtocol, "{message}");
        assert!(message.contains("nested too deeply"), "{message}");
    }
}

#[tokio::test]
async fn fields_of_wrong_types_and_numbers_out_of_range_do_not_fail_a_good_pull() {
    let odd = [
        r#"{"status":7,"id":{},"progressDetail":[]}"#,
        r#"{"status":["a"],"id":null}"#,
        r#"{"status":"Downloading","id":5,"progressDetail":{"current":"1","total":true}}"#,
        r#"{"status":"Downloading","id":"a","progressDetail":{"current":-1,"total":-9223372036854775808}}"#,
        r#"{"status":"Downloading","id":"a","progressDetail":{"current":1e300,"total":18446744073709551615}}"#,
        r#"{"status":"Downloading","id":"b","progressDetail":{"current":18446744073709551615,"total":18446744073709551615}}"#,
        r#"{"status":"Downloading","id":"c","progressDetail":{"current":18446744073709551615,"total":18446744073709551615}}"#,
        r#"{"status":"Downloading","id":"a","progressDetail":{"current":18446744073709551616,"total":99999999999999999999999}}"#,
        r#"{"status":"Extracting","id":"a","progressDetail":{"current":18446744073709551615,"units":"s"}}"#,
        r#"{"status":"Retrying in 18446744073709551615 seconds","id":"a","progressDetail":{}}"#,
        r#"{"status":"Retrying in many seconds","id":"a","progressDetail":{}}"#,
        r#"{"aux":7,"stream":9,"error":null,"errorDetail":null}"#,
        r#"{"":""}"#,
        r#"{"status":"","id":"","progressDetail":{}}"#,
        "{}",
    ];
    let frames: Vec<&str> = odd.iter().copied().chain([DONE]).collect();
    let (result, ..) = pull(stream(frames), image()).await;
    assert_eq!(result.unwrap().image_id, IMAGE_ID);
}

#[tokio::test]
async fn frames_without_anything_between_them_are_frames() {
    let body = [
        r#"{"status":"Pulling fs layer","progressDetail":{},"id":"a"}"#,
        r#"{"status":"Pull complete","progressDetail":{},"id":"a"}"#,
        DONE,
    ]
    .concat();
    let (result, _, events) = pull(answer(200, &body), image()).await;
    result.unwrap();
    let complete = |event: &ProgressEvent| matches!(event, ProgressEvent::Layer(layer) if layer.state == LayerState::Complete);
    assert!(events.all().iter().any(complete));
}

#[tokio::test]
async fn invalid_utf8_does_not_fail_a_good_pull() {
    let mut body = chunked_head();
    for frame in [
        b"{\"status\":\"\xff\xfe\"}".as_slice(),
        b"{\"status\":\"Pulling fs layer\",\"id\":\"\xc3\x28\",\"progressDetail\":{}}",
        b"{\"\xf0\x9f\":\"\xed\xa0\x80\"}",
        DONE.as_bytes(),
    ] {
        body.extend_from_slice(&chunk(frame));
    }
    body.extend_from_slice(END);
    let (result, ..) = pull(vec![Act::Send(body)], image()).await;
    result.unwrap();
}

#[tokio::test]
async fn an_http_1_0_answer_without_length_is_a_success() {
    let transcript = PULLS[1].1.replace('\n', "\r\n");
    let body = format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{transcript}");
    let server = Engine::start(move |request: &Seen| {
        if request.is_pull() {
            vec![Act::Send(body.clone().into_bytes())]
        } else {
            image()
        }
    });
    let result = pull_image(&server.client(), &one_try("a/b:1"), &NoProgress).await;
    result.unwrap();
}

#[tokio::test]
async fn an_answer_after_an_interim_one_is_a_success() {
    let mut body = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    body.extend_from_slice(&open_stream([DONE]));
    body.extend_from_slice(END);
    let (result, ..) = pull(vec![Act::Send(body)], image()).await;
    result.unwrap();
}

#[tokio::test]
async fn a_bad_chunk_size_is_a_protocol_error() {
    for size in [
        "zz\r\n",
        "-1\r\n",
        "fffffffffffffffff\r\n",
        "\r\n\r\n",
        "{\"status\":\"a\"}\r\n",
    ] {
        let mut body = open_stream([DONE]);
        body.extend_from_slice(size.as_bytes());
        let (kind, message) = kind_of(vec![Act::Send(body)]).await;
        assert_eq!(kind, ErrorKind::EngineProtocol, "{size:?}: {message}");
        assert!(message.contains("unix://"), "{message}");
    }
}

#[tokio::test]
async fn success_without_an_image_that_inspects_is_no_success() {
    for (inspection, kind, words) in [
        (no_image(), ErrorKind::EngineError, "has no such image"),
        (
            answer(404, "404 page not found"),
            ErrorKind::EngineProtocol,
            "not a container engine",
        ),
        (
            answer(500, r#"{"message":"layer store is broken"}"#),
            ErrorKind::EngineError,
            "layer store is broken",
        ),
        (
            answer(500, ""),
            ErrorKind::EngineError,
            "answered 500 without a word",
        ),
        (
            answer(200, "garbage"),
            ErrorKind::EngineProtocol,
            "not an image",
        ),
        (answer(200, "{}"), ErrorKind::EngineProtocol, "not an image"),
        (answer(200, ""), ErrorKind::EngineProtocol, "not an image"),
        (
            answer(200, r#"{"Id":7}"#),
            ErrorKind::EngineProtocol,
            "not an image",
        ),
        (
            answer(200, &format!("{{\"Id\":{}", "[".repeat(100_000))),
            ErrorKind::EngineProtocol,
            "not an image",
        ),
        (vec![], ErrorKind::EngineDisconnected, "unix://"),
        (
            vec![Act::Send(head(200, "Content-Length: 9\r\n"))],
            ErrorKind::EngineDisconnected,
            "unix://",
        ),
    ] {
        let (result, ..) = pull(stream([DONE]), inspection).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_inspection_without_end_is_refused() {
    let server = Engine::start(move |request: &Seen| {
        if request.is_pull() {
            stream([DONE])
        } else {
            vec![
                Act::Send(head(200, "Connection: close\r\n")),
                Act::Repeat(vec![b' '; 64 * 1024]),
            ]
        }
    });
    let result = pull_image(&server.client(), &one_try("a/b:1"), &NoProgress).await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::EngineProtocol);
    let seen = server
        .observes(|seen| !seen.is_pull() && seen.is_closed)
        .await;
    assert!(
        seen.sent_bytes < 16 * MIB + IN_TRANSIT,
        "{}",
        seen.sent_bytes
    );
}

#[tokio::test]
async fn a_refusal_is_told_in_the_words_of_the_engine() {
    for (status, body, kind, words) in [
        (
            404,
            r#"{"message":"manifest for a/b:1 not found: manifest unknown"}"#,
            ErrorKind::ImageNotFound,
            "manifest unknown",
        ),
        (
            500,
            r#"{"message":"toomanyrequests: later"}"#,
            ErrorKind::RateLimited,
            "later",
        ),
        (
            500,
            r#"{"cause":"x","message":"no space left on device","response":500}"#,
            ErrorKind::EngineDiskFull,
            "no space",
        ),
        (503, "plain words", ErrorKind::EngineError, "plain words"),
        (
            500,
            "",
            ErrorKind::EngineError,
            "answered 500 without a word",
        ),
        (
            500,
            " \r\n",
            ErrorKind::EngineError,
            "answered 500 without a word",
        ),
        (
            500,
            r#"{"message":7}"#,
            ErrorKind::EngineError,
            r#"{"message":7}"#,
        ),
        (
            429,
            "",
            ErrorKind::RateLimited,
            "answered 429 without a word",
        ),
        (
            301,
            "",
            ErrorKind::EngineProtocol,
            "answered 301 without a word",
        ),
    ] {
        let (found, message) = kind_of(answer(status, body)).await;
        assert_eq!(found, kind, "{status} {body}: {message}");
        assert!(message.contains(words), "{message}");
        assert!(
            message.starts_with("cannot pull `docker.io/a/b:1`: "),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_refusal_without_end_is_cut_short() {
    let refusal = vec![
        Act::Send(head(500, "Connection: close\r\n")),
        Act::Repeat(b"<p>sorry</p> ".repeat(5000)),
    ];
    let (result, seen, _) = pull(refusal, image()).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::EngineError);
    assert!(error.message.len() < 4096, "{}", error.message.len());
    assert!(seen.sent_bytes < IN_TRANSIT, "{}", seen.sent_bytes);
}

#[tokio::test]
async fn a_refusal_that_is_cut_is_told_as_far_as_it_came() {
    let body = [
        head(500, "Content-Length: 1000\r\n"),
        b"half of the words".to_vec(),
    ]
    .concat();
    let server = Engine::start(move |_: &Seen| vec![Act::Send(body.clone())]);
    let result = pull_image(&server.client(), &one_try("a/b:1"), &NoProgress).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::EngineError);
    assert!(error.message.ends_with("half of the words"), "{error}");
}

#[tokio::test]
async fn frames_without_end_do_not_gather_in_memory() {
    let frames = chunk(
        r#"{"status":"Downloading","progressDetail":{"current":5,"total":9},"id":"a"}"#
            .repeat(20_000)
            .as_bytes(),
    );
    let many: Vec<Act> = std::iter::once(Act::Send(chunked_head()))
        .chain(std::iter::repeat_n(Act::Send(frames), 3))
        .chain([Act::Send(chunk(DONE.as_bytes())), Act::Send(END.to_vec())])
        .collect();
    let (result, _, events) = pull(many, image()).await;
    result.unwrap();
    assert!(events.all().len() < 20, "{}", events.all().len());
}
