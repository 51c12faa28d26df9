//! An engine for tests of the use cases: it answers from a script and records what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::{Engine, EngineBuild, EngineBuilt, EnginePull, EnginePulled, ImageDetails};
use crate::build_options::Builder;
use crate::check_build::CheckWarning;
use crate::credentials::Credentials;
use crate::engine::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::Platform;
use crate::progress::{
    Layer, LayerState, Log, LogStream, ProgressEvent, ProgressSink, Step, StepState,
};
use crate::reference::{ImageName, Reference};

/// What a scripted pull does.
pub(crate) enum Scripted {
    /// Succeeds, and the image is there afterwards.
    Serves(Box<ImageDetails>),
    /// Claims success without leaving an image.
    Lies,
    /// Fails.
    Fails(Error),
    /// Never ends.
    Hangs,
    /// Succeeds once it is told to, and the image is there afterwards.
    Waits(Arc<Notify>, Box<ImageDetails>),
    /// Is a fault of this library.
    Panics,
}

/// A scripted engine.
#[derive(Default)]
pub(crate) struct DoubleEngine {
    script: Mutex<BTreeMap<String, VecDeque<Scripted>>>,
    images: Mutex<BTreeMap<String, ImageDetails>>,
    digests: Mutex<BTreeMap<String, std::result::Result<String, ErrorKind>>>,
    calls: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DoubleEngine {
    /// Adds the next answer to a pull of `reference`.
    pub(crate) fn on(self, reference: &str, answer: Scripted) -> Self {
        lock(&self.script)
            .entry(reference.to_owned())
            .or_default()
            .push_back(answer);
        self
    }

    /// Adds failures of `kind`.
    pub(crate) fn fails(self, reference: &str, kind: ErrorKind, times: usize) -> Self {
        (0..times).fold(self, |engine, _| {
            engine.on(reference, Scripted::Fails(Error::new(kind, "as scripted")))
        })
    }

    /// Adds a local image.
    pub(crate) fn has(self, name: &str, details: ImageDetails) -> Self {
        lock(&self.images).insert(name.to_owned(), details);
        self
    }

    /// Lets the registry say which digest `reference` names, or why it does not.
    pub(crate) fn names(
        self,
        reference: &str,
        digest: std::result::Result<&str, ErrorKind>,
    ) -> Self {
        lock(&self.digests).insert(reference.to_owned(), digest.map(str::to_owned));
        self
    }

    /// Everything asked so far, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        lock(&self.calls).clone()
    }

    fn record(&self, call: String) {
        lock(&self.calls).push(call);
    }

    fn pending(&self, call: String) -> Pending<'_> {
        Pending {
            engine: self,
            call,
            is_over: false,
        }
    }
}

/// Tells of a step at work, and of what it prints.
fn say(progress: &dyn ProgressSink) {
    progress.emit(&ProgressEvent::Step(Step {
        id: "1".to_owned(),
        name: "RUN make".to_owned(),
        index: Some(1),
        of: Some(1),
        state: StepState::Running,
        stage: None,
        platform: None,
        duration_ms: None,
    }));
    progress.emit(&ProgressEvent::Log(Log {
        step: Some("1".to_owned()),
        stream: LogStream::Stdout,
        text: "making".to_owned(),
    }));
}

/// Records a pull or a build that is dropped before its end.
struct Pending<'a> {
    engine: &'a DoubleEngine,
    call: String,
    is_over: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.engine.record(format!("given up: {}", self.call));
        }
    }
}

/// An image with `id` of 64 times the same digit.
pub(crate) fn image(digit: char) -> ImageDetails {
    ImageDetails {
        id: format!("sha256:{}", digit.to_string().repeat(64)),
        platform: Some(Platform {
            os: "linux".into(),
            architecture: "amd64".into(),
            variant: None,
        }),
        size_bytes: 1000,
        ..ImageDetails::default()
    }
}

impl Engine for DoubleEngine {
    fn place(&self) -> Endpoint {
        Endpoint::Unix("/double.sock".into())
    }

