//! The options of a call. The face has checked them, so a default lives once: in the library.

use std::collections::BTreeMap;
use std::time::Duration;

use napi_derive::napi;
use shipway_core::{Error, ErrorKind, Platform, Reference, Result, RetryPolicy, Timeouts};

/// Time limits in milliseconds; `Infinity` is no limit.
#[napi(object, object_to_js = false)]
pub struct TimeoutOptions {
    /// Longest wait for a connection to the engine.
    pub connect_ms: Option<f64>,
    /// Longest time in which nothing moves.
    pub stall_ms: Option<f64>,
    /// Longest time for the whole call.
    pub total_ms: Option<f64>,
}

/// Tries and waits at one source.
#[napi(object, object_to_js = false)]
pub struct RetryOptions {
    /// Tries, the first included.
    pub attempts: Option<u32>,
    /// Wait after the first failed try, in milliseconds.
    pub initial_delay_ms: Option<f64>,
    /// Longest wait, in milliseconds.
    pub max_delay_ms: Option<f64>,
    /// Whether waits are shortened at random.
    pub jitter: Option<bool>,
}

/// Options of `pullImage`.
#[napi(object, object_to_js = false)]
pub struct PullOptions {
    /// Endpoint of the engine.
    pub engine: Option<String>,
    /// What `chooseDisplay` returned.
    pub display: Option<String>,
    /// Time limits.
    pub timeouts: Option<TimeoutOptions>,
    /// Tries and waits.
    pub retry: Option<RetryOptions>,
    /// Platform of the image.
    pub platform: Option<String>,
    /// Other places to get the image from.
    pub fallbacks: Option<Vec<String>>,
}

/// Options of `inspectImage`.
#[napi(object, object_to_js = false)]
pub struct InspectOptions {
    /// Endpoint of the engine.
    pub engine: Option<String>,
    /// Time limits.
    pub timeouts: Option<TimeoutOptions>,
    /// Platform of the image.
    pub platform: Option<String>,
}

/// Options of `buildImage`.
#[napi(object, object_to_js = false)]
pub struct BuildOptions {
    /// Endpoint of the engine.
    pub engine: Option<String>,
    /// What `chooseDisplay` returned.
    pub display: Option<String>,
    /// Time limits.
    pub timeouts: Option<TimeoutOptions>,
    /// Platform of the image.
    pub platform: Option<String>,
    /// Absolute path of the context folder.
    pub context_directory: Option<String>,
    /// URL of the context.
    pub context_url: Option<String>,
    /// Path of the Dockerfile; a relative one starts at the context folder.
    pub dockerfile: Option<String>,
    /// Text of the Dockerfile.
    pub dockerfile_inline: Option<String>,
    /// Names for the image.
    pub tags: Option<Vec<String>>,
    /// Build arguments.
    pub build_args: Option<BTreeMap<String, String>>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Stage to build.
    pub target: Option<String>,
    /// Whether no step is taken from the cache.
    pub no_cache: Option<bool>,
    /// Whether base images are pulled although they are there.
    pub pull: Option<bool>,
    /// Network of `RUN` steps.
    pub network: Option<String>,
    /// Extra hosts, as `host:address`.
    pub add_hosts: Option<Vec<String>>,
    /// Compression of the context.
    #[napi(ts_type = "'auto' | 'gzip' | 'none'")]
    pub compression: Option<String>,
    /// Settings of the embedded Dockerfile.
    pub opencode: Option<OpencodeOptions>,
}

/// Settings of the embedded Dockerfile.
#[napi(object, object_to_js = false)]
pub struct OpencodeOptions {
    /// Exact version of opencode.
    pub version: Option<String>,
    /// Certificates to trust, as PEM texts.
    pub ca_certificates: Option<Vec<String>>,
    /// The proxy of the build.
    pub proxy: Option<ProxyOptions>,
}

/// A proxy.
#[napi(object, object_to_js = false)]
pub struct ProxyOptions {
    /// URL for `http:`.
    pub http: Option<String>,
    /// URL for `https:`.
    pub https: Option<String>,
    /// Hosts without a proxy, separated by commas.
    pub no: Option<String>,
}

pub(crate) fn timeouts(options: Option<TimeoutOptions>, defaults: Timeouts) -> Result<Timeouts> {
    let Some(options) = options else {
        return Ok(defaults);
    };
    let limit = |millis: Option<f64>, default| match millis {
        None => Ok(default),
        Some(f64::INFINITY) => Ok(None),
        Some(millis) => duration(millis).map(Some),
    };
    Ok(Timeouts {
        connect: options.connect_ms.map_or(Ok(defaults.connect), duration)?,
        stall: limit(options.stall_ms, defaults.stall)?,
        total: limit(options.total_ms, defaults.total)?,
    })
}

pub(crate) fn retry(options: Option<RetryOptions>) -> Result<RetryPolicy> {
    let defaults = RetryPolicy::default();
    let Some(options) = options else {
        return Ok(defaults);
    };
    let initial_delay = options
        .initial_delay_ms
        .map_or(Ok(defaults.initial_delay), duration)?;
    Ok(RetryPolicy {
        attempts: options.attempts.unwrap_or(defaults.attempts).max(1),
        initial_delay,
        // A first wait that somebody asked for is not cut by a bound that nobody named.
        max_delay: options
            .max_delay_ms
            .map_or(Ok(defaults.max_delay.max(initial_delay)), duration)?,
        jitter: options.jitter.unwrap_or(defaults.jitter),
    })
}

pub(crate) fn platform(text: Option<&str>) -> Result<Option<Platform>> {
    text.map(Platform::parse).transpose()
}

pub(crate) fn references(texts: &[String]) -> Result<Vec<Reference>> {
    texts.iter().map(|text| Reference::parse(text)).collect()
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOption, message)
}

fn duration(millis: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(millis / 1000.0)
        .map_err(|error| invalid("a time is out of range").with_source(error))
}
