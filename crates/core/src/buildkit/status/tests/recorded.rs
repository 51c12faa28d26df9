use std::collections::BTreeMap;

use super::*;
use crate::buildkit::recorded::{ENGINES, recording};
use crate::progress::{Layer, LayerState, Status, Step, Warning};

/// Everything that a recording tells, in its own time.
fn decoded(engine: &str, case: &str) -> (StatusDecoder, Vec<ProgressEvent>) {
    let recording = recording(engine, case);
    let mut decoder = StatusDecoder::new();
    let mut events = Vec::new();
    for message in &recording.messages {
        events.extend(decoder.decoded(message, START));
    }
    events.extend(decoder.finished(recording.failure.is_none(), START));
    (decoder, events)
}

/// The steps of instructions, each with all that was told of its state.
fn instructions(events: &[ProgressEvent]) -> Vec<String> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for event in events {
        let ProgressEvent::Step(Step { index: Some(_), .. }) = event else {
            continue;
        };
        let told = told(event);
        let (step, state) = told.rsplit_once(": ").unwrap();
        match steps.iter_mut().find(|(known, _)| known == step) {
            Some((_, states)) => *states = format!("{states} {state}"),
            None => steps.push((step.to_owned(), state.to_owned())),
        }
    }
    let mut steps: Vec<String> = steps
        .into_iter()
        .map(|(step, states)| format!("{step}: {states}"))
        .collect();
    steps.sort();
    steps
}

#[test]
fn every_engine_tells_the_same_of_the_instructions() {
    let parallel = [
        "build 2/3 RUN for i in 1 2 3; do echo build $i; sleep 0.1; done; printf 'no end': running done",
        "build 3/3 COPY a /a: running done",
        "check 2/2 RUN for i in 1 2 3; do echo check $i >&2; sleep 0.1; done: running done",
        "stage-2 1/2 COPY --from=build /a /a: running done",
        "stage-2 2/2 COPY --from=check /etc/hostname /b: running done",
    ];
    let cached = parallel.map(|step| step.replace("running done", "cached"));
    let table: [(&str, &[&str], u32, u32); 7] = [
        ("parallel", &parallel, 6, 1),
        ("cached", &cached.each_ref().map(String::as_str), 6, 5),
        (
            "run",
            &["2/3 RUN echo one; echo two >&2; exit 7: running failed"],
            3,
            1,
        ),
        (
            "lines",
            &["2/3 RUN echo one &&     echo two &&     exit 3: running failed"],
            3,
            1,
        ),
        ("copy", &["1/2 COPY nothere /: running failed"], 2, 0),
        ("parse", &[], 0, 0),
        ("base", &["2/2 COPY a /a: running done"], 2, 0),
    ];
    for engine in ENGINES {
        for (case, steps, total, cached) in table {
            let (decoder, events) = decoded(engine, case);
            let mut told = instructions(&events);
            // How base images are told differs: some engines look at them before they take them from the cache.
            told.retain(|step| !step.contains(" FROM "));
            assert_eq!(told, steps, "{engine} {case}");
            assert_eq!(
                (decoder.steps_total(), decoder.steps_cached()),
                (total, cached),
                "{engine} {case}"
            );
        }
    }
}

#[test]
fn a_base_image_is_one_step_however_often_the_engine_goes_back_to_it() {
    for engine in ENGINES {
        let (_, events) = decoded(engine, "base");
        let told = instructions(&events);
        assert_eq!(
            told[0], "1/2 FROM docker.io/shipway/layers:1: running done",
            "{engine}"
        );
        let step = events.iter().find_map(|event| match event {
            ProgressEvent::Step(step) if step.index == Some(1) => step.duration_ms,
            _ => None,
        });
        // 17 intervals with containerd, of which one is the pull.
        assert!(
            (400..1500).contains(&step.unwrap_or(0)),
            "{engine} {step:?}"
        );
    }
}

