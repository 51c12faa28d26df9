use super::*;
use crate::build_options::{NamedContext, SecretSource};
use crate::credentials::{Credentials, Registry};
use crate::engine::EnginePull;
use crate::engine::double::{DoubleEngine, image};
use crate::environment::Environment;
use crate::progress::NoProgress;
use crate::pull_image::PullRequest;
use crate::secret::Secret;

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

#[tokio::test]
async fn no_debug_output_of_what_a_call_is_made_of_shows_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    // `ada:canary-entry` and `ada:canary-podman`.
    let config = r#"{"auths":{"kept.example":{"auth":"YWRhOmNhbmFyeS1lbnRyeQ=="}},"proxies":{"default":{"httpProxy":"http://ada:canary-proxy@p"}}}"#;
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let podman = r#"{"auths":{"podman.example":{"auth":"YWRhOmNhbmFyeS1wb2RtYW4="}}}"#;
    std::fs::write(folder.path().join("auth.json"), podman).unwrap();
    let environment = Environment {
        docker_config: Some(folder.path().to_owned()),
        registry_auth_file: Some(folder.path().join("auth.json")),
        variables: [("TOKEN".into(), "canary-variable".into())]
            .into_iter()
            .collect(),
        ..Environment::read(|name| {
            let secrets = ["DOCKER_AUTH_CONFIG", "HTTPS_PROXY", "HTTP_PROXY"];
            secrets
                .contains(&name)
                .then(|| "canary-variable".to_owned())
        })
    };
    let mut credentials = CredentialSources::of(&environment);
    let secret = || Secret::new("canary-given");
    for (registry, given) in [
        ("a.example", Credentials::password("ada", "canary-given")),
        ("b.example", Credentials::IdentityToken(secret())),
        ("c.example", Credentials::RegistryToken(secret())),
    ] {
        credentials.give(registry, given).unwrap();
    }
    let keychain = Keychain::new(credentials.clone());
    let mut found = Vec::new();
    for registry in ["a.example", "kept.example", "podman.example"] {
        found.extend(keychain.find(&Registry::at(registry)).await);
    }
    assert_eq!(found.len(), 3);

    let mut opencode = OpencodeBuild::default();
    opencode.proxy.http = Some("http://ada:canary-opencode@p".to_owned());
    let mut build = BuildRequest::new(BuildSource::Opencode(opencode));
    let argument = ("TOKEN".to_owned(), "canary-argument".to_owned());
    build.options.build_args.extend([argument]);
    let value = SecretSource::Value(SecretValue::new("canary-value"));
    build.options.secrets.insert("id".to_owned(), value);
    let context = NamedContext::Url("https://ada:canary-context@h/r.git".to_owned());
    build.options.contexts.insert("named".to_owned(), context);
    build.credentials = credentials.clone();
    let url = "https://ada:canary-url@h/r.git?canary-query";
    let from_url = BuildSource::url(url, DockerfileSource::default()).unwrap();
    let from_files = BuildSource::dockerfile("ENV TOKEN=canary-file");
    let mut pull = PullRequest::new(Reference::parse("a.example/a:1").unwrap());
    pull.credentials = credentials.clone();
    let engine_pull = EnginePull {
        reference: pull.reference.clone(),
        platform: None,
        stall: None,
        credentials: found.first().map(|found| found.credentials.clone()),
    };
    let secrets = read_secrets(&build.options.secrets).await.unwrap();
    let engine_build = EngineBuild {
        secrets: Arc::new(secrets),
        ..prepare(&build, None, &keychain).unwrap()
    };
    let (docker, _) = keychain.docker_config().await;
    let shown = format!(
        "{environment:?} {credentials:?} {keychain:?} {found:?} {docker:?} {build:?} {from_url:?} {from_files:?} {pull:?} {engine_pull:?} {engine_build:#?}"
    );
    assert!(
        shown.contains("kept.example") && shown.contains("TOKEN"),
        "{shown}"
    );
    let encoded = ["Y2FuYXJ5", "NhbmFyeS", "jYW5hcnkt"];
    for canary in encoded.iter().chain(&["canary"]) {
        assert!(!shown.contains(canary), "{canary} in {shown}");
    }
}