    fn inspect<'a>(
        &'a self,
        name: &'a ImageName,
        platform: Option<&'a Platform>,
    ) -> BoxFuture<'a, Result<Option<ImageDetails>>> {
        async move {
            self.record(format!("inspect {name}"));
            let found = lock(&self.images).get(&name.to_string()).cloned();
            Ok(found.filter(|details| match (platform, &details.platform) {
                (Some(wanted), Some(actual)) => wanted.matches(actual),
                _ => true,
            }))
        }
        .boxed()
    }

    fn tag<'a>(
        &'a self,
        source: &'a ImageName,
        target: &'a Reference,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            self.record(format!("tag {source} {target}"));
            let mut images = lock(&self.images);
            if let Some(details) = images.get(&source.to_string()).cloned() {
                images.insert(target.to_string(), details);
            }
            Ok(())
        }
        .boxed()
    }

    fn registry_platforms<'a>(
        &'a self,
        reference: &'a Reference,
        _credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Result<Vec<Platform>>> {
        async move {
            self.record(format!("registry platforms {reference}"));
            Ok(image('a').platform.into_iter().collect())
        }
        .boxed()
    }

    fn registry_digest<'a>(
        &'a self,
        reference: &'a Reference,
        _credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Result<String>> {
        async move {
            self.record(format!("registry digest {reference}"));
            let known = lock(&self.digests).get(&reference.to_string()).cloned();
            let known = known.unwrap_or(Err(ErrorKind::ImageNotFound));
            known.map_err(|kind| Error::new(kind, "as scripted"))
        }
        .boxed()
    }

    fn pull<'a>(
        &'a self,
        pull: &'a EnginePull,
        progress: &'a dyn ProgressSink,
    ) -> BoxFuture<'a, Result<EnginePulled>> {
        async move {
            let reference = pull.reference.to_string();
            self.record(match &pull.credentials {
                Some(credentials) => format!("pull {reference} with {credentials:?}"),
                None => format!("pull {reference}"),
            });
            progress.emit(&ProgressEvent::Layer(Layer::new(
                "0123456789ab",
                LayerState::Waiting,
            )));
            let answer = lock(&self.script)
                .get_mut(&reference)
                .and_then(VecDeque::pop_front);
            match answer {
                Some(Scripted::Serves(details)) => {
                    lock(&self.images).insert(reference, *details);
                    Ok(EnginePulled::default())
                }
                Some(Scripted::Lies) => Ok(EnginePulled::default()),
                Some(Scripted::Fails(error)) => Err(error),
                Some(Scripted::Hangs) => {
                    let _pending = self.pending(format!("pull {reference}"));
                    std::future::pending().await
                }
                Some(Scripted::Waits(go, details)) => {
                    let mut pending = self.pending(format!("pull {reference}"));
                    go.notified().await;
                    pending.is_over = true;
                    lock(&self.images).insert(reference, *details);
                    Ok(EnginePulled::default())
                }
                Some(Scripted::Panics) => panic!("as scripted"),
                None => Err(Error::new(
                    ErrorKind::Internal,
                    "the script has no more answers",
                )),
            }
        }
        .boxed()
    }

    fn build<'a>(
        &'a self,
        build: &'a EngineBuild,
        progress: &'a dyn ProgressSink,
    ) -> BoxFuture<'a, Result<EngineBuilt>> {
        async move {
            let tags: Vec<String> = build.options.tags.iter().map(ToString::to_string).collect();
            let arguments: Vec<&str> = build
                .options
                .build_args
                .keys()
                .map(String::as_str)
                .collect();
            self.record(format!(
                "build {} with {}",
                tags.join(" "),
                arguments.join(" ")
            ));
            let answer = lock(&self.script)
                .get_mut("build")
                .and_then(VecDeque::pop_front);
            match answer {
                Some(Scripted::Fails(error)) => return Err(error),
                Some(Scripted::Hangs) => {
                    let _pending = self.pending("build".to_owned());
                    say(progress);
                    std::future::pending::<()>().await;
                }
                _ => {}
            }
            let built = image('b');
            let mut images = lock(&self.images);
            images.insert(built.id.clone(), built.clone());
            for tag in tags {
                images.entry(tag).or_insert_with(|| built.clone());
            }
            Ok(EngineBuilt {
                builder: Builder::Classic,
                image_id: Some(built.id),
                config_digest: None,
                digest: None,
                exporter_response: BTreeMap::new(),
                steps_total: 3,
                steps_cached: 1,
                warnings: Vec::new(),
            })
        }
        .boxed()
    }

    fn check<'a>(&'a self, _build: &'a EngineBuild) -> BoxFuture<'a, Result<Vec<CheckWarning>>> {
        async {
            self.record("check".to_owned());
            Ok(Vec::new())
        }
        .boxed()
    }
}
