//! The options of a call. The face has checked them, so a default lives once: in the library.

use std::collections::BTreeMap;
use std::time::Duration;

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use shipway_core::secret::Secret;
use shipway_core::{
    CredentialSources, Credentials, Environment, Error, ErrorKind, Platform, Reference, Result,
    RetryPolicy, Timeouts,
};

use crate::places::{CacheOptions, OutputOptions};

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

/// The credentials for one registry: a user name with a password, or one of the tokens.
#[napi(object, object_to_js = false)]
pub struct CredentialOptions {
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Token that the registry's token server exchanges for others.
    pub identity_token: Option<String>,
    /// Token that goes to the registry as it is.
    pub registry_token: Option<String>,
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
    /// Credentials by registry.
    pub credentials: Option<BTreeMap<String, CredentialOptions>>,
}

/// Options of `ensureImage`.
#[napi(object, object_to_js = false)]
pub struct EnsureOptions {
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
    /// Other names of the image, and other places to get it from.
    pub fallbacks: Option<Vec<String>>,
    /// Credentials by registry.
    pub credentials: Option<BTreeMap<String, CredentialOptions>>,
    /// When a registry is asked.
    #[napi(ts_type = "'missing' | 'always' | 'newer' | 'never'")]
    pub policy: Option<String>,
    /// How the image is built where no source has it; an empty object is the opencode image.
    pub build: Option<BuildOptions>,
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

/// Options of `diagnose`.
#[napi(object, object_to_js = false)]
pub struct DiagnoseOptions {
    /// Endpoint of the engine.
    pub engine: Option<String>,
    /// Time limits.
    pub timeouts: Option<TimeoutOptions>,
    /// Images whose registries are looked at.
    pub images: Option<Vec<String>>,
    /// Credentials by registry.
    pub credentials: Option<BTreeMap<String, CredentialOptions>>,
    /// Version of Node.js.
    pub node: String,
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
    /// Platforms of the image.
    pub platforms: Option<Vec<String>>,
    /// Who builds.
    #[napi(ts_type = "'auto' | 'buildkit' | 'classic'")]
    pub builder: Option<String>,
    /// Absolute path of the context folder.
    pub context_directory: Option<String>,
    /// Files of the context.
    pub context_files: Option<BTreeMap<String, Buffer>>,
    /// Absolute path of an archive that is the context.
    pub context_archive: Option<String>,
    /// URL of the context.
    pub context_url: Option<String>,
    /// Path of the Dockerfile; a relative one starts at the context.
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
    /// Stages of which no step is taken from the cache.
    pub no_cache_filter: Option<Vec<String>>,
    /// Whether base images are pulled although they are there.
    pub pull: Option<bool>,
    /// Network of `RUN` steps.
    pub network: Option<String>,
    /// Extra hosts, as `host:address`.
    pub add_hosts: Option<Vec<String>>,
    /// Size of `/dev/shm`, in bytes.
    pub shm_size_bytes: Option<i64>,
    /// Limits of steps.
    pub ulimits: Option<BTreeMap<String, UlimitOptions>>,
    /// Control group above those of steps.
    pub cgroup_parent: Option<String>,
    /// Secrets by their IDs.
    pub secrets: Option<BTreeMap<String, SecretOptions>>,
    /// Sockets of SSH agents by their IDs; an empty one is that of the environment.
    pub ssh: Option<BTreeMap<String, String>>,
    /// What is attested.
    pub attestations: Option<AttestationOptions>,
    /// What steps may do beyond the usual.
    pub allow: Option<Vec<String>>,
    /// Time of everything that the build makes, in seconds since 1970.
    pub source_date_epoch: Option<i64>,
    /// Further contexts by their names; paths are absolute.
    pub contexts: Option<BTreeMap<String, String>>,
    /// Where steps may be taken from.
    pub cache_from: Option<Vec<CacheOptions>>,
    /// Where the cache is put.
    pub cache_to: Option<Vec<CacheOptions>>,
    /// What becomes of the result.
    pub outputs: Option<Vec<OutputOptions>>,
    /// Compression of the context.
    #[napi(ts_type = "'auto' | 'gzip' | 'none'")]
    pub compression: Option<String>,
    /// Settings of the embedded Dockerfile.
    pub opencode: Option<OpencodeOptions>,
    /// Credentials by registry.
    pub credentials: Option<BTreeMap<String, CredentialOptions>>,
}

/// A limit of a resource.
#[napi(object, object_to_js = false)]
pub struct UlimitOptions {
    /// What is in force.
    pub soft: i64,
    /// What it may be raised to.
    pub hard: i64,
}

/// Where a secret comes from; one of the fields is set.
#[napi(object, object_to_js = false)]
pub struct SecretOptions {
    /// Absolute path of a file.
    pub file: Option<String>,
    /// Name of a variable of the environment.
    pub environment: Option<String>,
    /// The value.
    pub value: Option<Buffer>,
}

/// What is attested about a build.
#[napi(object, object_to_js = false)]
pub struct AttestationOptions {
    /// Where the image came from.
    #[napi(ts_type = "'off' | 'min' | 'max'")]
    pub provenance: Option<String>,
    /// What is in it.
    pub sbom: Option<SbomOptions>,
}

/// A list of what is in an image.
#[napi(object, object_to_js = false)]
pub struct SbomOptions {
    /// Image that makes it.
    pub generator: Option<String>,
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

pub(crate) fn credentials(
    options: Option<BTreeMap<String, CredentialOptions>>,
    environment: &Environment,
) -> Result<CredentialSources> {
    let mut sources = CredentialSources::of(environment);
    for (registry, options) in options.unwrap_or_default() {
        let credentials = match options {
            CredentialOptions {
                username: Some(username),
                password: Some(password),
                ..
            } => Credentials::password(username, &password),
            CredentialOptions {
                identity_token: Some(token),
                ..
            } => Credentials::IdentityToken(Secret::new(token)),
            CredentialOptions {
                registry_token: Some(token),
                ..
            } => Credentials::RegistryToken(Secret::new(token)),
            _ => {
                let message =
                    "the option `credentials` has a registry with neither a password nor a token";
                return Err(invalid(message));
            }
        };
        sources.give(&registry, credentials)?;
    }
    Ok(sources)
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOption, message)
}

fn duration(millis: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(millis / 1000.0)
        .map_err(|error| invalid("a time is out of range").with_source(error))
}
