//! A pull whose answer is cut, at any byte and in any way, is never a success; any chunking of a whole one is.

use futures_util::StreamExt as _;
use futures_util::stream;
use shipway_core::progress::NoProgress;
use shipway_core::{ErrorKind, pull_image};

use super::engine::{Act, Engine, Seen, chunk, chunked_head, head, image, no_image};
use super::watching::{PULLS, is_engine_fault, one_try};

/// Pulls under way at a time.
const AT_A_TIME: usize = 32;

/// Distance of the cuts that lie at no border.
const STRIDE: usize = 101;

/// The frames as the engine writes them.
fn frames(transcript: &str) -> Vec<Vec<u8>> {
    transcript
        .lines()
        .map(|line| format!("{line}\r\n").into_bytes())
        .collect()
}

/// Places to cut `bytes` at: around every border between frames, the whole end, and some in between.
fn cuts(bytes: &[u8]) -> Vec<usize> {
    let borders = bytes
        .windows(3)
        .enumerate()
        .filter(|(_, window)| window == b"}\r\n")
        .flat_map(|(at, _)| at..=at + 3);
    let end = bytes.len().saturating_sub(200)..=bytes.len();
    let mut cuts: Vec<usize> = borders
        .chain(end)
        .chain((0..bytes.len()).step_by(STRIDE))
        .filter(|at| *at <= bytes.len())
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// Pulls once for each cut from an engine that then closes the connection; `expected` tells which cuts are a success.
async fn pull_with_cuts(engine: &str, answer: Vec<u8>, expected: impl Fn(usize) -> bool) {
    let all = cuts(&answer);
    let server = Engine::start(move |request: &Seen| {
        if request.is_pull() {
            let cut: usize = request.tag().parse().unwrap();
            vec![Act::Send(answer[..cut].to_vec())]
        } else {
            image()
        }
    });
    let (client, expected) = (&server.client(), &expected);
    stream::iter(all)
        .for_each_concurrent(AT_A_TIME, |cut| async move {
            let request = one_try(&format!("shipway/layers:{cut}"));
            match pull_image(client, &request, &NoProgress).await {
                Ok(_) => assert!(expected(cut), "{engine}: a success although cut at {cut}"),
                Err(error) => {
                    assert!(
                        !expected(cut),
                        "{engine}: failed at {cut} although whole: {error}"
                    );
                    assert!(is_engine_fault(error.kind), "{engine}: {cut}: {error:?}");
                }
            }
        })
        .await;
}

#[tokio::test]
async fn a_chunked_answer_that_is_cut_anywhere_is_no_success() {
    for (engine, transcript) in PULLS {
        let mut answer = chunked_head();
        for frame in frames(transcript) {
            answer.extend_from_slice(&chunk(&frame));
        }
        answer.extend_from_slice(super::engine::END);
        let whole = answer.len();
        pull_with_cuts(engine, answer, |cut| cut == whole).await;
    }
}

#[tokio::test]
async fn an_answer_of_known_length_that_is_cut_anywhere_is_no_success() {
    let (engine, transcript) = PULLS[1];
    let body = frames(transcript).concat();
    let mut answer = head(200, &format!("Content-Length: {}\r\n", body.len()));
    answer.extend_from_slice(&body);
    let whole = answer.len();
    pull_with_cuts(engine, answer, |cut| cut == whole).await;
}

/// Such an answer ends where the connection ends: what it said is all the evidence.
#[tokio::test]
async fn an_answer_without_length_that_ends_early_is_no_success_before_the_terminal_words() {
    for (engine, transcript) in PULLS {
        let frames = frames(transcript);
        let mut answer = head(200, "Connection: close\r\n");
        let start = answer.len();
        answer.extend_from_slice(&frames.concat());
        // The digest is the first of the terminal words; after it, an end between two frames is one.
        let last = frames[frames.len() - 1].len();
        let digest = frames[frames.len() - 2].len();
        let whole = answer.len();
        assert!(start < whole - last - digest);
        let between = (whole - last - 2)..=(whole - last);
        pull_with_cuts(engine, answer, |cut| {
            between.contains(&cut) || cut >= whole - 2
        })
        .await;
    }
}

#[tokio::test]
async fn one_byte_at_a_time_is_a_success_on_every_engine() {
    for (engine, transcript) in PULLS {
        let mut answer = chunked_head();
        for byte in frames(transcript).concat() {
            answer.extend_from_slice(&chunk(&[byte]));
        }
        answer.extend_from_slice(super::engine::END);
        let server = Engine::start(move |request: &Seen| {
            if request.is_pull() {
                vec![Act::Send(answer.clone())]
            } else {
                image()
            }
        });
        let pulled = pull_image(&server.client(), &one_try("shipway/layers:1"), &NoProgress).await;
        let pulled = pulled.unwrap_or_else(|error| panic!("{engine}: {error}"));
        assert_eq!(
            pulled.digest.as_deref(),
            Some("sha256:41eba7393d1a81bf6cd756369e6640dec60aeff5836d84f62c0b54ec4cbe92a2")
        );
    }
}

#[tokio::test]
async fn one_write_for_each_byte_of_head_and_body_is_a_success() {
    let mut answer = chunked_head();
    for frame in frames(PULLS[0].1) {
        answer.extend_from_slice(&chunk(&frame));
    }
    answer.extend_from_slice(super::engine::END);
    let server = Engine::start(move |request: &Seen| {
        if request.is_pull() {
            answer.iter().map(|byte| Act::Send(vec![*byte])).collect()
        } else {
            image()
        }
    });
    pull_image(&server.client(), &one_try("shipway/layers:1"), &NoProgress)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_whole_answer_is_no_success_while_the_engine_has_no_such_image() {
    for (engine, transcript) in PULLS {
        let server = Engine::start(move |request: &Seen| {
            if request.is_pull() {
                super::engine::stream(transcript.lines())
            } else {
                no_image()
            }
        });
        let error = pull_image(&server.client(), &one_try("shipway/layers:1"), &NoProgress)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::EngineError, "{engine}: {error}");
        assert!(
            error.message.contains("has no such image"),
            "{engine}: {error}"
        );
    }
}
