use shipway_core::progress::{
    AttemptPhase, Attempted, Context, Layer, Log, LogStream, Status, Total,
};

use super::*;

fn layer(id: &str, state: LayerState, bytes: u64) -> ProgressEvent {
    ProgressEvent::Layer(Layer {
        current_bytes: Some(bytes),
        ..Layer::new(id, state)
    })
}

fn total(bytes: u64) -> ProgressEvent {
    ProgressEvent::Total(Total {
        layers_done: 0,
        layers_total: 1,
        current_bytes: bytes,
        total_bytes: 9,
        total_is_final: true,
        bytes_per_second: None,
        eta_ms: None,
    })
}

fn attempt(number: u32) -> ProgressEvent {
    ProgressEvent::Attempt(Attempted {
        reference: "a".to_owned(),
        registry: "b".to_owned(),
        attempt: number,
        attempts: 3,
        phase: AttemptPhase::Starting,
        delay_ms: None,
        code: None,
        message: None,
    })
}

fn line(text: &str) -> ProgressEvent {
    ProgressEvent::Log(Log {
        step: None,
        stream: LogStream::Stdout,
        text: text.to_owned(),
    })
}

/// What comes out, in short.
fn shown(pending: &mut Pending) -> Vec<String> {
    std::iter::from_fn(|| pending.pop())
        .map(|event| match event {
            ProgressEvent::Layer(layer) => {
                format!(
                    "{} {:?} {}",
                    layer.id,
                    layer.state,
                    layer.current_bytes.unwrap()
                )
            }
            ProgressEvent::Total(total) => format!("total {}", total.current_bytes),
            ProgressEvent::Context(context) => format!("context {}", context.files_sent),
            ProgressEvent::Attempt(attempted) => format!("attempt {}", attempted.attempt),
            ProgressEvent::Log(log) => log.text,
            ProgressEvent::Status(status) => status.message,
            other => format!("{other:?}"),
        })
        .collect()
}

fn pending(events: impl IntoIterator<Item = ProgressEvent>) -> Pending {
    let mut pending = Pending::default();
    events.into_iter().for_each(|event| pending.push(event));
    pending
}

#[test]
fn a_newer_count_takes_the_place_of_an_older_one() {
    use LayerState::Downloading;

    let mut pending = pending([
        layer("a", Downloading, 1),
        total(1),
        layer("b", Downloading, 2),
        layer("a", Downloading, 3),
        total(5),
    ]);
    assert_eq!(
        shown(&mut pending),
        ["a Downloading 3", "total 5", "b Downloading 2"]
    );
}

#[test]
fn no_change_of_state_is_lost_or_overtaken() {
    use LayerState::{Complete, Downloading, Retrying};

    let states = [Downloading, Retrying, Downloading, Complete, Complete];
    let mut pending = pending(states.map(|state| layer("a", state, 1)));
    assert_eq!(
        shown(&mut pending),
        [
            "a Downloading 1",
            "a Retrying 1",
            "a Downloading 1",
            "a Complete 1"
        ]
    );
}

#[test]
fn a_count_that_was_taken_out_gets_no_successor_in_its_place() {
    let mut pending = pending([total(1)]);
    assert_eq!(shown(&mut pending), ["total 1"]);
    pending.push(total(2));
    pending.push(total(3));
    assert_eq!(shown(&mut pending), ["total 3"]);
}

#[test]
fn a_count_stays_with_its_try() {
    let mut pending = pending([attempt(1), total(5), attempt(2), total(1), total(2)]);
    assert_eq!(
        shown(&mut pending),
        ["attempt 1", "total 5", "attempt 2", "total 2"]
    );
}

#[test]
fn the_end_of_a_context_is_a_change_of_state() {
    let context = |files_sent, done| {
        ProgressEvent::Context(Context {
            files_sent,
            bytes_sent: 0,
            files_total: None,
            done,
        })
    };
    let mut pending = pending([context(1, false), context(2, false), context(3, true)]);
    assert_eq!(shown(&mut pending), ["context 2", "context 3"]);
}

#[test]
fn lines_keep_their_place_among_the_rest() {
    let status = ProgressEvent::Status(Status {
        step: None,
        message: "status".to_owned(),
    });
    let mut pending = pending([line("one"), attempt(1), status, line("two"), attempt(2)]);
    assert_eq!(
        shown(&mut pending),
        ["one", "attempt 1", "status", "two", "attempt 2"]
    );
}

#[test]
fn the_oldest_lines_beyond_the_bound_are_dropped_and_counted_once() {
    let mut pending = pending((0..MAX_LINES + 5).map(|index| line(&index.to_string())));
    let lines = shown(&mut pending);
    assert_eq!((lines.len(), lines[0].as_str()), (MAX_LINES, "5"));
    assert!(pending.has_mail(true) && !pending.has_mail(false));
    let Some(ProgressEvent::Warning(warning)) = pending.loss("the listener") else {
        panic!("no warning");
    };
    assert_eq!(warning.code, "LOG_LINES_DROPPED");
    assert!(
        warning.message.starts_with("5 lines"),
        "{}",
        warning.message
    );
    assert_eq!(pending.loss("the listener"), None);
    assert!(!pending.has_mail(true));
}

#[test]
fn long_lines_are_bounded_by_their_bytes() {
    let long = "x".repeat(MAX_LINE_BYTES / 4);
    let mut pending = pending((0..9).map(|_| line(&long)));
    assert_eq!(shown(&mut pending).len(), 4);
    pending.push(line("short"));
    assert_eq!(shown(&mut pending), ["short"]);
}
