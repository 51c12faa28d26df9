#![cfg(unix)]

use std::path::Path;

use super::*;
use crate::credentials::program::write_program;
use crate::error::{Error, ErrorKind};
use crate::reference::Reference;
use crate::secret::Secret;

/// `config.json` with an entry of its own for each way to keep credentials.
const CONFIG: &str = r#"{
    "auths": {
        "file.example": {"auth": "ZmlsZTpwdw=="},
        "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
        "kept.example": {},
        "both.example": {"registrytoken": "r"}
    },
    "credHelpers": {"kept.example": "test", "both.example": "test", "broken.example": "broken"}
}"#;

/// The helper `docker-credential-test` counts how often it is asked.
const HELPER: &str = r#"#!/bin/sh
read -r key
echo "$key" >> "$0.log"
echo "{\"Username\":\"helper\",\"Secret\":\"$key\"}"
"#;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), CONFIG).unwrap();
        let home = Self(folder);
        home.add_helper("docker-credential-test", HELPER);
        home.add_helper(
            "docker-credential-broken",
            "#!/bin/sh\necho hunter2\nexit 2\n",
        );
        home
    }

    fn add_helper(&self, name: &str, script: &str) {
        write_program(&self.path().join(name), script);
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn sources(&self) -> CredentialSources {
        let path = format!("{}:/usr/bin:/bin", self.path().display());
        CredentialSources::of(&Environment {
            docker_config: Some(self.path().to_owned()),
            variables: [("PATH".into(), path.into())].into_iter().collect(),
            ..Environment::default()
        })
    }

    /// How often the helper was asked.
    fn asked(&self) -> usize {
        let log = self.path().join("docker-credential-test.log");
        std::fs::read_to_string(log).map_or(0, |log| log.lines().count())
    }
}

async fn credentials(keychain: &Keychain, host: &str) -> Option<Credentials> {
    let found = keychain.find(&Registry::at(host)).await;
    found.map(|found| found.credentials)
}

#[tokio::test]
async fn the_caller_comes_before_the_variable_that_before_a_helper_and_that_before_the_file() {
    let home = Home::new();
    let mut sources = home.sources();
    sources.environment.docker_auth_config = Some(Secret::new(
        r#"{"auths":{"kept.example":{"auth":"dmFyaWFibGU6cHc="},"given.example":{"auth":"dmFyaWFibGU6cHc="}}}"#,
    ));
    let given = Credentials::password("caller", "pw");
    sources.give("given.example", given.clone()).unwrap();
    let keychain = Keychain::new(sources);
    for (host, username) in [
        ("given.example", "caller"),
        ("kept.example", "variable"),
        ("file.example", "file"),
        ("registry-1.docker.io", "hub"),
    ] {
        let wanted = Some(Credentials::password(username, "pw"));
        assert_eq!(credentials(&keychain, host).await, wanted, "{host}");
    }
    assert_eq!(home.asked(), 0);
    let keychain = Keychain::new(home.sources());
    let wanted = Credentials::password("helper", "kept.example");
    assert_eq!(credentials(&keychain, "kept.example").await, Some(wanted));
}

/// `auth.json` in the folder of [`Home`].
const AUTH_FILE: &str = r#"{
    "auths": {
        "file.example": {"auth": "cG9kbWFuOnB3"},
        "podman.example": {"auth": "cG9kbWFuOnB3"},
        "podman.example/acme": {"auth": "YWNtZTpwdw=="},
        "kept.example": {"auth": "cG9kbWFuOnB3"},
        "none.example": {"auth": "cG9kbWFuOnB3"}
    },
    "credHelpers": {"docker.io": "test", "own.example": "test"}
}"#;

fn with_podman(home: &Home) -> CredentialSources {
    let path = home.path().join("auth.json");
    std::fs::write(&path, AUTH_FILE).unwrap();
    let mut sources = home.sources();
    sources.environment.registry_auth_file = Some(path);
    sources
}

