use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What is written → registry, repository, tag, digest.
#[test]
fn references_mean_what_docker_takes_them_for() {
    let cases: &[(&str, [&str; 4])] = &[
        ("alpine", ["docker.io", "library/alpine", "latest", ""]),
        ("alpine:3.20", ["docker.io", "library/alpine", "3.20", ""]),
        ("acme/app", ["docker.io", "acme/app", "latest", ""]),
        (
            "docker.io/alpine",
            ["docker.io", "library/alpine", "latest", ""],
        ),
        (
            "index.docker.io/alpine",
            ["docker.io", "library/alpine", "latest", ""],
        ),
        ("docker.io/acme/app:1", ["docker.io", "acme/app", "1", ""]),
        (
            "library/alpine",
            ["docker.io", "library/alpine", "latest", ""],
        ),
        ("ghcr.io/a/b/c/d", ["ghcr.io", "a/b/c/d", "latest", ""]),
        ("localhost/app", ["localhost", "app", "latest", ""]),
        (
            "localhost:5000/app:tag",
            ["localhost:5000", "app", "tag", ""],
        ),
        (
            "localhost",
            ["docker.io", "library/localhost", "latest", ""],
        ),
        (
            "test.com:5000",
            ["docker.io", "library/test.com", "5000", ""],
        ),
        (
            "192.168.0.1:80",
            ["docker.io", "library/192.168.0.1", "80", ""],
        ),
        (
            "192.168.0.1:80/repo",
            ["192.168.0.1:80", "repo", "latest", ""],
        ),
        (
            "[2001:db8::1]:5000/repo",
            ["[2001:db8::1]:5000", "repo", "latest", ""],
        ),
        (
            "[2001:db8::1]/repo:tag",
            ["[2001:db8::1]", "repo", "tag", ""],
        ),
        ("Docker/docker", ["Docker", "docker", "latest", ""]),
        ("Foo.com/bar", ["Foo.com", "bar", "latest", ""]),
        (
            "dock__er/docker",
            ["docker.io", "dock__er/docker", "latest", ""],
        ),
        (
            "docker---rules/docker",
            ["docker.io", "docker---rules/docker", "latest", ""],
        ),
        ("a.b_c-d/e", ["a.b_c-d", "", "", ""]),
        (
            "foo/foo_bar.com:8080",
            ["docker.io", "foo/foo_bar.com", "8080", ""],
        ),
        (
            "xn--n3h.com/myimage:xn--n3h.com",
            ["xn--n3h.com", "myimage", "xn--n3h.com", ""],
        ),
        (
            "aaaaaaaaaaaa",
            ["docker.io", "library/aaaaaaaaaaaa", "latest", ""],
        ),
        ("a:_tag.1-x", ["docker.io", "library/a", "_tag.1-x", ""]),
    ];
    for (text, [registry, repository, tag, digest]) in cases {
        if repository.is_empty() {
            assert!(Reference::parse(text).is_err(), "{text}");
            continue;
        }
        let reference = Reference::parse(text).unwrap();
        assert_eq!(
            [
                reference.registry(),
                reference.repository(),
                reference.tag().unwrap_or(""),
                reference.digest().unwrap_or("")
            ],
            [*registry, *repository, *tag, *digest],
            "{text}"
        );
        assert_eq!(
            Reference::parse(&reference.to_string()).unwrap(),
            reference,
            "{text} survives its own form"
        );
    }
}

#[test]
fn a_digest_pins_and_a_tag_beside_it_is_kept() {
    let digest = format!("sha256:{HEX}");
    let pinned = Reference::parse(&format!("alpine@{digest}")).unwrap();
    assert_eq!(
        (pinned.tag(), pinned.digest(), pinned.pull_tag()),
        (None, Some(digest.as_str()), digest.as_str())
    );
    let both = Reference::parse(&format!("localhost:5000/x:1@{digest}")).unwrap();
    assert_eq!((both.tag(), both.pull_tag()), (Some("1"), digest.as_str()));
    assert_eq!(both.without_digest().to_string(), "localhost:5000/x:1");
}

