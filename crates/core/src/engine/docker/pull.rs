//! `POST /images/create`: one pull, watched.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::HeaderName;
use hyper::http::request::Builder;
use hyper::{Method, Request};
use tokio::time::timeout_at;

use super::events::Events;
use super::query::Target;
use super::watch::Watch;
use super::{Call, DockerEngine};
use crate::credentials::{Credentials, Registry, registry_auth};
use crate::engine::classify;
use crate::engine::decode::PullDecoder;
use crate::engine::{EnginePull, EnginePulled};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::ProgressSink;
use crate::reference::Reference;

/// How often a pull is asked for once more whose content the engine has just removed: what it has removed, it fetches.
const MOST_REPEATS: u32 = 2;

/// Where the engine finds the credentials for the registry of one image
/// (<https://docs.docker.com/reference/api/engine/version/v1.51/#section/Authentication>).
pub(super) const REGISTRY_AUTH: HeaderName = HeaderName::from_static("x-registry-auth");

/// Adds what the registry of `reference` is shown. Engines before the containerd image store show it to whatever registry they
/// are sent to, so that it must be this one's.
pub(super) fn with_credentials(
    request: Builder,
    reference: &Reference,
    credentials: Option<&Credentials>,
) -> Builder {
    match credentials {
        Some(credentials) => {
            let registry = Registry::at(reference.registry());
            request.header(REGISTRY_AUTH, registry_auth(&registry, credentials))
        }
        None => request,
    }
}

pub(super) async fn pull(
    engine: &DockerEngine,
    pull: &EnginePull,
    progress: &dyn ProgressSink,
) -> Result<EnginePulled> {
    let mut left = MOST_REPEATS;
    loop {
        match pull_once(engine, pull, progress).await {
            Err(error) if left > 0 && classify::is_collected(&error.message) => left -= 1,
            done => return done,
        }
    }
}

async fn pull_once(
    engine: &DockerEngine,
    pull: &EnginePull,
    progress: &dyn ProgressSink,
) -> Result<EnginePulled> {
    let reference = pull.reference.to_string();
    let call = Call::pull(engine, &reference);
    let target = Target::new("/images/create")
        .pair("fromImage", &pull.reference.name())
        // Without a tag the engine pulls every tag of the repository.
        .pair("tag", pull.reference.pull_tag())
        .optional(
            "platform",
            pull.platform.as_ref().map(ToString::to_string).as_deref(),
        );
    let request = Request::builder().method(Method::POST).uri(target.as_str());
    let request = with_credentials(request, &pull.reference, pull.credentials.as_ref())
        .body(Empty::<Bytes>::new())
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot make a request").with_source(error)
        })?;

    let mut watch = Watch::new(pull.stall, progress);
    let mut decoder = PullDecoder::new();
    let result = async {
        let exchange = match timeout_at(watch.stalls_at(), engine.http.send(request)).await {
            Ok(sent) => call.accept(sent).await?,
            Err(_) => return Err(watch.stalled(&call)),
        };
        let mut events = Events::new(call, exchange);
        loop {
            let Ok(message) = timeout_at(watch.stalls_at(), events.next()).await else {
                return Err(watch.stalled(&call));
            };
            let Some(message) = message? else { break };
            match decoder.decode(&message) {
                Ok(decoded) => {
                    watch.take(&decoded.events, decoded.moved);
                    if watch.is_stalled() {
                        return Err(watch.stalled(&call));
                    }
                }
                Err(failure) => return Err(call.stream_failed(&failure)),
            }
        }
        if !decoder.terminal_seen() {
            return Err(Error::new(
                ErrorKind::EngineDisconnected,
                format!("cannot pull `{reference}`: the engine's answer ended without a result"),
            ));
        }
        watch.take(&decoder.complete(), true);
        Ok(())
    }
    .await;
    result.map_err(|mut error| {
        error.engine_retried |= decoder.engine_retried();
        error
    })?;
    Ok(EnginePulled {
        digest: decoder.digest().map(str::to_owned),
        warnings: decoder.warnings().to_vec(),
    })
}
