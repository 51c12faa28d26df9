use super::*;

use ErrorKind as K;
use Stage::{Build, Pull};

/// What engines really answered: source, stage, HTTP status (0: in the stream), words → kind.
///
/// "20.10", "28.5" and "c8d" (28.5 with the containerd image store) are Docker, "podman4" and "podman5" Podman 4.3.1 and
/// 5.4.2; "source" rows were read in moby v28.5.2.
const ANSWERS: &[(&str, Stage, u16, &str, ErrorKind)] = &[
    ("20.10", Pull, 500, "manifest unknown", K::ImageNotFound),
    (
        "20.10",
        Pull,
        404,
        "repository X not found: name unknown: nope",
        K::ImageNotFound,
    ),
    (
        "28.5",
        Pull,
        404,
        "manifest for shipway/nothing:1 not found: manifest unknown: manifest unknown",
        K::ImageNotFound,
    ),
    (
        "28.5",
        Pull,
        404,
        "pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
        K::AccessDenied,
    ),
    (
        "c8d",
        Pull,
        404,
        "failed to resolve reference \"docker.io/shipway/nothing:1\": docker.io/shipway/nothing:1: not found",
        K::ImageNotFound,
    ),
    (
        "podman4",
        Pull,
        0,
        "initializing source docker://x:1: reading manifest 1 in x: name unknown",
        K::ImageNotFound,
    ),
    (
        "podman5",
        Pull,
        404,
        "initializing source docker://x: reading manifest 1 in x: manifest unknown",
        K::ImageNotFound,
    ),
    (
        "20.10",
        Pull,
        500,
        "error parsing HTTP 404 response body: invalid character 'p' after top-level value: \"404 page not found\\n\"",
        K::ImageNotFound,
    ),
    ("20.10", Pull, 0, "unknown blob", K::ImageNotFound),
    ("20.10", Pull, 500, "denied", K::AccessDenied),
    (
        "28.5",
        Pull,
        403,
        "error from registry: denied",
        K::AccessDenied,
    ),
    (
        "podman4",
        Pull,
        0,
        "invalid status code from registry 403 (Forbidden)",
        K::AccessDenied,
    ),
    ("20.10", Pull, 500, "unauthorized", K::AuthRequired),
    (
        "20.10",
        Pull,
        500,
        "Get \"https://r/v2/x/manifests/1\": no basic auth credentials",
        K::AuthRequired,
    ),
    (
        "28.5",
        Pull,
        401,
        "unauthorized: authentication required",
        K::AuthRequired,
    ),
    (
        "podman5",
        Pull,
        401,
        "unable to retrieve auth token: invalid username/password: unauthorized",
        K::AuthRequired,
    ),
    (
        "20.10",
        Pull,
        500,
        "toomanyrequests: You have reached your pull rate limit.",
        K::RateLimited,
    ),
    (
        "28.5",
        Pull,
        429,
        "toomanyrequests: slow down",
        K::RateLimited,
    ),
    (
        "c8d",
        Pull,
        500,
        "error from registry: You have reached your unauthenticated pull rate limit.",
        K::RateLimited,
    ),
    (
        "podman5",
        Pull,
        429,
        "received unexpected HTTP status: 429 Too Many Requests",
        K::RateLimited,
    ),
    ("20.10", Pull, 0, "toomanyrequests: slow", K::RateLimited),
    (
        "20.10",
        Pull,
        500,
        "received unexpected HTTP status: 503 Service Unavailable",
        K::RegistryError,
    ),
    (
        "20.10",
        Pull,
        500,
        "error unmarshalling content: invalid character '<' looking for beginning of value",
        K::RegistryError,
    ),
    (
        "28.5",
        Pull,
        500,
        "received unexpected HTTP status: 500 Internal Server Error",
        K::RegistryError,
    ),
    (
        "podman5",
        Pull,
        500,
        "reading manifest 1 in x: received unexpected HTTP status: 502 Bad Gateway",
        K::RegistryError,
    ),
    (
        "20.10",
        Pull,
        500,
        "Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
        K::RegistryDns,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"https://r.invalid/v2/\": dial tcp: lookup r.invalid on 127.0.0.53:53: server misbehaving",
        K::RegistryDns,
    ),
    (
        "podman4",
        Pull,
        0,
        "dial tcp: lookup r.invalid: Temporary failure in name resolution",
        K::RegistryDns,
    ),
    (
        "20.10",
        Pull,
        500,
        "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
        K::RegistryUnreachable,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"https://r/v2/\": dial tcp 10.0.0.1:443: connect: no route to host",
        K::RegistryUnreachable,
    ),
    (
        "20.10",
        Pull,
        500,
        "Head \"http://127.0.0.1:5/v2/x/manifests/1\": EOF",
        K::RegistryConnectionLost,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"http://r/v2/\": read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer",
        K::RegistryConnectionLost,
    ),
    (
        "20.10",
        Pull,
        0,
        "unexpected EOF",
        K::RegistryConnectionLost,
    ),
    (
        "20.10",
        Pull,
        0,
        "expected HTTP 206 from byte range request",
        K::RegistryConnectionLost,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"https://r/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
        K::Timeout,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"https://r/v2/\": dial tcp 10.0.0.1:443: i/o timeout",
        K::Timeout,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"https://r/v2/\": net/http: TLS handshake timeout",
        K::Timeout,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"https://r/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
        K::RegistryTls,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"https://r/v2/\": http: server gave HTTP response to HTTPS client",
        K::RegistryTls,
    ),
    (
        "20.10",
        Pull,
        0,
        "filesystem layer verification failed for digest sha256:ab",
        K::DigestMismatch,
    ),
    (
        "c8d",
        Pull,
        0,
        "failed commit on ref \"layer-sha256:ab\": unexpected commit digest sha256:cd, expected sha256:ab: failed precondition",
        K::DigestMismatch,
    ),
    (
        "podman4",
        Pull,
        0,
        "Digest did not match, expected sha256:ab, got sha256:cd",
        K::DigestMismatch,
    ),
    (
        "28.5",
        Pull,
        0,
        "no matching manifest for linux/s390x in the manifest list entries",
        K::PlatformNotFound,
    ),
    (
        "podman5",
        Pull,
        500,
        "choosing an image from manifest list docker://x: no image found in manifest list for architecture s390x",
        K::PlatformNotFound,
    ),
    (
        "28.5",
        Pull,
        0,
        "unsupported media type application/vnd.cncf.helm.config.v1+json",
        K::UnsupportedImage,
    ),
    (
        "20.10",
        Pull,
        0,
        "Encountered remote \"application/vnd.cncf.helm.config.v1+json\"(unknown) when fetching",
        K::UnsupportedImage,
    ),
    (
        "28.5",
        Pull,
        400,
        "invalid reference format: repository name (library/X) must be lowercase",
        K::InvalidReference,
    ),
    (
        "podman4",
        Pull,
        500,
        "normalizing image: normalizing name \"X\": invalid reference format",
        K::InvalidReference,
    ),
    (
        "28.5",
        Pull,
        403,
        "'scratch' is a reserved name",
        K::InvalidReference,
    ),
    (
        "source",
        Pull,
        0,
        "write /var/lib/docker/tmp/GetImageBlob1: no space left on device",
        K::EngineDiskFull,
    ),
    (
        "source",
        Pull,
        0,
        "failed to register layer: write /x: no space left on device",
        K::EngineDiskFull,
    ),
    (
        "20.10",
        Pull,
        400,
        "client version 1.53 is too new. Maximum supported API version is 1.41",
        K::EngineVersion,
    ),
    (
        "28.5",
        Pull,
        400,
        "client version 1.10 is too old. Minimum supported API version is 1.24",
        K::EngineVersion,
    ),
    ("-", Pull, 404, "something else", K::ImageNotFound),
    ("-", Pull, 418, "something else", K::EngineError),
    ("-", Pull, 0, "something else", K::EngineError),
    (
        "20.10",
        Build,
        400,
        "dockerfile parse error line 2: unknown instruction: FOO",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        400,
        "dockerfile parse error on line 2: unknown instruction: FOO (did you mean FROM?)",
        K::DockerfileInvalid,
    ),
    (
        "20.10",
        Build,
        500,
        "Cannot locate specified Dockerfile: Nope",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        400,
        "the Dockerfile (Dockerfile) cannot be empty",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        400,
        "failed to reach build target nope in Dockerfile",
        K::DockerfileInvalid,
    ),
    (
        "20.10",
        Build,
        0,
        "the --mount option requires BuildKit. Refer to https://docs.docker.com/",
        K::DockerfileInvalid,
    ),
    (
        "20.10",
        Build,
        0,
        "The command '/bin/sh -c exit 7' returned a non-zero code: 7",
        K::BuildFailed,
    ),
    (
        "28.5",
        Build,
        0,
        "COPY failed: file not found in build context or excluded by .dockerignore: stat nothing.txt: file does not exist",
        K::BuildFailed,
    ),
    (
        "20.10",
        Build,
        0,
        "The command '/bin/sh -c curl: connection refused unauthorized' returned a non-zero code: 1",
        K::BuildFailed,
    ),
    (
        "podman5",
        Build,
        0,
        "building at STEP \"RUN exit 3\": while running runtime: exit status 3",
        K::BuildFailed,
    ),
    (
        "20.10",
        Build,
        0,
        "manifest for shipway/nothing:1 not found: manifest unknown: manifest unknown",
        K::ImageNotFound,
    ),
    (
        "c8d",
        Build,
        0,
        "failed to resolve reference \"docker.io/shipway/nothing:1\": docker.io/shipway/nothing:1: not found",
        K::ImageNotFound,
    ),
    (
        "28.5",
        Build,
        0,
        "Get \"https://r/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
        K::RegistryUnreachable,
    ),
    (
        "20.10",
        Build,
        500,
        "Error processing tar file(exit status 1): unhandled tar header type 83",
        K::ContextInvalid,
    ),
    (
        "source",
        Build,
        0,
        "write /layer: no space left on device",
        K::EngineDiskFull,
    ),
    ("-", Build, 0, "something else", K::BuildFailed),
    (
        "podman5",
        Pull,
        500,
        "writing blob: mkdir /var/lib/containers/storage/overlay: permission denied",
        K::EngineError,
    ),
    (
        "source",
        Pull,
        0,
        "open /var/lib/docker/tmp/GetImageBlob1: permission denied",
        K::EngineError,
    ),
    (
        "-",
        Pull,
        403,
        "denied: Permission denied for \"latest\" from request \"/v2/a/b/manifests/latest\".",
        K::AccessDenied,
    ),
    (
        "-",
        Pull,
        500,
        "denied: permission_denied: The token provided does not match expected scopes.",
        K::AccessDenied,
    ),
    (
        "source",
        Pull,
        403,
        "authorization denied by plugin opa: not today",
        K::EnginePermissionDenied,
    ),
    (
        "-",
        Pull,
        403,
        "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>",
        K::EnginePermissionDenied,
    ),
    (
        "-",
        Pull,
        502,
        "<html><head><title>502 Bad Gateway</title></head></html>",
        K::EngineUnreachable,
    ),
    (
        "28.5",
        Pull,
        400,
        "\"nope\": unknown operating system or architecture: invalid argument",
        K::InvalidOption,
    ),
    (
        "c8d",
        Pull,
        404,
        "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
        K::AccessDenied,
    ),
    (
        "c8d",
        Pull,
        0,
        "failed to copy: httpReadSeeker: failed open: content at https://r/v2/a/blobs/sha256:ab not found: not found",
        K::ImageNotFound,
    ),
    (
        "c8d",
        Pull,
        0,
        "failed to copy: httpReadSeeker: failed open: failed to do request: Get \"https://r/v2/a/blobs/sha256:ab\": EOF",
        K::RegistryConnectionLost,
    ),
    (
        "c8d",
        Pull,
        500,
        "failed to resolve reference \"r/a:1\": unexpected status from HEAD request to https://r/v2/a/manifests/1: 503 Service Unavailable",
        K::RegistryError,
    ),
    (
        "c8d",
        Pull,
        500,
        "failed to resolve reference \"r/a:1\": failed to authorize: failed to fetch anonymous token: Get \"https://r/token\": dial tcp: lookup r: no such host",
        K::RegistryDns,
    ),
    (
        "c8d",
        Pull,
        500,
        "failed to resolve reference \"r/a:1\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
        K::AuthRequired,
    ),
    (
        "28.5",
        Pull,
        404,
        "manifest for acme/denied:x509 not found: manifest unknown: manifest unknown",
        K::ImageNotFound,
    ),
    (
        "28.5",
        Pull,
        404,
        "manifest for acme/unauthorized:rate not found: manifest unknown: manifest unknown",
        K::ImageNotFound,
    ),
    (
        "28.5",
        Pull,
        404,
        "manifest for acme/toomanyrequests:1 not found: manifest unknown: manifest unknown",
        K::ImageNotFound,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"https://denied.example/v2/unauthorized/x509:\": dial tcp 10.0.0.1:443: i/o timeout",
        K::Timeout,
    ),
    (
        "28.5",
        Pull,
        405,
        "unsupported: The operation is unsupported.",
        K::RegistryError,
    ),
    ("source", Pull, 0, "context canceled", K::EngineDisconnected),
    (
        "source",
        Pull,
        0,
        "download cancelled",
        K::EngineDisconnected,
    ),
    (
        "podman5",
        Build,
        0,
        "the target \"nope\" was not found in the provided Dockerfile",
        K::DockerfileInvalid,
    ),
    (
        "29.0",
        Build,
        400,
        "target stage \"nope\" could not be found",
        K::DockerfileInvalid,
    ),
    (
        "source",
        Build,
        500,
        "No image was generated. Is your Dockerfile empty?",
        K::DockerfileInvalid,
    ),
    (
        "podman5",
        Build,
        0,
        "the specified Containerfile or Dockerfile does not exist, Containerfile: /tmp/x/Dockerfile: no such file or directory",
        K::DockerfileInvalid,
    ),
    (
        "source",
        Build,
        0,
        "stat /var/tmp/libpod_builder1046163193/build/Nope: no such file or directory",
        K::DockerfileInvalid,
    ),
    (
        "source",
        Build,
        0,
        "no contents in \"/var/tmp/libpod_builder1046163193/build/Dockerfile\"",
        K::DockerfileInvalid,
    ),
    (
        "podman5",
        Build,
        0,
        "building at STEP \"COPY Containerfile /x\": checking on sources under \"/tmp\": copier: stat: \"/Containerfile\": no such file or directory",
        K::BuildFailed,
    ),
    (
        "podman5",
        Build,
        0,
        "building at STEP \"COPY unauthorized /denied\": checking on sources under \"/tmp\": copier: stat: \"/unauthorized\": no such file or directory",
        K::BuildFailed,
    ),
    (
        "podman5",
        Build,
        0,
        "building at STEP \"RUN echo no space left on device; exit 1\": while running runtime: exit status 1",
        K::BuildFailed,
    ),
    (
        "28.5",
        Build,
        0,
        "The command '/bin/sh -c echo no space left on device; exit 1' returned a non-zero code: 1",
        K::BuildFailed,
    ),
    (
        "28.5",
        Build,
        0,
        "ADD failed: failed to GET https://r/x: dial tcp 10.0.0.1:443: i/o timeout",
        K::BuildFailed,
    ),
    (
        "28.5",
        Build,
        0,
        "COPY failed: forbidden path outside the build context: ../x ()",
        K::DockerfileInvalid,
    ),
    (
        "20.10",
        Build,
        500,
        "Forbidden path outside the build context: ../Dockerfile ()",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to register layer: Error processing tar file(exit status 1): unexpected EOF",
        K::RegistryConnectionLost,
    ),
    (
        "28.5",
        Build,
        500,
        "Error processing tar file(exit status 1): unexpected EOF",
        K::ContextInvalid,
    ),
    ("podman5", Build, 500, "unexpected EOF", K::ContextInvalid),
    (
        "28.5",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: illegal exclusion pattern: \"!\"",
        K::ContextInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to match excludepatterns: syntax error in pattern",
        K::ContextInvalid,
    ),
    (
        "podman5",
        Build,
        500,
        "gzip: invalid header",
        K::ContextInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "invalid reference format: repository name (library/X) must be lowercase",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        500,
        "invalid reference format: repository name (library/X) must be lowercase",
        K::InvalidReference,
    ),
    (
        "28.5",
        Stage::Tag,
        404,
        "No such image: x:1",
        K::ImageNotFound,
    ),
    ("-", Stage::Inspect, 500, "something else", K::EngineError),
    (
        "-",
        Stage::Connect,
        404,
        "<html>nginx</html>",
        K::UnsupportedByEngine,
    ),
];

