use super::*;

macro_rules! fixture {
    ($engine:literal, $case:literal) => {
        include_str!(concat!(
            "../../../../../fixtures/build/",
            $engine,
            "-",
            $case,
            ".jsonl"
        ))
    };
}

/// Runs a transcript; one line for each event that is worth it.
fn told(transcript: &str) -> (Vec<String>, Option<Failure>, BuildDecoder) {
    let mut decoder = BuildDecoder::new();
    let mut events = Vec::new();
    let mut failure = None;
    for (second, line) in transcript.lines().enumerate() {
        let now = Duration::from_secs(second as u64);
        match decoder.decode(&Message::parse(line.as_bytes()).unwrap(), now) {
            Ok(decoded) => events.extend(decoded.events),
            Err(failed) => {
                failure = Some(failed);
                events.extend(decoder.fail(now));
            }
        }
    }
    if failure.is_none() {
        events.extend(decoder.finish(Duration::from_secs(99)));
    }
    let shown = events.iter().map(|event| match event {
        ProgressEvent::Step(step) => {
            format!(
                "{}/{} {:?} {}",
                step.index.unwrap(),
                step.of.unwrap(),
                step.state,
                step.name.split(' ').next().unwrap()
            )
        }
        ProgressEvent::Log(log) => format!(
            "{} {:?}: {}",
            log.step.as_deref().unwrap_or("-"),
            log.stream,
            log.text
        ),
        other => format!("{other:?}"),
    });
    (shown.collect(), failure, decoder)
}

#[test]
fn a_build_is_its_steps_and_their_lines_on_every_engine() {
    for (engine, transcript) in [
        ("20.10", fixture!("docker-20.10", "ok")),
        ("28.5", fixture!("docker-28.5", "ok")),
        ("containerd", fixture!("docker-28.5-containerd", "ok")),
    ] {
        let (told, failure, decoder) = told(transcript);
        assert_eq!(failure, None, "{engine}");
        assert!(
            decoder.image_id().unwrap().starts_with("sha256:"),
            "{engine}"
        );
        assert_eq!(
            (decoder.steps_total(), decoder.steps_cached()),
            (5, 0),
            "{engine}"
        );
        for expected in [
            "1/5 Running FROM",
            "1/5 Done FROM",
            "3 Stderr: a warning",
            "3 Stdout: hello none",
            "3 Stdout: over",
            "3/5 Done RUN",
            "4/5 Done COPY",
            "5/5 Done LABEL",
        ] {
            assert!(
                told.contains(&expected.to_owned()),
                "{engine}: no `{expected}` in {told:#?}"
            );
        }
        assert_eq!(
            told.iter().filter(|line| line.contains("Std")).count(),
            3,
            "{engine}: {told:#?}"
        );
    }
}

#[test]
fn a_failed_step_brings_its_exit_code_and_the_last_lines() {
    for (engine, transcript) in [
        ("20.10", fixture!("docker-20.10", "run")),
        ("28.5", fixture!("docker-28.5", "run")),
        ("containerd", fixture!("docker-28.5-containerd", "run")),
    ] {
        let (told, failure, _) = told(transcript);
        let failure = failure.unwrap();
        assert_eq!(failure.exit_code, Some(7), "{engine}");
        assert_eq!(
            failure.step.as_deref(),
            Some("RUN echo before; echo oops >&2; exit 7"),
            "{engine}"
        );
        let mut tail = failure.log_tail.clone();
        tail.sort();
        assert_eq!(
            tail,
            ["a warning", "before", "hello none", "oops", "over"],
            "{engine}"
        );
        assert_eq!(
            told.last().map(String::as_str),
            Some("4/5 Failed RUN"),
            "{engine}"
        );
    }
}

#[test]
fn a_cached_step_is_told_as_cached() {
    let (told, _, decoder) = told(
        r#"{"stream":"Step 1/2 : FROM scratch"}
{"stream":"\n"}
{"stream":" ---\u003e \n"}
{"stream":"Step 2/2 : COPY . /"}
{"stream":"\n"}
{"stream":" ---\u003e Using cache\n"}
{"stream":" ---\u003e 9d3acbc23014\n"}
{"stream":"Successfully built 9d3acbc23014\n"}"#,
    );
    assert!(told.contains(&"2/2 Cached COPY".to_owned()), "{told:?}");
    assert_eq!(
        (decoder.steps_cached(), decoder.image_id()),
        (1, Some("9d3acbc23014"))
    );
}

