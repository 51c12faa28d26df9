//! `GET /images/{name}/json`, read leniently: only what is used must have the right type.
//!
//! bollard's typed call is not used here: it cannot ask for a platform, and its model refuses answers of engines that
//! are newer or other than it knows.

use std::collections::BTreeMap;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, StatusCode};
use serde::{Deserialize, Deserializer};

use super::query::Target;
use super::{Call, DockerEngine};
use crate::engine::ImageDetails;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::Platform;
use crate::reference::ImageName;

/// Longest answer that is read.
const LIMIT: usize = 16 * 1024 * 1024;

pub(super) async fn inspect(
    engine: &DockerEngine,
    name: &ImageName,
    platform: Option<&Platform>,
) -> Result<Option<ImageDetails>> {
    let shown = name.to_string();
    let call = Call::inspect(engine, &shown);
    // Engines from API 1.49 on look for the platform themselves; older ones do not know the parameter.
    let target = Target::new(format!("/images/{}/json", name.lookup_name()))
        .optional("platform", platform.map(oci_platform).as_deref());
    let request = Request::builder()
        .uri(target.as_str())
        .body(Empty::<Bytes>::new())
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot make a request").with_source(error)
        })?;
    let limit = engine.http.connect_timeout.saturating_mul(6);
    let body = tokio::time::timeout(limit, async {
        let exchange = match engine.http.send(request).await {
            Ok(exchange) if exchange.response.status() == StatusCode::NOT_FOUND => {
                not_found(&call, &exchange.error_body().await)?;
                return Ok(None);
            }
            sent => call.accept(sent).await?,
        };
        match exchange.body(LIMIT).await {
            Some(Ok(body)) => Ok(Some(body)),
            Some(Err(error)) => Err(call.connection_failed(error)),
            None => Err(call.name(Error::new(
                ErrorKind::EngineProtocol,
                "the answer is longer than 16 MiB",
            ))),
        }
    })
    .await
    .map_err(|_| {
        call.name(Error::new(
            ErrorKind::Timeout,
            format!("the engine did not answer within {} s", limit.as_secs_f64()),
        ))
    })??;
    let Some(body) = body else { return Ok(None) };
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
        call.name(Error::new(
            ErrorKind::EngineProtocol,
            "the answer is not an image",
        ))
        .with_source(error)
    })?;
    let details = answer.into_details();
    let other = matches!((platform, &details.platform), (Some(wanted), Some(actual)) if !wanted.matches(actual));
    Ok((!other).then_some(details))
}

/// "No such image" is an answer; a 404 of something that is no engine is not.
fn not_found(call: &Call<'_>, body: &str) -> Result<()> {
    match serde_json::from_str::<serde_json::Value>(body) {
        Ok(answer)
            if answer
                .get("message")
                .is_some_and(serde_json::Value::is_string) =>
        {
            Ok(())
        }
        _ => Err(call.name(Error::new(
            ErrorKind::EngineProtocol,
            "what answered 404 there is not a container engine",
        ))),
    }
}

fn oci_platform(platform: &Platform) -> String {
    let mut object =
        serde_json::json!({ "os": platform.os, "architecture": platform.architecture });
    if let Some(variant) = &platform.variant {
        object["variant"] = variant.as_str().into();
    }
    object.to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    repo_digests: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    os: String,
    #[serde(default, deserialize_with = "or_default")]
    architecture: String,
    #[serde(default, deserialize_with = "or_default")]
    variant: String,
    #[serde(default, deserialize_with = "or_default")]
    size: u64,
    #[serde(default, deserialize_with = "or_default")]
    created: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    config: Config,
    /// Only the containerd image store has it: there the ID is the descriptor's digest.
    #[serde(default, deserialize_with = "or_default")]
    descriptor: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
}

/// A missing value, `null` and a value of another type are the default.
fn or_default<'de, D: Deserializer<'de>, T: Default + serde::de::DeserializeOwned>(
    deserializer: D,
) -> std::result::Result<T, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

impl Answer {
    fn into_details(self) -> ImageDetails {
        // Podman names images by their bare digits.
        let id = if self.id.contains(':') {
            self.id
        } else {
            format!("sha256:{}", self.id)
        };
        let platform = (!self.os.is_empty() && !self.architecture.is_empty()).then(|| Platform {
            os: self.os,
            architecture: self.architecture,
            variant: Some(self.variant).filter(|variant| !variant.is_empty()),
        });
        ImageDetails {
            config_digest: self.descriptor.is_none().then(|| id.clone()),
            id,
            repo_tags: self.repo_tags,
            repo_digests: self.repo_digests,
            platform,
            size_bytes: self.size,
            created: self.created,
            labels: self.config.labels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_types_and_unknown_fields_do_not_hide_the_image() {
        let answer: Answer = serde_json::from_str(
            r#"{"Id":"ab","RepoTags":null,"Size":-1,"Os":"linux","Architecture":"arm64","Variant":"","Config":null,"New":{"a":[1]}}"#,
        )
        .unwrap();
        let details = answer.into_details();
        assert_eq!(details.id, "sha256:ab");
        assert_eq!(details.platform.unwrap().to_string(), "linux/arm64");
        assert_eq!(details.size_bytes, 0);
    }

    #[test]
    fn only_a_graph_driver_names_an_image_by_its_configuration() {
        let graph: Answer = serde_json::from_str(r#"{"Id":"sha256:ab"}"#).unwrap();
        assert_eq!(
            graph.into_details().config_digest.as_deref(),
            Some("sha256:ab")
        );
        let containerd: Answer =
            serde_json::from_str(r#"{"Id":"sha256:ab","Descriptor":{"digest":"sha256:ab"}}"#)
                .unwrap();
        assert_eq!(containerd.into_details().config_digest, None);
    }
}