#[tokio::test]
async fn podman_comes_last_and_may_know_more_of_a_repository() {
    let home = Home::new();
    home.add_helper(
        "docker-credential-none",
        "#!/bin/sh\necho 'credentials not found in native keychain'\nexit 1\n",
    );
    let config = CONFIG.replace(
        r#""broken.example""#,
        r#""none.example": "none", "broken.example""#,
    );
    std::fs::write(home.path().join("config.json"), config).unwrap();
    let keychain = Keychain::new(with_podman(&home));
    for (host, repository, username) in [
        ("file.example", "acme/app", Some("file")),
        ("registry-1.docker.io", "acme/app", Some("hub")),
        ("kept.example", "acme/app", Some("helper")),
        ("none.example", "acme/app", Some("podman")),
        ("podman.example", "acme/app", Some("acme")),
        ("podman.example", "other/app", Some("podman")),
        ("own.example", "other/app", Some("helper")),
        ("other.example", "acme/app", None),
    ] {
        let found = keychain.find_for(&Registry::at(host), repository).await;
        let found = found.map(|found| found.credentials);
        let found = found.as_ref().and_then(Credentials::login);
        assert_eq!(found.map(|(username, _)| username), username, "{host}");
    }
    let all = keychain.find_all(&Registry::at("podman.example")).await;
    assert_eq!(all.len(), 2);
    let all = keychain.find_all(&Registry::at("file.example")).await;
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn who_would_be_asked_is_named_and_no_helper_is_run() {
    let home = Home::new();
    let mut sources = with_podman(&home);
    sources.environment.docker_auth_config = Some(Secret::new(
        r#"{"auths":{"variable.example":{"auth":"dmFyaWFibGU6cHc="}}}"#,
    ));
    let given = Credentials::password("caller", "pw");
    sources.give("given.example", given).unwrap();
    let keychain = Keychain::new(sources);
    let folder = home.path().display().to_string();
    for (host, origin) in [
        ("given.example", "the option `credentials`"),
        ("variable.example", "the variable `DOCKER_AUTH_CONFIG`"),
        ("file.example", "`FOLDER/config.json`"),
        ("docker.io", "`FOLDER/config.json`"),
        (
            "kept.example",
            "`docker-credential-test`, which `FOLDER/config.json` names",
        ),
        ("podman.example", "`FOLDER/auth.json`"),
        (
            "own.example",
            "`docker-credential-test`, which `FOLDER/auth.json` names",
        ),
        ("other.example", "nobody"),
    ] {
        let named = keychain.origin_for(&Registry::at(host), "a/b").await;
        let named = named.map_or("nobody".to_owned(), |origin| origin.to_string());
        assert_eq!(named, origin.replace("FOLDER", &folder), "{host}");
    }
    assert_eq!(home.asked(), 0);
}

#[tokio::test]
async fn no_registry_sees_the_credentials_of_another() {
    let home = Home::new();
    let keychain = Keychain::new(home.sources());
    for host in [
        "other.example",
        "file.example:5000",
        "le.example",
        "auth.docker.io",
    ] {
        assert_eq!(credentials(&keychain, host).await, None, "{host}");
    }
}

#[tokio::test]
async fn a_registry_token_in_the_file_comes_before_what_a_helper_keeps() {
    let home = Home::new();
    let keychain = Keychain::new(home.sources());
    let token = Credentials::RegistryToken(Secret::new("r"));
    assert_eq!(credentials(&keychain, "both.example").await, Some(token));
}

#[tokio::test]
async fn a_helper_is_asked_once_by_many_at_once_and_again_when_its_answer_is_old() {
    let home = Home::new();
    let keychain = Keychain::new(home.sources());
    let look_ups = (0..8).map(|_| credentials(&keychain, "kept.example"));
    let found = futures_util::future::join_all(look_ups).await;
    assert!(found.iter().all(Option::is_some));
    assert_eq!(home.asked(), 1);
    tokio::time::pause();
    tokio::time::advance(FRESH).await;
    tokio::time::resume();
    assert!(credentials(&keychain, "kept.example").await.is_some());
    assert_eq!(home.asked(), 2);
}

#[tokio::test]
async fn a_broken_helper_is_a_warning_and_never_another_source() {
    let home = Home::new();
    // Others have some for the registry; but which of them are right, only the helper knows.
    let path = home.path().join("auth.json");
    let entry = r#"{"auths":{"broken.example":{"auth":"YWRhOnB3"}}}"#;
    std::fs::write(&path, entry).unwrap();
    let mut sources = home.sources();
    sources.environment.registry_auth_file = Some(path);
    let keychain = Keychain::new(sources);
    let registry = Registry::at("broken.example");
    assert_eq!(keychain.find(&registry).await, None);
    assert_eq!(keychain.find_all(&registry).await, []);
    let warnings = keychain.take_warnings();
    let [warning] = &warnings[..] else {
        panic!("{warnings:?}")
    };
    assert_eq!(warning.code, "CREDENTIAL_HELPER");
    assert_eq!(
        warning.message,
        "cannot get the credentials for `broken.example` from `docker-credential-broken`: it failed with exit code 2; the registry is asked without credentials"
    );
    assert!(keychain.take_warnings().is_empty(), "it is told once");
}

fn answer(kind: ErrorKind, registry: Option<&str>, message: &str) -> Error {
    let mut error = Error::new(kind, message);
    error.registry = registry.map(str::to_owned);
    error
}

#[tokio::test]
async fn a_refusal_of_the_registry_of_a_broken_helper_is_its_fault() {
    let home = Home::new();
    let keychain = Keychain::new(home.sources());
    keychain.find(&Registry::at("broken.example")).await;
    for (kind, registry, message, is_explained) in [
        (ErrorKind::AuthRequired, Some("broken.example"), "401", true),
        (ErrorKind::AccessDenied, Some("broken.example"), "403", true),
        (
            ErrorKind::ImageNotFound,
            Some("broken.example"),
            "404",
            true,
        ),
        (
            ErrorKind::AccessDenied,
            None,
            "broken.example/a:1: denied",
            true,
        ),
        (
            ErrorKind::AccessDenied,
            None,
            "other.example/a:1: denied",
            false,
        ),
        (ErrorKind::AccessDenied, Some("other.example"), "403", false),
        (
            ErrorKind::RegistryError,
            Some("broken.example"),
            "503",
            false,
        ),
    ] {
        let error = keychain.explain(answer(kind, registry, message));
        if !is_explained {
            assert_eq!((error.kind, error.message.as_str()), (kind, message));
            continue;
        }
        assert_eq!(error.kind, ErrorKind::CredentialHelper, "{message}");
        assert_eq!(error.registry.as_deref(), Some("broken.example"));
        assert!(error.message.ends_with("it failed with exit code 2"));
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(cause.to_string(), message);
    }
}

#[tokio::test]
async fn the_classic_builder_is_given_what_the_caller_gives_and_what_its_images_need() {
    let home = Home::new();
    let mut sources = with_podman(&home);
    let given = Credentials::password("caller", "pw");
    sources.give("given.example", given).unwrap();
    let keychain = Keychain::new(sources);
    let images = [
        "debian",
        "kept.example/a",
        "podman.example/acme/app",
        "podman.example/other",
        "unknown.example/a",
        "broken.example/a",
    ]
    .map(|image| Reference::parse(image).unwrap());
    let sent = keychain.of_build(&images).await.unwrap();
    let sent: serde_json::Value = {
        use base64::Engine as _;
        let json = base64::engine::general_purpose::URL_SAFE.decode(sent);
        serde_json::from_slice(&json.unwrap()).unwrap()
    };
    let users = sent.as_object().unwrap().iter();
    let users = users.map(|(key, login)| format!("{key} {}", login["username"].as_str().unwrap()));
    assert_eq!(
        users.collect::<Vec<_>>(),
        [
            "given.example caller",
            "https://index.docker.io/v1/ hub",
            "kept.example helper",
            "podman.example acme"
        ]
    );
    assert_eq!(keychain.take_warnings().len(), 1);
    let nobody = Keychain::new(home.sources());
    assert_eq!(nobody.of_build(&images[4..5]).await, None);
}

#[tokio::test]
async fn debug_output_shows_no_secret() {
    let mut sources = CredentialSources::default();
    let given = Credentials::password("ada", "hunter2");
    sources.give("ghcr.io", given).unwrap();
    let shown = format!("{sources:?} {:?}", Keychain::new(sources.clone()));
    assert!(
        shown.contains("ghcr.io") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[tokio::test]
async fn what_was_found_is_hidden_in_every_dress() {
    let mut sources = CredentialSources::default();
    let password = "pä ss\"&+~";
    let given = Credentials::password("ada", password);
    sources.give("ghcr.io", given).unwrap();
    let keychain = Keychain::new(sources);
    let mut said = password.to_owned();
    keychain.hide(&mut said);
    assert_eq!(said, password, "nobody has it yet");
    keychain.find(&Registry::at("ghcr.io")).await;
    for dress in [
        password,
        "p%C3%A4%20ss%22%26%2B~",
        "p%C3%A4+ss%22%26%2B~",
        "pä ss\\\"&+~",
        // `ada:pä ss"&+~`.
        "YWRhOnDDpCBzcyImK34=",
    ] {
        let mut said = format!("you said {dress}.");
        keychain.hide(&mut said);
        assert_eq!(said, "you said ***.", "{dress}");
    }
}
