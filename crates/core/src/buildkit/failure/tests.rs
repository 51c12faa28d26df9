use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::buildkit::recorded::{ENGINES, recording};

/// The error of a recorded build.
fn failed(engine: &str, case: &str) -> Error {
    let recording = recording(engine, case);
    let mut decoder = StatusDecoder::new();
    for message in &recording.messages {
        decoder.decoded(message, Duration::ZERO);
    }
    solve_failed(&recording.failure.unwrap(), &decoder)
}

const RUN: &str = "\
Dockerfile:2
--------------------
   1 |     FROM debian:bookworm-slim
   2 | >>> RUN echo one; echo two >&2; exit 7
   3 |     RUN echo never
   4 |     
--------------------";

const LINES: &str = "\
Dockerfile:3
--------------------
   2 |     ENV A=b
   3 | >>> RUN echo one && \\
   4 | >>>     echo two && \\
   5 | >>>     exit 3
   6 |     RUN echo never
--------------------";

const COPY: &str = "\
Dockerfile:2
--------------------
   1 |     FROM scratch
   2 | >>> COPY nothere /
   3 |     COPY a /
   4 |     
--------------------";

const PARSE: &str = "\
Dockerfile:3
--------------------
   1 |     FROM scratch
   2 |     
   3 | >>> NONSENSE a
   4 |     
--------------------";

const NO_BASE: &str = "\
Dockerfile:1
--------------------
   1 | >>> FROM shipway/nothing:1
   2 |     RUN x
   3 |     
--------------------";

#[test]
fn a_failure_has_its_kind_its_step_its_exit_code_and_its_lines() {
    let table = [
        (
            "run",
            ErrorKind::BuildFailed,
            Some("RUN echo one; echo two >&2; exit 7"),
            Some(7),
            "2-2",
            RUN,
        ),
        (
            "lines",
            ErrorKind::BuildFailed,
            Some("RUN echo one &&     echo two &&     exit 3"),
            Some(3),
            "3-5",
            LINES,
        ),
        (
            "copy",
            ErrorKind::BuildFailed,
            Some("COPY nothere /"),
            None,
            "2-2",
            COPY,
        ),
        (
            "parse",
            ErrorKind::DockerfileInvalid,
            None,
            None,
            "3-3",
            PARSE,
        ),
        ("target", ErrorKind::DockerfileInvalid, None, None, "", ""),
        (
            "nobase",
            ErrorKind::ImageNotFound,
            Some("FROM shipway/nothing:1"),
            None,
            "1-1",
            NO_BASE,
        ),
    ];
    for engine in &ENGINES[1..] {
        for (case, kind, step, exit_code, lines, excerpt) in table {
            let error = failed(engine, case);
            let place = error.dockerfile.as_ref();
            let span = place.map(|place| format!("{}-{}", place.start_line, place.end_line));
            assert_eq!(error.kind, kind, "{engine} {case}");
            assert_eq!(error.step.as_deref(), step, "{engine} {case}");
            assert_eq!(error.exit_code, exit_code, "{engine} {case}");
            assert_eq!(span.unwrap_or_default(), lines, "{engine} {case}");
            let told = place.and_then(|place| place.excerpt.as_deref());
            assert_eq!(told.unwrap_or_default(), excerpt, "{engine} {case}");
        }
    }
}

