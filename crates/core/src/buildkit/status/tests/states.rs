use std::collections::HashMap;

use super::*;
use crate::buildkit::status::message::{ProgressGroup, VertexStatus};
use crate::progress::{Step, StepState};

#[test]
fn a_source_that_goes_on_at_once_has_not_ended() {
    let mut decoder = StatusDecoder::new();
    let mut told = Vec::new();
    for (message, now) in [
        (vec![source("a", Some(0), Some(10))], 0),
        (vec![source("a", Some(12), None)], 5),
        (vec![source("a", Some(12), Some(20))], 10),
        (vec![], 400),
    ] {
        let now = Duration::from_millis(now);
        told.extend(decoder.decoded(&of_vertexes(message), now));
    }
    assert_eq!(told_all(&told), ["a: running", "a: done"]);
    assert_eq!(durations(&told), [None, Some(18)]);
}

#[test]
fn a_source_that_goes_on_later_has_ended_and_begins_again() {
    let mut decoder = StatusDecoder::new();
    let mut told = decoder.decoded(&of_vertexes(vec![source("a", Some(0), Some(10))]), START);
    told.extend(decoder.settled(Duration::from_millis(199)));
    assert_eq!(told_all(&told), ["a: running"]);
    told.extend(decoder.settled(Duration::from_millis(200)));
    let again = of_vertexes(vec![source("a", Some(900), Some(905))]);
    told.extend(decoder.decoded(&again, Duration::from_millis(900)));
    told.extend(decoder.finished(true, START));
    assert_eq!(
        told_all(&told),
        ["a: running", "a: done", "a: running", "a: done"]
    );
    assert_eq!(durations(&told), [None, Some(10), None, Some(15)]);
}

#[test]
fn the_end_of_a_source_is_told_before_its_result_is_used() {
    let mut decoder = StatusDecoder::new();
    let user = Vertex {
        inputs: vec![Bytes::from_static(b"a")],
        ..vertex("b", "b", Some(10), None)
    };
    let told = decoder.decoded(
        &of_vertexes(vec![source("a", Some(0), Some(10)), user]),
        START,
    );
    assert_eq!(told_all(&told), ["a: running", "a: done", "b: running"]);
}

#[test]
fn what_has_ended_is_told_before_a_failure() {
    let mut decoder = StatusDecoder::new();
    decoder.decoded(&of_vertexes(vec![source("a", Some(0), Some(10))]), START);
    let failed = Vertex {
        error: Bytes::from_static(b"no"),
        ..vertex("b", "b", Some(20), Some(30))
    };
    let told = decoder.decoded(&of_vertexes(vec![failed]), START);
    assert_eq!(told_all(&told), ["b: running", "a: done", "b: failed"]);
}

#[test]
fn states_are_told_once_in_whatever_order_they_come() {
    let messages = || {
        [
            vertex("a", "[1/2] A", None, None),
            vertex("a", "[1/2] A", Some(5), None),
            vertex("a", "[1/2] A", Some(5), Some(25)),
            vertex("a", "[1/2] A", Some(5), None),
            vertex("a", "[1/2] A", Some(5), Some(25)),
            vertex("a", "[1/2] A", None, None),
        ]
    };
    let orders: [&[usize]; 3] = [&[0, 1, 2, 3, 4, 5], &[2, 1, 0, 4], &[3, 0, 5, 4, 2]];
    for order in orders {
        let mut decoder = StatusDecoder::new();
        let mut told = Vec::new();
        for index in order {
            let vertex = messages()[*index].clone();
            told.extend(decoder.decoded(&of_vertexes(vec![vertex]), START));
        }
        told.extend(decoder.finished(true, START));
        assert_eq!(told_all(&told), ["1/2 A: running", "1/2 A: done"]);
        assert_eq!(durations(&told), [None, Some(20)], "{order:?}");
    }
}

