use super::*;

#[test]
fn endpoints_parse_as_docker_host_does() {
    for (text, shown) in [
        (
            "unix:///run/user/1000/docker.sock",
            "unix:///run/user/1000/docker.sock",
        ),
        ("unix://", "unix:///var/run/docker.sock"),
        (
            "npipe:////./pipe/docker_engine",
            "npipe:////./pipe/docker_engine",
        ),
        ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"),
        ("tcp://engine", "tcp://engine:2375"),
        ("tcp://:4000", "tcp://localhost:4000"),
        ("tcp://[::1]:2376/base", "tcp://[::1]:2376"),
        ("engine:2377", "tcp://engine:2377"),
        ("https://engine", "https://engine:2376"),
        ("https://[::1]:443", "https://[::1]:443"),
        ("ssh://host", "ssh://host"),
        (
            "ssh://ada@host:2222/run/docker.sock",
            "ssh://ada@host:2222/run/docker.sock",
        ),
        ("ssh://ada@[::1]/", "ssh://ada@[::1]"),
    ] {
        assert_eq!(Endpoint::parse(text).unwrap().to_string(), shown, "{text}");
    }
}

#[test]
fn a_named_pipe_is_the_same_with_either_slash() {
    for (text, name) in [
        ("npipe://", r"\\.\pipe\docker_engine"),
        ("npipe:////./pipe/docker_engine", r"\\.\pipe\docker_engine"),
        (r"npipe://\\.\pipe\docker_engine", r"\\.\pipe\docker_engine"),
        (
            "npipe:////./pipe/dockerDesktopLinuxEngine",
            r"\\.\pipe\dockerDesktopLinuxEngine",
        ),
        (
            r" npipe:////./pipe\podman-machine-default ",
            r"\\.\pipe\podman-machine-default",
        ),
        ("npipe:////server/pipe/docker", r"\\server\pipe\docker"),
    ] {
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!(endpoint, Endpoint::NamedPipe(name.to_owned()), "{text}");
        assert!(endpoint.is_local());
        let shown = endpoint.to_string();
        assert!(!shown.contains('\\'), "{shown}");
        assert_eq!(Endpoint::parse(&shown).unwrap(), endpoint, "{shown}");
    }
}

#[test]
fn a_path_of_windows_is_no_host() {
    for text in [
        r"\\.\pipe\docker_engine",
        r"C:\Users\a\docker.sock",
        r".\docker.sock",
    ] {
        let error = Endpoint::parse(text).unwrap_err();
        assert!(
            error.message.contains("npipe:////./pipe/docker_engine"),
            "{error}"
        );
    }
}

#[test]
fn tcp_is_tls_where_the_environment_says_so() {
    let with = |variables: &[(&str, &str)]| {
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name);
        TlsSettings::of(&Environment::read(|name| Some(value(name)?.1.to_owned())))
    };
    let verify = with(&[("DOCKER_TLS_VERIFY", "0"), ("HOME", "/home/a")]);
    let named = with(&[("DOCKER_TLS", "1"), ("DOCKER_CERT_PATH", "/certs")]);
    let empty = with(&[("DOCKER_TLS_VERIFY", ""), ("DOCKER_CONFIG", "/config")]);
    for (tls, text, shown, folder) in [
        (
            &verify,
            "tcp://engine",
            "https://engine:2376",
            Some("/home/a/.docker"),
        ),
        (
            &verify,
            "engine:2375",
            "https://engine:2375",
            Some("/home/a/.docker"),
        ),
        (&verify, "http://engine", "tcp://engine:2375", None),
        (&verify, "unix:///x", "unix:///x", None),
        (
            &named,
            "tcp://engine",
            "https://engine:2376",
            Some("/certs"),
        ),
        (&empty, "tcp://engine", "tcp://engine:2375", None),
        (
            &empty,
            "https://engine",
            "https://engine:2376",
            Some("/config"),
        ),
    ] {
        let endpoint = Endpoint::parse_with(text, tls).unwrap();
        assert_eq!(endpoint.to_string(), shown, "{text}");
        if let Endpoint::Tls { certificates, .. } = endpoint {
            assert_eq!(certificates, folder.map(PathBuf::from), "{text}");
        }
    }
}

#[test]
fn docker_has_no_scheme_for_tls() {
    let endpoint = Endpoint::parse("https://engine:1").unwrap();
    assert_eq!(endpoint.docker_host(), "tcp://engine:1");
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_refused_without_showing_it() {
    for text in [
        "ssh://user:hunter2@host",
        "ssh://",
        "ssh://-oProxyCommand=hunter2",
        "ssh://-l@host",
        "ssh://host/x?hunter2",
        "tcp://user:hunter2@host:1",
        "gopher://hunter2",
        "tcp://a b",
        "tcp://h:x",
        "/var/run/hunter2.sock",
        "./docker.sock",
        "~/docker.sock",
    ] {
        let error = Endpoint::parse(text).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOption, "{text}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn only_tcp_is_remote() {
    assert!(Endpoint::platform_default().is_local());
    assert!(!Endpoint::parse("tcp://127.0.0.1:2375").unwrap().is_local());
    assert!(!Endpoint::parse("https://127.0.0.1").unwrap().is_local());
    assert!(!Endpoint::parse("ssh://127.0.0.1").unwrap().is_local());
}
