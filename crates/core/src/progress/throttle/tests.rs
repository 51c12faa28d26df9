use std::collections::HashMap;

use super::*;
use crate::progress::{Status, Step, StepState};

/// Feeds a throttle and keeps what it tells.
#[derive(Default)]
struct Probe {
    throttle: Throttle,
    told: Vec<ProgressEvent>,
}

impl Probe {
    fn admit(&mut self, millis: u64, event: ProgressEvent) {
        let Self { throttle, told } = self;
        throttle.admit(event, Duration::from_millis(millis), &mut |it| {
            told.push(it);
        });
    }

    fn count(&mut self, millis: u64, id: &str, bytes: u64) {
        self.admit(millis, count(id, bytes));
    }

    fn state(&mut self, millis: u64, id: &str, state: LayerState) {
        self.admit(millis, ProgressEvent::Layer(Layer::new(id, state)));
    }

    fn due(&mut self, millis: u64) {
        let Self { throttle, told } = self;
        throttle.due(Duration::from_millis(millis), &mut |it| told.push(it));
    }

    fn flush(&mut self) {
        let Self { throttle, told } = self;
        throttle.flush(&mut |it| told.push(it));
    }

    /// What was told of layers since the last call, briefly.
    fn layers(&mut self) -> Vec<String> {
        let told = self.told.drain(..);
        told.filter_map(|event| match event {
            ProgressEvent::Layer(layer) => Some(match layer.current_bytes {
                Some(bytes) => format!("{} {bytes}", layer.id),
                None => format!("{} {:?}", layer.id, layer.state),
            }),
            _ => None,
        })
        .collect()
    }

    fn totals(&mut self) -> Vec<Total> {
        let told = self.told.drain(..);
        told.filter_map(|event| match event {
            ProgressEvent::Total(total) => Some(total),
            _ => None,
        })
        .collect()
    }
}

fn count(id: &str, bytes: u64) -> ProgressEvent {
    let layer = Layer::new(id, LayerState::Downloading);
    ProgressEvent::Layer(Layer {
        current_bytes: Some(bytes),
        total_bytes: Some(1000),
        ..layer
    })
}

fn attempt(registry: &str, attempt: u32, phase: AttemptPhase) -> ProgressEvent {
    ProgressEvent::Attempt(Attempted {
        reference: "docker.io/acme/app:1.4".to_owned(),
        registry: registry.to_owned(),
        attempt,
        attempts: 3,
        phase,
        delay_ms: None,
        code: None,
        message: None,
    })
}

#[test]
fn counts_of_one_layer_come_at_most_ten_times_a_second() {
    let mut probe = Probe::default();
    for millis in 0..1000 {
        probe.count(millis, "a", millis);
    }
    assert_eq!(probe.layers().len(), 10);
}

#[test]
fn layers_do_not_hold_each_other_back() {
    let mut probe = Probe::default();
    probe.count(0, "a", 1);
    probe.count(0, "b", 1);
    assert_eq!(probe.layers(), ["a 1", "b 1"]);
}

#[test]
fn held_count_is_told_when_it_is_due() {
    let mut probe = Probe::default();
    probe.count(0, "a", 1);
    probe.count(50, "a", 2);
    probe.due(99);
    assert_eq!(probe.layers(), ["a 1"]);
    probe.due(100);
    assert_eq!(probe.layers(), ["a 2"]);
    probe.due(300);
    assert!(probe.told.is_empty());
}

#[test]
fn held_count_comes_right_before_the_next_state() {
    let mut probe = Probe::default();
    probe.count(0, "a", 1);
    probe.count(10, "a", 2);
    probe.count(20, "a", 1000);
    probe.state(21, "a", LayerState::Verifying);
    probe.state(21, "a", LayerState::Downloaded);
    assert_eq!(
        probe.layers(),
        ["a 1", "a 1000", "a Verifying", "a Downloaded"]
    );
}

#[test]
fn last_count_is_told_at_the_end() {
    let mut probe = Probe::default();
    probe.count(0, "a", 1);
    probe.count(10, "a", 2);
    probe.flush();
    assert_eq!(probe.layers(), ["a 1", "a 2"]);
    probe.flush();
    assert!(probe.told.is_empty());
}

#[test]
fn repeated_facts_are_told_once() {
    let mut probe = Probe::default();
    for millis in [0, 200, 400] {
        probe.state(millis, "a", LayerState::Waiting);
    }
    assert_eq!(probe.layers(), ["a Waiting"]);
}

#[test]
fn total_follows_every_change_of_the_layer_counts() {
    let mut probe = Probe::default();
    probe.state(0, "a", LayerState::Waiting);
    probe.state(0, "b", LayerState::Waiting);
    probe.state(1, "a", LayerState::Complete);
    probe.state(2, "b", LayerState::Complete);
    let counts = probe
        .totals()
        .into_iter()
        .map(|total| (total.layers_done, total.layers_total));
    assert_eq!(counts.collect::<Vec<_>>(), [(0, 1), (0, 2), (1, 2), (2, 2)]);
}

#[test]
fn total_of_moving_bytes_comes_at_most_ten_times_a_second() {
    let mut probe = Probe::default();
    for millis in 0..1000 {
        probe.count(millis, "a", millis);
        probe.count(millis, "b", millis);
    }
    // One more: the second layer made itself known.
    assert_eq!(probe.totals().len(), 11);
    probe.flush();
    assert_eq!(
        probe.totals().last().map(|total| total.current_bytes),
        Some(2 * 999)
    );
}