#[test]
fn a_step_ends_as_its_error_says() {
    for (error, state) in [
        ("exit code: 7", "failed"),
        ("rpc error: context canceled", "canceled"),
        ("context canceled: really", "failed"),
    ] {
        let mut decoder = StatusDecoder::new();
        let failed = Vertex {
            error: Bytes::from_static(error.as_bytes()),
            ..vertex("a", "a", Some(0), Some(1))
        };
        let told = decoder.decoded(&of_vertexes(vec![failed]), START);
        assert_eq!(
            told_all(&told),
            ["a: running".to_owned(), format!("a: {state}")]
        );
    }
}

#[test]
fn what_is_at_work_when_the_build_is_over_was_given_up_or_is_done() {
    for (has_succeeded, state) in [(false, "canceled"), (true, "done")] {
        let mut decoder = StatusDecoder::new();
        decoder.decoded(
            &of_vertexes(vec![
                vertex("a", "[1/2] A", Some(0), None),
                vertex("b", "[2/2] B", None, None),
            ]),
            START,
        );
        decoder.decoded(&of_logs(vec![log("a", 1, b"last words")]), START);
        let step = decoder.running_step().unwrap();
        assert_eq!((step.name.as_str(), step.is_numbered), ("A", true));
        assert_eq!(
            told_all(&decoder.finished(has_succeeded, START)),
            ["1> last words".to_owned(), format!("1/2 A: {state}")]
        );
        assert!(decoder.finished(has_succeeded, START).is_empty());
    }
}

#[test]
fn a_step_that_was_given_up_took_the_time_until_then_by_the_engines_clock() {
    // The engine's clock is an hour ahead, and its messages take 50 ms.
    const HOUR: i64 = 3_600_000;
    let mut decoder = StatusDecoder::new();
    for (message, now) in [
        (vertex("a", "[1/2] A", Some(HOUR), None), 50),
        (vertex("b", "[2/2] B", Some(HOUR + 2000), None), 2050),
        // Late, and about what is long over.
        (vertex("c", "c", Some(HOUR), Some(HOUR + 1)), 2500),
    ] {
        decoder.decoded(&of_vertexes(vec![message]), Duration::from_millis(now));
    }
    let told = decoder.finished(false, Duration::from_millis(7050));
    assert_eq!(told_all(&told), ["1/2 A: canceled", "2/2 B: canceled"]);
    assert_eq!(durations(&told), [Some(7000), Some(5000)]);
}

#[test]
fn a_group_shows_when_a_member_does_that_is_not_weak() {
    let member = |digest: &str, weak, started, completed| Vertex {
        progress_group: Some(ProgressGroup {
            id: Bytes::from_static(b"group"),
            name: Bytes::from_static(b"[1/1] COPY a /"),
            weak,
        }),
        cached: true,
        ..vertex(digest, digest, started, completed)
    };
    let mut decoder = StatusDecoder::new();
    let weak = of_vertexes(vec![member("a", true, Some(0), Some(5))]);
    assert!(decoder.decoded(&weak, START).is_empty());
    let both = Vertex {
        cached: false,
        ..member("b", false, Some(10), Some(20))
    };
    let mut told = decoder.decoded(&of_vertexes(vec![both]), START);
    told.extend(decoder.decoded(&of_logs(vec![log("b", 1, b"line\n")]), START));
    told.extend(decoder.finished(true, START));
    assert_eq!(
        told_all(&told),
        ["1/1 COPY a /: running", "1> line", "1/1 COPY a /: done"]
    );
    assert_eq!(durations(&told), [None, Some(15)]);
    let ids = told.iter().map(|event| match event {
        ProgressEvent::Step(step) => step.id.clone(),
        ProgressEvent::Log(log) => log.step.clone().unwrap_or_default(),
        _ => String::new(),
    });
    assert!(ids.into_iter().all(|id| id == "group"));
    assert_eq!((decoder.steps_total(), decoder.steps_cached()), (1, 0));
}

