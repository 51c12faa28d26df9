//! Credentials: they reach the registry that they are for, by way of the engine, and nobody else.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use shipway_core::environment::Environment;
use shipway_core::{
    BuildRequest, BuildSource, CredentialSources, Credentials, Error, ErrorKind, Reference,
    build_image, pull_image,
};
use tempfile::TempDir;

use super::engine::{Act, Engine, Seen, answer, image, stream};
use super::watching::{Events, classic, one_try};

const BUILT: &str = include_str!("../../../../fixtures/build/docker-28.5-ok.jsonl");

/// In standard base64 it has `+` and `/`.
const CANARY: &str = "canary~?>?~>";

const PULLED: [&str; 2] = [
    r#"{"status":"Digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#,
    r#"{"status":"Status: Downloaded newer image for a"}"#,
];

fn given(registries: &[&str]) -> CredentialSources {
    let mut sources = CredentialSources::default();
    for registry in registries {
        let credentials = Credentials::password("ada", CANARY);
        sources.give(registry, credentials).unwrap();
    }
    sources
}

/// The settings of `docker` in a folder.
fn docker(config: &str) -> (TempDir, CredentialSources) {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let sources = CredentialSources::of(&Environment {
        docker_config: Some(folder.path().to_owned()),
        ..Environment::default()
    });
    (folder, sources)
}

/// The header's line for `json`, as heads are remembered.
fn header(name: &str, json: &str) -> String {
    format!("{name}: {}\r\n", URL_SAFE.encode(json)).to_lowercase()
}

fn auth_config(address: &str) -> String {
    format!(r#"{{"password":"{CANARY}","serveraddress":"{address}","username":"ada"}}"#)
}

/// Everything that can be seen of an error.
fn shown(error: &Error) -> String {
    let mut shown = vec![format!("{error} {error:?}")];
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        shown.push(format!("{error} {error:?}"));
        cause = error.source();
    }
    shown.concat()
}

#[tokio::test]
async fn each_source_of_a_pull_is_shown_its_own_credentials() {
    let server = Engine::start(|seen: &Seen| match seen {
        seen if seen.is_pull() && !seen.target.contains("last.example") => {
            answer(404, r#"{"message":"manifest unknown"}"#)
        }
        seen if seen.is_pull() => stream(PULLED),
        seen if seen.is("POST", "/images/") => answer(201, ""),
        _ => image(),
    });
    let mut request = one_try("first.example/a:1");
    let fallbacks = ["a:1", "last.example:5000/a:1"].map(|text| Reference::parse(text).unwrap());
    request.fallbacks = Some(fallbacks.to_vec());
    request.credentials = given(&["index.docker.io", "last.example:5000"]);
    pull_image(&server.client(), &request, &Events::new())
        .await
        .unwrap();
    let seen = server.seen();
    let heads: Vec<&str> = seen
        .iter()
        .filter(|seen| seen.is_pull())
        .map(|seen| &*seen.head)
        .collect();
    assert!(!heads[0].contains("x-registry-auth"), "{}", heads[0]);
    let hub = header(
        "x-registry-auth",
        &auth_config("https://index.docker.io/v1/"),
    );
    assert!(heads[1].contains(&hub), "{}", heads[1]);
    let last = header("x-registry-auth", &auth_config("last.example:5000"));
    assert!(heads[2].contains(&last), "{}", heads[2]);
}

#[tokio::test]
async fn the_classic_builder_is_given_what_its_base_images_need_and_the_proxies() {
    let config = format!(
        r#"{{"auths":{{"kept.example":{{"username":"ada","password":"{CANARY}"}},
                        "other.example":{{"username":"ada","password":"{CANARY}"}}}},
             "proxies":{{"default":{{"httpProxy":"http://p:1"}}}}}}"#
    );
    let (_folder, sources) = docker(&config);
    let dockerfile = "ARG HOST=other.example\nFROM $HOST/a\n";
    let mut request = classic(BuildSource::dockerfile(dockerfile));
    let argument = ("HOST".to_owned(), "kept.example".to_owned());
    request.options.build_args.extend([argument]);
    request.credentials = sources;
    let hub = Credentials::password("ada", CANARY);
    request.credentials.give("docker.io", hub).unwrap();
    let server = Engine::start(|seen: &Seen| match seen {
        seen if seen.is_build() => [vec![Act::TakeBody], stream(BUILT.lines())].concat(),
        _ => image(),
    });
    build_image(&server.client(), &request, &Events::new())
        .await
        .unwrap();
    let seen = server.observes(Seen::is_build).await;
    let all = format!(
        r#"{{"https://index.docker.io/v1/":{},"kept.example":{}}}"#,
        auth_config("https://index.docker.io/v1/"),
        auth_config("kept.example")
    );
    assert!(
        seen.head.contains(&header("x-registry-config", &all)),
        "{}",
        seen.head
    );
    let proxies = "%22HTTP_PROXY%22%3A%22http%3A%2F%2Fp%3A1%22%2C%22http_proxy%22%3A%22http%3A%2F%2Fp%3A1%22%7D";
    assert!(seen.target.contains(proxies), "{}", seen.target);
}

