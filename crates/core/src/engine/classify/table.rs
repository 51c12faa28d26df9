//! The table: which words of an engine mean which kind. The only place that looks at engine text.
//!
//! Status codes alone do not tell: Docker 20.10 answers 500 for a missing tag, a refused login and a rate limit alike,
//! Docker 28 answers 404, 403 and 429, and Podman 4 answers 200 with an error frame. So the words come first, and the
//! status is asked where no word is known.

use crate::error::ErrorKind;

/// A row: the kind, and patterns of which one is enough. A pattern matches anywhere, in any case; `A…B` matches A with B
/// somewhere after it; `=word` matches as a whole word only; `^A` matches at the beginning.
pub(super) type Row = (ErrorKind, &'static [&'static str]);

/// Rows in order: the first that matches decides.
///
/// Order matters where an engine's sentence holds the words of two kinds: Docker Hub's answer to an unknown repository
/// is a 404 that says "pull access denied … may require 'docker login'", and a registry's sentence may quote a path.
pub(super) const TABLE: &[Row] = &[
    (
        ErrorKind::EngineDiskFull,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        ErrorKind::EngineVersion,
        &[
            "client version…is too old",
            "client version…is too new",
            "client is newer than server",
            "minimum supported api version",
        ],
    ),
    (
        ErrorKind::EnginePermissionDenied,
        &["authorization denied by plugin"],
    ),
    (
        ErrorKind::InvalidOption,
        &[
            "unknown operating system or architecture",
            "cannot parse platform specifier",
        ],
    ),
    (
        ErrorKind::RateLimited,
        &["=toomanyrequests", "too many requests", "rate limit"],
    ),
    (
        ErrorKind::DigestMismatch,
        &[
            "verification failed for digest",
            "digest did not match",
            "does not match config's diffid",
            "does not match provided manifest digest",
            "download config.json digest…does not match expected",
            "unexpected commit digest",
            "digest mismatch",
            "manifest verification failed",
            "layers from manifest don't match image configuration",
            "wrong diff id",
        ],
    ),
    (
        ErrorKind::PlatformMismatch,
        &[
            "does not provide the specified platform",
            "does not match the specified platform",
            "operating system is not supported",
        ],
    ),
    (
        ErrorKind::PlatformNotFound,
        &[
            "no matching manifest for",
            "no match for platform",
            "no image found in image index",
            "no image found in manifest list",
        ],
    ),
    // Whatever answered is no registry.
    (
        ErrorKind::RegistryError,
        &[
            "encountered unknown type text/html",
            "could not fetch content descriptor…(text/html)",
        ],
    ),
    (ErrorKind::UnsupportedImage, BROKEN_LAYER),
    (
        ErrorKind::UnsupportedImage,
        &[
            "unsupported media type",
            "encountered unknown type",
            "schema 1 has been removed",
            "invalid schema1 manifest",
            "encountered remote \"…when fetching",
            "unsupported manifest format",
            "unsupported schema version",
            "schema 1 support has been removed",
            "unsupported image-specific operation",
            "ai models are not",
            "missing signature key",
            "is no longer supported since containerd",
            "mediatype in manifest should be",
        ],
    ),
    (
        ErrorKind::InvalidReference,
        &[
            "invalid reference format",
            "invalid tag format",
            "repository name must be lowercase",
            "repository name must not be more than",
            "cannot specify 64-byte hexadecimal",
            "is a reserved name",
            "normalizing image",
            "no host in request url",
        ],
    ),
    (
        ErrorKind::AuthRequired,
        &[
            "no basic auth credentials",
            "=unauthorized",
            "authentication required",
            "invalid username/password",
            "incorrect username or password",
            "invalid status code from registry 401",
        ],
    ),
    (
        ErrorKind::AccessDenied,
        &[
            "pull access denied",
            "requested access to the resource",
            "insufficient_scope",
            "invalid status code from registry 403",
            "403 forbidden",
            "denied: permission denied",
        ],
    ),
    // A file of the engine's own; registries that say it say `denied:` before it.
    (ErrorKind::EngineError, &["=permission denied"]),
    (ErrorKind::AccessDenied, &["=denied"]),
    (
        ErrorKind::ImageNotFound,
        &[
            "manifest unknown",
            "name unknown",
            "invalid status code from registry 404",
            "manifest for…not found",
            "repository…not found",
            "unknown blob",
            "blob unknown",
            "blob not found",
            "failed to resolve reference…not found",
            "failed to resolve source metadata for…: not found",
            "failed to create llb definition:…: not found",
            "failed to solve with frontend gateway.v0:…: not found",
            "failed to load cache key:…: not found",
            "could not fetch content descriptor…not found",
            "failed open: content at…not found",
            "error parsing http 404",
            "404 page not found",
            "404 not found",
            "statuscode: 404",
            "no such image",
        ],
    ),
    // Before TLS: a handshake that takes too long says nothing about certificates.
    (
        ErrorKind::Timeout,
        &[
            "i/o timeout",
            "tls handshake timeout",
            "client.timeout exceeded",
            "client.timeout or context cancellation",
            "deadline exceeded",
            "waiting for connection",
        ],
    ),
    (
        ErrorKind::RegistryTls,
        &[
            "x509:",
            "=certificate",
            "does not look like a tls handshake",
            "server gave http response to https client",
            "remote error: tls",
            "tls: protocol version not supported",
        ],
    ),
    (
        ErrorKind::RegistryDns,
        &[
            "no such host",
            "server misbehaving",
            "temporary failure in name resolution",
            "name or service not known",
        ],
    ),
    (
        ErrorKind::RegistryUnreachable,
        &[
            "connection refused",
            "no route to host",
            "network is unreachable",
            "host is unreachable",
        ],
    ),
    (ErrorKind::RegistryError, &["malformed http"]),
    (
        ErrorKind::RegistryConnectionLost,
        &[
            "unexpected eof",
            "connection reset by peer",
            "broken pipe",
            "transport connection broken",
            "bad record mac",
            "expected http 206 from byte range request",
            "use of closed network connection",
            "gzip: invalid",
            "server closed idle connection",
            "=eof",
        ],
    ),
    (
        ErrorKind::RegistryError,
        &[
            "unexpected http status",
            "unexpected status",
            "invalid status code from registry 5",
            "unable to decode token response",
            "error parsing http",
            "error unmarshalling content",
            "unexpected end of json input",
            "invalid character '<'",
            "internal server error",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
            "the operation is unsupported",
            "authorization server did not include a token",
            "stopped after 10 redirects",
        ],
    ),
    // An engine that is stopped gives up its work in these words.
    (
        ErrorKind::EngineDisconnected,
        &[
            "context canceled",
            "download cancelled",
            "layer registration cancelled",
        ],
    ),
];

