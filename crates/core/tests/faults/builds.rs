//! Builds whose engine does what it should not.

use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shipway_core::progress::{NoProgress, ProgressEvent};
use shipway_core::{
    BuildRequest, BuildSource, BuiltImage, ContextCompression, ErrorKind, Reference, Result,
    build_image,
};
use tokio::sync::Notify;
use tokio::time::advance;

use super::engine::{
    Act, END, Engine, IMAGE_ID, Seen, answer, chunk, image, no_image, open_stream, stream,
};
use super::watching::{
    Events, StoppedClock, builds_folder, classic, folder_of, is_engine_fault, settle,
};

const MIB: usize = 1024 * 1024;
const OK: &str = include_str!("../../../../fixtures/build/docker-28.5-ok.jsonl");
const RUN: &str = include_str!("../../../../fixtures/build/docker-28.5-run.jsonl");
const PARSE: &str = include_str!("../../../../fixtures/build/docker-28.5-parse.jsonl");

/// Builds `request` at an engine that answers the build with `acts`, and every inspection with an image.
async fn build(request: &BuildRequest, acts: Vec<Act>) -> (Result<BuiltImage>, Seen) {
    let server = Engine::start(move |request: &Seen| {
        if request.is_build() {
            acts.clone()
        } else {
            image()
        }
    });
    let result = build_image(&server.client(), request, &NoProgress).await;
    let seen = server.observes(Seen::is_build).await;
    (result, seen)
}

fn after_upload(acts: Vec<Act>) -> Vec<Act> {
    [vec![Act::TakeBody], acts].concat()
}