#[test]
fn a_group_is_cached_where_all_of_it_is_and_failed_where_one_is() {
    let member = |digest: &str, cached, error: &'static str| Vertex {
        progress_group: Some(ProgressGroup {
            id: Bytes::from_static(b"group"),
            name: Bytes::from_static(b"group"),
            weak: false,
        }),
        cached,
        error: Bytes::from_static(error.as_bytes()),
        ..vertex(digest, digest, Some(0), Some(1))
    };
    for (members, state) in [
        ([member("a", true, ""), member("b", true, "")], "cached"),
        ([member("a", true, ""), member("b", false, "")], "done"),
        ([member("a", true, ""), member("b", false, "no")], "failed"),
    ] {
        let mut decoder = StatusDecoder::new();
        let mut told = decoder.decoded(&of_vertexes(members.into()), START);
        told.extend(decoder.finished(true, START));
        told.retain(|event| matches!(event, ProgressEvent::Step(_)));
        assert_eq!(
            told_all(&told).last().cloned(),
            Some(format!("group: {state}"))
        );
    }
}

/// A small generator (<https://prng.di.unimi.it/splitmix64.c>), so that a failing seed can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn time(&mut self) -> Option<i64> {
        let time = i64::try_from(self.below(50)).unwrap_or(0);
        (!self.one_in(3)).then_some(time)
    }

    fn digest(&mut self) -> String {
        ["a", "b", "c", "d", "\u{fffd}"][usize::try_from(self.below(5)).unwrap_or(0)].to_owned()
    }

    /// Any message, however little sense it makes.
    fn message(&mut self) -> StatusResponse {
        let vertexes = (0..self.below(4)).map(|_| {
            let digest = self.digest();
            let (started, completed) = (self.time(), self.time());
            let mut vertex = vertex(&digest, "[1/2] RUN x", started, completed);
            vertex.cached = self.one_in(4);
            vertex.error = Bytes::from_static(match self.below(4) {
                0 => b"context canceled",
                1 => b"\xff",
                _ => b"",
            });
            vertex.inputs = match self.below(3) {
                0 => Vec::new(),
                _ => vec![Bytes::from(self.digest().into_bytes())],
            };
            vertex.progress_group = self.one_in(4).then(|| ProgressGroup {
                id: Bytes::from(self.digest().into_bytes()),
                name: Bytes::from_static(b"\xff"),
                weak: self.one_in(2),
            });
            vertex
        });
        let vertexes = vertexes.collect();
        let logs = (0..self.below(3)).map(|_| log(&self.digest(), 1, b"a\nb"));
        let logs = logs.collect();
        let statuses = (0..self.below(3)).map(|_| VertexStatus {
            id: Bytes::from(self.digest().into_bytes()),
            vertex: Bytes::from(self.digest().into_bytes()),
            started: self.time().map(at),
            completed: self.time().map(at),
            ..VertexStatus::default()
        });
        StatusResponse {
            statuses: statuses.collect(),
            vertexes,
            logs,
            ..StatusResponse::default()
        }
    }
}

#[test]
fn whatever_comes_a_step_begins_changes_and_ends() {
    for seed in 0..2000 {
        let mut random = Random(seed);
        let mut decoder = StatusDecoder::new();
        let mut events = Vec::new();
        for index in 0..20 {
            let message = random.message();
            events.extend(decoder.decoded(&message, Duration::from_millis(index * 60)));
        }
        events.extend(decoder.finished(random.one_in(2), START));
        assert!(decoder.finished(false, START).is_empty(), "seed {seed}");

        let mut last: HashMap<String, StepState> = HashMap::new();
        for event in events {
            let ProgressEvent::Step(Step {
                id,
                state,
                duration_ms,
                ..
            }) = event
            else {
                continue;
            };
            assert_eq!(duration_ms.is_none(), state == StepState::Running);
            let before = last.insert(id, state);
            assert_ne!(before, Some(state), "seed {seed}");
            let has_begun = before == Some(StepState::Running);
            assert!(
                has_begun || matches!(state, StepState::Running | StepState::Cached),
                "seed {seed}: {before:?} then {state:?}"
            );
        }
        assert!(
            last.values().all(|state| *state != StepState::Running),
            "seed {seed}: {last:?}"
        );
        assert!(decoder.steps_cached() <= decoder.steps_total());
    }
}