#[test]
fn every_answer_has_its_kind() {
    let wrong: Vec<String> = ANSWERS
        .iter()
        .filter_map(|(engine, stage, status, text, kind)| {
            let found = classify(*stage, Some(*status).filter(|status| *status > 0), text);
            (found != *kind).then(|| format!("{engine} {status} `{text}`: {found}, not {kind}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_row_is_hidden_by_the_rows_before_it() {
    for (kind, patterns) in TABLE {
        for pattern in *patterns {
            let text = pattern.trim_start_matches('=').replace('…', " x ");
            assert_eq!(classify(Pull, None, &text), *kind, "{pattern}");
        }
    }
    let tables = [
        (None, BUILD_TABLE),
        (Some(500), BUILD_ANSWER_TABLE),
        (None, BUILD_STREAM_TABLE),
    ];
    for (status, table) in tables {
        for (kind, patterns) in table {
            for pattern in *patterns {
                let text = pattern.trim_start_matches('=').replace('…', " x ");
                assert_eq!(classify(Build, status, &text), *kind, "{pattern}");
            }
        }
    }
}

#[test]
fn a_word_matches_as_a_word_only() {
    for text in ["open eof.txt", "geoff", "path/eof/x", "eof-marker"] {
        assert_eq!(classify(Pull, None, text), K::EngineError, "{text}");
    }
    for text in ["EOF", "Get x: EOF", "read: EOF.", "(EOF)"] {
        assert_eq!(
            classify(Pull, None, text),
            K::RegistryConnectionLost,
            "{text}"
        );
    }
}

#[test]
fn an_engines_words_are_short_clean_and_without_credentials() {
    let text = format!(
        "Get \"https://user:hunter2@r/v2/?Signature=abc\": \u{1b}[2Jfailed\r\n{}",
        "x".repeat(5000)
    );
    let shown = readable(&text);
    assert!(
        !shown.contains("hunter2")
            && !shown.contains("abc")
            && !shown.contains('\u{1b}')
            && !shown.contains('\n'),
        "{shown}"
    );
    assert!(shown.len() <= MESSAGE_LIMIT + 16);
}

#[test]
fn an_answer_is_json_or_plain_text() {
    assert_eq!(answer_text(r#"{"message":"denied"}"#), "denied");
    assert_eq!(
        answer_text(r#"{"cause":"c","message":"m","response":500}"#),
        "m"
    );
    assert_eq!(
        answer_text("client version 1.1 is too old"),
        "client version 1.1 is too old"
    );
}

#[test]
fn exit_codes_and_lines_are_read_from_the_words() {
    assert_eq!(
        exit_code("The command 'x' returned a non-zero code: 137"),
        Some(137)
    );
    assert_eq!(
        exit_code("did not complete successfully: exit code: 7"),
        Some(7)
    );
    assert_eq!(exit_code("while running runtime: exit status 3"), Some(3));
    assert_eq!(exit_code("COPY failed"), None);
    assert_eq!(
        dockerfile_line("dockerfile parse error on line 333: x"),
        Some(333)
    );
    assert_eq!(dockerfile_line("dockerfile parse error line 2: x"), Some(2));
    assert_eq!(dockerfile_line("line 2"), None);
}
