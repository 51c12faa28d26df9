use super::*;
use crate::engine::double::{DoubleEngine, image};
use crate::progress::NoProgress;

const HUB: &str = "docker.io/prizz/opencode-cloud-sandbox:latest";
const GHCR: &str = "ghcr.io/prizz/opencode-cloud-sandbox:latest";

fn opencode() -> BuildRequest {
    BuildRequest::new(BuildSource::Opencode(OpencodeBuild::default()))
}

#[tokio::test(start_paused = true)]
async fn the_opencode_image_is_there_under_both_of_its_names() {
    let engine = DoubleEngine::default();
    let built = build_image(&engine, &opencode(), &NoProgress)
        .await
        .unwrap();
    assert_eq!(built.tags, [HUB, GHCR]);
    assert_eq!(
        engine.calls()[1..],
        [
            format!("inspect {}", image('b').id),
            format!("inspect {HUB}"),
            format!("inspect {GHCR}")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_callers_build_arguments_win_over_those_of_the_opencode_image() {
    let mut request = opencode();
    request
        .options
        .build_args
        .insert("OPENCODE_VERSION".to_owned(), "1.0.0".to_owned());
    let build = prepare(&request, None, &Keychain::default()).unwrap();
    assert_eq!(build.options.build_args["OPENCODE_VERSION"], "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_names_another_image_is_a_failure() {
    let engine = DoubleEngine::default().has(HUB, image('c'));
    let error = build_image(&engine, &opencode(), &NoProgress)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::EngineError);
}

#[tokio::test(start_paused = true)]
async fn a_tag_with_a_digest_is_refused_before_anything_is_sent() {
    let engine = DoubleEngine::default();
    let mut request = opencode();
    request.options.tags = vec![Reference::parse(&format!("a@sha256:{}", "0".repeat(64))).unwrap()];
    let error = build_image(&engine, &request, &NoProgress)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, engine.calls().len()),
        (ErrorKind::InvalidOption, 0)
    );
}

#[test]
fn no_build_argument_shows_in_debug_output() {
    let mut build = BuildOptions::default();
    build
        .build_args
        .insert("TOKEN".to_owned(), "hunter2".to_owned());
    let shown = format!("{build:?}");
    assert!(
        shown.contains("TOKEN") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_a_step_prints_is_hidden() {
    let mut request = opencode();
    request
        .options
        .build_args
        .insert("NPM_TOKEN".to_owned(), "hunter2".to_owned());
    let keychain = Keychain::default();
    let hidden = Hidden::of(&request, &BTreeMap::new(), &keychain).await;
    let log = ProgressEvent::Log(crate::progress::Log {
        step: None,
        stream: crate::progress::LogStream::Stdout,
        text: "the token is hunter2".to_owned(),
    });
    let shown = format!("{:?}", hidden.event(&log));
    assert!(
        shown.contains("***") && !shown.contains("hunter2"),
        "{shown}"
    );
}
