//! What a BuildKit says of itself.

use bollard_buildkit_proto::moby::buildkit::v1::ListWorkersResponse;

use super::capabilities::unsupported;
use super::daemon::{Daemon, Unreachable};
use crate::engine::http::Http;
use crate::platform::Platform;
use crate::text::clean_line;

/// A BuildKit that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Whether gRPC is spoken on the API's own endpoint; else a connection of the API is taken over.
    pub(crate) is_direct: bool,
    /// Its version, where it knows it.
    pub(crate) version: Option<String>,
    /// What its workers build for, their own first.
    pub(crate) platforms: Vec<Platform>,
    /// Options of builds that it does not take.
    pub(crate) unsupported: Vec<&'static str>,
}

/// Asks the BuildKit of an engine that speaks an API of `version` (major and minor).
pub(crate) async fn survey(http: &Http, version: (u32, u32)) -> Result<Survey, Unreachable> {
    let daemon = Daemon::reach(http, version).await?;
    let workers = match daemon.control().list_workers().await {
        Ok(workers) => workers,
        Err(status) => {
            daemon.close().await;
            return Err(Unreachable::Failed(status));
        }
    };
    let survey = Survey {
        is_direct: daemon.is_direct(),
        version: version_of(&workers),
        platforms: platforms(&workers),
        unsupported: unsupported(&daemon.worker),
    };
    daemon.close().await;
    Ok(survey)
}

/// Engines that distributions build do not know it, and say `v0.0.0+unknown`.
fn version_of(workers: &ListWorkersResponse) -> Option<String> {
    let mut records = workers.record.iter();
    let version = records.find_map(|worker| worker.buildkit_version.as_ref())?;
    let version = clean_line(&version.version).trim().to_owned();
    (!version.is_empty() && !version.contains("unknown")).then_some(version)
}

fn platforms(workers: &ListWorkersResponse) -> Vec<Platform> {
    let mut platforms = Vec::new();
    for platform in workers.record.iter().flat_map(|worker| &worker.platforms) {
        let parts = [&platform.os, &platform.architecture, &platform.variant];
        let parts = parts.map(|part| clean_line(part).into_owned());
        let [os, architecture, variant] = parts;
        let platform = Platform {
            os,
            architecture,
            variant: (!variant.is_empty()).then_some(variant),
        };
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    platforms
}