#[tokio::test]
async fn an_engine_that_repeats_what_it_was_shown_shows_nobody_else() {
    let login = STANDARD.encode(format!("ada:{CANARY}"));
    let said = format!("unauthorized: you said {CANARY} and Basic {login}");
    let body = serde_json::json!({ "message": said }).to_string();
    let server = Engine::start(move |seen: &Seen| match seen {
        seen if seen.is_pull() => answer(401, &body),
        seen if seen.is_build() => [vec![Act::TakeBody], answer(401, &body)].concat(),
        _ => image(),
    });
    let events = Events::new();
    let mut pull = one_try("r.example/a:1");
    pull.credentials = given(&["r.example"]);
    let pulled = pull_image(&server.client(), &pull, &events).await;
    let mut build = classic(BuildSource::dockerfile("FROM r.example/a:1\n"));
    build.credentials = given(&["r.example"]);
    let built = build_image(&server.client(), &build, &events).await;
    for error in [pulled.unwrap_err(), built.unwrap_err()] {
        assert_eq!(error.kind, ErrorKind::AuthRequired);
        let shown = format!("{} {:?} {pull:?} {build:?}", shown(&error), events.all());
        assert!(shown.contains("you said *** and Basic ***"), "{shown}");
        assert!(
            !shown.contains(CANARY) && !shown.contains(&login),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn an_engine_that_repeats_all_that_it_was_sent_shows_nobody_else() {
    // As a proxy does that is asked to help to find faults. What was sent is in base64.
    let server = Engine::start(|seen: &Seen| {
        let body = serde_json::json!({ "message": format!("denied: {}", seen.sent) }).to_string();
        match seen {
            seen if seen.is_pull() => answer(403, &body),
            seen if seen.is_build() => [vec![Act::TakeBody], answer(403, &body)].concat(),
            _ => image(),
        }
    });
    let events = Events::new();
    let mut pull = one_try("r.example/a:1");
    pull.credentials = given(&["r.example"]);
    let pulled = pull_image(&server.client(), &pull, &events).await;
    let mut build = classic(BuildSource::dockerfile("FROM r.example/a:1\n"));
    build.credentials = given(&["r.example"]);
    let built = build_image(&server.client(), &build, &events).await;
    let json = auth_config("r.example");
    let config = format!(r#"{{"r.example":{json}}}"#);
    for (error, sent) in [(pulled.unwrap_err(), json), (built.unwrap_err(), config)] {
        let shown = format!("{} {:?}", shown(&error), events.all());
        let sent = URL_SAFE.encode(sent);
        assert!(shown.to_lowercase().contains("x-registry-"), "{shown}");
        assert!(!shown.contains(sent.trim_end_matches('=')), "{shown}");
    }
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_a_warning_of_the_pull_and_of_the_build() {
    let (_folder, sources) = docker(&format!(r#"{{"auths":"{CANARY}"}}"#));
    let server = Engine::start(|seen: &Seen| match seen {
        seen if seen.is_pull() => stream(PULLED),
        seen if seen.is_build() => [vec![Act::TakeBody], stream(BUILT.lines())].concat(),
        _ => image(),
    });
    let events = Events::new();
    let mut pull = one_try("r.example/a:1");
    pull.credentials = sources.clone();
    let pulled = pull_image(&server.client(), &pull, &events).await.unwrap();
    let mut build: BuildRequest = classic(BuildSource::dockerfile("FROM scratch\n"));
    build.credentials = sources;
    let built = build_image(&server.client(), &build, &events)
        .await
        .unwrap();
    for warnings in [pulled.warnings, built.warnings] {
        assert_eq!(warnings[0].code, "DOCKER_CONFIG_INVALID");
    }
    let told = format!("{:?}", events.all());
    assert_eq!(told.matches("DOCKER_CONFIG_INVALID").count(), 2);
    assert!(!told.contains(CANARY), "{told}");
}
