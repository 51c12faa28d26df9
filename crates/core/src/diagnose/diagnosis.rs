//! What a diagnosis says. Every text from an engine or from settings is one line, without control sequences, and without
//! what a URL keeps secret.

use serde::{Serialize, Serializer};

use crate::engine::discover::Reason;
use crate::error::Error;

/// What there is to work with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// This library.
    pub shipway: Shipway,
    /// The endpoint that is used; absent where none answers.
    pub endpoint: Option<Considered>,
    /// Every endpoint that came into question, in the order of preference.
    pub considered: Vec<Considered>,
    /// What the engine says of itself; absent where none answers.
    pub engine: Option<EngineFacts>,
    /// Why there is no engine: what every other call would fail with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The registries of the images in question.
    pub registries: Vec<RegistryFacts>,
    /// What is wrong or should be known, the gravest first.
    pub findings: Vec<Finding>,
    /// All of it for people: lines of 80 columns, as far as paths allow, without a line end after the last.
    pub text: String,
}

/// This library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shipway {
    /// Its version.
    pub version: String,
    /// The platform of this process, such as `linux/amd64`.
    pub platform: String,
    /// Version of Node.js.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The environment variables that are set and that count, without their values.
    pub variables: Vec<String>,
}

/// An endpoint that came into question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Considered {
    /// The endpoint; absent where what named it leads nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Who named it, or whose usual place it is.
    #[serde(serialize_with = "in_words")]
    pub reason: Reason,
    /// The Docker context that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it is not used.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

fn in_words<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

/// What came of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It answers, and is used.
    Used,
    /// It answers, but another comes first.
    Available,
    /// It was not asked: another was named that comes first.
    Overruled,
    /// There is no such socket.
    NotFound,
    /// Nothing listens there.
    Refused,
    /// This user may not open it.
    Forbidden,
    /// No answer came in time.
    TimedOut,
    /// It does not parse, or its Docker context is not there.
    Invalid,
    /// Something else is wrong.
    Failed,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind.code().to_owned(),
            message: error.message.clone(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// What an engine says of itself. What it does not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineFacts {
    /// Which engine it is.
    pub name: EngineName,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The product that it is part of, such as `Docker Desktop 4.45.0 (203075)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The newest API that it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The oldest API that it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_api_version: Option<String>,
    /// Operating system of its machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<String>,
    /// Version of the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_version: Option<String>,
    /// Its own platform, such as `linux/amd64`: that of images where a call names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Platforms that it builds for, its own first.
    pub platforms: Vec<String>,
    /// Whether it runs without root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rootless: Option<bool>,
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u64>,
    /// Memory, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Version of the control groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_version: Option<String>,
    /// What keeps images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<ImageStore>,
    /// The storage driver or snapshotter, such as `overlay2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_driver: Option<String>,
    /// Its BuildKit.
    #[serde(rename = "buildkit")]
    pub build_kit: BuildKit,
    /// Its disk.
    pub disk: Disk,
    /// Mirrors of Docker Hub that it asks first.
    pub mirrors: Vec<String>,
    /// Registries and networks to which it speaks without checked TLS.
    pub insecure_registries: Vec<String>,
    /// Proxies through which it reaches registries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxies: Option<Proxies>,
    /// What it warns of itself.
    pub warnings: Vec<String>,
}

/// Which engine it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum EngineName {
    /// Docker, on its own or in a product that does not say so.
    #[default]
    #[serde(rename = "Docker Engine")]
    Docker,
    /// Docker in the virtual machine of Docker Desktop.
    #[serde(rename = "Docker Desktop")]
    DockerDesktop,
    /// Podman's compatible service.
    Podman,
}

impl EngineName {
    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "Docker Engine",
            Self::DockerDesktop => "Docker Desktop",
            Self::Podman => "Podman",
        }
    }
}

/// What keeps images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ImageStore {
    /// Docker's own, over a graph driver.
    #[serde(rename = "graphdriver")]
    GraphDriver,
    /// containerd.
    Containerd,
    /// That of Podman (<https://github.com/containers/storage>).
    ContainersStorage,
}

/// The BuildKit of an engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildKit {
    /// Whether it answers.
    pub available: bool,
    /// Whether it builds where a call names no builder.
    pub is_default: bool,
    /// How it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<BuildKitWay>,
    /// Its version, where it knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it does not answer, where there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Options of `buildImage` that it does not take; `oci-layout` is that form of `contexts`.
    pub unsupported: Vec<String>,
}

/// How BuildKit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BuildKitWay {
    /// gRPC on the engine's own endpoint (`h2c`, API 1.53 and newer).
    Direct,
    /// A connection of the engine's API that is taken over (`POST /grpc`).
    Upgrade,
}

/// The disk of an engine. Sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// Where the engine keeps its data, as the engine sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_directory: Option<String>,
    /// Room that is left there; only known where the engine is on this machine and sees the same files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// Size of that file system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// All layers of images, each counted once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_bytes: Option<u64>,
    /// The build cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_cache_bytes: Option<u64>,
}

/// Proxies, without what their URLs keep secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proxies {
    /// For `http`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// For `https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<String>,
    /// Hosts without a proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no: Option<String>,
}

/// A registry of the images in question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistryFacts {
    /// Its host.
    pub registry: String,
    /// The images in question, as canonical references.
    pub images: Vec<String>,
    /// Where its credentials would come from.
    pub credentials: Credentials,
}

/// Where credentials would come from; never what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Credentials {
    /// Who has them.
    pub origin: CredentialOrigin,
    /// The helper's program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helper: Option<String>,
    /// Path of the file that has them, or names the helper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Why they cannot be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Who has credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum CredentialOrigin {
    /// The option `credentials`.
    #[serde(rename = "option")]
    Option,
    /// The environment variable.
    #[serde(rename = "DOCKER_AUTH_CONFIG")]
    Variable,
    /// A credential helper, which is not asked here and may have none.
    #[serde(rename = "helper")]
    Helper,
    /// An entry in that file of `docker`.
    #[serde(rename = "config.json")]
    DockerConfig,
    /// An entry in that file of Podman.
    #[serde(rename = "auth.json")]
    PodmanAuth,
    /// Nobody: the registry is asked anonymously.
    #[serde(rename = "none")]
    Nobody,
}

/// Something that is wrong or should be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// What it is.
    #[serde(flatten)]
    pub problem: Problem,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// No call will succeed.
    Error,
    /// Some calls will fail, or not do what is expected.
    Warning,
    /// Nothing need be done.
    Info,
}
