use std::fs;

use super::*;

/// The settings of `docker` with two contexts, of which `local` is the current one.
fn settings() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (hash, host) in [
        // remote
        (
            "b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a",
            "tcp://remote:1",
        ),
        // local
        (
            "25bf8e1a2393f1108d37029b3df5593236c755742ec93465bbafa9b290bddcf6",
            "unix:///local",
        ),
    ] {
        let meta = folder.path().join("contexts/meta").join(hash);
        fs::create_dir_all(&meta).unwrap();
        let text = format!(r#"{{"Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
        fs::write(meta.join("meta.json"), text).unwrap();
    }
    fs::write(
        folder.path().join("config.json"),
        r#"{"currentContext":"local"}"#,
    )
    .unwrap();
    folder
}

async fn shown(option: Option<&str>, variables: &[(&str, &str)]) -> Vec<String> {
    let environment = Environment::read(|name| {
        let set = variables.iter().find(|(key, _)| *key == name);
        set.map(|(_, value)| (*value).to_owned())
    });
    match candidates(option, &environment).await {
        Ok(found) => found
            .iter()
            .map(|it| format!("{} ({})", it.endpoint, it.reason.as_str()))
            .collect(),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::InvalidOption);
            vec![error.message.clone()]
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_named_stands_alone_in_the_order_of_docker() {
    let folder = settings();
    let config = ("DOCKER_CONFIG", folder.path().to_str().unwrap());
    let host = ("DOCKER_HOST", "tcp://h:1");
    let context = ("DOCKER_CONTEXT", "remote");
    let table: [(_, &[_], _); 7] = [
        (
            Some("unix:///x"),
            &[config, host, context],
            "unix:///x (option)",
        ),
        (Some("remote"), &[config, host], "tcp://remote:1 (option)"),
        (
            Some("default"),
            &[config, host, context],
            "tcp://h:1 (DOCKER_HOST)",
        ),
        (None, &[config, host, context], "tcp://h:1 (DOCKER_HOST)"),
        (None, &[config, context], "tcp://remote:1 (DOCKER_CONTEXT)"),
        (None, &[config], "unix:///local (current context)"),
        (
            None,
            &[config, ("DOCKER_HOST", ""), ("DOCKER_CONTEXT", "")],
            "unix:///local (current context)",
        ),
    ];
    for (option, variables, expected) in table {
        assert_eq!(shown(option, variables).await, [expected]);
    }
}

#[tokio::test]
async fn a_context_that_does_not_exist_is_an_error_and_never_ignored() {
    let folder = settings();
    let config = ("DOCKER_CONFIG", folder.path().to_str().unwrap());
    for (option, variables) in [
        (Some("none"), vec![config]),
        (None, vec![config, ("DOCKER_CONTEXT", "none")]),
        (None, vec![("DOCKER_CONTEXT", "remote")]),
    ] {
        let found = shown(option, &variables).await;
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("cannot "), "{found:?}");
    }
}

#[tokio::test]
async fn tcp_is_tls_where_docker_would_speak_it() {
    let tls = ("DOCKER_TLS_VERIFY", "1");
    let host = ("DOCKER_HOST", "tcp://h");
    assert_eq!(
        shown(None, &[tls, host]).await,
        ["https://h:2376 (DOCKER_HOST)"]
    );
    assert_eq!(
        shown(Some("tcp://o"), &[tls]).await,
        ["https://o:2376 (option)"]
    );
    // Those variables are for the default context.
    let folder = settings();
    let config = ("DOCKER_CONFIG", folder.path().to_str().unwrap());
    assert_eq!(
        shown(Some("remote"), &[tls, config]).await,
        ["tcp://remote:1 (option)"]
    );
}

#[cfg(unix)]
#[tokio::test]
async fn where_nobody_names_an_endpoint_the_usual_places_are_tried() {
    let empty = tempfile::tempdir().unwrap();
    let config = ("DOCKER_CONFIG", empty.path().to_str().unwrap());
    let all = [
        config,
        ("HOME", "/home/a"),
        ("XDG_RUNTIME_DIR", "/run/user/1"),
    ];
    for variables in [
        &all[..],
        &[all[0], all[1], all[2], ("DOCKER_CONTEXT", "default")],
    ] {
        assert_eq!(
            shown(None, variables).await,
            [
                "unix:///var/run/docker.sock (default)",
                "unix:///run/user/1/docker.sock (rootless Docker)",
                "unix:///home/a/.docker/run/docker.sock (Docker Desktop)",
                "unix:///home/a/.docker/desktop/docker.sock (Docker Desktop)",
                "unix:///home/a/.colima/default/docker.sock (Colima)",
                "unix:///home/a/.rd/docker.sock (Rancher Desktop)",
                "unix:///home/a/.orbstack/run/docker.sock (OrbStack)",
                "unix:///run/user/1/podman/podman.sock (rootless Podman)",
                "unix:///run/podman/podman.sock (Podman)",
            ]
        );
    }
    assert_eq!(
        shown(Some("default"), &[]).await,
        [
            "unix:///var/run/docker.sock (default)",
            "unix:///run/podman/podman.sock (Podman)"
        ]
    );
}

#[test]
fn the_usual_places_of_windows_are_pipes() {
    let places = usual(&Environment::default(), true);
    let shown: Vec<_> = places
        .iter()
        .map(|it| format!("{} ({})", it.endpoint, it.reason.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            "npipe:////./pipe/docker_engine (default)",
            "npipe:////./pipe/dockerDesktopLinuxEngine (Docker Desktop)",
            "npipe:////./pipe/podman-machine-default (Podman)",
        ]
    );
}

#[tokio::test]
async fn a_context_of_docker_desktop_is_found_below_the_profile() {
    let profile = tempfile::tempdir().unwrap();
    let settings = profile.path().join(".docker");
    // desktop-linux, as Docker Desktop writes it.
    let hash = "fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e";
    let meta = settings.join("contexts/meta").join(hash);
    fs::create_dir_all(&meta).unwrap();
    let text = r#"{"Name":"desktop-linux","Metadata":{"Description":"Docker Desktop","otel":{}},"Endpoints":{"docker":{"Host":"npipe:////./pipe/dockerDesktopLinuxEngine","SkipTLSVerify":false}}}"#;
    fs::write(meta.join("meta.json"), text).unwrap();
    let config = r#"{"auths":{},"credsStore":"desktop","currentContext":"desktop-linux"}"#;
    fs::write(settings.join("config.json"), config).unwrap();
    let profile = profile.path().to_str().unwrap();
    assert_eq!(
        shown(None, &[("USERPROFILE", profile)]).await,
        ["npipe:////./pipe/dockerDesktopLinuxEngine (current context)"]
    );
}
