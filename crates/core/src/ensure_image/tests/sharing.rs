use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

use super::*;
use crate::credentials::Credentials;
use crate::engine::double::Scripted;
use crate::progress::{AttemptPhase, ProgressEvent, StepState};

/// An engine whose pull waits for the bell.
fn gated() -> (Arc<DoubleEngine>, Arc<Notify>) {
    let bell = Arc::new(Notify::new());
    let waits = Scripted::Waits(bell.clone(), image('a').into());
    (Arc::new(DoubleEngine::default().on(HUB, waits)), bell)
}

/// A call with its own task and the events that it has been told.
struct Call {
    task: JoinHandle<Result<ReadyImage>>,
    events: Arc<Mutex<Vec<ProgressEvent>>>,
}

fn call(engine: &Arc<DoubleEngine>, request: &EnsureRequest, in_flight: &InFlight) -> Call {
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = events.clone();
    let (engine, request, in_flight) = (engine.clone(), request.clone(), in_flight.clone());
    let task = tokio::spawn(async move {
        let sink = |event: &ProgressEvent| told.lock().unwrap().push(event.clone());
        ensure_image(engine, &request, &in_flight, &sink).await
    });
    Call { task, events }
}

/// Lets every task run as far as it can.
async fn settle() {
    for _ in 0..50 {
        yield_now().await;
    }
}

fn pulls(engine: &DoubleEngine) -> usize {
    let calls = engine.calls();
    calls
        .iter()
        .filter(|call| call.starts_with("pull "))
        .count()
}

fn gave_up(engine: &DoubleEngine) -> bool {
    engine
        .calls()
        .iter()
        .any(|call| call.starts_with("given up"))
}

