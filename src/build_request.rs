//! What `buildImage` is told, as a request of the library.

use std::collections::BTreeMap;
use std::path::PathBuf;

use shipway_core::build_context::{ContextSource, DockerfileSource, is_over_ssh};
use shipway_core::build_options::{
    Attestations, Builder, NoCache, Provenance, Sbom, SecretSource, SecretValue, Ulimit,
};
use shipway_core::opencode::{CaCertificate, OpencodeBuild, Proxy};
use shipway_core::{
    BuildOptions as CoreOptions, BuildRequest, BuildSource, ContextCompression, Environment,
    Platform, Result, Timeouts,
};

use crate::options::{
    AttestationOptions, BuildOptions, OpencodeOptions, SecretOptions, credentials, invalid,
    platform, references, timeouts,
};
use crate::places::{caches, contexts, outputs};

/// Makes a request of options. Called on the thread of JavaScript, which may write its memory and `process.env` later.
pub(crate) fn build_request(
    mut options: BuildOptions,
    environment: &Environment,
) -> Result<BuildRequest> {
    let source = source(&mut options)?;
    let platforms: Vec<Platform> = match options.platforms {
        Some(platforms) => platforms
            .iter()
            .map(|platform| Platform::parse(platform))
            .collect::<Result<_>>()?,
        None => platform(options.platform.as_deref())?.into_iter().collect(),
    };
    let mut agents = options.ssh.unwrap_or_default();
    if agents.is_empty() && needs_agent(&source) {
        // As `docker build` does: without one the engine could not fetch the context.
        agents.insert("default".to_owned(), String::new());
    }
    let ulimits = options.ulimits.unwrap_or_default();
    let ulimits = ulimits.into_iter().map(|(name, limit)| {
        let (soft, hard) = (limit.soft, limit.hard);
        (name, Ulimit { soft, hard })
    });
    let options_of_core = CoreOptions {
        builder: builder(options.builder.as_deref(), environment)?,
        tags: references(&options.tags.unwrap_or_default())?,
        build_args: options.build_args.unwrap_or_default(),
        labels: options.labels.unwrap_or_default(),
        target: options.target,
        platforms,
        no_cache: match (options.no_cache, options.no_cache_filter) {
            (Some(true), _) => NoCache::All,
            (_, Some(stages)) if !stages.is_empty() => NoCache::Stages(stages),
            _ => NoCache::No,
        },
        pull: options.pull.unwrap_or_default(),
        network: options.network,
        add_hosts: options.add_hosts.unwrap_or_default(),
        shm_size_bytes: options
            .shm_size_bytes
            .and_then(|size| u64::try_from(size).ok()),
        ulimits: ulimits.collect(),
        cgroup_parent: options.cgroup_parent,
        secrets: secrets(options.secrets.unwrap_or_default())?,
        ssh: ssh(agents, environment)?,
        attestations: attestations(options.attestations)?,
        allow: options.allow.unwrap_or_default(),
        source_date_epoch: options.source_date_epoch,
        // Engines that do not know it ignore it
        // (<https://github.com/docker/buildx/blob/v0.29.1/commands/build.go>).
        environment_epoch: environment.source_date_epoch.clone(),
        contexts: contexts(options.contexts)?,
        cache_from: caches(options.cache_from)?,
        cache_to: caches(options.cache_to)?,
        outputs: outputs(options.outputs)?,
    };
    Ok(BuildRequest {
        source,
        options: options_of_core,
        compression: compression(options.compression.as_deref())?,
        timeouts: timeouts(options.timeouts, Timeouts::BUILD)?,
        credentials: credentials(options.credentials, environment)?,
    })
}

fn source(options: &mut BuildOptions) -> Result<BuildSource> {
    let dockerfile = match (options.dockerfile.take(), options.dockerfile_inline.take()) {
        (_, Some(text)) => Some(DockerfileSource::Inline(text)),
        (Some(path), None) => Some(DockerfileSource::Path(path.into())),
        (None, None) => None,
    };
    if let Some(path) = options.context_directory.take() {
        return Ok(BuildSource::directory(path, dockerfile.unwrap_or_default()));
    }
    if let Some(path) = options.context_archive.take() {
        return Ok(BuildSource::Context(ContextSource::Archive {
            path: path.into(),
            dockerfile: dockerfile.unwrap_or_default(),
        }));
    }
    if let Some(url) = options.context_url.take() {
        return BuildSource::url(url, dockerfile.unwrap_or_default());
    }
    if let Some(files) = options.context_files.take() {
        return files_source(
            files
                .into_iter()
                .map(|(name, content)| (name, content.to_vec())),
            dockerfile,
        );
    }
    match dockerfile {
        Some(DockerfileSource::Inline(text)) => Ok(BuildSource::dockerfile(text)),
        Some(DockerfileSource::Path(_)) => Err(invalid("the option `dockerfile` needs a context")),
        None => Ok(BuildSource::Opencode(opencode(options.opencode.take())?)),
    }
}

