//! `POST /build` without `version=2`: the classic builder, watched.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request;
use hyper::{Method, Request};
use tokio::time::{Instant, timeout, timeout_at};

use super::build_query::build_query;
use super::events::Events;
use super::query::Target;
use super::watch::Watch;
use super::{Call, DockerEngine};
use crate::build_context::{self, BuildContext, Compression, ContextCounters};
use crate::build_options::{BuildOptions, Builder, NoCache, OutputKind};
use crate::credentials::Spelling;
use crate::engine::decode::{BuildDecoder, Failure};
use crate::engine::http::Exchange;
use crate::engine::{ContextCompression, EngineBuild, EngineBuilt};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{ProgressEvent, ProgressSink, Warning};
use crate::reference::ImageName;

/// Where the engine finds the credentials for the registries of base images
/// (<https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Image/operation/ImageBuild>).
const REGISTRY_CONFIG: HeaderName = HeaderName::from_static("x-registry-config");

/// How often the upload is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn build(
    engine: &DockerEngine,
    build: &EngineBuild,
    progress: &dyn ProgressSink,
) -> Result<EngineBuilt> {
    let options = &build.options;
    let subject = options.tags.first().map(ToString::to_string);
    let call = Call::build(engine, subject.as_deref());
    if let Some(option) = beyond(options) {
        let message = format!("the option `{option}` needs BuildKit");
        return Err(call.name(Error::new(ErrorKind::UnsupportedByEngine, message)));
    }
    let compression = match build.compression {
        ContextCompression::Auto if engine.endpoint().is_local() => Compression::None,
        ContextCompression::None => Compression::None,
        ContextCompression::Auto | ContextCompression::Gzip => Compression::Gzip,
    };
    let build_args = build_args(engine, build).await;
    let BuildContext {
        dockerfile,
        dockerfile_text,
        stream,
        outcome,
        counters,
    } = build_context::open(build.source.clone(), compression).await?;
    let bases = build_context::base_images(&dockerfile_text, &build_args);
    let credentials = build.credentials.of_build(&bases).await;
    // Whoever found the engine has asked.
    let is_podman = engine.facts.get().is_some_and(|facts| facts.is_podman);
    let target = build_query(options, &build_args, &dockerfile, is_podman);
    let request = head(&target, credentials)
        .body(StreamBody::new(stream.map_ok(Frame::data)))
        .map_err(|error| {
            // The classic builder takes everything in the request line, of which 64 KiB are the most.
            let message = "build arguments and labels are too long: together they have room for less than 64 KiB";
            call.name(Error::new(ErrorKind::InvalidOption, message)).with_source(error)
        })?;

    let mut told = Told {
        decoder: BuildDecoder::new(),
        watch: Watch::new(None, progress),
    };
    let mut upload = Upload::new(counters, build.stall);
    for warning in build.credentials.take_warnings() {
        let warnings = [ProgressEvent::Warning(warning.clone())];
        told.watch.take(&warnings, false);
        upload.warnings.push(warning);
    }
    let work = async {
        let sent = upload.send(engine, call, request, &mut told.watch);
        follow(Events::new(call, sent.await?), &mut upload, &mut told).await
    };
    let result = match build.deadline {
        None => work.await,
        Some(deadline) => match timeout_at(deadline.at, work).await {
            Ok(result) => result,
            Err(_) => return Err(call.out_of_time(deadline.total, &told.give_up())),
        },
    };
    // The engine's complaint about half a context is less telling than why it was half.
    let context = outcome.wait().await;
    if let (Err(_), Err(context)) = (&result, context) {
        return Err(context);
    }
    result?;
    let image_id = told.decoder.image_id().map(str::to_owned).ok_or_else(|| {
        call.name(Error::new(
            ErrorKind::EngineDisconnected,
            "the engine's answer ended without naming an image",
        ))
    })?;
    if !matches!(
        ImageName::parse(&image_id),
        Ok(ImageName::Id(_) | ImageName::ShortId(_))
    ) {
        return Err(call.name(Error::new(
            ErrorKind::EngineProtocol,
            "what the engine names as the image is no ID",
        )));
    }
    let mut warnings = upload.warnings;
    warnings.extend_from_slice(told.decoder.warnings());
    Ok(EngineBuilt {
        builder: Builder::Classic,
        image_id: Some(image_id),
        config_digest: None,
        digest: None,
        exporter_response: BTreeMap::new(),
        steps_total: told.decoder.steps_total(),
        steps_cached: told.decoder.steps_cached(),
        warnings,
    })
}

/// The build arguments, and below them the proxies of `docker`.
async fn build_args(engine: &DockerEngine, build: &EngineBuild) -> BTreeMap<String, String> {
    let (docker, _) = build.credentials.docker_config().await;
    let given = &build.options.build_args;
    let endpoint = engine.endpoint().docker_host();
    let mut all = docker.proxies.missing(given, &endpoint, Spelling::Both);
    all.extend(given.clone());
    all
}