/// An engine unpacks a layer once it has proven its digest: what is wrong then is wrong in the image.
const BROKEN_LAYER: &[&str] = &[
    "failed to register layer…unexpected eof",
    "failed to register layer…archive/tar:",
    "failed to register layer…gzip:",
    "failed to extract layer…unexpected eof",
    "failed to extract layer…archive/tar:",
    "failed to extract layer…gzip:",
    "mount callback failed…unexpected eof",
    "mount callback failed…archive/tar:",
    "mount callback failed…gzip:",
    // Podman.
    "adding layer with blob…processing tar file(unexpected eof)",
    "adding layer with blob…processing tar file(archive/tar:",
    "adding layer with blob…processing tar file(gzip:",
    // Layers that it did not fetch, because they belong to nothing that it knows.
    "failed to extract layer…failed to get reader from content store…not found",
];

/// Rows for pulls and pushes, asked after [`TABLE`]: errors of a registry that say nothing more.
pub(super) const REGISTRY_LAST_TABLE: &[Row] = &[(
    ErrorKind::RegistryError,
    &[
        // Of Docker's graph drivers: the name of the registry's error.
        "^unknown",
        "^unsupported:",
        // Of the containerd image store: the registry's words, without the name.
        "error from registry:",
        // Of Podman 4, before the registry's words.
        "^initializing source docker://",
    ],
)];

/// Rows for builds, asked before [`TABLE`].
pub(super) const BUILD_TABLE: &[Row] = &[
    // First, because the sentence quotes the command, whatever words it has.
    (
        ErrorKind::BuildFailed,
        &[
            "returned a non-zero code:",
            "did not complete successfully: exit code",
            "executor failed running",
            "while running runtime: exit status",
            "=subprocess exited with status",
        ],
    ),
    (
        ErrorKind::EngineDiskFull,
        &["no space left on device", "disk quota exceeded"],
    ),
    (
        ErrorKind::InvalidOption,
        &[
            "failed to parse ulimit:",
            "failed to parse additional hosts:",
            "unsupported compression type",
            "failed to load llb: network.host is not allowed",
            "failed to load llb: security.insecure is not allowed",
        ],
    ),
    // A context that the engine fetches with git or over HTTP. Older engines say of git no more than its exit status.
    (
        ErrorKind::UnsupportedByEngine,
        &[
            "subdir not supported yet",
            // An engine without git: the latter is one that looked for it when it started.
            "exec: \"git\": executable file not found",
            "unknown scheme git",
        ],
    ),
    (
        ErrorKind::ContextInvalid,
        &[
            "failed to read downloaded context: failed to load cache key",
            "repository does not contain ref",
            "error fetching default branch for repository",
            "failed to fetch remote…exit status",
            "failed to read dockerfile: invalid subdir",
        ],
    ),
    (
        ErrorKind::UnsupportedByEngine,
        &[
            "unsupported request frontend.",
            "is not allowed by build daemon configuration",
        ],
    ),
    (
        ErrorKind::DockerfileInvalid,
        &["forbidden path outside the build context"],
    ),
    (
        ErrorKind::BuildFailed,
        &[
            "copy failed:",
            "add failed:",
            "failed to compute cache key: \"",
            "failed to calculate checksum of ref",
        ],
    ),
    // Named contexts, before BuildKit 0.10.
    (
        ErrorKind::UnsupportedByEngine,
        &["unsupported frontend capability"],
    ),
    (
        ErrorKind::DockerfileInvalid,
        &[
            "dockerfile parse error",
            "cannot locate specified dockerfile",
            "failed to read dockerfile: open",
            "the dockerfile (…) cannot be empty",
            "the dockerfile cannot be empty",
            "lint violation found for rules:",
            "is your dockerfile empty",
            "file with no instructions",
            "no contents in \"",
            // Podman's, of the words of an instruction.
            "requires at least one argument",
            "requires at least two arguments",
            "requires exactly one argument",
            "from requires either one argument",
            "only supports the --",
            "no build stage in current context",
            "failed to reach build target",
            "target stage…could not be found",
            "the target…not found in the…dockerfile",
            "unknown instruction",
            "unknown flag",
            "the --mount option requires buildkit",
            "requires buildkit",
            "containerfile or dockerfile",
            "no containerfile specified",
            "containerfile: \"…cannot be path to a directory",
            "stat /…/libpod_builder…no such file or directory",
            "failed to parse stage name",
            "base name (…) should not be blank",
            "no from statement found",
            "failed to marshal llb definition…invalid utf-8",
        ],
    ),
    // A layer of a base image, which is a tar as well.
    (ErrorKind::UnsupportedImage, BROKEN_LAYER),
    (ErrorKind::EngineError, &["failed to register layer"]),
    (
        ErrorKind::ContextInvalid,
        &[
            "unhandled tar header",
            "archive/tar:",
            "error reading build context",
            "error processing tar file",
            "failed to create a temporary file for the build context",
            "invalid tar header",
            "unexpected eof in archive",
            NOT_UNICODE,
            // Of an ignore file.
            "illegal exclusion pattern",
            "syntax error in pattern",
        ],
    ),
];

