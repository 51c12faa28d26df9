use std::sync::Mutex;

use super::*;
use crate::engine::double::{DoubleEngine, Scripted, image};
use crate::progress::NoProgress;

const HUB: &str = "docker.io/acme/app:1";
const GHCR: &str = "ghcr.io/acme/app:1";
const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn request(fallbacks: &[&str]) -> PullRequest {
    let parse = |text: &&str| Reference::parse(text).unwrap();
    PullRequest {
        fallbacks: Some(fallbacks.iter().map(parse).collect()),
        retry: RetryPolicy {
            jitter: false,
            ..RetryPolicy::default()
        },
        ..PullRequest::new(parse(&HUB))
    }
}

async fn pull(engine: &DoubleEngine, request: &PullRequest) -> Result<PulledImage> {
    pull_image(engine, request, &NoProgress).await
}

fn tried(attempts: &[Attempt]) -> Vec<String> {
    let show = |attempt: &Attempt| {
        let code = attempt.code.map_or("ok", ErrorKind::code);
        let delay = attempt
            .delay_ms
            .map_or(String::new(), |delay| format!(" wait {delay}"));
        format!("{} #{} {code}{delay}", attempt.registry, attempt.attempt)
    };
    attempts.iter().map(show).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pull_is_inspected_before_it_counts() {
    let engine = DoubleEngine::default().on(HUB, Scripted::Serves(image('a').into()));
    let pulled = pull(&engine, &request(&[])).await.unwrap();
    assert_eq!(pulled.source, HUB);
    assert_eq!(pulled.image_id, image('a').id);
    assert_eq!(
        engine.calls(),
        [format!("pull {HUB}"), format!("inspect {HUB}")]
    );
}

#[tokio::test(start_paused = true)]
async fn success_without_an_image_is_a_failure() {
    let engine = DoubleEngine::default().on(HUB, Scripted::Lies);
    assert_eq!(
        pull(&engine, &request(&[])).await.unwrap_err().kind,
        ErrorKind::EngineError
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_image_is_asked_for_once_and_then_elsewhere() {
    let engine = DoubleEngine::default()
        .fails(HUB, ErrorKind::ImageNotFound, 1)
        .on(GHCR, Scripted::Serves(image('a').into()));
    let pulled = pull(&engine, &request(&[GHCR])).await.unwrap();
    assert_eq!(
        tried(&pulled.attempts),
        ["docker.io #1 IMAGE_NOT_FOUND", "ghcr.io #1 ok"]
    );
    assert_eq!(
        (pulled.reference.as_str(), pulled.source.as_str()),
        (HUB, GHCR)
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_from_elsewhere_is_there_under_the_name_that_was_asked_for() {
    let engine = DoubleEngine::default()
        .fails(HUB, ErrorKind::AccessDenied, 1)
        .on(GHCR, Scripted::Serves(image('a').into()));
    pull(&engine, &request(&[GHCR])).await.unwrap();
    let calls = engine.calls();
    assert_eq!(
        calls[calls.len() - 2..],
        [format!("tag {GHCR} {HUB}"), format!("inspect {HUB}")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_fails_is_retried_with_growing_waits_before_the_next_is_asked() {
    let started = Instant::now();
    let engine = DoubleEngine::default()
        .fails(HUB, ErrorKind::RegistryError, 3)
        .on(GHCR, Scripted::Serves(image('a').into()));
    let pulled = pull(&engine, &request(&[GHCR])).await.unwrap();
    assert_eq!(
        tried(&pulled.attempts),
        [
            "docker.io #1 REGISTRY_ERROR wait 1000",
            "docker.io #2 REGISTRY_ERROR wait 2000",
            "docker.io #3 REGISTRY_ERROR",
            "ghcr.io #1 ok"
        ]
    );
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn when_all_sources_fail_one_error_carries_every_attempt() {
    let engine = DoubleEngine::default()
        .fails(HUB, ErrorKind::ImageNotFound, 1)
        .fails(GHCR, ErrorKind::AccessDenied, 1);
    let error = pull(&engine, &request(&[GHCR])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AllSourcesFailed);
    assert_eq!(error.primary, Some(ErrorKind::AccessDenied));
    assert_eq!(
        tried(&error.attempts),
        ["docker.io #1 IMAGE_NOT_FOUND", "ghcr.io #1 ACCESS_DENIED"]
    );
    assert_eq!(error.operation, Some(Operation::PullImage));
}

#[tokio::test(start_paused = true)]
async fn the_only_source_speaks_for_itself() {
    let engine = DoubleEngine::default().fails(HUB, ErrorKind::ImageNotFound, 1);
    let error = pull(&engine, &request(&[])).await.unwrap_err();
    assert_eq!(
        (error.kind, error.attempts.len()),
        (ErrorKind::ImageNotFound, 1)
    );
}

/// Each kind × what a pull with one fallback does: tries at the first source, and whether the second is asked.
#[tokio::test(start_paused = true)]
async fn every_kind_is_retried_and_carried_on_by_its_rules() {
    for kind in ErrorKind::ALL {
        let engine = DoubleEngine::default()
            .fails(HUB, *kind, 9)
            .on(GHCR, Scripted::Serves(image('a').into()));
        let outcome = pull(&engine, &request(&[GHCR])).await;
        let hub = engine
            .calls()
            .iter()
            .filter(|call| **call == format!("pull {HUB}"))
            .count();
        let expected = match kind.retry() {
            crate::error::RetryRule::Never | crate::error::RetryRule::WhenLast => 1,
            crate::error::RetryRule::OnceQuickly | crate::error::RetryRule::Once => 2,
            crate::error::RetryRule::Attempts => 3,
        };
        assert_eq!(hub, expected, "{kind}");
        assert_eq!(outcome.is_ok(), kind.tries_next_source(), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_image_of_another_platform_is_no_success() {
    let engine = DoubleEngine::default().on(HUB, Scripted::Serves(image('a').into()));
    let wanted = Platform {
        os: "linux".into(),
        architecture: "s390x".into(),
        variant: None,
    };
    let request = PullRequest {
        platform: Some(wanted),
        ..request(&[])
    };
    assert_eq!(
        pull(&engine, &request).await.unwrap_err().kind,
        ErrorKind::PlatformMismatch
    );
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_the_engine_does_not_know_is_no_success() {
    let reference = Reference::parse(&format!("acme/app@{DIGEST}")).unwrap();
    let engine =
        DoubleEngine::default().on(&reference.to_string(), Scripted::Serves(image('a').into()));
    let error = pull(&engine, &PullRequest::new(reference))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::DigestMismatch);
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_the_engine_knows_is_success() {
    let reference = Reference::parse(&format!("acme/app@{DIGEST}")).unwrap();
    let details = ImageDetails {
        repo_digests: vec![format!("acme/app@{DIGEST}")],
        ..image('a')
    };
    let engine =
        DoubleEngine::default().on(&reference.to_string(), Scripted::Serves(details.into()));
    let pulled = pull(&engine, &PullRequest::new(reference)).await.unwrap();
    assert_eq!(pulled.digest.as_deref(), Some(DIGEST));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_pull_that_hangs_and_names_the_last_failure() {
    let engine = DoubleEngine::default()
        .fails(HUB, ErrorKind::RegistryError, 1)
        .on(HUB, Scripted::Hangs);
    let mut request = request(&[]);
    request.timeouts.total = Some(Duration::from_secs(30));
    let started = Instant::now();
    let error = pull(&engine, &request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Deadline);
    assert_eq!(started.elapsed(), Duration::from_secs(30));
    assert_eq!(
        tried(&error.attempts),
        [
            "docker.io #1 REGISTRY_ERROR wait 1000",
            "docker.io #2 DEADLINE"
        ]
    );
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "as scripted"
    );
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_told_with_what_follows_it() {
    let phases = Mutex::new(Vec::new());
    let sink = |event: &ProgressEvent| {
        if let ProgressEvent::Attempt(attempt) = event {
            phases
                .lock()
                .unwrap()
                .push((attempt.attempt, attempt.phase, attempt.delay_ms));
        }
    };
    let engine = DoubleEngine::default()
        .fails(HUB, ErrorKind::Timeout, 1)
        .fails(HUB, ErrorKind::ImageNotFound, 1)
        .fails(GHCR, ErrorKind::AuthRequired, 1);
    pull_image(&engine, &request(&[GHCR]), &sink)
        .await
        .unwrap_err();
    assert_eq!(
        *phases.lock().unwrap(),
        [
            (1, AttemptPhase::Starting, None),
            (1, AttemptPhase::Retrying, Some(1000)),
            (2, AttemptPhase::Starting, None),
            (2, AttemptPhase::FallingBack, None),
            (1, AttemptPhase::Starting, None),
            (1, AttemptPhase::Failed, None),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_known_under_several_digests_is_known_under_each() {
    let other = format!("acme/app@{}", DIGEST.replace('e', "f"));
    let details = ImageDetails {
        repo_digests: vec![other, format!("acme/app@{DIGEST}")],
        ..image('a')
    };
    let reference = Reference::parse(&format!("acme/app@{DIGEST}")).unwrap();
    let engine =
        DoubleEngine::default().on(&reference.to_string(), Scripted::Serves(details.into()));
    pull(&engine, &PullRequest::new(reference)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tag_beside_a_digest_is_given_whichever_source_serves() {
    let reference = Reference::parse(&format!("acme/app:1@{DIGEST}")).unwrap();
    let details = ImageDetails {
        repo_digests: vec![format!("acme/app@{DIGEST}")],
        ..image('a')
    };
    let engine =
        DoubleEngine::default().on(&reference.to_string(), Scripted::Serves(details.into()));
    pull(&engine, &PullRequest::new(reference.clone()))
        .await
        .unwrap();
    assert!(engine.calls().contains(&format!("tag {reference} {HUB}")));
}

#[tokio::test(start_paused = true)]
async fn something_else_than_an_image_is_no_success_and_the_next_source_is_asked() {
    let chart = || ImageDetails {
        platform: None,
        is_artifact: true,
        ..image('a')
    };
    let engine = DoubleEngine::default().on(HUB, Scripted::Serves(chart().into()));
    let error = pull(&engine, &request(&[])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnsupportedImage);

    let engine = DoubleEngine::default()
        .on(HUB, Scripted::Serves(chart().into()))
        .on(GHCR, Scripted::Serves(image('b').into()));
    let pulled = pull(&engine, &request(&[GHCR])).await.unwrap();
    assert_eq!(pulled.source, GHCR);
}

#[tokio::test(start_paused = true)]
async fn where_the_engine_does_not_know_the_platform_the_registry_decides() {
    for (architecture, kind) in [
        ("amd64", None),
        ("s390x", Some(ErrorKind::PlatformMismatch)),
    ] {
        let unknown = ImageDetails {
            platform: None,
            ..image('a')
        };
        let engine = DoubleEngine::default().on(HUB, Scripted::Serves(unknown.into()));
        let wanted = Platform {
            os: "linux".into(),
            architecture: architecture.into(),
            variant: None,
        };
        let request = PullRequest {
            platform: Some(wanted),
            ..request(&[])
        };
        let error = pull(&engine, &request).await.err();
        assert_eq!(error.map(|error| error.kind), kind, "{architecture}");
        assert!(
            engine
                .calls()
                .contains(&format!("registry platforms {HUB}"))
        );
    }
}

/// A pull from Docker Hub with credentials for it, and from GHCR with others.
fn with_logins() -> PullRequest {
    let mut request = request(&[GHCR]);
    for (registry, username) in [("docker.io", "hub"), ("ghcr.io", "ghcr")] {
        let credentials = Credentials::password(username, "pw");
        request.credentials.give(registry, credentials).unwrap();
    }
    request
}

/// The pulls, each with the name of the user whom the registry was shown.
fn pulls(engine: &DoubleEngine) -> Vec<String> {
    let calls = engine.calls().into_iter();
    let pulls = calls.filter_map(|call| {
        let pull = call.strip_prefix("pull ")?.to_owned();
        let Some((reference, credentials)) = pull.split_once(" with ") else {
            return Some(format!("{pull} nobody"));
        };
        Some(format!("{reference} {}", credentials.split('"').nth(1)?))
    });
    pulls.collect()
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_left_out_once_and_that_is_told() {
    for kind in [ErrorKind::AuthRequired, ErrorKind::AccessDenied] {
        let phases = Mutex::new(Vec::new());
        let sink = |event: &ProgressEvent| match event {
            ProgressEvent::Attempt(attempt) => {
                let Attempted { attempt, phase, .. } = attempt;
                phases.lock().unwrap().push(format!("{attempt} {phase:?}"));
            }
            ProgressEvent::Warning(warning) => phases.lock().unwrap().push(warning.code.clone()),
            _ => {}
        };
        let engine = DoubleEngine::default()
            .fails(HUB, kind, 1)
            .on(HUB, Scripted::Serves(image('a').into()));
        let pulled = pull_image(&engine, &with_logins(), &sink).await.unwrap();
        assert_eq!(
            pulls(&engine),
            [format!("{HUB} hub"), format!("{HUB} nobody")]
        );
        assert_eq!(
            tried(&pulled.attempts),
            [
                format!("docker.io #1 {kind} wait 0"),
                "docker.io #2 ok".to_owned()
            ]
        );
        let told = [
            "1 Starting",
            "1 RetryingAnonymously",
            "2 Starting",
            "CREDENTIALS_REFUSED",
        ];
        assert_eq!(*phases.lock().unwrap(), told);
        let [warning] = &pulled.warnings[..] else {
            panic!("{:?}", pulled.warnings)
        };
        assert_eq!(
            warning.message,
            "`docker.io` refused the credentials from the option `credentials`, and was asked without them: log in again, or out"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn where_both_are_refused_the_first_refusal_counts_and_the_next_source_is_asked() {
    for second in [
        ErrorKind::AuthRequired,
        ErrorKind::AccessDenied,
        ErrorKind::ImageNotFound,
    ] {
        let engine = DoubleEngine::default()
            .fails(HUB, ErrorKind::AuthRequired, 1)
            .fails(HUB, second, 1)
            .fails(GHCR, ErrorKind::ImageNotFound, 1);
        let error = pull(&engine, &with_logins()).await.unwrap_err();
        assert_eq!(
            pulls(&engine),
            [
                format!("{HUB} hub"),
                format!("{HUB} nobody"),
                format!("{GHCR} ghcr")
            ]
        );
        assert_eq!(error.primary, Some(ErrorKind::AuthRequired), "{second}");
        let hint = "AUTH_REQUIRED: the credentials from the option `credentials` are not accepted: log in again, or correct them";
        assert_eq!(error.hint(), Some(hint));
    }
}

#[tokio::test(start_paused = true)]
async fn without_credentials_a_registry_is_retried_as_any_other() {
    let engine = DoubleEngine::default()
        .fails(HUB, ErrorKind::AccessDenied, 1)
        .fails(HUB, ErrorKind::RegistryError, 1)
        .on(HUB, Scripted::Serves(image('a').into()));
    let pulled = pull(&engine, &with_logins()).await.unwrap();
    assert_eq!(
        tried(&pulled.attempts),
        [
            "docker.io #1 ACCESS_DENIED wait 0",
            "docker.io #2 REGISTRY_ERROR wait 1000",
            "docker.io #3 ok"
        ]
    );
    assert_eq!(
        pulls(&engine)[1..],
        [format!("{HUB} nobody"), format!("{HUB} nobody")]
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_again_without_credentials_where_there_were_none() {
    let engine = DoubleEngine::default().fails(HUB, ErrorKind::AccessDenied, 1);
    pull(&engine, &request(&[])).await.unwrap_err();
    assert_eq!(pulls(&engine), [format!("{HUB} nobody")]);
}

/// A pull whose helper for Docker Hub is not there, with an entry for GHCR.
fn with_broken_helper(folder: &std::path::Path) -> PullRequest {
    let config = r#"{"credHelpers":{"https://index.docker.io/v1/":"../../x"},"auths":{"ghcr.io":{"auth":"Z2hjcjpwdw=="}}}"#;
    std::fs::write(folder.join("config.json"), config).unwrap();
    let environment = crate::environment::Environment {
        docker_config: Some(folder.to_owned()),
        ..Default::default()
    };
    PullRequest {
        credentials: CredentialSources::of(&environment),
        ..request(&[GHCR])
    }
}

#[tokio::test]
async fn a_broken_helper_is_a_warning_where_the_image_is_for_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let engine = DoubleEngine::default().on(HUB, Scripted::Serves(image('a').into()));
    let pulled = pull(&engine, &with_broken_helper(folder.path()))
        .await
        .unwrap();
    assert_eq!(pulls(&engine), [format!("{HUB} nobody")]);
    let [warning] = &pulled.warnings[..] else {
        panic!("{:?}", pulled.warnings)
    };
    assert_eq!(warning.code, "CREDENTIAL_HELPER");
}

#[tokio::test]
async fn a_broken_helper_is_the_error_where_the_image_is_not_and_the_next_source_is_asked() {
    for kind in [
        ErrorKind::AuthRequired,
        ErrorKind::AccessDenied,
        ErrorKind::ImageNotFound,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let engine =
            DoubleEngine::default()
                .fails(HUB, kind, 1)
                .fails(GHCR, ErrorKind::AccessDenied, 2);
        let error = pull(&engine, &with_broken_helper(folder.path()))
            .await
            .unwrap_err();
        // The credentials of the one registry never go to the other.
        assert_eq!(
            pulls(&engine),
            [
                format!("{HUB} nobody"),
                format!("{GHCR} ghcr"),
                format!("{GHCR} nobody")
            ]
        );
        assert_eq!(
            tried(&error.attempts),
            [
                "docker.io #1 CREDENTIAL_HELPER",
                "ghcr.io #1 ACCESS_DENIED wait 0",
                "ghcr.io #2 ACCESS_DENIED"
            ]
        );
        assert_eq!(error.primary, Some(ErrorKind::CredentialHelper));
        let helper = std::error::Error::source(&error).unwrap();
        let cause = helper.source().unwrap().downcast_ref::<Error>().unwrap();
        assert_eq!(cause.kind, kind);
    }
}
