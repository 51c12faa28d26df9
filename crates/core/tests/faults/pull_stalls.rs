//! A pull in which nothing moves is given up, however alive the connection looks.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use shipway_core::ErrorKind;
use shipway_core::engine::Engine as _;
use shipway_core::progress::{LayerState, ProgressEvent};
use tokio::sync::Notify;
use tokio::time::advance;

use super::engine::{Act, Engine, Seen, chunk, head, open_stream};
use super::watching::{Events, StoppedClock, engine_pull, settle};

const ALMOST: Duration = Duration::from_secs(59);
const REST: Duration = Duration::from_secs(1);

const WAITING: &str = r#"{"status":"Pulling fs layer","progressDetail":{},"id":"a"}"#;

fn is_layer(state: LayerState) -> impl Fn(&ProgressEvent) -> bool {
    move |event| matches!(event, ProgressEvent::Layer(layer) if layer.state == state)
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_takes_the_request_and_says_nothing_is_a_stall() {
    let _clock = StoppedClock::new();
    let server = Engine::start(|_: &Seen| vec![Act::AwaitClose]);
    let (client, events, request) = (server.client(), Events::new(), engine_pull("a/b:1"));
    {
        let mut pull = pin!(client.pull(&request, &events));
        tokio::select! {
            biased;
            result = &mut pull => panic!("{result:?}"),
            _ = server.observes(Seen::is_pull) => {}
        }
        advance(ALMOST).await;
        assert!(settle(&mut pull).await.is_none());
        advance(REST).await;
        let error = settle(&mut pull).await.unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Stalled, "{error}");
        assert_eq!(
            error.message,
            "cannot pull `docker.io/a/b:1`: nothing moved for 60 s"
        );
    }
    server.observes(|seen| seen.is_closed).await;
}

