use std::time::Duration;

use super::*;
use crate::engine::ImageDetails;
use crate::engine::double::Scripted;
use crate::progress::Warning;

#[tokio::test(start_paused = true)]
async fn what_is_there_is_ready_and_no_registry_is_asked() {
    for policy in [EnsurePolicy::Missing, EnsurePolicy::Never] {
        let engine = Arc::new(DoubleEngine::default().has(HUB, pulled('a')));
        let ready = ensure(&engine, &request(policy)).await.unwrap();
        assert_eq!(
            (ready.origin, ready.source.as_str()),
            (Origin::Present, HUB)
        );
        assert_eq!(ready.digest.as_deref(), Some(DIGEST));
        assert_eq!(engine.calls(), [format!("inspect {HUB}")]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_there_and_no_image_is_not_ready() {
    let chart = ImageDetails {
        is_artifact: true,
        ..image('a')
    };
    let engine = Arc::new(DoubleEngine::default().has(HUB, chart));
    let error = ensure(&engine, &request(EnsurePolicy::Never)).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::ImageNotFound);
}

#[tokio::test(start_paused = true)]
async fn what_is_there_under_the_name_of_a_fallback_gets_the_name_that_was_asked_for() {
    let engine = Arc::new(DoubleEngine::default().has(GHCR, image('a')));
    let ready = ensure(&engine, &request(EnsurePolicy::Missing))
        .await
        .unwrap();
    assert_eq!(
        (ready.reference.as_str(), ready.source.as_str()),
        (HUB, GHCR)
    );
    assert_eq!(
        engine.calls(),
        [
            format!("inspect {HUB}"),
            format!("inspect {GHCR}"),
            format!("tag {GHCR} {HUB}"),
            format!("inspect {HUB}")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_pulled_with_fallback() {
    let engine = Arc::new(
        DoubleEngine::default()
            .fails(HUB, ErrorKind::ImageNotFound, 1)
            .on(GHCR, Scripted::Serves(image('a').into())),
    );
    let ready = ensure(&engine, &buildable(EnsurePolicy::Missing))
        .await
        .unwrap();
    assert_eq!(
        (ready.origin, ready.source.as_str()),
        (Origin::Pulled, GHCR)
    );
    assert_eq!(ready.attempts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_image_of_another_platform_is_not_there() {
    let engine = Arc::new(DoubleEngine::default().has(HUB, image('a')));
    let request = EnsureRequest {
        platform: Some(Platform::parse("linux/arm64").unwrap()),
        ..request(EnsurePolicy::Never)
    };
    let error = ensure(&engine, &request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ImageNotFound);
    assert!(error.message.contains("`linux/arm64`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn another_digest_than_the_pinned_one_is_not_there() {
    let pinned = format!("acme/app@{}", DIGEST.replace('e', "f"));
    let engine =
        Arc::new(DoubleEngine::default().has(&reference(&pinned).to_string(), pulled('a')));
    let request = EnsureRequest {
        policy: EnsurePolicy::Never,
        ..EnsureRequest::new(reference(&pinned))
    };
    let error = ensure(&engine, &request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ImageNotFound);
}

#[tokio::test(start_paused = true)]
async fn never_fails_at_once_with_a_hint_and_asks_no_registry() {
    let engine = Arc::new(DoubleEngine::default());
    let error = ensure(&engine, &request(EnsurePolicy::Never))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::ImageNotFound);
    assert_eq!(error.reference.as_deref(), Some(HUB));
    assert!(error.hint().unwrap().contains("`missing`"));
    assert_eq!(
        engine.calls(),
        [format!("inspect {HUB}"), format!("inspect {GHCR}")]
    );
}

#[tokio::test(start_paused = true)]
async fn never_builds_where_that_is_allowed() {
    let engine = Arc::new(DoubleEngine::default());
    let ready = ensure(&engine, &buildable(EnsurePolicy::Never))
        .await
        .unwrap();
    assert_eq!(ready.origin, Origin::Built);
    assert!(!engine.calls().iter().any(|call| call.starts_with("pull")));
}

#[tokio::test(start_paused = true)]
async fn always_pulls_what_is_there() {
    let engine = DoubleEngine::default().has(HUB, image('a'));
    let engine = Arc::new(engine.on(HUB, Scripted::Serves(image('c').into())));
    let ready = ensure(&engine, &request(EnsurePolicy::Always))
        .await
        .unwrap();
    assert_eq!(
        (ready.origin, ready.image_id),
        (Origin::Pulled, image('c').id)
    );
}

#[tokio::test(start_paused = true)]
async fn always_fails_where_the_pull_does_although_the_image_is_there() {
    let engine = DoubleEngine::default().has(HUB, image('a'));
    let engine = engine.fails(HUB, ErrorKind::ImageNotFound, 1);
    let engine = Arc::new(engine.fails(GHCR, ErrorKind::ImageNotFound, 1));
    let error = ensure(&engine, &request(EnsurePolicy::Always))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::AllSourcesFailed);
}

/// What a registry says, and whether the image is pulled then.
#[tokio::test(start_paused = true)]
async fn newer_pulls_only_where_the_digests_differ() {
    let other = DIGEST.replace('e', "f");
    let cases = [
        (Ok(DIGEST), false),
        (Ok(other.as_str()), true),
        // Podman before 6 cannot ask.
        (Err(ErrorKind::UnsupportedByEngine), true),
    ];
    for (says, is_pulled) in cases {
        let engine = DoubleEngine::default()
            .has(HUB, pulled('a'))
            .names(HUB, says);
        let engine = Arc::new(engine.on(HUB, Scripted::Serves(image('c').into())));
        let ready = ensure(&engine, &request(EnsurePolicy::Newer))
            .await
            .unwrap();
        assert_eq!(ready.origin == Origin::Pulled, is_pulled, "{says:?}");
        assert_eq!(ready.warnings, []);
    }
}

#[tokio::test(start_paused = true)]
async fn newer_asks_the_next_source_where_the_first_does_not_have_it() {
    let engine = DoubleEngine::default()
        .has(HUB, pulled('a'))
        .names(GHCR, Ok(DIGEST));
    let engine = Arc::new(engine);
    let ready = ensure(&engine, &request(EnsurePolicy::Newer))
        .await
        .unwrap();
    assert_eq!((ready.origin, ready.warnings), (Origin::Present, vec![]));
}

#[tokio::test(start_paused = true)]
async fn newer_keeps_what_is_there_where_no_registry_can_be_asked() {
    for kind in [ErrorKind::RegistryDns, ErrorKind::RegistryTls] {
        let engine = DoubleEngine::default().has(HUB, image('a'));
        let engine = Arc::new(engine.names(HUB, Err(kind)).names(GHCR, Err(kind)));
        let ready = ensure(&engine, &request(EnsurePolicy::Newer))
            .await
            .unwrap();
        assert_eq!(ready.origin, Origin::Present);
        assert_eq!(ready.warnings[0].code, Warning::NOT_UPDATED);
    }
}

#[tokio::test(start_paused = true)]
async fn newer_fails_where_the_engine_does() {
    for kind in [ErrorKind::EngineDisconnected, ErrorKind::EngineError] {
        let engine = DoubleEngine::default().has(HUB, image('a'));
        let engine = Arc::new(engine.names(HUB, Err(kind)));
        let error = ensure(&engine, &request(EnsurePolicy::Newer)).await;
        assert_eq!(error.unwrap_err().kind, kind);
    }
}

#[tokio::test(start_paused = true)]
async fn newer_asks_no_other_source_where_tls_is_broken() {
    let engine = DoubleEngine::default().has(HUB, pulled('a'));
    let engine = engine.names(HUB, Err(ErrorKind::RegistryTls));
    let engine = Arc::new(engine.names(GHCR, Ok(DIGEST)));
    let ready = ensure(&engine, &request(EnsurePolicy::Newer)).await;
    assert_eq!(ready.unwrap().warnings[0].code, Warning::NOT_UPDATED);
    assert!(!engine.calls().contains(&format!("registry digest {GHCR}")));
}

#[tokio::test(start_paused = true)]
async fn newer_keeps_what_is_there_where_the_pull_fails_but_not_what_was_tampered_with() {
    let other = DIGEST.replace('e', "f");
    for (kind, is_kept) in [
        (ErrorKind::RateLimited, true),
        (ErrorKind::DigestMismatch, false),
        (ErrorKind::EngineDiskFull, false),
    ] {
        let engine = DoubleEngine::default()
            .has(HUB, pulled('a'))
            .names(HUB, Ok(&other));
        let engine = Arc::new(engine.fails(HUB, kind, 3).fails(GHCR, kind, 3));
        let ready = ensure(&engine, &buildable(EnsurePolicy::Newer)).await;
        match ready {
            Ok(ready) => {
                assert!(is_kept, "{kind}");
                assert_eq!(ready.origin, Origin::Present);
                assert!(!ready.attempts.is_empty());
            }
            Err(error) => assert_eq!((error.kind, is_kept), (kind, false)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn newer_pulls_what_is_missing_without_asking_first() {
    let engine = DoubleEngine::default().on(HUB, Scripted::Serves(image('c').into()));
    let engine = Arc::new(engine);
    ensure(&engine, &request(EnsurePolicy::Newer))
        .await
        .unwrap();
    assert!(
        !engine
            .calls()
            .iter()
            .any(|call| call.starts_with("registry"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_pinned_digest_has_nothing_newer() {
    let pinned = reference(&format!("acme/app@{DIGEST}"));
    let engine = Arc::new(DoubleEngine::default().has(&pinned.to_string(), pulled('a')));
    let request = EnsureRequest {
        policy: EnsurePolicy::Newer,
        ..EnsureRequest::new(pinned)
    };
    ensure(&engine, &request).await.unwrap();
    assert_eq!(engine.calls().len(), 1);
}

/// Each kind × whether an image is built that could not be pulled for it.
#[tokio::test(start_paused = true)]
async fn only_what_another_source_might_have_cured_is_cured_by_a_build() {
    for kind in ErrorKind::ALL {
        let engine = DoubleEngine::default()
            .fails(HUB, *kind, 3)
            .fails(GHCR, *kind, 3);
        let engine = Arc::new(engine);
        let ready = ensure(&engine, &buildable(EnsurePolicy::Missing)).await;
        let is_cured = kind.tries_next_source() || *kind == ErrorKind::AllSourcesFailed;
        assert_eq!(ready.is_ok(), is_cured, "{kind}");
        match ready {
            Ok(ready) => {
                assert_eq!(
                    (ready.origin, ready.source.as_str()),
                    (Origin::Built, "build")
                );
                assert_eq!(ready.build.unwrap().tags, [HUB]);
                assert!(ready.attempts.iter().all(|attempt| attempt.code.is_some()));
            }
            Err(error) => assert_eq!(error.kind, *kind),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_that_fails_says_why_there_was_nothing_to_pull() {
    let engine = DoubleEngine::default()
        .fails(HUB, ErrorKind::ImageNotFound, 1)
        .fails(GHCR, ErrorKind::AccessDenied, 1)
        .fails("build", ErrorKind::BuildFailed, 1);
    let engine = Arc::new(engine);
    let error = ensure(&engine, &buildable(EnsurePolicy::Missing))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.attempts.len()),
        (ErrorKind::BuildFailed, 2)
    );
    let below = error
        .source
        .as_ref()
        .unwrap()
        .downcast_ref::<Error>()
        .unwrap();
    assert_eq!(below.kind, ErrorKind::AllSourcesFailed);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let engine = Arc::new(DoubleEngine::default());
    let pinned = EnsureRequest {
        reference: reference(&format!("acme/app@{DIGEST}")),
        fallbacks: None,
        ..buildable(EnsurePolicy::Missing)
    };
    let mut tagged = buildable(EnsurePolicy::Missing);
    tagged.build.as_mut().unwrap().options.tags = vec![reference(GHCR)];
    for request in [pinned, tagged] {
        let error = ensure(&engine, &request).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOption);
        assert_eq!(error.operation, Some(Operation::EnsureImage));
    }
    assert_eq!(engine.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_opencode_image_is_pulled_from_either_registry_or_else_built() {
    let ghcr = "ghcr.io/prizz/opencode-cloud-sandbox:latest";
    let hub = "docker.io/prizz/opencode-cloud-sandbox:latest";
    let engine = DoubleEngine::default().fails(hub, ErrorKind::ImageNotFound, 1);
    let engine = Arc::new(engine.fails(ghcr, ErrorKind::RegistryUnreachable, 2));
    let ready = ensure(&engine, &EnsureRequest::opencode().unwrap())
        .await
        .unwrap();
    let tried: Vec<&str> = ready
        .attempts
        .iter()
        .map(|it| it.registry.as_str())
        .collect();
    assert_eq!(tried, ["docker.io", "ghcr.io", "ghcr.io"]);
    assert_eq!(ready.build.unwrap().tags, [hub]);
}

#[tokio::test(start_paused = true)]
async fn a_build_has_its_time_and_says_how_far_it_came() {
    let engine = Arc::new(DoubleEngine::default().on("build", Scripted::Hangs));
    let request = EnsureRequest {
        build_timeout: Some(Duration::from_secs(5)),
        ..buildable(EnsurePolicy::Never)
    };
    let error = ensure(&engine, &request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Deadline);
    assert_eq!(error.message, format!("cannot build `{HUB}` within 5 s"));
    assert_eq!(error.step.as_deref(), Some("RUN make"));
    assert_eq!(error.log_tail, ["making"]);
}
