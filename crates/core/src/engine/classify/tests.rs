use super::*;

use ErrorKind as K;
use Stage::{Build, Pull};

/// What engines really answered: source, stage, HTTP status (0: in the stream), words → kind.
///
/// "20.10", "28.5" and "c8d" (28.5 with the containerd image store) are Docker, "podman4" and "podman5" Podman 4.3.1 and
/// 5.4.2; "source" rows were read in moby v28.5.2.
const ANSWERS: &[(&str, Stage, u16, &str, ErrorKind)] = &[
    (
        "source: Go 1.25, net/http",
        Stage::Connect,
        400,
        "Client sent an HTTP request to an HTTPS server.\n",
        K::EngineTls,
    ),
    (
        "source: nginx 1.28",
        Stage::Connect,
        400,
        "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>",
        K::EngineTls,
    ),
    (
        "source",
        Pull,
        500,
        "error parsing HTTP 400 response body: invalid character 'C' looking for beginning of value: \"Client sent an HTTP request to an HTTPS server.\\n\"",
        K::RegistryError,
    ),
    ("20.10", Pull, 500, "manifest unknown", K::ImageNotFound),
    (
        "28.5",
        Build,
        0,
        "failed to read dockerfile: open nothing: no such file or directory",
        K::DockerfileInvalid,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to read downloaded context: failed to load cache key: invalid response status 404",
        K::ContextInvalid,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to read dockerfile: failed to load cache key: failed to fetch remote http://127.0.0.1:44207/nothing.git: exit status 128",
        K::ContextInvalid,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to read dockerfile: failed to load cache key: subdir not supported yet",
        K::UnsupportedByEngine,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to read dockerfile: failed to load cache key: error fetching default branch for repository http://127.0.0.1:36023/nothing.git: git stderr: fatal: repository 'http://127.0.0.1:36023/nothing.git/' not found : exit status 128",
        K::ContextInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to read dockerfile: failed to load cache key: repository does not contain ref nothing, output: \"\"",
        K::ContextInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to read dockerfile: invalid subdir /nothing: failed to lstat \"nothing\": statat nothing: no such file or directory",
        K::ContextInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to read dockerfile: failed to load cache key: error fetching default branch for repository http://127.0.0.1:44551/x.git: git stderr: fatal: unable to access 'http://127.0.0.1:44551/x.git/': Failed to connect to 127.0.0.1:44551 after 0 ms: Could not connect to server : exit status 128",
        K::ContextInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to read dockerfile: failed to load cache key: error fetching default branch for repository http://nowhere.invalid/x.git: git stderr: fatal: unable to access 'http://nowhere.invalid/x.git/': Could not resolve host: nowhere.invalid : exit status 128",
        K::ContextInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to read downloaded context: failed to load cache key: Get \"http://127.0.0.1:9/x.tar.gz\": dial tcp 127.0.0.1:9: connect: connection refused",
        K::ContextInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "the Dockerfile cannot be empty",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "lint violation found for rules: StageNameCasing, FromAsCasing",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to parse ulimit: invalid ulimit type: nope",
        K::InvalidOption,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to parse additional hosts: failed to parse IP not-an-ip",
        K::InvalidOption,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to load LLB: network.host is not allowed",
        K::InvalidOption,
    ),
    (
        "c8d",
        Build,
        0,
        "unsupported compression type lol",
        K::InvalidOption,
    ),
    (
        "20.10",
        Build,
        0,
        "unsupported request frontend.lint",
        K::UnsupportedByEngine,
    ),
    (
        "28.5",
        Build,
        0,
        "granting entitlement security.insecure is not allowed by build daemon configuration",
        K::UnsupportedByEngine,
    ),
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
        K::UnsupportedImage,
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
        "podman4",
        Build,
        0,
        "building at STEP \"NONSENSE \": Build error: Unknown instruction: \"NONSENSE\" &imagebuilder.Step{Env:[]string{\"PATH=/bin\"}, Command:\"nonsense\", Args:[]string{\"\"}}",
        K::DockerfileInvalid,
    ),
    (
        "podman4",
        Build,
        0,
        "building at STEP \"COPY \": COPY requires at least one argument",
        K::DockerfileInvalid,
    ),
    (
        "podman5",
        Build,
        0,
        "building at STEP \"COPY \": COPY requires at least two arguments",
        K::DockerfileInvalid,
    ),
    (
        "podman5",
        Build,
        0,
        "building at STEP \"COPY --nope=1 a b\": COPY only supports the --chmod=<permissions>, --chown=<uid:gid>, --from=<image|stage>, --link, --parents, and --exclude=<pattern> flags",
        K::DockerfileInvalid,
    ),
    (
        "podman5",
        Build,
        0,
        "FROM requires either one argument, or three: FROM <source> [AS <name>]",
        K::DockerfileInvalid,
    ),
    (
        "podman4",
        Build,
        0,
        "creating build container: repository name must be lowercase",
        K::DockerfileInvalid,
    ),
    (
        "podman5",
        Build,
        0,
        "creating build container: parsing reference \"Debian:nothing\": repository name must be lowercase",
        K::DockerfileInvalid,
    ),
    (
        "podman5",
        Build,
        0,
        "building at STEP \"RUN --mount=type=secret,id=a,required=true true\": resolving mountpoints for container \"a1ab3635739c2e70a0cdd260ca83ebe51ae6680f3514871488983e60032db1f3\": secret required but no secret with id \"a\" found",
        K::BuildFailed,
    ),
    // BuildKit, by `Control.Solve`; "c8d" and "28.5" say the same where only one is named.
    (
        "28.5",
        Build,
        0,
        "process \"/bin/sh -c echo unauthorized: no space left on device; exit 7\" did not complete successfully: exit code: 7",
        K::BuildFailed,
    ),
    (
        "28.5",
        Build,
        0,
        "process \"/bin/sh -c echo denied\" did not complete successfully: unable to find user nosuchuser: no matching entries in passwd file",
        K::BuildFailed,
    ),
    (
        "source",
        Build,
        0,
        "process \"/bin/sh -c make\" did not complete successfully: failed to mount /tmp/x: no space left on device",
        K::EngineDiskFull,
    ),
    (
        "20.10",
        Build,
        0,
        "executor failed running [/bin/sh -c echo one; exit 7]: exit code: 7",
        K::BuildFailed,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 3: unknown instruction: NONSENSE",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "dockerfile parse error on line 2: unknown flag: --nope",
        K::DockerfileInvalid,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: circular dependency detected on stage: a",
        K::DockerfileInvalid,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: target stage nope could not be found",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "target stage \"nope\" could not be found (did you mean one?)",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "file with no instructions",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "base name (${X}) should not be blank",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to parse stage name \"UPPER\": invalid reference format: repository name (library/UPPER) must be lowercase",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to marshal LLB definition: string field contains invalid UTF-8",
        K::DockerfileInvalid,
    ),
    (
        "28.5",
        Build,
        0,
        "rpc error: code = Internal desc = grpc: failed to unmarshal the received message: string field contains invalid UTF-8",
        K::ContextInvalid,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to compute cache key: \"/nothere\" not found: not found",
        K::BuildFailed,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to compute cache key: failed to calculate checksum of ref dei6v84im00bjtbbkou5iqbnv::rgi3wf6zjr93yq14sinraro8w: \"/denied\": not found",
        K::BuildFailed,
    ),
    ("28.5", Build, 0, "secret tok: not found", K::BuildFailed),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: docker.io/shipway/nothing:1: not found",
        K::ImageNotFound,
    ),
    (
        "28.5",
        Build,
        0,
        "shipway/nothing:1: failed to resolve source metadata for docker.io/shipway/nothing:1: docker.io/shipway/nothing:1: not found",
        K::ImageNotFound,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to load cache key: docker.io/library/nostage:latest: not found",
        K::ImageNotFound,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to solve with frontend gateway.v0: docker.io/docker/dockerfile:none: not found",
        K::ImageNotFound,
    ),
    (
        "c8d",
        Build,
        0,
        "failed to compute cache key: failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:26c0 (application/vnd.docker.image.rootfs.diff.tar.gzip) from remote: not found",
        K::ImageNotFound,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: no match for platform in manifest sha256:0568: not found",
        K::PlatformNotFound,
    ),
    (
        "28.5",
        Build,
        0,
        "127.0.0.1:1/x:1: failed to resolve source metadata for 127.0.0.1:1/x:1: no match for platform in manifest: not found",
        K::PlatformNotFound,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: pulling from host 127.0.0.1:1 failed with status code [manifests 1]: 401 Unauthorized",
        K::AuthRequired,
    ),
    (
        "28.5",
        Build,
        0,
        "r/x:1: failed to resolve source metadata for r/x:1: failed to authorize: failed to fetch anonymous token: unexpected status from GET request to http://r/token?x=y: 401 Unauthorized",
        K::AuthRequired,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden",
        K::AccessDenied,
    ),
    (
        "28.5",
        Build,
        0,
        "r/x:1: failed to resolve source metadata for r/x:1: unexpected status from HEAD request to http://r/v2/x/manifests/1: 403 Forbidden",
        K::AccessDenied,
    ),
    (
        "28.5",
        Build,
        0,
        "r/x:1: failed to resolve source metadata for r/x:1: unexpected status from HEAD request to http://r/v2/x/manifests/1: 429 Too Many Requests",
        K::RateLimited,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: pulling from host r failed with status code [manifests 1]: 503 Service Unavailable",
        K::RegistryError,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to read dockerfile: failed to load cache key: failed to fetch remote http://h/repository.git: git stderr: : exec: \"git\": executable file not found in $PATH",
        K::UnsupportedByEngine,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to solve: failed to read dockerfile: failed to load cache key: unknown scheme git: not found",
        K::UnsupportedByEngine,
    ),
    (
        "28.5",
        Build,
        0,
        "r/x:1: failed to resolve source metadata for r/x:1: encountered unknown type text/html; children may not be fetched",
        K::RegistryError,
    ),
    (
        "28.5",
        Build,
        0,
        "r/x:1: failed to resolve source metadata for r/x:1: encountered unknown type application/vnd.cncf.helm.config.v1+json; children may not be fetched",
        K::UnsupportedImage,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: invalid schema1 manifest",
        K::UnsupportedImage,
    ),
    (
        "28.5",
        Build,
        0,
        "r/x:1: failed to resolve source metadata for r/x:1: support Docker Image manifest version 2, schema 1 has been removed. More information at https://docs.docker.com/go/deprecated-image-specs/",
        K::UnsupportedImage,
    ),
    (
        "28.5",
        Build,
        0,
        "r/x:1: failed to resolve source metadata for r/x:1: failed to do request: Head \"https://r/v2/x/manifests/1\": dial tcp 127.0.0.1:1: connect: connection refused",
        K::RegistryUnreachable,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to do request: Head \"https://r/v2/x/manifests/1\": dial tcp: lookup r: no such host",
        K::RegistryDns,
    ),
    (
        "28.5",
        Build,
        0,
        "r/x:1: failed to resolve source metadata for r/x:1: failed to do request: Head \"https://r/v2/x/manifests/1\": EOF",
        K::RegistryConnectionLost,
    ),
    (
        "c8d",
        Build,
        0,
        "failed to compute cache key: short read: expected 18 bytes but got 5: unexpected EOF",
        K::RegistryConnectionLost,
    ),
    (
        "c8d",
        Build,
        0,
        "failed to compute cache key: failed to copy: httpReadSeeker: failed open: unexpected status from GET request to http://r/v2/x/blobs/sha256:26c0: 503 Service Unavailable",
        K::RegistryError,
    ),
    (
        "c8d",
        Build,
        0,
        "failed to compute cache key: failed commit on ref \"layer-sha256:26c0\": commit failed: unexpected commit digest sha256:e04f, expected sha256:26c0: failed precondition",
        K::DigestMismatch,
    ),
    (
        "c8d",
        Build,
        0,
        "failed to compute cache key: mount callback failed on /var/lib/containerd/tmpmounts/containerd-mount1: unexpected EOF",
        K::UnsupportedImage,
    ),
    (
        "28.5",
        Stage::Tag,
        404,
        "No such image: x:1",
        K::ImageNotFound,
    ),
    (
        "20.10",
        Build,
        0,
        "failed to solve with frontend dockerfile.v0: unsupported frontend capability moby.buildkit.frontend.contexts",
        K::UnsupportedByEngine,
    ),
    (
        "28.5",
        Stage::Push,
        0,
        "denied: requested access to the resource is denied",
        K::AccessDenied,
    ),
    (
        "28.5",
        Stage::Push,
        0,
        "unauthorized: authentication required",
        K::AuthRequired,
    ),
    (
        "28.5",
        Stage::Push,
        0,
        "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
        K::RegistryUnreachable,
    ),
    ("-", Stage::Push, 401, "?", K::AuthRequired),
    ("-", Stage::Push, 403, "?", K::AccessDenied),
    ("-", Stage::Inspect, 500, "something else", K::EngineError),
    (
        "-",
        Stage::Connect,
        404,
        "<html>nginx</html>",
        K::UnsupportedByEngine,
    ),
    // The fault registry's causes (lab/fault-registry.mjs); what all engines say alike stands once.
    (
        "c8d",
        Pull,
        0,
        "failed to copy: httpReadSeeker: failed open: could not fetch content descriptor sha256:72a9 (text/html) from remote: not found",
        K::RegistryError,
    ),
    (
        "28.5",
        Pull,
        500,
        "Head \"/v2/faults/manifest-redirect-loop/manifests/1\": stopped after 10 redirects",
        K::RegistryError,
    ),
    (
        "c8d",
        Pull,
        0,
        "failed to unpack image on snapshotter overlayfs: apply layer error for \"r/config-type:1\": failed to extract layer sha256:ce85: NotFound: failed to get reader from content store: content digest sha256:2a99: not found",
        K::UnsupportedImage,
    ),
    (
        "c8d",
        Pull,
        501,
        "failed to resolve reference \"r/schema1:1\": not implemented: media type \"application/vnd.docker.distribution.manifest.v1+prettyjws\" is no longer supported since containerd v2.0, please rebuild the image as \"application/vnd.docker.distribution.manifest.v2+json\"",
        K::UnsupportedImage,
    ),
    (
        "c8d",
        Pull,
        0,
        "error from registry: slow down",
        K::RegistryError,
    ),
    (
        "28.5",
        Pull,
        0,
        "failed to register layer: archive/tar: invalid tar header",
        K::UnsupportedImage,
    ),
    (
        "c8d",
        Pull,
        0,
        "failed to extract layer (application/vnd.docker.image.rootfs.diff.tar.gzip sha256:c5be) to overlayfs as \"extract-89695584-L4Yk sha256:b5f5\": unexpected EOF",
        K::UnsupportedImage,
    ),
    (
        "20.10",
        Pull,
        0,
        "layers from manifest don't match image configuration",
        K::DigestMismatch,
    ),
    (
        "c8d",
        Pull,
        0,
        "wrong diff id calculated on extraction \"sha256:f41f\"",
        K::DigestMismatch,
    ),
    (
        "20.10",
        Pull,
        500,
        "Head \"http://r/v2/x/manifests/1\": authorization server did not include a token in the response",
        K::RegistryError,
    ),
    (
        "28.5",
        Pull,
        500,
        "Get \"http://r/v2/\": net/http: HTTP/1.x transport connection broken: malformed HTTP status code \"mail.example.test\"",
        K::RegistryError,
    ),
    ("20.10", Pull, 500, "unknown", K::RegistryError),
    (
        "c8d",
        Build,
        0,
        "error from registry: who is it",
        K::RegistryError,
    ),
    (
        "28.5",
        Pull,
        405,
        "unsupported: method not allowed",
        K::RegistryError,
    ),
    (
        "c8d",
        Pull,
        401,
        "error from registry: who is it",
        K::AuthRequired,
    ),
    (
        "c8d",
        Pull,
        403,
        "error from registry: not you",
        K::AccessDenied,
    ),
    (
        "28.5",
        Pull,
        500,
        "unknown: <html> <head><title>410</title></head> <body><center><h1>410</h1></center></body> </html>",
        K::RegistryError,
    ),
    (
        "28.5",
        Build,
        0,
        "failed to register layer: gzip: invalid checksum",
        K::UnsupportedImage,
    ),
    (
        "podman-5.4",
        Pull,
        500,
        "tls: protocol version not supported",
        K::RegistryTls,
    ),
    (
        "podman-4.3",
        Pull,
        0,
        "initializing source docker://127.0.0.1:41065/alone/25/status-405:1: reading manifest 1 in 127.0.0.1:41065/alone/25/status-405: unsupported: method not allowed",
        K::RegistryError,
    ),
    (
        "podman-4.3",
        Pull,
        0,
        "initializing source docker://127.0.0.1:41065/alone/30/html-410:1: reading manifest 1 in 127.0.0.1:41065/alone/30/html-410: StatusCode: 410, <html> <head><title>410 Gone</title></head> <bod...",
        K::RegistryError,
    ),
    (
        "podman-4.3",
        Pull,
        0,
        "reading blob sha256:1c4347aabf32: Error fetching blob: invalid status code from registry 404 (Not Found)",
        K::ImageNotFound,
    ),
    (
        "podman-4.3",
        Pull,
        0,
        "initializing source docker://127.0.0.1:35951/a/token-404:1: Requesting bearer token: invalid status code from registry 404 (Not Found)",
        K::ImageNotFound,
    ),
    (
        "podman-4.3",
        Pull,
        0,
        "determining manifest MIME type for docker://127.0.0.1:41065/a/manifest-digest@sha256:f41f: Manifest does not match provided manifest digest sha256:f41f",
        K::DigestMismatch,
    ),
    (
        "podman-4.3",
        Pull,
        0,
        "parsing image configuration: Download config.json digest sha256:67bc does not match expected sha256:f9b3",
        K::DigestMismatch,
    ),
    (
        "podman-4.3",
        Pull,
        0,
        "writing blob: adding layer with blob \"sha256:c5be\": processing tar file(unexpected EOF): exit status 1",
        K::UnsupportedImage,
    ),
    (
        "podman-4.3",
        Pull,
        0,
        "writing blob: adding layer with blob \"sha256:519b\": processing tar file(archive/tar: invalid tar header): exit status 1",
        K::UnsupportedImage,
    ),
    (
        "28.5",
        Pull,
        500,
        "Head \"http://127.0.0.1:4/v2/a/manifests/1\": unable to decode token response: context deadline exceeded (Client.Timeout or context cancellation while reading body)",
        K::Timeout,
    ),
    (
        "28.5",
        Pull,
        500,
        "Head \"http://127.0.0.1:4/v2/a/manifests/1\": net/http: request canceled (Client.Timeout or context cancellation while reading body)",
        K::Timeout,
    ),
    (
        "28.5",
        Stage::Push,
        0,
        "unknown: unknown error",
        K::RegistryError,
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
            let text = pattern.trim_start_matches(['=', '^']).replace('…', " x ");
            assert_eq!(classify(Pull, None, &text), *kind, "{pattern}");
        }
    }
    for (kind, patterns) in REGISTRY_LAST_TABLE {
        for pattern in *patterns {
            let text = pattern.trim_start_matches(['=', '^']);
            assert_eq!(classify(Pull, None, text), *kind, "{pattern}");
        }
    }
    let tables = [
        (None, BUILD_TABLE),
        (Some(500), BUILD_ANSWER_TABLE),
        (None, BUILD_STREAM_TABLE),
        (None, BUILD_LAST_TABLE),
    ];
    for (status, table) in tables {
        for (kind, patterns) in table {
            for pattern in *patterns {
                let text = pattern.trim_start_matches(['=', '^']).replace('…', " x ");
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

#[test]
fn what_an_engine_says_of_a_build_may_have_a_hint_of_its_own() {
    for (said, words) in [
        (
            "lint violation found for rules: FromAsCasing",
            "`checkBuild`",
        ),
        (
            "failed to load LLB: network.host is not allowed",
            "`allow: ['network.host']`",
        ),
        (
            "failed to compute cache key: \"/nope\" not found: not found",
            ".dockerignore",
        ),
        (
            "failed to compute cache key: failed to calculate checksum of ref a::b: \"/nope\": not found",
            ".dockerignore",
        ),
    ] {
        let hint = build_hint(said).unwrap_or_default();
        assert!(hint.contains(words), "{said}: {hint}");
    }
    let failed = "process \"sh -c echo lint violation found for rules:\" did not complete successfully: exit code: 1";
    assert_eq!(build_hint(failed), None);
}

#[test]
fn what_podman_dumps_after_its_words_is_not_told() {
    let words = "building at STEP \"NONSENSE \": Build error: Unknown instruction: \"NONSENSE\"";
    let text = format!(
        "{words} &imagebuilder.Step{{Env:[]string{{\"TOKEN=hunter2\"}}, Command:\"nonsense\"}}"
    );
    assert_eq!(readable(&text), words);
}
