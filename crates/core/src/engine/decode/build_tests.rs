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