fn head(target: &Target, credentials: Option<HeaderValue>) -> request::Builder {
    let head = Request::builder()
        .method(Method::POST)
        .uri(target.as_str())
        .header(CONTENT_TYPE, HeaderValue::from_static("application/x-tar"));
    match credentials {
        Some(credentials) => head.header(REGISTRY_CONFIG, credentials),
        None => head,
    }
}

/// An option that only BuildKit has, where one is set.
fn beyond(options: &BuildOptions) -> Option<&'static str> {
    let is_plain_image = |kind: &OutputKind| matches!(kind, OutputKind::Image { push: false });
    [
        (options.platforms.len() > 1, "platforms"),
        (
            matches!(options.no_cache, NoCache::Stages(_)),
            "noCacheFilter",
        ),
        (!options.contexts.is_empty(), "contexts"),
        (!options.secrets.is_empty(), "secrets"),
        (!options.ssh.is_empty(), "ssh"),
        (!options.cache_from.is_empty(), "cacheFrom"),
        (!options.cache_to.is_empty(), "cacheTo"),
        (
            !options
                .outputs
                .iter()
                .all(|output| is_plain_image(&output.kind) && output.attributes.is_empty()),
            "outputs",
        ),
        (options.attestations.is_any(), "attestations"),
        (!options.allow.is_empty(), "allow"),
        (options.source_date_epoch.is_some(), "sourceDateEpoch"),
    ]
    .into_iter()
    .find_map(|(is_set, option)| is_set.then_some(option))
}

/// What is told of a build. Dropped before its end, it tells that the step at work was given up.
struct Told<'a> {
    decoder: BuildDecoder,
    watch: Watch<'a>,
}

impl Told<'_> {
    /// Tells that the build is given up, and says how far it has come.
    fn give_up(&mut self) -> Failure {
        let (events, progress) = self.decoder.cancel(self.watch.elapsed());
        self.watch.take(&events, false);
        progress
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        // What a panic has left is not to be looked at: another one would end the program.
        if !std::thread::panicking() {
            self.give_up();
        }
    }
}

async fn follow(mut events: Events<'_>, upload: &mut Upload, told: &mut Told<'_>) -> Result<()> {
    let Told { decoder, watch } = told;
    loop {
        let Ok(message) = timeout(LOOK, events.next()).await else {
            upload.look(watch);
            continue;
        };
        let Some(message) = message? else { break };
        let decoded = decoder.decode(&message, watch.elapsed());
        match decoded {
            Ok(decoded) => watch.take(&decoded.events, decoded.moved),
            Err(failure) => {
                watch.take(&decoder.fail(watch.elapsed()), true);
                return Err(events.call().stream_failed(&failure));
            }
        }
    }
    watch.take(&decoder.finish(watch.elapsed()), true);
    Ok(())
}

/// The context on its way up, which the engine reads before it answers.
struct Upload {
    counters: Arc<ContextCounters>,
    stall: Option<Duration>,
    bytes_sent: u64,
    moved: Instant,
    ended: bool,
    warnings: Vec<Warning>,
}

impl Upload {
    fn new(counters: Arc<ContextCounters>, stall: Option<Duration>) -> Self {
        Self {
            counters,
            stall,
            bytes_sent: 0,
            moved: Instant::now(),
            ended: false,
            warnings: Vec::new(),
        }
    }

    async fn send<B>(
        &mut self,
        engine: &DockerEngine,
        call: Call<'_>,
        request: Request<B>,
        watch: &mut Watch<'_>,
    ) -> Result<Exchange>
    where
        B: hyper::body::Body<Data = bytes::Bytes, Error = std::io::Error> + Send + 'static,
    {
        let mut send = pin!(engine.http.send(request));
        loop {
            match timeout(LOOK, &mut send).await {
                Ok(sent) => {
                    self.look(watch);
                    return call.accept(sent).await;
                }
                Err(_) => {
                    self.look(watch);
                    if let Some(stall) = self.stall
                        && !self.ended
                        && self.moved.elapsed() >= stall
                    {
                        return Err(call.name(Error::new(
                            ErrorKind::Stalled,
                            format!(
                                "the engine read nothing of the context for {} s",
                                stall.as_secs_f64()
                            ),
                        )));
                    }
                }
            }
        }
    }

    /// Tells how far the context is.
    fn look(&mut self, watch: &mut Watch<'_>) {
        for warning in self.counters.take_warnings() {
            watch.take(&[ProgressEvent::Warning(warning.clone())], false);
            self.warnings.push(warning);
        }
        if self.ended {
            return;
        }
        let context = self.counters.event();
        self.ended = context.done;
        if context.bytes_sent > self.bytes_sent || context.done {
            self.bytes_sent = context.bytes_sent;
            self.moved = Instant::now();
            watch.take(&[ProgressEvent::Context(context)], true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_options::{Attestations, Provenance};

    #[test]
    fn what_only_buildkit_does_is_named_and_attestations_that_are_off_are_none() {
        let attesting = |provenance| BuildOptions {
            attestations: Attestations {
                provenance: Some(provenance),
                sbom: None,
            },
            ..BuildOptions::default()
        };
        assert_eq!(beyond(&attesting(Provenance::Off)), None);
        assert_eq!(beyond(&attesting(Provenance::Min)), Some("attestations"));
    }
}