fn files_source(
    files: impl Iterator<Item = (String, Vec<u8>)>,
    dockerfile: Option<DockerfileSource>,
) -> Result<BuildSource> {
    let mut files: Vec<(String, Vec<u8>)> = files.collect();
    let dockerfile = match dockerfile {
        None => "Dockerfile".to_owned(),
        Some(DockerfileSource::Path(path)) => path.to_string_lossy().into_owned(),
        Some(DockerfileSource::Inline(text)) => {
            let name = "Dockerfile".to_owned();
            if files.iter().any(|(known, _)| *known == name) {
                return Err(invalid(
                    "the option `dockerfileInline` contradicts the `Dockerfile` in `contextFiles`",
                ));
            }
            files.push((name.clone(), text.into_bytes()));
            name
        }
    };
    Ok(BuildSource::Context(ContextSource::Files {
        files,
        dockerfile,
    }))
}

fn builder(text: Option<&str>, environment: &Environment) -> Result<Builder> {
    match text {
        None if environment.wants_classic_builder() => Ok(Builder::Classic),
        None | Some("auto") => Ok(Builder::Auto),
        Some("buildkit") => Ok(Builder::BuildKit),
        Some("classic") => Ok(Builder::Classic),
        Some(_) => Err(invalid(
            "the option `builder` must be `auto`, `buildkit` or `classic`",
        )),
    }
}

fn secrets(options: BTreeMap<String, SecretOptions>) -> Result<BTreeMap<String, SecretSource>> {
    let convert = |(id, secret): (String, SecretOptions)| {
        let source = match secret {
            SecretOptions {
                value: Some(value), ..
            } => SecretSource::Value(SecretValue::new(value.to_vec())),
            SecretOptions {
                file: Some(file), ..
            } => SecretSource::File(file.into()),
            SecretOptions {
                environment: Some(name),
                ..
            } => {
                let value = Environment::variable(&name).ok_or_else(|| {
                    invalid(format!(
                        "the environment variable `{name}` of the secret `{id}` is not set"
                    ))
                })?;
                SecretSource::Value(SecretValue::new(value.into_encoded_bytes()))
            }
            SecretOptions { .. } => {
                return Err(invalid(format!("the secret `{id}` comes from nowhere")));
            }
        };
        Ok((id, source))
    };
    options.into_iter().map(convert).collect()
}

fn needs_agent(source: &BuildSource) -> bool {
    matches!(source, BuildSource::Context(ContextSource::Url { url, .. }) if is_over_ssh(url))
}

fn ssh(
    options: BTreeMap<String, String>,
    environment: &Environment,
) -> Result<BTreeMap<String, PathBuf>> {
    let convert = |(id, socket): (String, String)| {
        let socket = match (socket.as_str(), &environment.ssh_auth_sock) {
            ("", Some(socket)) => socket.clone(),
            ("", None) => {
                return Err(invalid(format!(
                    "the option `ssh.{id}` needs an SSH agent: the environment variable `SSH_AUTH_SOCK` is not set"
                )));
            }
            (socket, _) => PathBuf::from(socket),
        };
        Ok((id, socket))
    };
    options.into_iter().map(convert).collect()
}

fn attestations(options: Option<AttestationOptions>) -> Result<Attestations> {
    let Some(options) = options else {
        return Ok(Attestations::default());
    };
    Ok(Attestations {
        provenance: match options.provenance.as_deref() {
            None => None,
            Some("off") => Some(Provenance::Off),
            Some("min") => Some(Provenance::Min),
            Some("max") => Some(Provenance::Max),
            Some(_) => {
                return Err(invalid(
                    "the option `attestations.provenance` must be `off`, `min` or `max`",
                ));
            }
        },
        sbom: options.sbom.map(|sbom| Sbom {
            generator: sbom.generator,
        }),
    })
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
