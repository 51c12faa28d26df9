//! `POST /images/{name}/push`: one push, watched. Only engines whose BuildKit cannot push need it.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::Empty;
use hyper::{Method, Request};
use tokio::time::timeout_at;

use super::events::Events;
use super::query::Target;
use super::watch::Watch;
use super::{Call, DockerEngine};
use crate::engine::decode::PushDecoder;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{ProgressEvent, ProgressSink, Step, StepState};
use crate::reference::Reference;

/// `X-Registry-Auth` of nobody: `{}` in base64. Without the header, Docker 20.10 takes the body for one.
const ANONYMOUS: HeaderValue = HeaderValue::from_static("e30=");

/// Pushes a local image under each of `tags`. Returns the digest of its manifest in the last of the registries.
pub(super) async fn push_all(
    engine: &DockerEngine,
    tags: &[Reference],
    stall: Option<Duration>,
    progress: &dyn ProgressSink,
) -> Result<Option<String>> {
    let mut digest = None;
    for tag in tags {
        let mut step = Step {
            id: format!("push {tag}"),
            name: format!("pushing {tag}"),
            index: None,
            of: None,
            state: StepState::Running,
            stage: None,
            duration_ms: None,
        };
        progress.emit(&ProgressEvent::Step(step.clone()));
        let mut watch = Watch::new(stall, progress);
        let pushed = push(engine, tag, &mut watch, registry_auth(tag)).await;
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

/// What the engine shows to the registry of `tag`.
fn registry_auth(_tag: &Reference) -> HeaderValue {
    ANONYMOUS
}

async fn push(
    engine: &DockerEngine,
    tag: &Reference,
    watch: &mut Watch<'_>,
    auth: HeaderValue,
) -> Result<Option<String>> {
    let subject = tag.to_string();
    let call = Call::push(engine, &subject);
    let target = Target::new(format!("/images/{}/push", tag.name())).pair("tag", tag.pull_tag());
    let request = Request::builder()
        .method(Method::POST)
        .uri(target.as_str())
        .header("X-Registry-Auth", auth)
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
