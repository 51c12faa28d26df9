//! `GET /_ping`: whether the engine is alive, and what it says of itself in the headers
//! (<https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemPing>).

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::header::HeaderMap;

use super::{Call, DockerEngine};
use crate::error::{Error, ErrorKind, Result};

/// What an engine says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// The newest API that it speaks, major and minor; 0 where it does not say.
    pub(super) api_version: (u32, u32),
    /// Whether BuildKit is its builder; absent where it does not say.
    pub(super) buildkit: Option<bool>,
    /// Whether it is Podman, which has no BuildKit and its own parameters of a build.
    pub(super) is_podman: bool,
}

pub(super) async fn ask(engine: &DockerEngine) -> Result<Facts> {
    let endpoint = engine.endpoint().to_string();
    let call = Call::connect(engine, &endpoint);
    let request = Request::get("/_ping")
        .body(Empty::<Bytes>::new())
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot make a request").with_source(error)
        })?;
    let exchange = call.accept(engine.http.send(request).await).await?;
    Ok(read(exchange.response.headers()))
}

fn read(headers: &HeaderMap) -> Facts {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let version = text("api-version").and_then(|text| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
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
