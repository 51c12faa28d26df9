use bollard_buildkit_proto::pb::{Position, Range};

use super::*;
use crate::buildkit::status::message::{VertexStatus, VertexWarning};
use crate::progress::{Layer, LayerState, Status, StepState, Warning};

#[test]
fn output_is_cut_into_lines_by_step_and_stream() {
    let mut decoder = StatusDecoder::new();
    decoder.decoded(&of_vertexes(vec![vertex("a", "a", Some(0), None)]), START);
    let told = decoder.decoded(
        &of_logs(vec![
            log("a", 1, b"on"),
            log("a", 2, b"\x1b[31mtw"),
            log("b", 1, b"other\n"),
            log("a", 1, b"e\n\xff\nrest"),
            log("a", 2, b"o\x1b[0m\nfour"),
        ]),
        START,
    );
    assert_eq!(
        told_all(&told),
        ["1> other", "1> one", "1> \u{fffd}", "2> two"]
    );
    let ended = of_vertexes(vec![vertex("a", "a", Some(0), Some(1))]);
    assert_eq!(
        told_all(&decoder.decoded(&ended, START)),
        ["1> rest", "2> four", "a: done"]
    );
}

#[test]
fn a_cache_that_is_not_found_is_told_at_once_and_another_failure_after_a_success() {
    let failing = |digest: &str, name: &str| Vertex {
        error: Bytes::from_static(b"no\nsuch thing"),
        ..vertex(digest, name, Some(0), Some(1))
    };
    let mut decoder = StatusDecoder::new();
    let message = of_vertexes(vec![
        failing("a", "importing cache manifest from acme/app"),
        failing("b", "B"),
        failing("c", "C"),
    ]);
    let told = told_all(&decoder.decoded(&message, START));
    let cache = "! the cache `acme/app` is not used: no such thing";
    assert_eq!(
        told.iter()
            .filter(|it| it.starts_with('!'))
            .collect::<Vec<_>>(),
        [cache]
    );
    assert_eq!(decoder.failed_step(None).unwrap().name, "B");
    let again = of_vertexes(vec![vertex("c", "C", Some(2), Some(3))]);
    decoder.decoded(&again, START);
    assert_eq!(
        told_all(&decoder.finished(true, START)),
        ["! the step `B` failed, and the build went on: no such thing"]
    );
    assert_eq!(decoder.warnings().len(), 2);
}

#[test]
fn the_log_of_a_failed_step_is_its_own_and_the_last_of_it() {
    let mut decoder = StatusDecoder::new();
    let both = vec![
        vertex("a", "[1/2] A", Some(0), None),
        vertex("b", "[1/2] B", Some(0), None),
    ];
    decoder.decoded(&of_vertexes(both), START);
    for line in 0..50 {
        let text = format!("line {line}\n\n");
        decoder.decoded(
            &of_logs(vec![log("a", 1, text.as_bytes()), log("b", 1, b"other\n")]),
            START,
        );
    }
    let failed = Vertex {
        error: Bytes::from_static(b"no"),
        ..vertex("a", "[1/2] A", Some(0), Some(1))
    };
    decoder.decoded(&of_vertexes(vec![failed]), START);
    decoder.finished(false, START);
    for digest in [Some("a"), Some("unknown"), None] {
        let step = decoder.failed_step(digest).unwrap();
        assert_eq!(step.name, "A");
        assert_eq!(step.log_tail.len(), 20);
        assert_eq!(step.log_tail.first().map(String::as_str), Some("line 30"));
    }
}

#[test]
fn an_instruction_is_to_blame_before_the_work_around_it() {
    let failed = |digest: &str, name: &str| Vertex {
        error: Bytes::from_static(b"no"),
        ..vertex(digest, name, Some(0), Some(1))
    };
    let mut decoder = StatusDecoder::new();
    decoder.decoded(
        &of_vertexes(vec![failed("a", "importing cache"), failed("b", "[1/1] B")]),
        START,
    );
    let name = |digest| decoder.failed_step(digest).map(|step| step.name);
    assert_eq!(name(None).as_deref(), Some("B"));
    assert_eq!(name(Some("a")).as_deref(), Some("importing cache"));
}