#[tokio::test(start_paused = true)]
async fn silence_after_some_frames_is_a_stall_and_closes_the_connection() {
    let _clock = StoppedClock::new();
    let server = Engine::start(|_: &Seen| vec![Act::Send(open_stream([WAITING])), Act::AwaitClose]);
    let (client, events, request) = (server.client(), Events::new(), engine_pull("a/b:1"));
    {
        let mut pull = pin!(client.pull(&request, &events));
        tokio::select! {
            biased;
            result = &mut pull => panic!("{result:?}"),
            () = events.until(is_layer(LayerState::Waiting)) => {}
        }
        advance(ALMOST).await;
        assert!(settle(&mut pull).await.is_none());
        advance(REST).await;
        let error = settle(&mut pull).await.unwrap().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Stalled, "{error}");
    }
    server.observes(|seen| seen.is_closed).await;
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_is_no_movement() {
    let _clock = StoppedClock::new();
    let half = Arc::new(Notify::new());
    let go = Arc::clone(&half);
    let server = Engine::start(move |_: &Seen| {
        vec![
            Act::Send(open_stream([WAITING])),
            Act::Wait(Arc::clone(&go)),
            Act::Send(chunk(b"{\"status\":\"Downl")),
            Act::AwaitClose,
        ]
    });
    let (client, events, request) = (server.client(), Events::new(), engine_pull("a/b:1"));
    let mut pull = pin!(client.pull(&request, &events));
    tokio::select! {
        biased;
        result = &mut pull => panic!("{result:?}"),
        () = events.until(is_layer(LayerState::Waiting)) => {}
    }
    advance(ALMOST).await;
    let sent = server.seen()[0].sent_bytes;
    half.notify_one();
    tokio::select! {
        biased;
        result = &mut pull => panic!("{result:?}"),
        _ = server.observes(|seen| seen.sent_bytes > sent) => {}
    }
    assert!(settle(&mut pull).await.is_none());
    advance(REST).await;
    let error = settle(&mut pull).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Stalled, "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_same_frames_for_ever_are_a_stall() {
    let _clock = StoppedClock::new();
    let downloading =
        r#"{"status":"Downloading","progressDetail":{"current":5,"total":9},"id":"a"}"#;
    let other = r#"{"status":"Extracting","progressDetail":{"current":7,"total":9},"id":"b"}"#;
    let same = [downloading, other].map(|frame| chunk(frame.as_bytes()));
    let server = Engine::start(move |_: &Seen| {
        vec![
            Act::Send(open_stream([downloading, other])),
            Act::Repeat(same.concat()),
        ]
    });
    let (client, events, request) = (server.client(), Events::new(), engine_pull("a/b:1"));
    {
        let mut pull = pin!(client.pull(&request, &events));
        tokio::select! {
            biased;
            result = &mut pull => panic!("{result:?}"),
            () = events.until(is_layer(LayerState::Extracting)) => {}
        }
        advance(ALMOST).await;
        assert!(settle(&mut pull).await.is_none());
        advance(REST).await;
        let error = pull.await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Stalled, "{error}");
        assert_eq!(events.all().len(), 2, "a repetition is no event");
    }
    server.observes(|seen| seen.is_closed).await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_changes_sets_the_watch_back() {
    let _clock = StoppedClock::new();
    let next = Arc::new(Notify::new());
    let go = Arc::clone(&next);
    let server = Engine::start(move |_: &Seen| {
        let count = |current: u32| {
            let frame = format!(
                r#"{{"status":"Downloading","progressDetail":{{"current":{current},"total":9}},"id":"a"}}"#
            );
            chunk(frame.as_bytes())
        };
        vec![
            Act::Send(open_stream([WAITING])),
            Act::Wait(Arc::clone(&go)),
            Act::Send(count(1)),
            Act::Wait(Arc::clone(&go)),
            Act::Send(count(2)),
            Act::AwaitClose,
        ]
    });
    let (client, events, request) = (server.client(), Events::new(), engine_pull("a/b:1"));
    let mut pull = pin!(client.pull(&request, &events));
    for bytes in [None, Some(1), Some(2)] {
        tokio::select! {
            biased;
            result = &mut pull => panic!("{result:?}"),
            () = events.until(|event| matches!(event, ProgressEvent::Layer(layer) if layer.current_bytes == bytes)) => {}
        }
        advance(ALMOST).await;
        assert!(settle(&mut pull).await.is_none(), "after {bytes:?}");
        next.notify_one();
    }
    advance(REST).await;
    let error = settle(&mut pull).await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Stalled, "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_silence_is_allowed() {
    let _clock = StoppedClock::new();
    let server = Engine::start(|_: &Seen| vec![Act::Send(open_stream([WAITING])), Act::AwaitClose]);
    let (client, events, mut request) = (server.client(), Events::new(), engine_pull("a/b:1"));
    request.stall = None;
    let mut pull = pin!(client.pull(&request, &events));
    tokio::select! {
        biased;
        result = &mut pull => panic!("{result:?}"),
        () = events.until(is_layer(LayerState::Waiting)) => {}
    }
    advance(ALMOST * 1000).await;
    assert!(settle(&mut pull).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_words_never_come_is_known_by_its_status() {
    let _clock = StoppedClock::new();
    let server = Engine::start(|_: &Seen| {
        vec![
            Act::Send(head(500, "Transfer-Encoding: chunked\r\n")),
            Act::AwaitClose,
        ]
    });
    let (client, events, request) = (server.client(), Events::new(), engine_pull("a/b:1"));
    let mut pull = pin!(client.pull(&request, &events));
    tokio::select! {
        biased;
        result = &mut pull => panic!("{result:?}"),
        _ = server.observes(|seen| seen.sent_bytes > 0) => {}
    }
    assert!(settle(&mut pull).await.is_none());
    advance(Duration::from_secs(10)).await;
    let error = settle(&mut pull).await.expect("it ends").unwrap_err();
    assert_eq!(error.kind, ErrorKind::EngineError, "{error}");
    assert_eq!(
        error.message,
        "cannot pull `docker.io/a/b:1`: the engine answered 500 without a word"
    );
}

#[tokio::test(start_paused = true)]
async fn an_inspection_that_is_never_answered_ends() {
    for (sent, kind) in [
        (Vec::new(), ErrorKind::Timeout),
        (head(200, "Content-Length: 100\r\n"), ErrorKind::Timeout),
        (
            head(404, "Content-Length: 100\r\n"),
            ErrorKind::EngineProtocol,
        ),
        (head(500, "Content-Length: 100\r\n"), ErrorKind::EngineError),
    ] {
        let _clock = StoppedClock::new();
        let answer = sent.clone();
        let server =
            Engine::start(move |_: &Seen| vec![Act::Send(answer.clone()), Act::AwaitClose]);
        let client = server.client();
        let name = engine_pull("a/b:1").reference.into();
        let mut inspection = pin!(client.inspect(&name, None));
        tokio::select! {
            biased;
            result = &mut inspection => panic!("{result:?}"),
            _ = server.observes(|seen| seen.sent_bytes == sent.len()) => {}
        }
        assert!(settle(&mut inspection).await.is_none());
        advance(Duration::from_secs(60)).await;
        let error = settle(&mut inspection).await.expect("it ends").unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
    }
}
