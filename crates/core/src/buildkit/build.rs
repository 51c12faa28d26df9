//! One build: what it is made of, and what it has made.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use tokio::time::timeout_at;
use tonic::Status;

use super::attributes::frontend_attributes;
use super::broken::{is_broken, is_broken_off};
use super::complaints::Complaints;
use super::daemon::{Daemon, Unreachable};
use super::failure::{broken_off, solve_failed};
use super::identity::new_id;
use super::offer::{entitlements, offer};
use super::prepared::Prepared;
use super::run::Run;
use super::status::StatusDecoder;
use super::transfers::Transfers;
use crate::build_options::Builder;
use crate::engine::{EngineBuild, EngineBuilt};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::ProgressSink;

/// Why a build failed, as far as it is not known better elsewhere.
pub(crate) enum Failure {
    /// The error is whole.
    Error(Error),
    /// The connection broke.
    Connection(Unreachable),
    /// The time for the whole call is over.
    Deadline(Error),
}

/// Builds with `daemon`, and ends every connection to it. `proxies` are build arguments beside those of the options.
pub(crate) async fn build(
    daemon: Daemon,
    build: &EngineBuild,
    node: &str,
    proxies: BTreeMap<String, String>,
    progress: &dyn ProgressSink,
) -> Result<EngineBuilt, Failure> {
    let mut prepared = Prepared::look(build, &daemon.worker, node)
        .await
        .map_err(Failure::Error)?;
    let proxies = proxies.into_iter();
    let proxies = proxies.map(|(name, value)| (format!("build-arg:{name}"), value));
    prepared.inputs.attributes.extend(proxies);
    let complaints = Arc::new(Complaints::default());
    let transfers = Transfers::of(prepared.inputs.counters(), build.stall);
    let mut run = Run::new(transfers, build.credentials.clone(), progress);
    run.odd_dockerfile = prepared.inputs.odd_dockerfile.take();
    let work = solve(&mut run, &daemon, build, prepared, &complaints);
    let result = match build.deadline {
        None => work.await,
        Some(deadline) => match timeout_at(deadline.at, work).await {
            Ok(result) => result,
            // Without a wait for the end of the connections: the time is over for whoever waits as well.
            Err(_) => return Err(Failure::Deadline(run.out_of_time(deadline.total))),
        },
    };
    daemon.close().await;
    result.map_err(|failure| failure.explained_by(&complaints))
}

impl Failure {
    /// The failure, or what a service of the session knows better about it.
    pub(super) fn explained_by(self, complaints: &Complaints) -> Self {
        match complaints.take(self.message()) {
            Some(complaint) => Self::Error(complaint),
            None => self,
        }
    }

    /// What is known of it in words.
    fn message(&self) -> &str {
        match self {
            Self::Error(error) | Self::Deadline(error) => &error.message,
            Self::Connection(_) => "",
        }
    }
}

/// Why the engine refused a check; `odd_dockerfile` is its Dockerfile, where that is not UTF-8.
pub(super) fn refused(status: &Status, odd_dockerfile: Option<&Path>) -> Failure {
    if is_broken_off(status) {
        return Failure::Error(broken_off(odd_dockerfile, &StatusDecoder::new()));
    }
    if is_broken(status) {
        return Failure::Connection(Unreachable::Failed(status.clone()));
    }
    Failure::Error(solve_failed(status, &StatusDecoder::new()))
}

/// Has the engine build, and puts what it gives in its place.
async fn solve(
    run: &mut Run<'_>,
    daemon: &Daemon,
    build: &EngineBuild,
    prepared: Prepared,
    complaints: &Arc<Complaints>,
) -> Result<EngineBuilt, Failure> {
    let Prepared {
        mut inputs,
        exporters,
        destinations,
        mut cache,
        stores,
    } = prepared;
    for warning in std::mem::take(&mut cache.warnings) {
        run.warn(warning);
    }
    let mut attributes =
        frontend_attributes(&build.options, &daemon.worker).map_err(Failure::Error)?;
    attributes.extend(std::mem::take(&mut inputs.attributes));
    let offered = offer(daemon, build, inputs, &destinations, &stores, complaints);
    let session = offered.await?;
    let (exporter, exporter_attributes) = match exporters.list.first() {
        Some(first) => (first.r#type.clone(), first.attrs.clone()),
        None => Default::default(),
    };
    let request = api::SolveRequest {
        r#ref: new_id().map_err(Failure::Error)?,
        session: session.id.clone(),
        frontend: "dockerfile.v0".to_owned(),
        frontend_attrs: attributes.into_iter().collect(),
        entitlements: entitlements(build),
        cache: Some(cache.options.clone()),
        exporters: exporters.list,
        // Engines before BuildKit 0.13 know only these.
        exporter_deprecated: exporter,
        exporter_attrs_deprecated: exporter_attributes,
        ..api::SolveRequest::default()
    };
    let response = run.follow(daemon, request).await?;
    let lost = cache.commit(&response.exporter_response).await;
    for warning in lost.map_err(Failure::Error)? {
        run.warn(warning);
    }
    destinations.commit().await.map_err(Failure::Error)?;
    built(run, response, exporters.has_image)
}

/// What the engine says that it has made.
fn built(
    run: &mut Run<'_>,
    response: api::SolveResponse,
    has_image: bool,
) -> Result<EngineBuilt, Failure> {
    let said = |key: &str| response.exporter_response.get(key).cloned();
    let digest = said("containerimage.digest");
    let config_digest = said("containerimage.config.digest");
    // A graph driver names an image by its configuration, and knows no manifest.
    let has_manifest = said("containerimage.descriptor").is_some();
    let image_id = digest.clone().filter(|_| has_image);
    if has_image && image_id.is_none() {
        let message = "the engine's answer names no image";
        return Err(Failure::Error(Error::new(
            ErrorKind::EngineProtocol,
            message,
        )));
    }
    Ok(EngineBuilt {
        builder: Builder::BuildKit,
        image_id,
        config_digest,
        digest: digest.filter(|_| has_manifest),
        exporter_response: response.exporter_response.into_iter().collect(),
        steps_total: run.decoder.steps_total(),
        steps_cached: run.decoder.steps_cached(),
        warnings: run.take_warnings(),
    })
}
