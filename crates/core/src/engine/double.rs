//! An engine for tests of the use cases: it answers from a script and records what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{Engine, EngineBuild, EngineBuilt, EnginePull, EnginePulled, ImageDetails};
use crate::build_options::Builder;
use crate::check_build::CheckWarning;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::platform::Platform;
use crate::progress::{Layer, LayerState, ProgressEvent, ProgressSink};
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
}

/// A scripted engine.
#[derive(Default)]
pub(crate) struct DoubleEngine {
    script: Mutex<BTreeMap<String, VecDeque<Scripted>>>,
    images: Mutex<BTreeMap<String, ImageDetails>>,
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

    /// Everything asked so far, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        lock(&self.calls).clone()
    }

    fn record(&self, call: String) {
        lock(&self.calls).push(call);
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
                Some(Scripted::Hangs) => std::future::pending().await,
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
        _progress: &'a dyn ProgressSink,
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