/// What to try, by what an engine says of a build, where the kind says less.
pub(super) const BUILD_HINTS: &[(&str, &[&str])] = &[
    (
        "look at what `checkBuild` finds: the Dockerfile, or the build argument BUILDKIT_DOCKERFILE_CHECK, makes its findings errors",
        &["lint violation found for rules:"],
    ),
    (
        "allow it with the option `allow: ['network.host']`",
        &["failed to load llb: network.host is not allowed"],
    ),
    (
        "allow it with the option `allow: ['security.insecure']`",
        &["failed to load llb: security.insecure is not allowed"],
    ),
    (
        "check the path, which starts at the build context (with `--from`, at the root of that image), and that .dockerignore does not exclude it",
        &[
            "failed to compute cache key: \"…not found",
            "failed to calculate checksum of ref…not found",
            "copy failed: file not found in build context",
            "add failed: file not found in build context",
            "copy failed: stat…no such file",
            "add failed: stat…no such file",
            "copier: stat:…no such file",
        ],
    ),
];

/// Docker 28, of names of files: its gRPC checks what BuildKit's own does not
/// (<https://github.com/moby/buildkit/tree/v0.25.2/util/grpcutil/encoding/proto>).
pub(super) const NOT_UNICODE: &str = "failed to unmarshal the received message…invalid utf-8";

/// Rows for builds that are refused before their stream begins: the engine has read only the context.
pub(super) const BUILD_ANSWER_TABLE: &[Row] = &[(
    ErrorKind::ContextInvalid,
    &["unexpected eof", "=eof", "gzip: invalid"],
)];

/// Rows for the stream of a build: names are those of the Dockerfile, files those of its steps.
pub(super) const BUILD_STREAM_TABLE: &[Row] = &[
    (
        ErrorKind::DockerfileInvalid,
        &[
            "invalid reference format",
            "is a reserved name",
            "repository name must be lowercase",
        ],
    ),
    (ErrorKind::AccessDenied, &["denied: permission denied"]),
    (
        ErrorKind::BuildFailed,
        &["=permission denied", "copier: stat:", "copier: get:"],
    ),
];

/// Rows for the stream of a build, asked after [`TABLE`]: what the frontend finds wrong by itself, and a registry that says no
/// more.
pub(super) const BUILD_LAST_TABLE: &[Row] = &[
    (
        ErrorKind::DockerfileInvalid,
        &["failed to create llb definition"],
    ),
    // The classic builder with the containerd image store, of a base image.
    (ErrorKind::RegistryError, &["error from registry:"]),
];

/// Whether `text`, in lower case, matches `pattern`.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    if let Some(word) = pattern.strip_prefix('=') {
        return has_word(text, word);
    }
    if let Some(beginning) = pattern.strip_prefix('^') {
        return text.starts_with(beginning);
    }
    let mut rest = text;
    pattern.split('…').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

fn has_word(text: &str, word: &str) -> bool {
    let is_part =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '/' | '.');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        // A full stop ends a sentence; within a file's name a letter follows it.
        let after = after
            .strip_prefix('.')
            .filter(|rest| !rest.starts_with(is_part))
            .unwrap_or(after);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}
