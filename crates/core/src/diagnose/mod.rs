//! Says what there is to work with: which engine and why, what it can do, and where credentials would come from.

mod answers;
mod diagnosis;
mod disk;
mod endpoints;
mod findings;
mod registries;
mod text;

use std::collections::BTreeSet;

use crate::credentials::{CredentialSources, Keychain};
use crate::engine::docker::DockerEngine;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::opencode;
use crate::platform::Platform;
use crate::reference::Reference;
use crate::timeouts::Timeouts;

pub use diagnosis::{
    BuildKit, BuildKitWay, Considered, CredentialOrigin, Credentials, Diagnosis, Disk, EngineFacts,
    EngineName, Finding, ImageStore, Outcome, Problem, Proxies, RegistryFacts, Severity, Shipway,
};

/// What is looked at.
#[derive(Debug, Clone)]
pub struct DiagnoseRequest {
    /// Endpoint of the engine, or the name of a Docker context; found as for every other call when absent.
    pub engine: Option<String>,
    /// Images whose registries are looked at. Default: the sources of the opencode image.
    pub images: Vec<Reference>,
    /// Where credentials come from.
    pub credentials: CredentialSources,
    /// `connect` is the longest wait for each answer, `total` for all of it. Default: 10 s, and no limit.
    pub timeouts: Timeouts,
    /// Version of the Node.js that this runs in.
    pub node: Option<String>,
}

impl DiagnoseRequest {
    /// The defaults, in the environment of the caller.
    pub fn new(environment: &Environment) -> Self {
        Self {
            engine: None,
            images: Vec::new(),
            credentials: CredentialSources::of(environment),
            timeouts: Timeouts::PULL,
            node: None,
        }
    }
}

/// Looks at everything side by side. That there is no engine, or one that answers in part, is a finding.
///
/// Errors: `INVALID_OPTION` where the endpoint in the request does not parse, `DEADLINE`.
pub async fn diagnose(request: &DiagnoseRequest, environment: &Environment) -> Result<Diagnosis> {
    let look = look(request, environment);
    let diagnosis = match request.timeouts.total {
        None => look.await,
        Some(total) => tokio::time::timeout(total, look).await.unwrap_or_else(|_| {
            let message = format!("cannot diagnose within {} s", total.as_secs_f64());
            Err(Error::new(ErrorKind::Deadline, message))
        }),
    };
    diagnosis.map_err(|error| error.with_operation(Operation::Diagnose))
}

async fn look(request: &DiagnoseRequest, environment: &Environment) -> Result<Diagnosis> {
    let limit = request.timeouts.connect;
    let (found, (registries, warnings)) = tokio::join!(
        endpoints::find(request.engine.as_deref(), environment, limit),
        look_at_registries(request),
    );
    let found = found?;
    let (engine, complaints) = match &found.engine {
        Some(engine) => look_at_engine(engine, environment, limit).await,
        None => (None, Vec::new()),
    };
    let mut diagnosis = Diagnosis {
        shipway: shipway(request, environment),
        endpoint: found.endpoint,
        considered: found.considered,
        engine,
        problem: found.problem,
        registries,
        findings: Vec::new(),
        text: String::new(),
    };
    diagnosis.findings = findings::find(&diagnosis, &complaints, &warnings);
    diagnosis.text = text::render(&diagnosis);
    Ok(diagnosis)
}

async fn look_at_engine(
    engine: &DockerEngine,
    environment: &Environment,
    limit: std::time::Duration,
) -> (Option<EngineFacts>, Vec<Error>) {
    match engine.answers(limit).await {
        Ok(mut answers) => {
            answers.prefers_buildkit &= !environment.wants_classic_builder();
            let (mut facts, complaints) = answers::read(answers);
            if engine.endpoint().is_local() {
                disk::measure(&mut facts, limit).await;
            }
            (Some(facts), complaints)
        }
        Err(error) => (None, vec![error]),
    }
}

async fn look_at_registries(
    request: &DiagnoseRequest,
) -> (Vec<RegistryFacts>, Vec<crate::progress::Warning>) {
    let keychain = Keychain::new(request.credentials.clone());
    let (_, warnings) = keychain.docker_config().await;
    let opencode = [opencode::DOCKER_HUB_REPOSITORY, opencode::GHCR_REPOSITORY];
    let images = match request.images.as_slice() {
        [] => opencode
            .iter()
            .filter_map(|name| Reference::parse(name).ok())
            .collect(),
        images => images.to_vec(),
    };
    let registries = registries::look_up(&images, &keychain).await;
    (registries, warnings.to_vec())
}

fn shipway(request: &DiagnoseRequest, environment: &Environment) -> Shipway {
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    let platform = Platform::parse(&format!("{os}/{architecture}"));
    let variables = [
        ("DOCKER_HOST", environment.docker_host.is_some()),
        ("DOCKER_CONTEXT", environment.docker_context.is_some()),
        ("DOCKER_CONFIG", environment.docker_config.is_some()),
        (
            "DOCKER_API_VERSION",
            environment.docker_api_version.is_some(),
        ),
        (
            "DOCKER_CUSTOM_HEADERS",
            environment.docker_custom_headers.is_some(),
        ),
        (
            "REGISTRY_AUTH_FILE",
            environment.registry_auth_file.is_some(),
        ),
        (
            "DOCKER_AUTH_CONFIG",
            environment.docker_auth_config.is_some(),
        ),
        ("DOCKER_BUILDKIT", environment.docker_buildkit.is_some()),
        ("DOCKER_CERT_PATH", environment.docker_cert_path.is_some()),
        ("DOCKER_TLS", environment.docker_tls.is_some()),
        ("DOCKER_TLS_VERIFY", environment.docker_tls_verify.is_some()),
        (
            "BUILDKIT_NO_CLIENT_TOKEN",
            environment.buildkit_no_client_token,
        ),
        ("HTTP_PROXY", environment.http_proxy.is_some()),
        ("HTTPS_PROXY", environment.https_proxy.is_some()),
        ("NO_PROXY", environment.no_proxy.is_some()),
    ];
    let set = variables.into_iter().filter(|(_, is_set)| *is_set);
    let set: BTreeSet<&str> = set.map(|(name, _)| name).collect();
    Shipway {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: platform.map_or_else(|_| format!("{os}/{architecture}"), |it| it.to_string()),
        node: request.node.clone(),
        variables: set.into_iter().map(str::to_owned).collect(),
    }
}
