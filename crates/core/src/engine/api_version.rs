//! Versions of the engine's API: which one is spoken.

use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Operation, Result};

/// Major and minor.
pub(crate) type ApiVersion = (u32, u32);

/// The newest version whose answers are known here; an engine that has a newer one is spoken to in this one. Without a
/// version engines answer in their newest, and will refuse one day
/// (<https://github.com/moby/moby/blob/docker-v29.2.0/api/swagger.yaml>).
const NEWEST: ApiVersion = (1, 56);

/// The oldest version that is enough, as it is for docker's own client: that of Docker 19.03
/// (<https://github.com/moby/moby/blob/docker-v29.2.0/client/client.go>, `MinAPIVersion`).
pub(crate) const OLDEST: ApiVersion = (1, 40);

/// What helps where `DOCKER_API_VERSION` asks for a version that the engine does not have.
pub(crate) const UNPIN: &str =
    "unset DOCKER_API_VERSION, or set it to a version that the engine has";

/// The version to speak with an engine whose newest is `engine`, where nobody asks for another.
pub(crate) fn spoken(engine: ApiVersion) -> ApiVersion {
    engine.min(NEWEST)
}

/// The version of `DOCKER_API_VERSION`, which is spoken whatever the engine says, as `docker` does
/// (<https://github.com/moby/moby/blob/docker-v29.2.0/client/client_options.go>, `WithAPIVersionFromEnv`).
pub(crate) fn pinned(environment: &Environment) -> Result<Option<ApiVersion>> {
    let Some(text) = &environment.docker_api_version else {
        return Ok(None);
    };
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    if text.is_empty() {
        return Ok(None);
    }
    let version = parse(text).ok_or_else(|| {
        let message = "cannot use DOCKER_API_VERSION: it is not of the form `1.41`";
        Error::new(ErrorKind::InvalidOption, message).with_operation(Operation::Connect)
    })?;
    Ok(Some(version))
}

/// Parses `1.41`.
pub(crate) fn parse(text: &str) -> Option<ApiVersion> {
    let (major, minor) = text.split_once('.')?;
    let number = |digits: &str| {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    Some((number(major)?, number(minor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<Option<ApiVersion>> {
        pinned(&Environment::read(|name| {
            (name == "DOCKER_API_VERSION").then(|| value.to_owned())
        }))
    }

    #[test]
    fn the_version_of_the_environment_is_read_as_docker_reads_it() {
        for (value, version) in [
            ("", None),
            (" ", None),
            ("v", None),
            ("1.41", Some((1, 41))),
            ("v1.41", Some((1, 41))),
            (" 1.41\n", Some((1, 41))),
        ] {
            assert_eq!(of(value).unwrap(), version, "{value:?}");
        }
        for value in [
            "1",
            "1.",
            ".1",
            "1.41.1",
            "vv1.41",
            "+1.41",
            "one",
            "1.41/../x",
        ] {
            let error = of(value).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOption, "{value:?}");
        }
    }

    #[test]
    fn an_engine_that_is_newer_than_we_know_is_spoken_to_as_one_that_we_know() {
        assert_eq!(spoken((1, 41)), (1, 41));
        assert_eq!(spoken((1, 99)), NEWEST);
        assert_eq!(spoken((2, 0)), NEWEST);
    }
}