#[tokio::test(start_paused = true)]
async fn twenty_calls_are_one_look_and_one_pull() {
    let (engine, bell) = gated();
    let in_flight = InFlight::default();
    let request = request(EnsurePolicy::Missing);
    let calls: Vec<Call> = (0..20)
        .map(|_| call(&engine, &request, &in_flight))
        .collect();
    settle().await;
    bell.notify_one();
    for ready in join_all(calls.into_iter().map(|call| call.task)).await {
        let ready = ready.unwrap().unwrap();
        assert_eq!((ready.origin, ready.source.as_str()), (Origin::Pulled, HUB));
    }
    assert_eq!(pulls(&engine), 1);
    assert_eq!(
        engine.calls()[..3],
        [
            format!("inspect {HUB}"),
            format!("inspect {GHCR}"),
            format!("pull {HUB}")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_caller_may_leave_and_the_last_one_ends_the_work() {
    let (engine, _bell) = gated();
    let in_flight = InFlight::default();
    let request = request(EnsurePolicy::Missing);
    let [first, second] = [(); 2].map(|()| call(&engine, &request, &in_flight));
    settle().await;
    first.task.abort();
    settle().await;
    assert!(!gave_up(&engine));
    second.task.abort();
    settle().await;
    assert_eq!(
        engine.calls().last(),
        Some(&format!("given up: pull {HUB}"))
    );
    assert_eq!(format!("{in_flight:?}"), "InFlight { flights: 0 }");
}

#[tokio::test(start_paused = true)]
async fn who_comes_after_the_last_one_has_left_begins_anew() {
    let (engine, _bell) = gated();
    let in_flight = InFlight::default();
    let request = request(EnsurePolicy::Missing);
    let first = call(&engine, &request, &in_flight);
    settle().await;
    first.task.abort();
    let _ = first.task.await;
    // The script has no answer for a second pull.
    let second = call(&engine, &request, &in_flight).task.await.unwrap();
    assert_eq!(second.unwrap_err().kind, ErrorKind::Internal);
    assert_eq!(pulls(&engine), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_and_forgotten() {
    let engine = DoubleEngine::default().fails(HUB, ErrorKind::DigestMismatch, 1);
    let engine = Arc::new(engine.on(HUB, Scripted::Serves(image('a').into())));
    let in_flight = InFlight::default();
    let request = request(EnsurePolicy::Missing);
    let calls = [(); 3].map(|()| call(&engine, &request, &in_flight));
    for call in calls {
        let error = call.task.await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind, error.attempts.len()),
            (ErrorKind::DigestMismatch, 1)
        );
    }
    let again = call(&engine, &request, &in_flight).task.await.unwrap();
    assert_eq!(again.unwrap().origin, Origin::Pulled);
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_the_work_strands_nobody() {
    let engine = Arc::new(DoubleEngine::default().on(HUB, Scripted::Panics));
    let in_flight = InFlight::default();
    let request = request(EnsurePolicy::Missing);
    let calls = [(); 2].map(|()| call(&engine, &request, &in_flight));
    for call in calls {
        let error = call.task.await.unwrap().unwrap_err();
        assert_eq!(error.message, "the library panicked: as scripted");
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_ends_its_own_call_only() {
    let (engine, bell) = gated();
    let in_flight = InFlight::default();
    let request = request(EnsurePolicy::Missing);
    let broken = {
        let (engine, request, in_flight) = (engine.clone(), request.clone(), in_flight.clone());
        tokio::spawn(async move {
            let sink = |_: &ProgressEvent| panic!("a listener");
            ensure_image(engine, &request, &in_flight, &sink).await
        })
    };
    let other = call(&engine, &request, &in_flight);
    settle().await;
    assert!(broken.await.unwrap_err().is_panic());
    bell.notify_one();
    assert!(other.task.await.unwrap().is_ok());
    assert_eq!(pulls(&engine), 1);
}

#[tokio::test]
async fn the_end_of_the_runtime_that_does_the_work_strands_no_other() {
    let (engine, _bell) = gated();
    let in_flight = InFlight::default();
    let request = request(EnsurePolicy::Missing);
    let elsewhere = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let events = elsewhere.spawn({
        let (engine, request, in_flight) = (engine.clone(), request.clone(), in_flight.clone());
        async move { ensure_image(engine, &request, &in_flight, &NoProgress).await }
    });
    while pulls(&engine) == 0 {
        yield_now().await;
    }
    let here = call(&engine, &request, &in_flight);
    settle().await;
    elsewhere.shutdown_background();
    let error = here.task.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal);
    drop(events);
}

#[tokio::test(start_paused = true)]
async fn each_caller_has_its_own_time() {
    let (engine, bell) = gated();
    let in_flight = InFlight::default();
    let patient = request(EnsurePolicy::Missing);
    let mut hasty = patient.clone();
    hasty.timeouts.total = Some(Duration::from_secs(3));
    let started = Instant::now();
    let hasty = call(&engine, &hasty, &in_flight);
    let patient = call(&engine, &patient, &in_flight);
    let error = hasty.task.await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind, started.elapsed()),
        (ErrorKind::Deadline, Duration::from_secs(3))
    );
    assert_eq!(error.attempts[0].code, Some(ErrorKind::Deadline));
    assert_eq!(error.attempts[0].duration_ms, 3000);
    let last = hasty.events.lock().unwrap().last().cloned();
    assert!(
        matches!(&last, Some(ProgressEvent::Attempt(it)) if it.phase == AttemptPhase::Failed),
        "{last:?}"
    );
    bell.notify_one();
    let ready = patient.task.await.unwrap().unwrap();
    assert_eq!((ready.duration_ms, pulls(&engine)), (3000, 1));
}

#[tokio::test(start_paused = true)]
async fn who_comes_late_is_told_where_everything_stands() {
    let (engine, bell) = gated();
    let in_flight = InFlight::default();
    let request = request(EnsurePolicy::Missing);
    let early = call(&engine, &request, &in_flight);
    settle().await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let late = call(&engine, &request, &in_flight);
    settle().await;
    bell.notify_one();
    let [early_image, late_image] = [
        early.task.await.unwrap().unwrap(),
        late.task.await.unwrap().unwrap(),
    ];
    assert_eq!((early_image.duration_ms, late_image.duration_ms), (7000, 0));
    let mut told = early.events.lock().unwrap().clone();
    assert!(matches!(told[0], ProgressEvent::Attempt(_)));
    assert!(matches!(told[1], ProgressEvent::Layer(_)));
    // The first sum, which another followed before the second call came.
    assert!(matches!(told.remove(2), ProgressEvent::Total(_)));
    assert_eq!(*late.events.lock().unwrap(), told);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_a_build_is_told_that_its_steps_are_given_up() {
    let engine = Arc::new(DoubleEngine::default().on("build", Scripted::Hangs));
    let in_flight = InFlight::default();
    let request = buildable(EnsurePolicy::Never);
    let [first, second] = [(); 2].map(|()| call(&engine, &request, &in_flight));
    settle().await;
    first.task.abort();
    settle().await;
    let canceled = |call: &Call| {
        let last = call.events.lock().unwrap().last().cloned();
        matches!(last, Some(ProgressEvent::Step(step)) if step.state == StepState::Canceled)
    };
    assert_eq!((canceled(&first), canceled(&second)), (true, false));
    assert!(!gave_up(&engine));
    second.task.abort();
    settle().await;
    assert!(canceled(&second) && gave_up(&engine));
}

/// What two calls may differ in, and whether they still share their work.
#[tokio::test(start_paused = true)]
async fn calls_share_what_is_the_same_work_and_nothing_else() {
    let mut differences: Vec<(&str, bool, EnsureRequest)> = Vec::new();
    let base = buildable(EnsurePolicy::Missing);
    let mut add = |name, is_shared, change: &dyn Fn(&mut EnsureRequest)| {
        let mut other = base.clone();
        change(&mut other);
        differences.push((name, is_shared, other));
    };
    add("nothing", true, &|_| {});
    add("the time of the call", true, &|it| {
        it.timeouts.total = Some(Duration::from_secs(900));
    });
    add("the time of the build", true, &|it| it.build_timeout = None);
    add("the way to the engine", true, &|it| {
        it.timeouts.connect = Duration::from_secs(1);
    });
    add("the name", false, &|it| {
        it.reference = reference("acme/b:1");
    });
    add("the sources", false, &|it| it.fallbacks = Some(Vec::new()));
    add("the policy", false, &|it| it.policy = EnsurePolicy::Always);
    add("the platform", false, &|it| {
        it.platform = Some(Platform::parse("linux/arm64").unwrap());
    });
    add("no build", false, &|it| it.build = None);
    add("another build", false, &|it| {
        let build = it.build.as_mut().unwrap();
        build.options.build_args.insert("A".into(), "1".into());
    });
    add("the tries", false, &|it| it.retry.attempts = 1);
    add("the patience", false, &|it| it.timeouts.stall = None);
    add("the login", false, &|it| {
        let login = Credentials::password("ada", "hunter2");
        it.credentials.give("docker.io", login).unwrap();
    });
    for (name, is_shared, other) in differences {
        let engine = DoubleEngine::default();
        let engine = [HUB, "docker.io/acme/b:1", GHCR]
            .iter()
            .fold(engine, |engine, name| {
                engine.on(name, Scripted::Hangs).on(name, Scripted::Hangs)
            });
        let engine = Arc::new(engine);
        let in_flight = InFlight::default();
        let calls = [&base, &other].map(|request| call(&engine, request, &in_flight));
        settle().await;
        let flights = if is_shared { 1 } else { 2 };
        assert_eq!(
            format!("{in_flight:?}"),
            format!("InFlight {{ flights: {flights} }}"),
            "{name}"
        );
        for call in calls {
            call.task.abort();
        }
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_defaults_of_the_opencode_image_are_the_same_as_their_names() {
    let engine = DoubleEngine::default();
    let hub = "docker.io/prizz/opencode-cloud-sandbox:latest";
    let engine = Arc::new(engine.on(hub, Scripted::Hangs));
    let in_flight = InFlight::default();
    let unnamed = EnsureRequest::opencode().unwrap();
    let named = EnsureRequest {
        fallbacks: Some(vec![reference("ghcr.io/prizz/opencode-cloud-sandbox")]),
        ..unnamed.clone()
    };
    let calls = [&unnamed, &named].map(|request| call(&engine, request, &in_flight));
    settle().await;
    assert_eq!(format!("{in_flight:?}"), "InFlight { flights: 1 }");
    for call in calls {
        call.task.abort();
    }
}