#[tokio::test]
async fn the_whole_transcript_is_a_success_in_chunks_of_any_size() {
    let folder = folder_of(1);
    let request = builds_folder(folder.path());
    for size in [1, 7, 64, 4096] {
        let mut body = open_stream([""; 0]);
        for part in OK.replace('\n', "\r\n").as_bytes().chunks(size) {
            body.extend_from_slice(&chunk(part));
        }
        body.extend_from_slice(END);
        let (result, _) = build(&request, after_upload(vec![Act::Send(body)])).await;
        let built = result.unwrap();
        assert_eq!(
            (built.image_id.as_deref(), built.steps_total),
            (Some(IMAGE_ID), 5),
            "{size}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_is_no_success() {
    let folder = folder_of(1);
    let request = builds_folder(folder.path());
    let mut whole = open_stream(OK.lines());
    whole.extend_from_slice(END);
    let acts = Arc::new(Mutex::new(Vec::new()));
    let script = Arc::clone(&acts);
    let server = Engine::start(move |request: &Seen| {
        if request.is_build() {
            script.lock().unwrap().clone()
        } else {
            image()
        }
    });
    let client = server.client();
    let tail = whole.len() - 40..whole.len();
    for cut in (0..whole.len()).step_by(13).chain(tail) {
        *acts.lock().unwrap() = after_upload(vec![Act::Send(whole[..cut].to_vec())]);
        let result = build_image(&client, &request, &NoProgress).await;
        let error = result.err().unwrap_or_else(|| panic!("a success at {cut}"));
        assert!(is_engine_fault(error.kind), "{cut}: {error:?}");
    }
}

#[tokio::test]
async fn success_without_an_image_is_no_success() {
    let folder = folder_of(1);
    let request = builds_folder(folder.path());
    let unnamed = OK
        .lines()
        .filter(|line| !line.contains("aux") && !line.contains("Successfully built"));
    let (result, _) = build(&request, after_upload(stream(unnamed))).await;
    let error = result.err().unwrap();
    assert_eq!(error.kind, ErrorKind::EngineDisconnected, "{error}");

    let server = Engine::start(|request: &Seen| {
        if request.is_build() {
            after_upload(stream(OK.lines()))
        } else {
            no_image()
        }
    });
    let result = build_image(&server.client(), &request, &NoProgress).await;
    let error = result.err().unwrap();
    assert_eq!(error.kind, ErrorKind::EngineError, "{error}");
    assert!(error.message.contains("has no such image"), "{error}");
}

#[tokio::test]
async fn an_image_name_of_an_engine_that_lies_does_not_leave_its_place() {
    let folder = folder_of(1);
    let request = builds_folder(folder.path());
    for id in [
        "../../containers/json?",
        "a b",
        "x\r\nHost: y",
        "",
        "\u{1b}[2J",
    ] {
        let frame = format!(r#"{{"aux":{{"ID":{}}}}}"#, serde_json::Value::from(id));
        let (result, _) = build(&request, after_upload(stream([frame]))).await;
        let error = result.err().unwrap();
        assert!(is_engine_fault(error.kind), "{id:?}: {error:?}");
        assert!(!error.message.contains(char::is_control), "{error:?}");
    }
}

#[tokio::test]
async fn a_step_that_fails_is_told_although_the_connection_breaks_after_it() {
    let folder = folder_of(1);
    let request = builds_folder(folder.path());
    let body = open_stream(RUN.lines());
    let (result, _) = build(&request, after_upload(vec![Act::Send(body)])).await;
    let error = result.err().unwrap();
    assert_eq!(
        (error.kind, error.exit_code),
        (ErrorKind::BuildFailed, Some(7)),
        "{error}"
    );
    assert_eq!(error.log_tail.last().map(String::as_str), Some("before"));
}

#[tokio::test]
async fn the_reason_of_an_engine_that_refuses_early_wins_over_the_broken_upload() {
    let folder = folder_of(32 * MIB);
    let request = builds_folder(folder.path());
    for before in [vec![], vec![Act::TakeBytes(MIB)]] {
        let acts = [before, answer(400, PARSE.trim())].concat();
        let (result, _) = build(&request, acts).await;
        let error = result.err().unwrap();
        assert_eq!(error.kind, ErrorKind::DockerfileInvalid, "{error:?}");
        let place = error.dockerfile.as_ref().unwrap();
        assert_eq!((place.start_line, place.end_line), (2, 2));
        assert!(
            error.message.contains("unknown instruction: FOO"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_failure_in_a_stream_that_begins_early_wins_over_the_broken_upload() {
    let folder = folder_of(32 * MIB);
    let request = builds_folder(folder.path());
    let acts = [
        vec![Act::TakeBytes(MIB)],
        stream([r#"{"errorDetail":{"message":"no space left on device"}}"#]),
    ]
    .concat();
    let (result, _) = build(&request, acts).await;
    let error = result.err().unwrap();
    assert_eq!(error.kind, ErrorKind::EngineDiskFull, "{error:?}");
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_of_the_upload_is_lost() {
    let folder = folder_of(32 * MIB);
    let request = builds_folder(folder.path());
    for acts in [vec![], vec![Act::TakeBytes(1)], vec![Act::TakeBytes(MIB)]] {
        let (result, _) = build(&request, acts).await;
        let error = result.err().unwrap();
        assert_eq!(error.kind, ErrorKind::EngineDisconnected, "{error:?}");
        assert!(error.message.contains("unix://"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_never_reads_the_context_is_a_stall() {
    let _clock = StoppedClock::new();
    let read_on = Arc::new(Notify::new());
    let go = Arc::clone(&read_on);
    let server = Engine::start(move |_: &Seen| vec![Act::Wait(Arc::clone(&go)), Act::AwaitClose]);
    let folder = folder_of(16 * MIB);
    let (client, mut request) = (server.client(), builds_folder(folder.path()));
    request.timeouts.total = None;
    {
        let mut build = pin!(build_image(&client, &request, &NoProgress));
        tokio::select! {
            biased;
            result = &mut build => panic!("{:?}", result.err()),
            _ = server.observes(Seen::is_build) => {}
        }
        advance(Duration::from_secs(59)).await;
        assert!(settle(&mut build).await.is_none());
        // The threads that make the context run in real time: the watch begins when the socket is full.
        let mut ended = None;
        while ended.is_none() {
            advance(Duration::from_secs(60)).await;
            ended = settle(&mut build).await;
        }
        let error = ended.and_then(Result::err).unwrap();
        assert_eq!(error.kind, ErrorKind::Stalled, "{error}");
        assert!(
            error
                .message
                .contains("read nothing of the context for 60 s"),
            "{error}"
        );
    }
    read_on.notify_one();
    server.observes(|seen| seen.is_closed).await;
}

#[tokio::test(start_paused = true)]
async fn silence_while_a_step_runs_is_no_stall() {
    let _clock = StoppedClock::new();
    let server = Engine::start(|_: &Seen| {
        vec![
            Act::TakeBody,
            Act::Send(open_stream([r#"{"stream":"Step 1/1 : RUN sleep 1d"}"#])),
            Act::AwaitClose,
        ]
    });
    let folder = folder_of(1);
    let (client, mut request) = (server.client(), builds_folder(folder.path()));
    request.timeouts.total = None;
    let events = Events::new();
    let mut build = pin!(build_image(&client, &request, &events));
    tokio::select! {
        biased;
        result = &mut build => panic!("{:?}", result.err()),
        () = events.until(|event| matches!(event, ProgressEvent::Step(_))) => {}
    }
    for _ in 0..10 {
        advance(Duration::from_secs(600)).await;
        assert!(settle(&mut build).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_whose_time_is_over_says_how_far_it_came() {
    let _clock = StoppedClock::new();
    let server = Engine::start(|_: &Seen| {
        vec![
            Act::TakeBody,
            Act::Send(open_stream([
                r#"{"stream":"Step 1/1 : RUN make"}"#,
                r#"{"stream":"\n"}"#,
                r#"{"stream":"compiling\n"}"#,
            ])),
            Act::AwaitClose,
        ]
    });
    let folder = folder_of(1);
    let (client, request) = (server.client(), builds_folder(folder.path()));
    let events = Events::new();
    let mut build = pin!(build_image(&client, &request, &events));
    tokio::select! {
        biased;
        result = &mut build => panic!("{:?}", result.err()),
        () = events.until(|event| matches!(event, ProgressEvent::Log(_))) => {}
    }
    advance(Duration::from_secs(599)).await;
    assert!(settle(&mut build).await.is_none());
    advance(Duration::from_secs(1)).await;
    let error = build.await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Deadline, "{error}");
    assert_eq!(error.step.as_deref(), Some("RUN make"));
    assert_eq!(error.log_tail, ["compiling"]);
}

#[tokio::test]
async fn a_file_of_the_context_that_vanishes_is_named() {
    let (half, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, go) = (Arc::clone(&half), Arc::clone(&gone));
    for then in [vec![Act::TakeBody], vec![Act::TakeBytes(usize::MAX)]] {
        let (told, go) = (Arc::clone(&told), Arc::clone(&go));
        let server = Engine::start(move |_: &Seen| {
            [
                vec![
                    Act::TakeBytes(1),
                    Act::Tell(Arc::clone(&told)),
                    Act::Wait(Arc::clone(&go)),
                ],
                then.clone(),
            ]
            .concat()
        });
        let folder = folder_of(16 * MIB);
        let last = folder.path().join("zz-last");
        std::fs::write(&last, "here").unwrap();
        let (client, request) = (server.client(), builds_folder(folder.path()));
        let mut build = pin!(build_image(&client, &request, &NoProgress));
        tokio::select! {
            result = &mut build => panic!("{:?}", result.err()),
            () = half.notified() => {}
        }
        std::fs::remove_file(&last).unwrap();
        gone.notify_one();
        let error = build.await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::ContextInvalid, "{error:?}");
        assert!(error.message.contains("zz-last"), "{error}");
    }
}

#[tokio::test]
async fn the_context_is_compressed_on_tcp_and_not_on_a_unix_socket() {
    let folder = folder_of(1000);
    let script = |request: &Seen| {
        if request.is_build() {
            after_upload(stream(OK.lines()))
        } else {
            image()
        }
    };
    let local = Engine::start(script);
    let remote = Engine::start_tcp(script).await;
    for (server, choice, is_gzip) in [
        (&local, ContextCompression::Auto, false),
        (&local, ContextCompression::Gzip, true),
        (&remote, ContextCompression::Auto, true),
        (&remote, ContextCompression::None, false),
    ] {
        let mut request = builds_folder(folder.path());
        request.compression = choice;
        build_image(&server.client(), &request, &NoProgress)
            .await
            .unwrap();
        let seen = server.seen();
        let seen = seen.iter().rfind(|seen| seen.is_build()).unwrap();
        assert_eq!(seen.body.starts_with(b"\x1f\x8b"), is_gzip, "{choice:?}");
        assert!(
            seen.head.contains("content-type: application/x-tar\r\n"),
            "{}",
            seen.head
        );
    }
}

const CANARY: &str = "canary-7f3a";

fn with_canary(path: &Path) -> BuildRequest {
    let mut request = builds_folder(path);
    request
        .options
        .build_args
        .insert("TOKEN".to_owned(), CANARY.to_owned());
    request.options.tags = vec![Reference::parse("a/b:1").unwrap()];
    request
}

/// The engine echoes nothing here; what the client itself says must not hold the value of an argument.
#[tokio::test]
async fn build_arguments_reach_the_engine_and_nobody_else() {
    let folder = folder_of(1);
    let request = with_canary(folder.path());
    for acts in [
        after_upload(stream(OK.lines())),
        after_upload(stream(RUN.lines())),
        after_upload(answer(500, "")),
        after_upload(answer(200, "garbage")),
        after_upload(answer(301, "")),
        after_upload(vec![Act::Send(b"SSH-2.0-x\r\n".to_vec())]),
        after_upload(vec![]),
        vec![],
    ] {
        let server = Engine::start(move |request: &Seen| {
            if request.is_build() {
                acts.clone()
            } else {
                image()
            }
        });
        let (client, events) = (server.client(), Events::new());
        let result = build_image(&client, &request, &events).await;
        let seen = server.observes(Seen::is_build).await;
        assert!(
            seen.target
                .contains(&format!("buildargs=%7B%22TOKEN%22%3A%22{CANARY}%22%7D")),
            "{}",
            seen.target
        );
        let told = format!(
            "{:?} {:?} {:?} {client:?}",
            events.all(),
            result.as_ref().err(),
            result.as_ref().ok()
        );
        assert!(!told.contains(CANARY), "{told}");
        if let Err(error) = &result {
            let mut cause: Option<&dyn std::error::Error> = Some(error);
            while let Some(error) = cause {
                assert!(!format!("{error} {error:?}").contains(CANARY));
                cause = error.source();
            }
        }
    }
}

#[tokio::test]
async fn an_inline_dockerfile_is_the_whole_context() {
    let request = classic(BuildSource::dockerfile("FROM scratch\n"));
    let (result, seen) = build(&request, after_upload(stream(OK.lines()))).await;
    result.unwrap();
    assert!(
        seen.target.contains("dockerfile=Dockerfile"),
        "{}",
        seen.target
    );
}
