use super::*;

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\nAQID\n-----END CERTIFICATE-----\n";

fn instructions() -> impl Iterator<Item = &'static str> {
    DOCKERFILE.lines().filter(|line| !line.starts_with('#'))
}

fn certificate() -> CaCertificate {
    CaCertificate::parse_all(PEM)
        .expect("the constant is a certificate")
        .remove(0)
}

fn paths(build: &OpencodeBuild) -> Vec<String> {
    build
        .context_files()
        .into_iter()
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn dockerfile_has_no_heredoc() {
    assert!(instructions().all(|line| !line.contains("<<")));
}

#[test]
fn dockerfile_has_no_mount() {
    assert!(instructions().all(|line| !line.contains("--mount")));
}

#[test]
fn dockerfile_has_no_syntax_directive() {
    assert!(!DOCKERFILE.to_lowercase().contains("syntax="));
}

#[test]
fn every_base_image_has_a_tag() {
    let bases: Vec<_> = instructions()
        .filter_map(|line| line.strip_prefix("FROM ")?.split(' ').next())
        .collect();
    assert_eq!(bases, ["node:22-bookworm-slim", "debian:bookworm-slim"]);
}

#[test]
fn default_version_of_the_dockerfile_is_the_constant() {
    let defaults: Vec<_> = instructions()
        .filter_map(|line| line.strip_prefix("ARG OPENCODE_VERSION="))
        .collect();
    assert_eq!(defaults, [OPENCODE_VERSION]);
}

#[test]
fn default_version_has_an_integrity_for_each_architecture() {
    for package in ["opencode-linux-x64-baseline", "opencode-linux-arm64"] {
        let mut lines = DOCKERFILE.lines();
        let case = format!("{package}@{OPENCODE_VERSION}) \\");
        assert!(lines.any(|line| line.trim() == case), "{package}");
        let integrity = lines
            .next()
            .and_then(|line| line.trim().strip_prefix("expected='sha512-"));
        let length = integrity.and_then(|text| text.find('\''));
        assert_eq!(length, Some(88), "{package}");
    }
}

#[test]
fn every_copy_source_is_in_the_generated_context() {
    let paths = paths(&OpencodeBuild::default());
    let copies: Vec<Vec<_>> = instructions()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|arguments| !arguments.starts_with("--from="))
        .map(|arguments| arguments.split_whitespace().collect())
        .collect();
    assert_eq!(copies.len(), 2);
    for source in copies
        .iter()
        .flat_map(|arguments| &arguments[..arguments.len() - 1])
    {
        assert!(
            paths.iter().any(|path| path.starts_with(source)),
            "{source}"
        );
    }
}

#[test]
fn context_is_sorted_and_has_a_file_for_each_certificate() {
    let build = OpencodeBuild {
        ca_certificates: vec![certificate(), certificate()],
        ..OpencodeBuild::default()
    };
    assert_eq!(
        paths(&build),
        [
            "Dockerfile",
            "certificates/README",
            "certificates/extra-1.crt",
            "certificates/extra-2.crt"
        ]
    );
    assert_eq!(build.context_files()[2].1, PEM.as_bytes());
}

#[test]
fn context_without_certificates_has_the_folder() {
    assert_eq!(
        paths(&OpencodeBuild::default()),
        ["Dockerfile", "certificates/README"]
    );
}

#[test]
fn build_arguments_name_both_versions() {
    let arguments = OpencodeBuild::default().build_args();
    assert_eq!(arguments["OPENCODE_VERSION"], OPENCODE_VERSION);
    assert_eq!(arguments["SHIPWAY_VERSION"], env!("CARGO_PKG_VERSION"));
    assert_eq!(arguments.len(), 2);
}

#[test]
fn build_arguments_take_the_given_version() {
    let build = OpencodeBuild {
        version: Some("1.18.15".to_owned()),
        ..OpencodeBuild::default()
    };
    assert_eq!(build.build_args()["OPENCODE_VERSION"], "1.18.15");
}

#[test]
fn build_arguments_have_each_proxy_in_both_cases() {
    let proxy = Proxy {
        http: Some("http://proxy:1".to_owned()),
        https: Some("http://proxy:2".to_owned()),
        no: Some("localhost".to_owned()),
    };
    let arguments = OpencodeBuild {
        proxy,
        ..OpencodeBuild::default()
    }
    .build_args();
    assert_eq!(arguments.len(), 8);
    for (name, value) in [
        ("HTTP_PROXY", "http://proxy:1"),
        ("HTTPS_PROXY", "http://proxy:2"),
        ("NO_PROXY", "localhost"),
    ] {
        assert_eq!(arguments[name], value);
        assert_eq!(arguments[&name.to_lowercase()], value);
    }
}

#[test]
fn debug_shows_no_proxy_password() {
    let proxy = Proxy {
        http: Some("http://user:secret@proxy:1".to_owned()),
        https: Some("http://user:secret@proxy:2".to_owned()),
        no: Some("localhost".to_owned()),
    };
    let shown = format!(
        "{:?}",
        OpencodeBuild {
            proxy,
            ..OpencodeBuild::default()
        }
    );
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("localhost"), "{shown}");
}

#[test]
fn reads_each_certificate_of_a_bundle() {
    let bundle = format!("# first\r\n{}\n# second\n{PEM}", PEM.replace('\n', "\r\n"));
    assert_eq!(
        CaCertificate::parse_all(&bundle),
        Ok(vec![certificate(), certificate()])
    );
}

#[test]
fn refuses_a_text_without_a_certificate() {
    for text in ["", "MIIB", "/etc/ssl/ca.pem"] {
        assert_eq!(
            CaCertificate::parse_all(text),
            Err(InvalidCertificate::NoBlock),
            "{text}"
        );
    }
}

#[test]
fn refuses_a_private_key_beside_a_certificate() {
    let text = format!("{PEM}-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    assert_eq!(
        CaCertificate::parse_all(&text),
        Err(InvalidCertificate::OtherBlock("PRIVATE KEY".to_owned()))
    );
}

#[test]
fn refuses_a_truncated_certificate() {
    let begin = "-----BEGIN CERTIFICATE-----\nMIIB\n";
    for text in [begin.to_owned(), format!("{begin}{PEM}")] {
        assert_eq!(
            CaCertificate::parse_all(&text),
            Err(InvalidCertificate::Unclosed),
            "{text}"
        );
    }
}

#[test]
fn refuses_a_block_that_is_not_a_certificate() {
    for body in ["", "MII", "MI=B", "M===", "AAAA", "MI B", "MII\u{e4}"] {
        let text = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        assert_eq!(
            CaCertificate::parse_all(&text),
            Err(InvalidCertificate::NotBase64),
            "{body}"
        );
    }
}

#[test]
fn message_says_what_to_give() {
    let message = InvalidCertificate::OtherBlock("PRIVATE KEY".to_owned()).to_string();
    assert_eq!(
        message,
        "cannot read the CA certificates: the text has a `PRIVATE KEY` block; give certificates only"
    );
}
