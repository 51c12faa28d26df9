//! `GET /_ping`: whether the engine is alive, and what it says of itself in the headers
//! (<https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemPing>).

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::header::HeaderMap;

use super::call::API_VERSION;
use super::{Call, DockerEngine};
use crate::engine::api_version::{self, ApiVersion, OLDEST};
use crate::error::{Error, ErrorKind, Result};

/// What an engine says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The newest API that it speaks, major and minor; 0 where it does not say.
    pub(super) api_version: ApiVersion,
    /// Whether BuildKit is its builder; absent where it does not say.
    pub(super) buildkit: Option<bool>,
    /// Whether it is Podman, which has no BuildKit and its own parameters of a build.
    pub(super) is_podman: bool,
}

/// The first API with whose engines BuildKit is the default, so that one that says otherwise was told to
/// (<https://docs.docker.com/engine/release-notes/23.0/>).
const BUILDKIT_IS_DEFAULT: ApiVersion = (1, 42);

impl Facts {
    /// Whether BuildKit is asked first where nobody has named a builder.
    pub(super) fn prefers_buildkit(self) -> bool {
        // An older Docker says that it is not its builder although it has one.
        let is_believed = self.is_podman || self.api_version >= BUILDKIT_IS_DEFAULT;
        self.buildkit != Some(false) || !is_believed
    }
}

pub(super) async fn ask(engine: &DockerEngine) -> Result<Facts> {
    let endpoint = engine.endpoint().to_string();
    let call = Call::connect(engine, &endpoint);
    let exchange = call.accept(engine.http.send(get("/_ping")?).await).await?;
    Ok(read(exchange.response.headers()))
}

/// Whether this is an engine, and one that can be spoken to. Every one that is new enough says what API it has
/// (<https://github.com/moby/moby/blob/v20.10.24/api/server/middleware/version.go>, and Podman's
/// <https://github.com/containers/podman/blob/v4.3.1/pkg/api/handlers/compat/ping.go>).
pub(super) fn check(call: &Call<'_>, facts: Facts) -> Result<()> {
    let (major, minor) = facts.api_version;
    if facts.api_version == Facts::default().api_version {
        let message = "what answers there is not a container engine: it does not say its API";
        return Err(call.name(Error::new(ErrorKind::EngineProtocol, message)));
    }
    if facts.api_version < OLDEST {
        let (oldest_major, oldest_minor) = OLDEST;
        let message = format!(
            "its API is {major}.{minor}, and {oldest_major}.{oldest_minor} is the oldest that is enough"
        );
        return Err(call.name(Error::new(ErrorKind::EngineVersion, message)));
    }
    Ok(())
}

/// Speaks the version that somebody chose, if the engine has it.
pub(super) async fn pin(engine: &DockerEngine, version: ApiVersion) -> Result<()> {
    engine.http.speak(version);
    let endpoint = engine.endpoint().to_string();
    let call = Call::connect(engine, &endpoint);
    let asked = call.accept(engine.http.send(get("/version")?).await).await;
    asked.map(drop).map_err(|error| match error.kind {
        ErrorKind::EngineVersion => error.with_hint(api_version::UNPIN),
        _ => error,
    })
}

fn get(path: &'static str) -> Result<Request<Empty<Bytes>>> {
    let request = Request::get(path).body(Empty::new());
    request.map_err(|error| {
        Error::new(ErrorKind::Internal, "cannot make a request").with_source(error)
    })
}

fn read(headers: &HeaderMap) -> Facts {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let version = text(API_VERSION).and_then(api_version::parse);
    Facts {
        api_version: version.unwrap_or_default(),
        buildkit: text("builder-version").map(|version| version == "2"),
        is_podman: headers.contains_key("libpod-api-version"),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn of(pairs: &[(&'static str, &'static str)]) -> Facts {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        read(&pairs.collect())
    }

    #[test]
    fn an_engine_says_its_api_and_its_builder() {
        let facts = of(&[("api-version", "1.51"), ("builder-version", "2")]);
        assert_eq!((facts.api_version, facts.buildkit), ((1, 51), Some(true)));
        assert_eq!(of(&[("builder-version", "1")]).buildkit, Some(false));
    }

    #[test]
    fn podman_says_that_it_is_podman() {
        // 5.4.2
        let facts = of(&[
            ("api-version", "1.41"),
            ("builder-version", ""),
            ("libpod-api-version", "5.4.2"),
        ]);
        assert!(facts.is_podman);
        assert_eq!(facts.buildkit, Some(false));
    }

    #[test]
    fn what_an_engine_does_not_say_is_unknown() {
        assert_eq!(of(&[("api-version", "one")]), Facts::default());
    }
}