#[test]
fn what_is_no_reference_is_refused_before_anything_is_sent() {
    let upper = HEX.to_uppercase();
    let long = format!("{}/x", "a".repeat(255));
    let cases = [
        "",
        ":tag",
        "@sha256:ab",
        "a:",
        "a@",
        "https://github.com/docker/docker",
        "docker/Docker",
        "Uppercase",
        "test:5000/Uppercase/lowercase:tag",
        "-docker",
        "-docker/docker",
        "-docker.io/docker/docker",
        "docker///docker",
        "docker.io/docker/Docker",
        "docker.io/docker///docker",
        "____/____",
        "_docker/_docker",
        "docker_/docker",
        "docker-/docker",
        "dock..er/docker",
        "dock___er/docker",
        "docker./docker",
        ".docker/docker",
        "a//b",
        "/a",
        "a/",
        "a b",
        "a:t g",
        "a:é",
        "a\n",
        "a%2f..",
        "../../containers/json?x=1#y",
        "a?x=1",
        "a#b",
        "[2001:db8::1]",
        "[2001:db8::1]:5000",
        "[fe80::1%eth0]:5000/repo",
        "[2001:db8:3:4::192.0.2.33.7]/repo",
        "[2001:db8:3:4::192.0.2.33]:5000/repo",
        "[::1:5000/repo",
        "foo:80:80/x",
        "example.com:port/x",
        "example.com:/x:y:z",
        &format!("a@sha256:{}", &HEX[1..]),
        &format!("a@sha256:{upper}"),
        &format!("a@md5:{}", &HEX[..32]),
        &format!("a@sha512:{HEX}"),
        &format!("a@sha256:{HEX}@sha256:{HEX}"),
        &format!("a:{}", "t".repeat(129)),
        HEX,
        &long,
    ];
    for text in cases {
        let error = Reference::parse(text).expect_err(text);
        assert_eq!(error.kind, ErrorKind::InvalidReference, "{text}");
        assert!(!error.message.contains('\n'), "{error}");
    }
}

#[test]
fn an_upper_case_name_is_told_its_lower_case_form() {
    let error = Reference::parse("acme/App").unwrap_err();
    assert!(error.message.contains("lower case: `acme/app`"), "{error}");
}

#[test]
fn a_local_image_has_names_and_ids() {
    let id = format!("sha256:{HEX}");
    for (text, lookup) in [
        ("alpine", "docker.io/library/alpine:latest"),
        (HEX, id.as_str()),
        (id.as_str(), id.as_str()),
        ("e3b0c44298fc", "e3b0c44298fc"),
        ("cafe", "cafe"),
        ("sha256:e3b0c44298fc", "sha256:e3b0c44298fc"),
        ("cafe:1", "docker.io/library/cafe:1"),
        ("sha256", "docker.io/library/sha256:latest"),
    ] {
        assert_eq!(
            ImageName::parse(text).unwrap().lookup_name(),
            lookup,
            "{text}"
        );
    }
    let both = format!("ghcr.io/a/b:1@{id}");
    assert_eq!(
        ImageName::parse(&both).unwrap().lookup_name(),
        format!("ghcr.io/a/b@{id}")
    );
    for text in ["../x", "a?b", "sha256:ab", "SHA256:x"] {
        assert!(
            ImageName::parse(text).is_err()
                || !ImageName::parse(text)
                    .unwrap()
                    .lookup_name()
                    .contains(['?', '#']),
            "{text}"
        );
    }
}

#[test]
fn a_refused_url_is_told_without_its_secrets() {
    let error = Reference::parse("https://me:secret@ghcr.io/acme/app?token=t").unwrap_err();
    assert!(
        error.message.contains("`https://ghcr.io/acme/app?…`"),
        "{error}"
    );
}

#[test]
fn a_password_in_front_of_the_registry_is_not_repeated() {
    for text in ["u:hunter2@registry.example/x", "u:hunter2@registry.example"] {
        let error = Reference::parse(text).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