#[test]
fn the_layers_of_a_base_image_are_told_as_with_a_pull_and_nothing_else_is_taken_for_one() {
    for engine in ENGINES {
        let (_, events) = decoded(engine, "base");
        let mut layers: BTreeMap<&str, Vec<&Layer>> = BTreeMap::new();
        for event in &events {
            if let ProgressEvent::Layer(layer) = event {
                layers.entry(&layer.id).or_default().push(layer);
            }
        }
        // What the lab has made: twelve layers, and no manifest or configuration among them.
        assert_eq!(layers.len(), 12, "{engine}");
        let mut bytes = 0;
        for (id, told) in &layers {
            let states: Vec<LayerState> = told.iter().map(|layer| layer.state).collect();
            assert!(states.is_sorted(), "{engine} {id} {states:?}");
            assert_eq!(states.last(), Some(&LayerState::Complete), "{engine} {id}");
            bytes += told.last().and_then(|layer| layer.total_bytes).unwrap();
        }
        assert_eq!(bytes, 120_709_329, "{engine}");
    }
}

#[test]
fn rows_are_told_when_they_begin_and_when_they_end() {
    for engine in ENGINES {
        let (_, events) = decoded(engine, "parallel");
        let mut rows: BTreeMap<String, u32> = BTreeMap::new();
        for event in &events {
            if let ProgressEvent::Status(Status { step, message }) = event {
                assert!(
                    step.as_ref()
                        .is_some_and(|step| step.starts_with("sha256:")),
                    "{engine} {message}"
                );
                let row = message.split(": done after ").next().unwrap_or_default();
                let is_end = message.contains(": done after ");
                *rows.entry(row.to_owned()).or_default() += if is_end { 10 } else { 1 };
            }
        }
        assert!(
            rows.values().all(|told| *told == 11 || *told == 10),
            "{engine} {rows:?}"
        );
        for row in ["exporting layers", "naming to docker.io/st/parallel:1"] {
            assert!(rows.contains_key(row), "{engine} {rows:?}");
        }
        assert!(!rows.keys().any(|row| row.starts_with("transferring")));
    }
}

#[test]
fn lines_are_whole_and_come_before_the_end_of_their_step() {
    for engine in ENGINES {
        let (_, events) = decoded(engine, "parallel");
        let of_build = |event: &ProgressEvent| match event {
            ProgressEvent::Log(log) => log.text.starts_with("build") || log.text == "no end",
            ProgressEvent::Step(step) => step.name.contains("echo build"),
            _ => false,
        };
        let events: Vec<ProgressEvent> = events.into_iter().filter(of_build).collect();
        assert_eq!(
            told_all(&events)[1..],
            [
                "1> build 1",
                "1> build 2",
                "1> build 3",
                "1> no end",
                "build 2/3 RUN for i in 1 2 3; do echo build $i; sleep 0.1; done; printf 'no end': done"
            ],
            "{engine}"
        );
    }
}

#[test]
fn lint_rules_are_warnings_with_name_page_and_line() {
    for engine in &ENGINES[1..] {
        let (decoder, events) = decoded(engine, "lint");
        let told: Vec<&Warning> = events
            .iter()
            .filter_map(|event| match event {
                ProgressEvent::Warning(warning) => Some(warning),
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), 3, "{engine}");
        assert_eq!(decoder.warnings().len(), 3, "{engine}");
        assert_eq!(
            told[0],
            &Warning {
                code: "BUILD_WARNING".to_owned(),
                message: "StageNameCasing: Stage name 'X' should be lowercase".to_owned(),
                url: Some(
                    "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/".to_owned()
                ),
                start_line: Some(1),
                end_line: Some(1),
            }
        );
    }
}

#[test]
fn a_progress_group_is_one_step_with_a_name_of_its_own() {
    let (decoder, events) = decoded("docker-28.5-containerd", "link");
    let told = instructions(&events);
    assert_eq!(told[1], "2/3 COPY --link a b /x/: running done");
    assert_eq!((told.len(), decoder.steps_total()), (3, 3));
}

#[test]
fn what_is_no_utf_8_is_told_all_the_same() {
    let (decoder, events) = decoded("docker-20.10", "bytes");
    let told = instructions(&events);
    assert!(
        told.contains(&"stage-1 3/4 COPY --from=a /b /d: running failed".to_owned()),
        "{told:#?}"
    );
    let step = decoder.failed_step(None).map(|step| step.name);
    assert_eq!(step.as_deref(), Some("COPY --from=a /b /d"));
}
