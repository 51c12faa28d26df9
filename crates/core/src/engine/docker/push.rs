//! `POST /images/{name}/push`: one push, watched. Only engines whose BuildKit cannot push need it.

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::Empty;
use hyper::{Method, Request};
use tokio::time::timeout_at;

use super::events::Events;
use super::pull::REGISTRY_AUTH;
use super::query::Target;
use super::watch::Watch;
use super::{Call, DockerEngine};
use crate::credentials::{Keychain, Registry, registry_auth};
use crate::engine::EngineBuild;
use crate::engine::decode::PushDecoder;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{ProgressEvent, ProgressSink, Step, StepState};
use crate::reference::Reference;

/// `X-Registry-Auth` of nobody: `{}` in base64. Without the header, Docker 20.10 takes the body for one.
const ANONYMOUS: HeaderValue = HeaderValue::from_static("e30=");

/// Pushes what was built under each of its tags, showing to each registry the credentials for it. Returns the digest of its
/// manifest in the last of the registries.
pub(super) async fn push_all(
    engine: &DockerEngine,
    build: &EngineBuild,
    progress: &dyn ProgressSink,
) -> Result<Option<String>> {
    let mut digest = None;
    for tag in &build.options.tags {
        let mut step = Step {
            id: format!("push {tag}"),
            name: format!("pushing {tag}"),
            index: None,
            of: None,
            state: StepState::Running,
            stage: None,
            platform: None,
            duration_ms: None,
        };
        progress.emit(&ProgressEvent::Step(step.clone()));
        let mut watch = Watch::new(build.stall, progress);
        let pushed = push(engine, tag, &build.credentials, &mut watch).await;
        step.state = match &pushed {
            Ok(_) => StepState::Done,
            Err(_) => StepState::Failed,
        };
        step.duration_ms = u64::try_from(watch.elapsed().as_millis()).ok();
        progress.emit(&ProgressEvent::Step(step));
        digest = pushed?;
    }
    Ok(digest)
}

async fn push(
    engine: &DockerEngine,
    tag: &Reference,
    keychain: &Keychain,
    watch: &mut Watch<'_>,
) -> Result<Option<String>> {
    let subject = tag.to_string();
    let call = Call::push(engine, &subject);
    let registry = Registry::at(tag.registry());
    let auth = match keychain.find_for(&registry, tag.repository()).await {
        Some(found) => registry_auth(&registry, &found.credentials),
        None => ANONYMOUS,
    };
    let target = Target::new(format!("/images/{}/push", tag.name())).pair("tag", tag.pull_tag());
    let request = Request::builder()
        .method(Method::POST)
        .uri(target.as_str())
        .header(REGISTRY_AUTH, auth)
        .body(Empty::<Bytes>::new())
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot make a request").with_source(error)
        })?;
    let exchange = match timeout_at(watch.stalls_at(), engine.http.send(request)).await {
        Ok(sent) => call.accept(sent).await?,
        Err(_) => return Err(watch.stalled(&call)),
    };
    let mut events = Events::new(call, exchange);
    let mut decoder = PushDecoder::new();
    loop {
        let Ok(message) = timeout_at(watch.stalls_at(), events.next()).await else {
            return Err(watch.stalled(&call));
        };
        let Some(message) = message? else { break };
        match decoder.decode(&message) {
            Ok(decoded) => watch.take(&decoded.events, decoded.moved),
            Err(failure) => return Err(call.stream_failed(&failure)),
        }
        if watch.is_stalled() {
            return Err(watch.stalled(&call));
        }
    }
    match decoder.digest() {
        Some(digest) => Ok(Some(digest.to_owned())),
        None => Err(call.name(Error::new(
            ErrorKind::EngineDisconnected,
            "the engine's answer ended without a result",
        ))),
    }
}
