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
    let target = || Target::new(format!("/images/{}/json", name.lookup_name()));
    let with_manifests = || target().pair("manifests", "1");
    let Some(wanted) = platform else {
        let answer = ask(engine, name, target()).await?;
        let answer = match answer {
            // An image that is not unpacked looks like something that is no image; its manifests tell.
            Some(answer) if answer.may_be_artifact() => ask(engine, name, with_manifests()).await?,
            answer => answer,
        };
        return Ok(answer.map(Answer::into_details));
    };
    // Engines from API 1.49 on look for the platform themselves; older ones do not know the parameter.
    let of_platform = target().pair("platform", &oci_platform(wanted));
    if let Some(answer) = ask(engine, name, of_platform).await? {
        let details = answer.into_details();
        if let Some(actual) = &details.platform {
            return Ok(wanted.matches(actual).then_some(details));
        }
    }
    // The containerd image store does not say so of an image that it has not unpacked; its manifests do
    // (API 1.48: https://docs.docker.com/reference/api/engine/version/v1.48/#tag/Image/operation/ImageInspect).
    let Some(answer) = ask(engine, name, with_manifests()).await? else {
        return Ok(None);
    };
    let known: Vec<Platform> = answer.platforms().collect();
    if known.is_empty() && answer.is_one_manifest() {
        // Unknown is not another one.
        return Ok(Some(answer.into_details()));
    }
    let found = known.into_iter().find(|actual| wanted.matches(actual));
    Ok(found.map(|found| ImageDetails {
        platform: Some(found),
        ..answer.into_details()
    }))
}

async fn ask(engine: &DockerEngine, name: &ImageName, target: Target) -> Result<Option<Answer>> {
    let shown = name.to_string();
    let call = Call::inspect(engine, &shown);
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
    serde_json::from_slice(&body).map(Some).map_err(|error| {
        call.name(Error::new(
            ErrorKind::EngineProtocol,
            "the answer is not an image",
        ))
        .with_source(error)
    })
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
    #[serde(default, deserialize_with = "or_default")]
    manifests: Vec<Manifest>,
}

/// One manifest of an image with several, as the containerd image store lists them.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    #[serde(rename = "ID", default, deserialize_with = "or_default")]
    id: String,
    /// Whether all of its content is there.
    #[serde(default, deserialize_with = "or_default")]
    available: bool,
    /// `image`, `attestation`, or `unknown` where its layers are not those of an image (API 1.48).
    #[serde(default, deserialize_with = "or_default")]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    image_data: ImageData,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageData {
    #[serde(default, deserialize_with = "or_default")]
    platform: PlatformOfManifest,
}

/// The OCI platform, in lower case unlike everything around it.
#[derive(Default, Deserialize)]
struct PlatformOfManifest {
    #[serde(default, deserialize_with = "or_default")]
    os: String,
    #[serde(default, deserialize_with = "or_default")]
    architecture: String,
    #[serde(default, deserialize_with = "or_default")]
    variant: String,
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

fn platform(os: &str, architecture: &str, variant: &str) -> Option<Platform> {
    (!os.is_empty() && !architecture.is_empty()).then(|| Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: Some(variant.to_owned()).filter(|variant| !variant.is_empty()),
    })
}

impl Answer {
    /// Whether the image has no index.
    fn is_one_manifest(&self) -> bool {
        matches!(self.manifests.as_slice(), [manifest] if manifest.id == self.id)
    }

    /// Whether the engine knows nothing of the platform, as of content that is no image.
    fn may_be_artifact(&self) -> bool {
        self.descriptor.is_some() && platform(&self.os, &self.architecture, "").is_none()
    }

    /// Every platform that the engine has of the image.
    ///
    /// An image without an index is its one manifest, and there although layers that another image has unpacked were
    /// not kept for it. Of an index, only the manifests count that are there whole.
    fn platforms(&self) -> impl Iterator<Item = Platform> {
        let own = platform(&self.os, &self.architecture, &self.variant);
        let there = |manifest: &&Manifest| manifest.available || manifest.id == self.id;
        let listed = self.manifests.iter().filter(there).filter_map(|manifest| {
            let of = &manifest.image_data.platform;
            platform(&of.os, &of.architecture, &of.variant)
        });
        own.into_iter().chain(listed)
    }

    fn into_details(self) -> ImageDetails {
        // Podman names images by their bare digits.
        let id = if self.id.contains(':') {
            self.id
        } else {
            format!("sha256:{}", self.id)
        };
        let platform = platform(&self.os, &self.architecture, &self.variant);
        let kinds = || self.manifests.iter().map(|manifest| manifest.kind.as_str());
        let is_artifact = platform.is_none()
            && kinds().any(|kind| kind == "unknown")
            && kinds().all(|kind| matches!(kind, "unknown" | "attestation"));
        ImageDetails {
            config_digest: self.descriptor.is_none().then(|| id.clone()),
            id,
            repo_tags: self.repo_tags,
            repo_digests: self.repo_digests,
            platform,
            size_bytes: self.size,
            created: self.created,
            labels: self.config.labels,
            is_artifact,
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
    fn a_platform_of_an_index_counts_only_where_its_content_is_there() {
        let manifest = |id: &str, architecture: &str, available: bool| {
            serde_json::json!({
                "ID": id,
                "Available": available,
                "ImageData": { "Platform": { "os": "linux", "architecture": architecture } },
            })
        };
        let platforms = |id: &str, manifests: &[serde_json::Value]| -> Vec<String> {
            let answer = serde_json::json!({ "Id": id, "Manifests": manifests });
            let answer: Answer = serde_json::from_value(answer).unwrap();
            answer
                .platforms()
                .map(|platform| platform.to_string())
                .collect()
        };
        let amd64 = manifest("sha256:a", "amd64", true);
        let arm64 = manifest("sha256:b", "arm64", false);
        assert_eq!(
            platforms("sha256:i", &[amd64, arm64.clone()]),
            ["linux/amd64"]
        );
        assert_eq!(platforms("sha256:b", &[arm64]), ["linux/arm64"]);
    }

    #[test]
    fn what_has_no_layers_of_an_image_is_no_image() {
        // Docker 28.5 and 29, of a Helm chart, and of an image that is not unpacked.
        for (kinds, is_artifact) in [
            (&["unknown"][..], true),
            (&["unknown", "attestation"], true),
            (&["image"], false),
            (&["image", "unknown"], false),
            (&[""], false),
            (&[], false),
        ] {
            let manifests: Vec<_> = kinds
                .iter()
                .map(|kind| serde_json::json!({ "ID": "sha256:a", "Kind": kind }))
                .collect();
            let answer = serde_json::json!({ "Id": "sha256:a", "Os": "", "Manifests": manifests });
            let answer: Answer = serde_json::from_value(answer).unwrap();
            assert_eq!(answer.into_details().is_artifact, is_artifact, "{kinds:?}");
        }
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
