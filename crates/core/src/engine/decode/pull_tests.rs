use super::*;

const FIXTURES: [(&str, &str); 3] = [
    (
        "20.10",
        include_str!("../../../../../fixtures/pull/docker-20.10.jsonl"),
    ),
    (
        "28.5",
        include_str!("../../../../../fixtures/pull/docker-28.5.jsonl"),
    ),
    (
        "28.5 containerd",
        include_str!("../../../../../fixtures/pull/docker-28.5-containerd.jsonl"),
    ),
];

const PODMAN_FIXTURES: [(&str, &str); 2] = [
    (
        "4.3",
        include_str!("../../../../../fixtures/pull/podman-4.3.jsonl"),
    ),
    (
        "5.4",
        include_str!("../../../../../fixtures/pull/podman-5.4.jsonl"),
    ),
];

fn feed(decoder: &mut PullDecoder, frame: &str) -> Decoded {
    decoder
        .decode(&Message::parse(frame.as_bytes()).unwrap())
        .unwrap()
}

fn states(decoder: &mut PullDecoder, frames: &[&str]) -> Vec<(String, LayerState)> {
    frames
        .iter()
        .flat_map(|frame| feed(decoder, frame).events)
        .filter_map(|event| match event {
            ProgressEvent::Layer(layer) => Some((layer.id, layer.state)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_sizes_of_the_layers_add_up_on_every_engine() {
    for (engine, transcript) in FIXTURES {
        let mut decoder = PullDecoder::new();
        for line in transcript.lines() {
            feed(&mut decoder, line);
        }
        decoder.complete();
        let sizes: u64 = decoder
            .rows
            .values()
            .filter_map(|row| row.layer().total_bytes)
            .sum();
        assert_eq!((decoder.rows.len(), sizes), (12, 120_709_329), "{engine}");
        assert!(
            decoder
                .rows
                .values()
                .all(|row| row.layer().state == LayerState::Complete),
            "{engine}"
        );
        assert!(decoder.terminal_seen(), "{engine}");
        assert_eq!(
            decoder.digest(),
            Some("sha256:41eba7393d1a81bf6cd756369e6640dec60aeff5836d84f62c0b54ec4cbe92a2"),
            "{engine}"
        );
    }
}

#[test]
fn podman_tells_every_layer_and_the_sizes_of_those_that_take_time() {
    for (engine, transcript) in PODMAN_FIXTURES {
        let mut decoder = PullDecoder::new();
        let mut told = Vec::new();
        for line in transcript.lines() {
            assert!(!decoder.terminal_seen(), "{engine}");
            told.extend(feed(&mut decoder, line).events);
        }
        assert!(decoder.terminal_seen(), "{engine}");
        told.extend(decoder.complete());
        let last: HashMap<String, crate::progress::Layer> = told
            .into_iter()
            .filter_map(|event| match event {
                ProgressEvent::Layer(layer) => Some((layer.id.clone(), layer)),
                _ => None,
            })
            .collect();
        assert_eq!(last.len(), 12, "{engine}");
        let is_complete = |layer: &crate::progress::Layer| layer.state == LayerState::Complete;
        assert!(last.values().all(is_complete), "{engine}");
        let largest = last.get("81c84a6c4093").and_then(|layer| layer.total_bytes);
        assert_eq!(largest, Some(26_220_466), "{engine}");
    }
}

#[test]
fn the_tag_that_is_pulled_is_no_layer() {
    let mut decoder = PullDecoder::new();
    assert_eq!(
        feed(
            &mut decoder,
            r#"{"status":"Pulling from library/alpine","id":"latest"}"#
        )
        .events,
        []
    );
    assert_eq!(decoder.order, [""; 0]);
}

#[test]
fn a_message_that_repeats_the_one_before_it_moves_nothing() {
    let mut decoder = PullDecoder::new();
    let frame = r#"{"status":"Downloading","id":"a","progressDetail":{"current":5,"total":9}}"#;
    assert!(feed(&mut decoder, frame).moved);
    assert_eq!(feed(&mut decoder, frame), Decoded::default());
}

#[test]
fn extraction_on_the_containerd_store_counts_time() {
    let mut decoder = PullDecoder::new();
    let frame = r#"{"status":"Extracting","id":"a","progressDetail":{"current":3,"units":"s"}}"#;
    let [ProgressEvent::Layer(layer)] = &feed(&mut decoder, frame).events[..] else {
        panic!("no layer")
    };
    assert_eq!(
        (layer.elapsed_ms, layer.current_bytes, layer.total_bytes),
        (Some(3000), None, None)
    );
}

#[test]
fn a_resumed_transfer_does_not_shrink_the_layer() {
    let mut decoder = PullDecoder::new();
    feed(
        &mut decoder,
        r#"{"status":"Downloading","id":"a","progressDetail":{"current":500,"total":1000}}"#,
    );
    let retry = feed(
        &mut decoder,
        r#"{"status":"Retrying in 5 seconds","id":"a","progressDetail":{}}"#,
    );
    let [ProgressEvent::Layer(layer)] = &retry.events[..] else {
        panic!("no layer")
    };
    assert_eq!(
        (layer.state, layer.retry_in_ms),
        (LayerState::Retrying, Some(5000))
    );
    let resumed = feed(
        &mut decoder,
        r#"{"status":"Downloading","id":"a","progressDetail":{"current":1,"total":500}}"#,
    );
    let [ProgressEvent::Layer(layer)] = &resumed.events[..] else {
        panic!("no layer")
    };
    assert_eq!(layer.total_bytes, Some(1000));
    assert!(decoder.engine_retried());
}

#[test]
fn podman_ends_without_a_digest() {
    let mut decoder = PullDecoder::new();
    let seen = states(
        &mut decoder,
        &[
            r#"{"status":"Pulling fs layer","progressDetail":{},"id":"aaaaaaaaaaaa"}"#,
            r#"{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"aaaaaaaaaaaa"}"#,
            r#"{"status":"Download complete","progressDetail":{},"id":"aaaaaaaaaaaa"}"#,
            r#"{"status":"Download complete","progressDetail":{},"id":"bbbbbbbbbbbb"}"#,
        ],
    );
    assert!(decoder.terminal_seen());
    assert_eq!(
        seen.iter().filter(|(id, _)| id == "bbbbbbbbbbbb").count(),
        0,
        "the image is no layer"
    );
}

#[test]
fn a_platform_that_was_not_asked_for_is_a_warning() {
    let mut decoder = PullDecoder::new();
    feed(
        &mut decoder,
        r#"{"status":"WARNING: image with reference x was found but its platform (linux/amd64) does not match the specified platform (linux/s390x)"}"#,
    );
    assert_eq!(decoder.warnings()[0].code, "PLATFORM_WARNING");
}

#[test]
fn a_failure_ends_the_pull() {
    let message = Message::parse(br#"{"error":"toomanyrequests: slow down"}"#).unwrap();
    assert_eq!(
        PullDecoder::new().decode(&message).unwrap_err().message,
        "toomanyrequests: slow down"
    );
}

/// Feeds messages written as `id status current/total`; the layers that change must be those on the right.
fn check(decoder: &mut PullDecoder, table: &[(&str, &str)]) {
    for (text, expected) in table {
        let (id, rest) = text.split_once(' ').unwrap();
        let (status, counts) = rest
            .rsplit_once(' ')
            .filter(|(_, counts)| counts.starts_with(|first: char| first.is_ascii_digit()))
            .unwrap_or((rest, ""));
        let message = Message {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            has_progress: true,
            current: counts
                .split('/')
                .next()
                .and_then(|count| count.parse().ok()),
            total: counts
                .split('/')
                .nth(1)
                .and_then(|count| count.parse().ok()),
            ..Message::default()
        };
        let decoded = decoder.decode(&message).unwrap();
        let layers: Vec<String> = decoded.events.iter().map(layer_words).collect();
        assert_eq!(layers.join(", "), *expected, "{text}");
    }
}

fn layer_words(event: &ProgressEvent) -> String {
    let ProgressEvent::Layer(layer) = event else {
        return format!("{event:?}");
    };
    let count =
        |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let counts = format!(
        "{}/{}",
        count(layer.current_bytes),
        count(layer.total_bytes)
    );
    format!("{:?} {counts}", layer.state)
}

#[test]
fn podman_ends_with_the_configuration_that_it_has_transferred() {
    let mut decoder = PullDecoder::new();
    check(
        &mut decoder,
        &[
            ("aaa Pulling fs layer", "Waiting -/-"),
            ("aaa Download complete", "Downloaded -/-"),
            // A layer that is begun when all others are there shows as one by what follows.
            ("bbb Pulling fs layer", ""),
            ("bbb Download complete", ""),
            ("ccc Pulling fs layer", "Downloaded -/-"),
            ("ccc Download complete", ""),
        ],
    );
    assert!(!decoder.terminal_seen());
    check(&mut decoder, &[("ccc Download complete", "")]);
    assert!(decoder.terminal_seen());
    assert_eq!(decoder.complete().len(), 2, "the configuration is no layer");
}

#[test]
fn what_comes_after_the_end_of_podman_shows_that_it_was_none() {
    let mut decoder = PullDecoder::new();
    check(
        &mut decoder,
        &[
            ("aaa Already exists", "Exists -/-"),
            ("ccc Pulling fs layer", ""),
            ("ccc Download complete", ""),
            ("ccc Download complete", ""),
            ("ddd Pulling fs layer", "Downloaded -/-"),
            ("ddd Downloading 1/2", "Waiting -/-, Downloading 1/2"),
        ],
    );
    assert!(!decoder.terminal_seen());
    assert_eq!(decoder.complete().len(), 2);
}

#[test]
fn a_docker_layer_whose_first_message_comes_late_is_no_end() {
    let mut decoder = PullDecoder::new();
    check(
        &mut decoder,
        &[
            ("latest Pulling from library/alpine", ""),
            ("aaa Download complete", "Downloaded -/-"),
            ("bbb Pull complete", "Complete -/-"),
        ],
    );
    assert!(!decoder.terminal_seen());
}

#[test]
fn states_go_forward_unless_the_engine_retries() {
    let mut decoder = PullDecoder::new();
    check(
        &mut decoder,
        &[
            ("latest Pulling from library/alpine", ""),
            ("aaa Extracting 3/10", "Extracting 3/10"),
            ("aaa Downloading 3/10", ""),
            ("aaa Waiting", ""),
            ("aaa Extracting 4/10", "Extracting 4/10"),
            ("aaa Pull complete", "Complete -/-"),
            ("aaa Extracting 5/10", ""),
            ("bbb Already exists", "Exists -/-"),
            ("bbb Downloading 3/10", ""),
            ("bbb Extracting 1/10", "Extracting 1/10"),
            ("ccc Verifying Checksum", "Verifying -/-"),
            ("ccc Retrying in 5 seconds", "Retrying -/-"),
            ("ccc Downloading 1/10", "Downloading 1/10"),
        ],
    );
}

#[test]
fn a_resumed_transfer_counts_what_is_there() {
    let mut decoder = PullDecoder::new();
    check(
        &mut decoder,
        &[
            ("aaa Downloading 60/100", "Downloading 60/100"),
            ("aaa Retrying in 1 second", "Retrying -/100"),
            ("aaa Downloading 0/40", "Downloading 60/100"),
            ("aaa Downloading 40/40", "Downloading 100/100"),
            ("aaa Retrying in 5 seconds", "Retrying -/100"),
            ("aaa Downloading 1/100", "Downloading 1/100"),
        ],
    );
}

#[test]
fn a_total_that_is_too_small_is_not_told() {
    let mut decoder = PullDecoder::new();
    check(
        &mut decoder,
        &[
            ("aaa Downloading 5/10", "Downloading 5/10"),
            ("aaa Downloading 12/10", "Downloading 12/-"),
            ("aaa Verifying Checksum", "Verifying -/10"),
        ],
    );
}

#[test]
fn statuses_hold_no_secrets_of_urls() {
    let mut decoder = PullDecoder::new();
    let decoded = feed(
        &mut decoder,
        r#"{"status":"asking https://me:secret@r.example/x?token=t"}"#,
    );
    let expected = Status {
        step: None,
        message: "asking https://r.example/x?…".to_owned(),
    };
    assert_eq!(decoded.events, [ProgressEvent::Status(expected)]);
}