#[test]
fn fragments_of_characters_become_whole_lines() {
    let transcript: String = "curl: (6) no".chars().fold(
        "{\"stream\":\"Step 1/1 : RUN curl\"}\n{\"stream\":\"\\n\"}".to_owned(),
        |text, character| format!("{text}\n{{\"stream\":\"\\u001b[91m{character}\\u001b[0m\"}}"),
    );
    let (told, _, _) = told(&transcript);
    assert_eq!(
        told,
        ["1/1 Running RUN", "1 Stderr: curl: (6) no", "1/1 Done RUN"]
    );
}

#[test]
fn a_program_that_prints_the_builders_words_starts_no_step() {
    let (told, _, decoder) = told(
        "{\"stream\":\"Step 1/2 : RUN x\"}\n{\"stream\":\"\\n\"}\n{\"stream\":\"Step 1/2 : RUN again\\n\"}\n{\"stream\":\"Step 9/2 : RUN never\\n\"}",
    );
    assert_eq!(decoder.steps_total(), 2);
    assert_eq!(
        told[1..3],
        [
            "1 Stdout: Step 1/2 : RUN again",
            "1 Stdout: Step 9/2 : RUN never"
        ]
    );
}

#[test]
fn podman_says_the_same_in_its_words() {
    let id = "e".repeat(64);
    let (told, _, decoder) = told(&format!(
        "{{\"stream\":\"STEP 1/2: FROM scratch\\n\"}}\n{{\"stream\":\"--> abcdef012345\\n\"}}\n{{\"stream\":\"STEP 2/2: COPY a /\\n\"}}\n\
         {{\"stream\":\"--> Using cache {id}\\n\"}}\n{{\"stream\":\"COMMIT localhost/x\\n\"}}\n{{\"stream\":\"--> abcdef012345\\n\"}}\n{{\"stream\":\"{id}\\n\"}}"
    ));
    assert!(told.contains(&"2/2 Cached COPY".to_owned()), "{told:?}");
    assert_eq!(decoder.image_id(), Some(id.as_str()));
}

#[test]
fn what_podman_says_of_a_build_is_its_steps_their_lines_and_their_failures() {
    for (engine, ok, run, copy, parse, base) in [
        (
            "4.3",
            fixture!("podman-4.3", "ok"),
            fixture!("podman-4.3", "run"),
            fixture!("podman-4.3", "copy"),
            fixture!("podman-4.3", "parse"),
            fixture!("podman-4.3", "base"),
        ),
        (
            "5.4",
            fixture!("podman-5.4", "ok"),
            fixture!("podman-5.4", "run"),
            fixture!("podman-5.4", "copy"),
            fixture!("podman-5.4", "parse"),
            fixture!("podman-5.4", "base"),
        ),
    ] {
        let (lines, failure, decoder) = told(ok);
        assert_eq!(failure, None, "{engine}");
        assert!(decoder.image_id().unwrap().starts_with("sha256:"));
        assert_eq!((decoder.steps_total(), decoder.steps_cached()), (5, 0));
        for expected in ["3 Stdout: hello none", "3/5 Done RUN", "5/5 Done LABEL"] {
            assert!(lines.contains(&expected.to_owned()), "{engine}: {lines:#?}");
        }
        let printed = lines.iter().filter(|line| line.contains("Std"));
        assert_eq!(printed.count(), 3, "{engine}: {lines:#?}");

        for (transcript, step, exit_status) in [
            (run, "RUN echo before; echo oops >&2; exit 7", true),
            (copy, "COPY nothing.txt /data.txt", false),
            (parse, "FOO bar", false),
            (base, "FROM docker.io/shipway/nothing:1", false),
        ] {
            let (lines, failure, _) = told(transcript);
            let failure = failure.unwrap();
            assert_eq!(failure.step.as_deref(), Some(step), "{engine}");
            let says_status = failure.message.trim_end().ends_with("exit status 7");
            assert_eq!(says_status, exit_status, "{engine}: {}", failure.message);
            let is_dumped = lines.iter().any(|line| line.contains("imagebuilder"));
            assert!(!is_dumped, "{engine}: {lines:#?}");
        }
    }
}