#[test]
fn totals_are_not_repeated() {
    let mut probe = Probe::default();
    probe.count(0, "a", 1);
    for millis in (100..20_000).step_by(100) {
        probe.due(millis);
    }
    let totals = probe.totals();
    assert!(totals.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(totals.last().unwrap().bytes_per_second, Some(0));
    assert!(totals.len() < 10, "{totals:?}");
}

#[test]
fn other_events_pass_at_once_and_in_order() {
    let mut probe = Probe::default();
    let status = ProgressEvent::Status(Status {
        step: None,
        message: "Digest: sha256:0".to_owned(),
    });
    let step = ProgressEvent::Step(Step {
        id: "1".to_owned(),
        name: "RUN true".to_owned(),
        index: None,
        of: None,
        state: StepState::Running,
        stage: None,
        platform: None,
        duration_ms: None,
    });
    probe.admit(0, status.clone());
    probe.admit(0, step.clone());
    probe.admit(0, step.clone());
    assert_eq!(probe.told, [status, step.clone(), step]);
}

#[test]
fn context_is_coalesced_but_for_its_end() {
    let context = |bytes_sent, done| {
        ProgressEvent::Context(Context {
            files_sent: 1,
            bytes_sent,
            files_total: None,
            done,
        })
    };
    let mut probe = Probe::default();
    for millis in 0..150 {
        probe.admit(millis, context(millis, false));
    }
    probe.admit(150, context(150, true));
    assert_eq!(
        probe.told,
        [
            context(0, false),
            context(100, false),
            context(149, false),
            context(150, true)
        ]
    );
}

#[test]
fn another_source_begins_another_total() {
    let mut probe = Probe::default();
    probe.admit(0, attempt("docker.io", 1, AttemptPhase::Starting));
    probe.count(0, "a", 500);
    probe.count(1, "a", 600);
    probe.admit(2, attempt("docker.io", 1, AttemptPhase::FallingBack));
    assert_eq!(probe.layers(), ["a 500", "a 600"]);
    probe.admit(3, attempt("ghcr.io", 1, AttemptPhase::Starting));
    probe.count(4, "a", 10);
    assert_eq!(probe.totals()[0].current_bytes, 10);
}

#[test]
fn another_attempt_at_the_same_source_goes_on_with_the_total() {
    let mut probe = Probe::default();
    probe.admit(0, attempt("docker.io", 1, AttemptPhase::Starting));
    probe.count(0, "a", 500);
    probe.admit(2, attempt("docker.io", 1, AttemptPhase::Retrying));
    probe.admit(3, attempt("docker.io", 2, AttemptPhase::Starting));
    probe.told.clear();
    probe.count(200, "a", 10);
    probe.flush();
    assert_eq!(probe.layers(), ["a 10"]);
    assert_eq!(
        probe
            .throttle
            .summary
            .total(probe.throttle.now)
            .unwrap()
            .current_bytes,
        500
    );
}

#[test]
fn layers_without_a_last_word_are_completed_at_the_end() {
    let mut probe = Probe::default();
    probe.state(0, "a", LayerState::Complete);
    probe.state(0, "b", LayerState::Downloaded);
    probe.told.clear();
    let Probe { throttle, told } = &mut probe;
    throttle.complete_all(Duration::from_millis(5), &mut |it| told.push(it));
    let total = probe.told.last().cloned();
    assert_eq!(probe.layers(), ["b Complete"]);
    assert!(matches!(total, Some(ProgressEvent::Total(total)) if total.layers_done == 2));
}

#[test]
fn no_state_is_lost_or_reordered_whatever_the_times() {
    let states = [
        LayerState::Waiting,
        LayerState::Downloading,
        LayerState::Retrying,
        LayerState::Downloaded,
        LayerState::Extracting,
    ];
    let mut random = 11_u64;
    let mut below = move |limit: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % limit
    };
    for _ in 0..200 {
        let mut probe = Probe::default();
        let mut expected: Vec<(String, LayerState)> = Vec::new();
        let mut now = 0;
        let mut last_counts = HashMap::new();
        for _ in 0..100 {
            now += below(60);
            let id = ["a", "b", "c"][usize::try_from(below(3)).unwrap()];
            let state = states[usize::try_from(below(5)).unwrap()];
            let layer = Layer {
                current_bytes: Some(below(1000)),
                ..Layer::new(id, state)
            };
            last_counts.insert(id, layer.current_bytes);
            let known = expected.iter().rfind(|(known, _)| known == id);
            if known.is_none_or(|(_, known)| *known != state) {
                expected.push((id.to_owned(), state));
            }
            probe.admit(now, ProgressEvent::Layer(layer));
            if below(3) == 0 {
                probe.due(now);
            }
        }
        probe.flush();
        let mut changes: Vec<(String, LayerState)> = Vec::new();
        let mut counts = HashMap::new();
        for event in &probe.told {
            if let ProgressEvent::Layer(layer) = event {
                let known = changes.iter().rfind(|(known, _)| *known == layer.id);
                if known.is_none_or(|(_, known)| *known != layer.state) {
                    changes.push((layer.id.clone(), layer.state));
                }
                counts.insert(layer.id.as_str(), layer.current_bytes);
            }
        }
        assert_eq!(changes, expected);
        assert_eq!(counts, last_counts);
    }
}
