//! A call whose future is dropped ends at the engine at once.

use std::sync::Arc;

use shipway_core::progress::{LayerState, NoProgress, ProgressEvent, StepState};
use shipway_core::{build_image, pull_image};
use tokio::sync::Notify;

use super::engine::{Act, Engine, Seen, open_stream};
use super::watching::{Events, builds_folder, folder_of, one_try};

const MIB: usize = 1024 * 1024;

/// Chunks that wait (1.25 MiB), the buffers of the client, and what lies in the socket.
const IN_TRANSIT: usize = 4 * MIB;

#[tokio::test]
async fn a_pull_that_is_dropped_before_the_head_of_the_answer_closes_its_connection() {
    let server = Engine::start(|_: &Seen| vec![Act::AwaitClose]);
    let (client, request) = (server.client(), one_try("a/b:1"));
    tokio::select! {
        result = pull_image(&client, &request, &NoProgress) => panic!("{result:?}"),
        _ = server.observes(Seen::is_pull) => {}
    }
    server.observes(|seen| seen.is_closed).await;
}

#[tokio::test]
async fn a_pull_that_is_dropped_while_it_downloads_closes_its_connection() {
    let server = Engine::start(|_: &Seen| {
        let frame = r#"{"status":"Downloading","progressDetail":{"current":1,"total":9},"id":"a"}"#;
        vec![Act::Send(open_stream([frame])), Act::AwaitClose]
    });
    let (client, request, events) = (server.client(), one_try("a/b:1"), Events::new());
    tokio::select! {
        result = pull_image(&client, &request, &events) => panic!("{result:?}"),
        () = events.until(|event| matches!(event, ProgressEvent::Layer(layer) if layer.state == LayerState::Downloading)) => {}
    }
    server.observes(|seen| seen.is_closed).await;
}

#[tokio::test]
async fn a_pull_that_is_dropped_while_it_inspects_closes_its_connection() {
    let server = Engine::start(|request: &Seen| {
        if request.is_pull() {
            super::engine::stream([r#"{"status":"Status: Image is up to date for a/b:1"}"#])
        } else {
            vec![Act::AwaitClose]
        }
    });
    let (client, request) = (server.client(), one_try("a/b:1"));
    tokio::select! {
        result = pull_image(&client, &request, &NoProgress) => panic!("{result:?}"),
        _ = server.observes(|seen| !seen.is_pull()) => {}
    }
    server
        .observes(|seen| !seen.is_pull() && seen.is_closed)
        .await;
}

#[tokio::test]
async fn a_build_that_is_dropped_while_the_engine_reads_nothing_has_sent_little() {
    let drop_it = Arc::new(Notify::new());
    let go = Arc::clone(&drop_it);
    let server = Engine::start(move |_: &Seen| vec![Act::Wait(Arc::clone(&go)), Act::AwaitClose]);
    let folder = folder_of(64 * MIB);
    let (client, request) = (server.client(), builds_folder(folder.path()));
    tokio::select! {
        result = build_image(&client, &request, &NoProgress) => panic!("{:?}", result.err()),
        _ = server.observes(Seen::is_build) => {}
    }
    drop_it.notify_one();
    let seen = server.observes(|seen| seen.is_closed).await;
    assert!(seen.body.len() < IN_TRANSIT, "{}", seen.body.len());
}

#[tokio::test]
async fn a_build_that_is_dropped_in_the_middle_of_the_upload_stops_sending() {
    let (half, rest) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, go) = (Arc::clone(&half), Arc::clone(&rest));
    let server = Engine::start(move |_: &Seen| {
        vec![
            Act::TakeBytes(16 * MIB),
            Act::Tell(Arc::clone(&told)),
            Act::Wait(Arc::clone(&go)),
            Act::AwaitClose,
        ]
    });
    let folder = folder_of(64 * MIB);
    let (client, request) = (server.client(), builds_folder(folder.path()));
    tokio::select! {
        result = build_image(&client, &request, &NoProgress) => panic!("{:?}", result.err()),
        () = half.notified() => {}
    }
    rest.notify_one();
    let seen = server.observes(|seen| seen.is_closed).await;
    assert!(
        (16 * MIB..16 * MIB + IN_TRANSIT).contains(&seen.body.len()),
        "{}",
        seen.body.len()
    );
}

#[tokio::test]
async fn a_build_that_is_dropped_while_a_step_runs_tells_so_and_closes_its_connection() {
    let server = Engine::start(|_: &Seen| {
        vec![
            Act::TakeBody,
            Act::Send(open_stream([r#"{"stream":"Step 1/2 : RUN sleep 1d"}"#])),
            Act::AwaitClose,
        ]
    });
    let folder = folder_of(1);
    let (client, request) = (server.client(), builds_folder(folder.path()));
    let events = Events::new();
    tokio::select! {
        result = build_image(&client, &request, &events) => panic!("{:?}", result.err()),
        () = events.until(|event| matches!(event, ProgressEvent::Step(step) if step.state == StepState::Running)) => {}
    }
    let events = events.all();
    assert!(
        matches!(events.last(), Some(ProgressEvent::Step(step)) if step.state == StepState::Canceled && step.duration_ms.is_some()),
        "{events:?}"
    );
    server.observes(|seen| seen.is_closed).await;
}
