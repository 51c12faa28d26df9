//! The opencode image: its names, its embedded Dockerfile, and the context and build arguments of
//! one build of it.
//!
//! The image runs `opencode serve` on port 4096 as the user `opencode` (uid 1000) in `/workspace`.
//! Its health check asks `/global/health` on the port `OPENCODE_HEALTH_PORT` (default 4096), with
//! `OPENCODE_SERVER_USERNAME` and `OPENCODE_SERVER_PASSWORD` where they are set.

mod build;
mod certificate;
#[cfg(test)]
mod tests;

pub use build::{OpencodeBuild, Proxy};
pub use certificate::{CaCertificate, InvalidCertificate};

/// The Dockerfile of the opencode image.
///
/// Builds with the classic builder, `BuildKit` and Podman.
pub const DOCKERFILE: &str = include_str!("Dockerfile");

/// The repository on Docker Hub, without a tag.
pub const DOCKER_HUB_REPOSITORY: &str = "docker.io/prizz/opencode-cloud-sandbox";

/// The repository on GitHub's container registry, without a tag.
pub const GHCR_REPOSITORY: &str = "ghcr.io/prizz/opencode-cloud-sandbox";

/// The tag that is meant where none is given.
pub const DEFAULT_TAG: &str = "latest";

/// The version of opencode that [`DOCKERFILE`] installs where a build names none.
pub const OPENCODE_VERSION: &str = "1.18.18";