#[test]
fn podman_commits_an_image_without_a_name_and_logs_an_instruction_that_it_does_not_know() {
    let (told, ..) = told(&output(&[
        "STEP 1/1: RUN printf one\n",
        "one",
        "COMMIT\n",
        "time=\"2026-11-28T22:38:43Z\" level=error msg=\"+(UNHANDLED LOGLEVEL) &imagebuilder.Step{Env:[]string{\\\"TOKEN=hunter2\\\"}}\"\n",
        "--> abcdef012345\n",
    ]));
    assert!(told.contains(&"1 Stdout: one".to_owned()), "{told:?}");
    assert!(
        !told.iter().any(|line| line.contains("hunter2")),
        "{told:?}"
    );
}

#[test]
fn a_base_image_that_is_pulled_shows_its_layers() {
    let (told, _, _) = told(
        r#"{"stream":"Step 1/1 : FROM debian"}
{"stream":"\n"}
{"status":"Pulling from library/debian","id":"latest"}
{"status":"Pulling fs layer","progressDetail":{},"id":"aaaaaaaaaaaa"}
{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"aaaaaaaaaaaa"}"#,
    );
    assert!(
        told.iter().any(|line| line.contains("Downloading")),
        "{told:?}"
    );
}

/// A transcript of output fragments.
fn output(fragments: &[&str]) -> String {
    fragments
        .iter()
        .map(|fragment| serde_json::json!({ "stream": fragment }).to_string() + "\n")
        .collect()
}

#[test]
fn podman_counts_the_steps_of_each_stage() {
    let (told, _, decoder) = told(&output(&[
        "[1/2] STEP 1/2: FROM a AS build\n",
        "[1/2] STEP 2/2: RUN x\n",
        "hello\n",
        "--> 3600f9923f83\n",
        "[2/2] STEP 1/2: FROM b\n",
        "[2/2] STEP 2/2: COPY --from=build /x /x\n",
        "--> Using cache 3600f9923f833600f9923f83\n",
        "--> 3600f9923f83\n",
    ]));
    assert_eq!(
        told,
        [
            "1/2 Running FROM",
            "1/2 Done FROM",
            "2/2 Running RUN",
            "1.2 Stdout: hello",
            "2/2 Done RUN",
            "1/2 Running FROM",
            "1/2 Done FROM",
            "2/2 Running COPY",
            "2/2 Cached COPY",
        ]
    );
    assert_eq!((decoder.steps_total(), decoder.steps_cached()), (4, 1));
}

#[test]
fn output_without_a_line_end_does_not_swallow_the_builders_line() {
    let (told, _, _) = told(&output(&[
        "Step 1/2 : RUN printf done",
        "\n",
        " ---> Running in 59f3aa5937dc\n",
        "10%\r",
        "done",
        " ---> Removed intermediate container 59f3aa5937dc\n",
        " ---> 3600f9923f83\n",
        "Step 2/2 : LABEL a=b",
        "\n",
    ]));
    assert_eq!(
        told,
        [
            "1/2 Running RUN",
            "1 Stdout: done",
            "1/2 Done RUN",
            "2/2 Running LABEL",
            "2/2 Done LABEL",
        ]
    );
}

#[test]
fn what_a_container_prints_is_its_log() {
    let checksum = format!("{}\n", "e".repeat(64));
    let (told, _, decoder) = told(&output(&[
        "Step 1/2 : RUN x",
        "\n",
        " ---> Running in 59f3aa5937dc\n",
        "Step 2/2 : RUN evil\n",
        "\n",
        "Successfully built 3600f9923f83\n",
        "[Warning] of the program\n",
        &checksum,
        " ---> Removed intermediate container 59f3aa5937dc\n",
    ]));
    let logs: Vec<&str> = told
        .iter()
        .filter_map(|line| line.strip_prefix("1 Stdout: "))
        .collect();
    assert_eq!(
        logs,
        [
            "Step 2/2 : RUN evil",
            "",
            "Successfully built 3600f9923f83",
            "[Warning] of the program",
            checksum.trim(),
        ]
    );
    assert_eq!((decoder.image_id(), decoder.warnings().len()), (None, 0));
}