#[test]
fn an_engine_that_sends_no_details_is_understood_by_its_words_and_its_steps() {
    let table = [
        (
            "run",
            ErrorKind::BuildFailed,
            Some("RUN echo one; echo two >&2; exit 7"),
            Some(7),
            None,
        ),
        (
            "copy",
            ErrorKind::BuildFailed,
            Some("COPY nothere /"),
            None,
            None,
        ),
        ("parse", ErrorKind::DockerfileInvalid, None, None, Some(3)),
        ("target", ErrorKind::DockerfileInvalid, None, None, None),
        (
            "nobase",
            ErrorKind::ImageNotFound,
            Some("[internal] load metadata for docker.io/shipway/nothing:1"),
            None,
            None,
        ),
        (
            "bytes",
            ErrorKind::BuildFailed,
            Some("COPY --from=a /b /d"),
            None,
            None,
        ),
    ];
    for (case, kind, step, exit_code, line) in table {
        let error = failed("docker-20.10", case);
        assert_eq!(error.kind, kind, "{case}");
        assert_eq!(error.step.as_deref(), step, "{case}");
        assert_eq!(error.exit_code, exit_code, "{case}");
        assert_eq!(error.dockerfile, line.map(DockerfilePlace::line), "{case}");
    }
}

#[test]
fn the_log_of_the_failed_step_comes_along() {
    for engine in ENGINES {
        let mut tail = failed(engine, "run").log_tail.clone();
        // Two streams have no order.
        tail.sort();
        assert_eq!(tail, ["one", "two"], "{engine}");
        assert!(failed(engine, "parse").log_tail.is_empty(), "{engine}");
    }
}

#[test]
fn the_message_is_what_docker_prints() {
    assert_eq!(
        failed("docker-28.5", "run").message,
        "process \"/bin/sh -c echo one; echo two >&2; exit 7\" did not complete successfully: exit code: 7"
    );
    let told = |code| {
        solve_failed(&Status::new(code, "no"), &StatusDecoder::new())
            .message
            .clone()
    };
    assert_eq!(told(Code::Unknown), "no");
    assert_eq!(told(Code::Internal), "Internal: no");
    assert_eq!(told(Code::Cancelled), "Canceled: no");
}