#[test]
fn names_are_short_clean_and_without_credentials() {
    let hostile = format!(
        "[1/1] ADD https://user:hunter2@host/x?token=hunter2 \u{1b}[2J\u{1b}]0;t\u{7}/\n{}",
        "é".repeat(1 << 20)
    );
    let row = VertexStatus {
        id: Bytes::from(hostile.clone().into_bytes()),
        vertex: Bytes::from_static(b"a"),
        started: Some(at(0)),
        ..VertexStatus::default()
    };
    let warning = VertexWarning {
        short: Bytes::from(hostile.clone().into_bytes()),
        url: Bytes::from_static(b"https://user:hunter2@host/"),
        ranges: Vec::new(),
    };
    let message = StatusResponse {
        vertexes: vec![vertex("a", &hostile, Some(0), None)],
        statuses: vec![row],
        warnings: vec![warning],
        ..StatusResponse::default()
    };
    let told = StatusDecoder::new().decoded(&message, START);
    assert_eq!(told.len(), 3);
    for event in &told {
        let shown = serde_json::to_string(event).unwrap();
        assert!(shown.len() < 20 * 1024, "{}", shown.len());
        for secret in ["hunter2", "\\u001b", "\\n", "\\u0007"] {
            assert!(!shown.contains(secret), "{}", &shown[..200]);
        }
    }
}

#[test]
fn a_warning_is_told_once_with_all_of_its_lines() {
    let position = |line| Some(Position { line, character: 0 });
    let warning = VertexWarning {
        short: Bytes::from_static(b"Rule: not good (line 3)"),
        url: Bytes::new(),
        ranges: vec![
            Range {
                start: position(7),
                end: position(9),
            },
            Range {
                start: position(3),
                end: None,
            },
        ],
    };
    let nothing = VertexWarning::default();
    let message = StatusResponse {
        warnings: vec![warning.clone(), nothing, warning],
        ..StatusResponse::default()
    };
    let mut decoder = StatusDecoder::new();
    let told = decoder.decoded(&message, START);
    let expected = Warning {
        start_line: Some(3),
        end_line: Some(9),
        ..Warning::new("BUILD_WARNING", "Rule: not good")
    };
    assert_eq!(told, [ProgressEvent::Warning(expected)]);
    assert_eq!(decoder.warnings().len(), 1);
}

#[test]
fn layers_count_time_while_they_are_unpacked_and_never_go_back() {
    let digest = format!("sha256:{}", "0123456789ab".repeat(6).get(..64).unwrap());
    let row = |id: &str, current, completed: Option<i64>, now| VertexStatus {
        id: Bytes::copy_from_slice(id.as_bytes()),
        vertex: Bytes::from_static(b"a"),
        current,
        total: if id.starts_with("extracting") { 0 } else { 100 },
        timestamp: Some(at(now)),
        started: Some(at(1000)),
        completed: completed.map(at),
    };
    let extracting = format!("extracting {digest}");
    let statuses = vec![
        row(&digest, 0, None, 1000),
        row(&digest, 60, None, 1100),
        row(&extracting, 0, None, 3500),
        row(&digest, 100, Some(1200), 1200),
        row(&extracting, 0, Some(4000), 4000),
        row(&digest, 10, None, 4100),
        // Of an image's configuration: it was there before anybody asked.
        row(&digest.replace("01", "ff"), 100, Some(900), 1000),
        row("sha256:short", 0, None, 5000),
    ];
    let message = StatusResponse {
        statuses,
        ..StatusResponse::default()
    };
    let told = StatusDecoder::new().decoded(&message, START);
    let layer = |state, current, total, elapsed| {
        let layer = Layer::new("0123456789ab", state);
        ProgressEvent::Layer(Layer {
            current_bytes: current,
            total_bytes: total,
            elapsed_ms: elapsed,
            ..layer
        })
    };
    assert_eq!(
        told,
        [
            layer(LayerState::Downloading, Some(0), Some(100), None),
            layer(LayerState::Downloading, Some(60), Some(100), None),
            layer(LayerState::Extracting, None, Some(100), Some(2500)),
            layer(LayerState::Complete, None, Some(100), None),
            ProgressEvent::Status(Status {
                step: Some("a".to_owned()),
                message: "sha256:short".to_owned()
            }),
        ]
    );
}

#[test]
fn a_million_lines_and_a_hundred_thousand_steps_leave_little_behind() {
    let mut decoder = StatusDecoder::new();
    let mut told = [0_u32; 2];
    for index in 0..100_000 {
        let digest = format!("sha256:{index}");
        let name = format!("[{}/100000] RUN make {index}", index + 1);
        let message = StatusResponse {
            vertexes: vec![
                vertex(&digest, &name, Some(index), None),
                vertex(&digest, &name, Some(index), Some(index + 1)),
            ],
            logs: vec![log(&digest, 1, &b"line\n".repeat(10))],
            ..StatusResponse::default()
        };
        for event in decoder.decoded(&message, START) {
            match event {
                ProgressEvent::Log(_) => told[0] += 1,
                ProgressEvent::Step(step) if step.state == StepState::Done => told[1] += 1,
                _ => {}
            }
        }
    }
    assert_eq!(told, [1_000_000, 100_000]);
    assert_eq!(decoder.steps_total(), 100_000);
    assert_eq!(decoder.remembered_texts(), 0);
}
