use super::*;

const FILE: &str = r#"{
    "auths": {
        "r.example/acme/app": {"auth": "YXBwOnB3"},
        "r.example/acme": {"auth": "YWNtZTpwdw=="},
        "r.example": {"auth": "d2hvbGU6cHc="},
        "n.example/acme": {"auth": "YWNtZTpwdw=="},
        "https://old.example/v1/": {"auth": "b2xkOnB3"},
        "docker.io/acme": {"auth": "YWNtZTpwdw=="},
        "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
        "empty.example/acme": {},
        "empty.example": {"auth": "d2hvbGU6cHc="}
    },
    "credHelpers": {"docker.io": "hub", "none.example": ""}
}"#;

async fn read(content: &str) -> (Vec<AuthFile>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("auth.json");
    std::fs::write(&path, content).unwrap();
    let environment = Environment {
        registry_auth_file: Some(path),
        ..Environment::default()
    };
    let mut warnings = Vec::new();
    let files = AuthFile::read_all(&environment, &mut warnings).await;
    let messages = warnings.into_iter().map(|warning| {
        assert_eq!(warning.code, INVALID);
        warning.message
    });
    (files, messages.collect())
}

async fn user(host: &str, repository: Option<&str>) -> Option<String> {
    let (files, warnings) = read(FILE).await;
    assert!(warnings.is_empty(), "{warnings:?}");
    let found = files[0].find(&Registry::at(host), repository)?;
    found.login().map(|(username, _)| username.to_owned())
}

#[tokio::test]
async fn the_longest_namespace_around_a_repository_has_its_credentials() {
    for (host, repository, username) in [
        ("r.example", Some("acme/app"), Some("app")),
        ("r.example", Some("acme/app/more"), Some("app")),
        ("r.example", Some("acme/application"), Some("acme")),
        ("r.example", Some("acme"), Some("acme")),
        ("r.example", Some("acmes/app"), Some("whole")),
        ("r.example", None, Some("whole")),
        ("n.example", Some("acme/app"), Some("acme")),
        // The credentials of a namespace are nobody else's.
        ("n.example", Some("other/app"), None),
        ("n.example", None, None),
        ("n.example:5000", Some("acme/app"), None),
        ("old.example", Some("acme/app"), Some("old")),
        ("docker.io", Some("acme/app"), Some("acme")),
        ("registry-1.docker.io", Some("library/debian"), Some("hub")),
        // An entry that is empty hides those around it.
        ("empty.example", Some("acme/app"), None),
        ("empty.example", Some("other"), Some("whole")),
    ] {
        let found = user(host, repository).await;
        assert_eq!(found.as_deref(), username, "{host} {repository:?}");
    }
}

#[tokio::test]
async fn namespaces_with_credentials_of_their_own_are_known() {
    let (files, _) = read(FILE).await;
    let registry = Registry::at("r.example");
    let namespace = |repository| files[0].namespace(&registry, repository);
    assert_eq!(namespace("acme/app/more").as_deref(), Some("acme/app"));
    assert_eq!(namespace("acme/other").as_deref(), Some("acme"));
    assert_eq!(namespace("other"), None);
    let all = files[0].all_namespaces(&registry);
    assert_eq!(all.into_iter().collect::<Vec<_>>(), ["acme", "acme/app"]);
}

#[tokio::test]
async fn a_helper_is_named_by_the_registry_alone() {
    let (files, _) = read(FILE).await;
    let helper = |host| files[0].helper(&Registry::at(host));
    assert_eq!(helper("index.docker.io"), Some("hub"));
    assert_eq!(helper("none.example"), None);
    assert_eq!(helper("r.example"), None);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_a_warning_that_quotes_nothing() {
    for (content, reason) in [
        ("{\n\"auths\": hunter2", "line 2 is not JSON"),
        (r#"{"auths":"hunter2"}"#, "line 1 is not what it should be"),
        (
            r#"{"auths":{"a":{"auth":"aHVudGVyMg=="}}}"#,
            "the credentials for `a` do not decode, and are ignored",
        ),
    ] {
        let (_, warnings) = read(content).await;
        let [warning] = &warnings[..] else {
            panic!("{content}: {warnings:?}")
        };
        assert!(warning.contains(reason), "{warning}");
        let shown = ["hunter2", "aHVudGVyMg"];
        assert!(!shown.iter().any(|secret| warning.contains(secret)));
    }
    assert!(read("").await.1.is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn files_are_where_podman_has_them() {
    let shown = |environment: Environment| {
        let paths = paths(&environment);
        let paths = paths.iter().map(|path| path.display().to_string());
        paths.collect::<Vec<_>>().join(" ")
    };
    let home = Environment {
        home: Some("/home/a".into()),
        user_id: Some(1000),
        ..Environment::default()
    };
    assert_eq!(
        shown(home.clone()),
        "/run/containers/1000/auth.json /home/a/.config/containers/auth.json"
    );
    let folders = Environment {
        xdg_runtime_dir: Some("/run/user/1000".into()),
        xdg_config_home: Some("/etc/a".into()),
        ..home
    };
    assert_eq!(
        shown(folders.clone()),
        "/run/user/1000/containers/auth.json /etc/a/containers/auth.json"
    );
    let named = Environment {
        registry_auth_file: Some("/etc/auth.json".into()),
        ..folders
    };
    assert_eq!(shown(named), "/etc/auth.json");
    assert_eq!(shown(Environment::default()), "");
}
