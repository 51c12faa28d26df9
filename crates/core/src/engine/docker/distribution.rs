//! `GET /distribution/{name}/json`: what a registry says of an image, asked by the engine
//! (<https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Distribution>).
//!
//! bollard's typed call is not used here: it encodes credentials so that engines cannot read all of them
//! (`/` and `+`, <https://github.com/fussybeaver/bollard/blob/v0.21.1/src/auth.rs>).

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Request, StatusCode};
use serde::Deserialize;

use super::pull::with_credentials;
use super::query::Target;
use super::{ANSWER_TIMEOUT, Call, DockerEngine};
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::Platform;
use crate::reference::{ImageName, Reference};

/// Longest answer that is read.
const LIMIT: usize = 1 << 20;

#[derive(Deserialize)]
struct Answer {
    #[serde(default, rename = "Descriptor")]
    descriptor: Option<Descriptor>,
    #[serde(default, rename = "Platforms")]
    platforms: Option<Vec<AnsweredPlatform>>,
}

/// The OCI descriptor, in lower case unlike everything around it.
#[derive(Deserialize)]
struct Descriptor {
    digest: Option<String>,
}

#[derive(Deserialize)]
struct AnsweredPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

/// The platforms that the registry has `reference` for.
pub(super) async fn platforms(
    engine: &DockerEngine,
    reference: &Reference,
    credentials: Option<&Credentials>,
) -> Result<Vec<Platform>> {
    let answer = ask(engine, reference, credentials).await?;
    let platforms = answer
        .platforms
        .into_iter()
        .flatten()
        .filter_map(|platform| {
            Some(Platform {
                os: platform.os?,
                architecture: platform.architecture?,
                variant: platform.variant.filter(|variant| !variant.is_empty()),
            })
        });
    Ok(platforms.collect())
}

/// The digest of what `reference` names in the registry now.
pub(super) async fn digest(
    engine: &DockerEngine,
    reference: &Reference,
    credentials: Option<&Credentials>,
) -> Result<String> {
    let answer = ask(engine, reference, credentials).await?;
    let digest = answer.descriptor.and_then(|descriptor| descriptor.digest);
    digest.ok_or_else(|| {
        let shown = reference.to_string();
        let message = "the answer does not say the digest";
        Call::pull(engine, &shown).name(Error::new(ErrorKind::EngineProtocol, message))
    })
}

async fn ask(
    engine: &DockerEngine,
    reference: &Reference,
    credentials: Option<&Credentials>,
) -> Result<Answer> {
    let shown = reference.to_string();
    let call = Call::pull(engine, &shown);
    let name = ImageName::from(reference.clone()).lookup_name();
    let target = Target::new(format!("/distribution/{name}/json"));
    let request = Request::builder().uri(target.as_str());
    let request = with_credentials(request, reference, credentials)
        .body(Empty::<Bytes>::new())
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot make a request").with_source(error)
        })?;
    let work = async {
        let exchange = match engine.http.send(request).await {
            Ok(exchange) if exchange.response.status() == StatusCode::NOT_FOUND => {
                let body = exchange.error_body().await;
                return Err(call.not_found(&body));
            }
            sent => call.accept(sent).await?,
        };
        match exchange.body(LIMIT).await {
            Some(body) => body.map_err(|error| call.connection_failed(error)),
            None => Err(call.name(Error::new(
                ErrorKind::EngineProtocol,
                "the answer is too long",
            ))),
        }
    };
    let body = tokio::time::timeout(ANSWER_TIMEOUT, work).await;
    let body =
        body.map_err(|_| call.name(Error::new(ErrorKind::Timeout, "the engine did not answer")))??;
    serde_json::from_slice(&body).map_err(|error| {
        let message = "the answer does not say what the registry has";
        call.name(Error::new(ErrorKind::EngineProtocol, message))
            .with_source(error)
    })
}
