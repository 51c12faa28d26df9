use tokio::time::Instant;

use crate::ensure_image::history::History;
use crate::progress::{
    AttemptPhase, Attempted, Layer, LayerState, Log, LogStream, ProgressEvent, Step, StepState,
    Total, Warning,
};

fn attempt(registry: &str, phase: AttemptPhase) -> ProgressEvent {
    ProgressEvent::Attempt(Attempted {
        reference: format!("{registry}/acme/app:1"),
        registry: registry.to_owned(),
        attempt: 1,
        attempts: 3,
        phase,
        delay_ms: None,
        code: None,
        message: None,
    })
}

fn layer(id: &str, state: LayerState) -> ProgressEvent {
    ProgressEvent::Layer(Layer::new(id, state))
}

fn total(bytes: u64) -> ProgressEvent {
    ProgressEvent::Total(Total {
        layers_done: 0,
        layers_total: 2,
        current_bytes: bytes,
        total_bytes: 9,
        total_is_final: true,
        bytes_per_second: None,
        eta_ms: None,
    })
}

fn step(id: &str, state: StepState) -> ProgressEvent {
    ProgressEvent::Step(Step {
        id: id.to_owned(),
        name: format!("RUN {id}"),
        index: Some(1),
        of: Some(1),
        state,
        stage: None,
        platform: None,
        duration_ms: None,
    })
}

fn line(step: &str, text: &str) -> ProgressEvent {
    ProgressEvent::Log(Log {
        step: Some(step.to_owned()),
        stream: LogStream::Stdout,
        text: text.to_owned(),
    })
}

fn history(events: &[ProgressEvent]) -> History {
    let mut history = History::default();
    for event in events {
        history.record(event, Instant::now());
    }
    history
}

fn replayed(events: &[ProgressEvent]) -> Vec<ProgressEvent> {
    history(events).replay().collect()
}

#[test]
fn of_a_layer_the_last_state_is_told_and_the_sum_after_all_layers() {
    let events = [
        attempt("docker.io", AttemptPhase::Starting),
        layer("a", LayerState::Waiting),
        total(0),
        layer("b", LayerState::Waiting),
        layer("a", LayerState::Downloading),
        total(5),
    ];
    assert_eq!(
        replayed(&events),
        [
            attempt("docker.io", AttemptPhase::Starting),
            layer("a", LayerState::Downloading),
            layer("b", LayerState::Waiting),
            total(5),
        ]
    );
}

#[test]
fn of_a_source_that_failed_no_layer_is_told() {
    let events = [
        attempt("docker.io", AttemptPhase::Starting),
        layer("a", LayerState::Downloading),
        total(5),
        attempt("docker.io", AttemptPhase::FallingBack),
        attempt("ghcr.io", AttemptPhase::Starting),
        layer("c", LayerState::Waiting),
    ];
    assert_eq!(
        replayed(&events),
        [
            attempt("docker.io", AttemptPhase::FallingBack),
            attempt("ghcr.io", AttemptPhase::Starting),
            layer("c", LayerState::Waiting),
        ]
    );
    let history = history(&events);
    assert_eq!(history.attempts().len(), 1);
    let (_, current) = history.current(Instant::now()).unwrap();
    assert_eq!(current.registry, "ghcr.io");
}

#[test]
fn the_lines_of_a_step_are_told_between_its_beginning_and_its_end() {
    let events = [
        step("a", StepState::Running),
        line("a", "1"),
        step("b", StepState::Running),
        step("a", StepState::Done),
    ];
    assert_eq!(replayed(&events), events);
    let running = history(&events).running();
    let names: Vec<&str> = running.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["RUN b"]);
}

#[test]
fn a_step_that_is_at_work_again_has_not_ended() {
    let events = [
        step("a", StepState::Running),
        step("a", StepState::Done),
        step("a", StepState::Running),
    ];
    assert_eq!(replayed(&events), [step("a", StepState::Running)]);
    assert_eq!(history(&events).running().len(), 1);
}

#[test]
fn only_the_last_lines_are_kept_and_every_state() {
    let mut events = vec![step("a", StepState::Running)];
    events.extend((0..1000).map(|number| line("a", &number.to_string())));
    events.extend(
        (0..1000).map(|number| {
            ProgressEvent::Warning(Warning::new("BUILD_WARNING", number.to_string()))
        }),
    );
    let replayed = replayed(&events);
    assert_eq!(replayed.len(), 401);
    assert_eq!(replayed[0], step("a", StepState::Running));
    assert_eq!(replayed[1], line("a", "800"));
    let (name, tail) = history(&events).at_work().unwrap();
    assert_eq!((name.as_str(), tail.len()), ("RUN a", 20));
    assert_eq!(tail.last().map(String::as_str), Some("999"));
}
