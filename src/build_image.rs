//! `buildImage`.

#![expect(
    clippy::needless_pass_by_value,
    reason = "napi hands over owned values"
)]

use std::path::PathBuf;

use futures_util::FutureExt as _;
use napi::bindgen_prelude::{Env, PromiseRaw, Result};
use napi_derive::napi;
use shipway_core::build_context::DockerfileSource;
use shipway_core::build_options::NoCache;
use shipway_core::opencode::{CaCertificate, OpencodeBuild, Proxy};
use shipway_core::{
    BuildRequest, BuildSource, ContextCompression, DockerEngine, Environment, Operation as Verb,
    Timeouts, build_image as build,
};

use crate::delivery::ListenerFunction;
use crate::failure::Failure;
use crate::operation::{Operation, run};
use crate::options::{BuildOptions, OpencodeOptions, invalid, platform, references, timeouts};
use crate::progress::Progress;
use crate::results::BuiltImage;

/// How a build ended; with neither field it was cancelled.
#[napi(object, object_from_js = false)]
pub struct BuildOutcome {
    /// The image.
    pub ok: Option<BuiltImage>,
    /// Why there is none.
    pub error: Option<Failure>,
}

/// Builds an image. `onProgress` gets each batch of events as JSON text, and must not throw.
#[napi(catch_unwind)]
pub fn build_image<'env>(
    env: &'env Env,
    operation: &Operation,
    options: BuildOptions,
    #[napi(ts_arg_type = "((events: string) => void | Promise<void>) | undefined | null")]
    on_progress: Option<ListenerFunction<'_>>,
) -> Result<PromiseRaw<'env, BuildOutcome>> {
    let (progress, listener) = Progress::new(options.display.as_deref(), on_progress.as_ref())?;
    let token = operation.token();
    // On this thread: JavaScript may write `process.env`.
    let environment = Environment::of_process();
    let sink = progress.clone();
    let dockerfile = dockerfile_path(&options);
    let work = async move {
        let engine = options.engine.clone();
        let request = request(options).map_err(|error| error.with_operation(Verb::BuildImage))?;
        let engine =
            DockerEngine::connect(engine.as_deref(), &environment, request.timeouts.connect)
                .await?;
        let image = build(&engine, &request, &*sink).await?;
        sink.finish_build(image.image_id.as_deref().unwrap_or("no image"));
        Ok(BuiltImage::from(image))
    };
    env.spawn_future(async move {
        let (ok, mut error) = run(token, progress, listener, work.boxed()).await;
        if let Some(place) = error.as_mut().and_then(|error| error.dockerfile.as_mut()) {
            place.path = dockerfile;
        }
        Ok(BuildOutcome { ok, error })
    })
}

fn request(options: BuildOptions) -> shipway_core::Result<BuildRequest> {
    let no_cache = if options.no_cache.unwrap_or_default() {
        NoCache::All
    } else {
        NoCache::No
    };
    Ok(BuildRequest {
        options: shipway_core::BuildOptions {
            tags: references(&options.tags.unwrap_or_default())?,
            build_args: options.build_args.unwrap_or_default(),
            labels: options.labels.unwrap_or_default(),
            target: options.target,
            platforms: platform(options.platform.as_deref())?.into_iter().collect(),
            no_cache,
            pull: options.pull.unwrap_or_default(),
            network: options.network,
            add_hosts: options.add_hosts.unwrap_or_default(),
            ..shipway_core::BuildOptions::default()
        },
        compression: compression(options.compression.as_deref())?,
        timeouts: timeouts(options.timeouts, Timeouts::BUILD)?,
        source: match (
            options.context_directory,
            options.dockerfile,
            options.dockerfile_inline,
        ) {
            (None, file, text) if options.context_url.is_some() => BuildSource::url(
                options.context_url.unwrap_or_default(),
                dockerfile(file, text),
            )?,
            (Some(path), _, Some(text)) => {
                BuildSource::directory(path, DockerfileSource::Inline(text))
            }
            (Some(path), Some(file), None) => {
                BuildSource::directory(path, DockerfileSource::Path(file.into()))
            }
            (Some(path), None, None) => BuildSource::directory(path, DockerfileSource::default()),
            (None, _, Some(text)) => BuildSource::dockerfile(text),
            (None, Some(_), None) => {
                return Err(invalid("the option `dockerfile` needs `contextDirectory`"));
            }
            (None, None, None) => BuildSource::Opencode(opencode(options.opencode)?),
        },
    })
}

fn dockerfile(path: Option<String>, text: Option<String>) -> DockerfileSource {
    match (path, text) {
        (_, Some(text)) => DockerfileSource::Inline(text),
        (Some(path), None) => DockerfileSource::Path(path.into()),
        (None, None) => DockerfileSource::default(),
    }
}

fn compression(text: Option<&str>) -> shipway_core::Result<ContextCompression> {
    match text {
        None => Ok(ContextCompression::default()),
        Some("auto") => Ok(ContextCompression::Auto),
        Some("gzip") => Ok(ContextCompression::Gzip),
        Some("none") => Ok(ContextCompression::None),
        Some(_) => Err(invalid(
            "the option `compression` must be `auto`, `gzip` or `none`",
        )),
    }
}

fn opencode(options: Option<OpencodeOptions>) -> shipway_core::Result<OpencodeBuild> {
    let Some(options) = options else {
        return Ok(OpencodeBuild::default());
    };
    let mut ca_certificates = Vec::new();
    for (index, text) in options
        .ca_certificates
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let certificates = CaCertificate::parse_all(text).map_err(|error| {
            invalid(format!(
                "the option `opencode.caCertificates[{index}]` is not usable: {error}"
            ))
        })?;
        ca_certificates.extend(certificates);
    }
    let proxy = options.proxy.map(|proxy| Proxy {
        http: proxy.http,
        https: proxy.https,
        no: proxy.no,
    });
    Ok(OpencodeBuild {
        version: options.version,
        ca_certificates,
        proxy: proxy.unwrap_or_default(),
    })
}

/// The Dockerfile as a path, where it is a file of the caller.
fn dockerfile_path(options: &BuildOptions) -> Option<String> {
    let folder = options
        .context_directory
        .as_ref()
        .filter(|_| options.dockerfile_inline.is_none())?;
    let file = PathBuf::from(folder).join(options.dockerfile.as_deref().unwrap_or("Dockerfile"));
    Some(file.to_string_lossy().into_owned())
}
