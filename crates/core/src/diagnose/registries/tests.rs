use super::*;
use crate::credentials::{CredentialSources, Credentials as Given};
use crate::environment::Environment;
use crate::secret::Secret;

const CONFIG: &str = r#"{
    "auths": {
        "given.example": {"auth": "YWRhOmNhbmFyeQ=="}, "file.example": {"auth": "YWRhOmNhbmFyeQ=="},
        "variable.example": {"auth": "YWRhOmNhbmFyeQ=="}
    },
    "credHelpers": {"gone.example": "gone", "odd.example": "odd", "path.example": "../../canary"}
}"#;

const PODMAN: &str = r#"{"auths": {"podman.example/acme": {"auth": "YWRhOmNhbmFyeQ=="}}}"#;

async fn looked_up(images: &[&str]) -> Vec<RegistryFacts> {
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
    write("config.json", CONFIG);
    write("auth.json", PODMAN);
    // It is there, and nobody may run it.
    write("docker-credential-odd", "");
    let file = folder.path().join("auth.json");
    let environment = Environment {
        docker_config: Some(folder.path().to_owned()),
        docker_auth_config: Some(Secret::new(
            r#"{"auths":{"variable.example":{"auth":"YWRhOmNhbmFyeQ=="}}}"#,
        )),
        variables: [("PATH".into(), folder.path().into())]
            .into_iter()
            .collect(),
        registry_auth_file: Some(file),
        ..Environment::default()
    };
    let mut sources = CredentialSources::of(&environment);
    sources
        .give("given.example", Given::password("ada", "canary"))
        .unwrap();
    let images: Vec<Reference> = images
        .iter()
        .map(|image| Reference::parse(image).unwrap())
        .collect();
    let facts = look_up(&images, &Keychain::new(sources)).await;
    let shown = format!("{facts:?} {}", serde_json::to_string(&facts).unwrap());
    assert!(
        !shown.contains("canary") && !shown.contains("ada"),
        "{shown}"
    );
    facts
}

#[tokio::test]
async fn the_origin_is_the_one_that_would_be_asked() {
    use CredentialOrigin::{DockerConfig, Nobody, Option, PodmanAuth, Variable};
    for (image, origin) in [
        ("given.example/app", Option),
        ("variable.example/app", Variable),
        ("file.example/app", DockerConfig),
        ("podman.example/acme/app", PodmanAuth),
        ("podman.example/other/app", Nobody),
        ("other.example/app", Nobody),
    ] {
        let facts = looked_up(&[image]).await;
        assert_eq!(facts[0].credentials.origin, origin, "{image}");
        assert_eq!(facts[0].credentials.problem, None, "{image}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_that_cannot_run_is_a_problem_before_it_is_asked() {
    for (image, words) in [
        ("gone.example/app", "no such program"),
        ("odd.example/app", "may not run it"),
        ("path.example/app", "its name"),
    ] {
        let facts = looked_up(&[image]).await;
        let problem = facts[0].credentials.problem.as_ref().unwrap();
        assert_eq!(problem.code, "CREDENTIAL_HELPER");
        assert!(problem.message.contains(words), "{problem:?}");
    }
}

#[tokio::test]
async fn a_registry_is_told_once_unless_its_repositories_differ() {
    let facts = looked_up(&[
        "r.example/a",
        "r.example/a",
        "r.example/b",
        "podman.example/acme/app",
        "podman.example/other",
    ])
    .await;
    let told = facts
        .iter()
        .map(|facts| (facts.registry.as_str(), facts.images.len()));
    let told: Vec<_> = told.collect();
    assert_eq!(
        told,
        [
            ("r.example", 2),
            ("podman.example", 1),
            ("podman.example", 1)
        ]
    );
}