/// A status with details as the engine sends them.
fn status(message: &str, details: &[(&str, Value)]) -> Status {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Any {
        #[prost(string, tag = "1")]
        type_url: String,
        #[prost(bytes = "bytes", tag = "2")]
        value: Bytes,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct RpcStatus {
        #[prost(message, repeated, tag = "3")]
        details: Vec<Any>,
    }
    let details = details.iter().map(|(name, value)| Any {
        type_url: format!("github.com/moby/buildkit/{name}+json"),
        value: value.to_string().into(),
    });
    let status = RpcStatus {
        details: details.collect(),
    };
    Status::with_details(Code::Unknown, message, status.encode_to_vec().into())
}

fn source(text: &str, ranges: &[(usize, usize)]) -> Value {
    let ranges: Vec<Value> = ranges
        .iter()
        .map(|(start, end)| json!({ "start": { "line": start }, "end": { "line": end } }))
        .collect();
    json!({ "info": { "filename": "Dockerfile", "data": STANDARD.encode(text) }, "ranges": ranges })
}

/// The place that a source with these lines and ranges makes.
fn place(text: &str, ranges: &[(usize, usize)]) -> Option<DockerfilePlace> {
    let status = status("no", &[("errdefs.Source", source(text, ranges))]);
    let error = solve_failed(&status, &StatusDecoder::new());
    error.dockerfile.clone()
}

fn excerpt(text: &str, ranges: &[(usize, usize)]) -> String {
    place(text, ranges)
        .and_then(|place| place.excerpt)
        .unwrap_or_default()
}

#[test]
fn an_excerpt_has_the_lines_around_the_fault_that_docker_has() {
    // The numbers of the lines, with those at fault marked, as `Source.Print` chooses them.
    type Row = (usize, &'static [(usize, usize)], &'static str);
    let table: [Row; 9] = [
        (1, &[(1, 1)], ">1"),
        (9, &[(1, 1)], ">1 2 3"),
        (9, &[(5, 5)], "3 4 >5 6 7"),
        (9, &[(9, 9)], "7 8 >9"),
        (9, &[(4, 6)], "3 >4 >5 >6 7"),
        (9, &[(2, 2), (6, 6)], "1 >2 3 4 5 >6 7"),
        (9, &[(5, 0)], "3 4 >5 6 7"),
        (9, &[(8, 99)], "7 >8 >9"),
        (2, &[(2, 2)], "1 >2"),
    ];
    for (count, ranges, expected) in table {
        let text: Vec<String> = (1..=count).map(|line| format!("line{line}")).collect();
        let excerpt = excerpt(&text.join("\n"), ranges);
        let shown = excerpt.lines().filter(|line| line.contains(" | "));
        let shown: Vec<String> = shown
            .map(|line| {
                let mark = if line.contains(">>>") { ">" } else { "" };
                format!("{mark}{}", line.split("line").last().unwrap_or_default())
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{count} {ranges:?}");
    }
}

#[test]
fn places_that_are_none_are_left_out() {
    for ranges in [&[][..], &[(0, 0)], &[(4, 4)], &[(usize::MAX, usize::MAX)]] {
        assert_eq!(place("a\nb\nc", ranges), None, "{ranges:?}");
    }
    for value in [
        json!(null),
        json!({}),
        json!([1]),
        json!({ "info": { "data": "%" } }),
    ] {
        let details = [
            ("errdefs.Source", value.clone()),
            ("errdefs.Vertex", value.clone()),
            ("gatewayapi.ExitMessage", json!({ "Code": "x" })),
            ("stack.Stack", value),
        ];
        let error = solve_failed(&status("no", &details), &StatusDecoder::new());
        assert_eq!((error.exit_code, error.dockerfile.is_none()), (None, true));
    }
    let garbage = Status::with_details(Code::Unknown, "no", Bytes::from_static(b"\xff\xff"));
    assert_eq!(
        solve_failed(&garbage, &StatusDecoder::new()).kind,
        ErrorKind::BuildFailed
    );
}

#[test]
fn an_excerpt_is_clean_short_and_without_credentials() {
    let line = "RUN curl https://user:hunter2@host/x?token=hunter2 \u{1b}[2J\r";
    let excerpt = excerpt(&format!("{line}\n").repeat(20_000), &[(1, 20_000)]);
    assert!(!excerpt.contains("hunter2") && !excerpt.contains(['\u{1b}', '\r']));
    assert!(excerpt.len() < 70 * 1024, "{}", excerpt.len());
    assert!(excerpt.ends_with("     | …\n--------------------"));
}

#[test]
fn two_places_are_shown_one_after_the_other() {
    let text = "FROM scratch AS a\nCOPY --from=b x /\nFROM scratch AS b\nCOPY --from=a x /\n";
    let details = [
        ("errdefs.Source", source(text, &[(2, 2)])),
        ("errdefs.Source", source(text, &[(4, 4)])),
    ];
    let status = status("circular dependency detected on stage: a", &details);
    let error = solve_failed(&status, &StatusDecoder::new());
    // No step failed: the frontend found it.
    assert_eq!(error.kind, ErrorKind::DockerfileInvalid);
    let place = error.dockerfile.as_ref().unwrap();
    assert_eq!(place.start_line, 2);
    let excerpt = place.excerpt.as_deref().unwrap_or_default();
    assert!(excerpt.contains("\nDockerfile:4\n"), "{excerpt}");
}

#[test]
fn what_an_instruction_fetches_comes_from_no_registry() {
    let refused = "Get \"http://127.0.0.1:1/x\": dial tcp 127.0.0.1:1: connect: connection refused";
    let table = [
        ("ADD http://127.0.0.1:1/x /", ErrorKind::BuildFailed),
        ("http://127.0.0.1:1/x", ErrorKind::BuildFailed),
        (
            "[internal] load metadata for docker.io/a:1",
            ErrorKind::RegistryUnreachable,
        ),
    ];
    for (name, expected) in table {
        let step = Unfinished {
            name: name.to_owned(),
            is_numbered: false,
            log_tail: Vec::new(),
        };
        let status = Status::unknown(refused);
        assert_eq!(
            kind(&status, Some(&step), &Details::default()),
            expected,
            "{name}"
        );
    }
}