#[test]
fn a_checksum_that_podman_relays_is_no_image() {
    let checksum = "e".repeat(64);
    let (told, _, decoder) = told(&output(&[
        "STEP 1/1: RUN sha256sum\n",
        &format!("{checksum}\n"),
    ]));
    assert!(told.contains(&format!("1 Stdout: {checksum}")), "{told:?}");
    assert_eq!(decoder.image_id(), None);
}

#[test]
fn the_builders_warnings_on_standard_error_are_warnings() {
    let (_, _, decoder) = told(&output(&[
        "Step 1/1 : CMD x",
        "\n",
        "\u{1b}[91m ---> [Warning] Shell-form CMD and exec-form ENTRYPOINT may have unexpected results\n\u{1b}[0m",
        "[Warning] One or more build-args [FOO] were not consumed\n",
    ]));
    let messages: Vec<&str> = decoder
        .warnings()
        .iter()
        .map(|warning| warning.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "Shell-form CMD and exec-form ENTRYPOINT may have unexpected results",
            "One or more build-args [FOO] were not consumed"
        ]
    );
}

#[test]
fn the_layers_of_a_base_image_end_with_its_pull() {
    let (told, _, _) = told(&format!(
        "{}{}",
        output(&["Step 1/1 : FROM debian", "\n"]),
        r#"{"status":"Pulling from library/debian","id":"latest"}
{"status":"Pulling fs layer","progressDetail":{},"id":"aaaaaaaaaaaa"}
{"status":"Status: Downloaded newer image for debian:latest"}
{"stream":" ---> 3600f9923f83\n"}"#
    ));
    let complete = told
        .iter()
        .position(|line| line.contains("Complete"))
        .unwrap();
    let done = told
        .iter()
        .position(|line| line == "1/1 Done FROM")
        .unwrap();
    assert!(complete < done, "{told:?}");
}

#[test]
fn a_failure_after_the_last_step_names_none() {
    let (_, failure, _) = told(&format!(
        "{}{}",
        output(&["Step 1/1 : FROM debian", "\n", " ---> 3600f9923f83\n"]),
        r#"{"error":"cannot tag"}"#
    ));
    assert_eq!(failure.unwrap().step, None);
}

#[test]
fn steps_hold_no_secrets_of_urls() {
    let mut decoder = BuildDecoder::new();
    let message = Message {
        stream: Some("STEP 1/1: ADD https://me:secret@h/x?token=t /x\n".to_owned()),
        ..Message::default()
    };
    let decoded = decoder.decode(&message, Duration::ZERO).unwrap();
    let [ProgressEvent::Step(step)] = &decoded.events[..] else {
        panic!("no step")
    };
    assert_eq!(step.name, "ADD https://h/x?… /x");
}

#[test]
fn what_a_container_prints_is_output_whatever_its_words() {
    let (told, failure, decoder) = told(
        r#"{"stream":"Step 1/2 : RUN x"}
{"stream":"\n"}
{"stream":" ---\u003e Running in 0123456789ab\n"}
{"stream":"Step 2/2 : fake\n"}
{"stream":" ---\u003e abcdef012345\n"}
{"stream":"Successfully built abcdef012345\n"}
{"stream":"Removing intermediate container abcdef012345\n"}
{"stream":"no line end"}
{"stream":" ---\u003e Removed intermediate container 0123456789ab\n"}
{"error":"The command 'x' returned a non-zero code: 4"}"#,
    );
    assert_eq!(
        told,
        [
            "1/2 Running RUN",
            "1 Stdout: Step 2/2 : fake",
            "1 Stdout:  ---> abcdef012345",
            "1 Stdout: Successfully built abcdef012345",
            "1 Stdout: Removing intermediate container abcdef012345",
            "1 Stdout: no line end",
            "1/2 Failed RUN",
        ]
    );
    assert_eq!(failure.unwrap().step.as_deref(), Some("RUN x"));
    assert_eq!(decoder.image_id(), None);
}
