//! A check: what the Dockerfile frontend finds fault with, without building.

use std::sync::Arc;

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use tokio::time::timeout_at;

use super::attributes::frontend_attributes;
use super::build::{Failure, refused};
use super::complaints::Complaints;
use super::daemon::Daemon;
use super::identity::new_id;
use super::offer::{entitlements, offer};
use super::outputs::Destinations;
use super::prepared::Prepared;
use super::{gateway, lint};
use crate::check_build::CheckWarning;
use crate::engine::EngineBuild;
use crate::error::{Error, ErrorKind};

/// Asks the Dockerfile frontend what it finds fault with, and ends every connection to `daemon`.
pub(crate) async fn check(
    daemon: Daemon,
    build: &EngineBuild,
    node: &str,
) -> Result<Vec<CheckWarning>, Failure> {
    let complaints = Arc::new(Complaints::default());
    let work = ask_for_check(&daemon, build, node, &complaints);
    let result = match build.deadline {
        None => work.await,
        Some(deadline) => match timeout_at(deadline.at, work).await {
            Ok(result) => result,
            Err(_) => {
                let message = format!("the time of {} s is over", deadline.total.as_secs_f64());
                return Err(Failure::Deadline(Error::new(ErrorKind::Deadline, message)));
            }
        },
    };
    daemon.close().await;
    result.map_err(|failure| failure.explained_by(&complaints))
}

async fn ask_for_check(
    daemon: &Daemon,
    build: &EngineBuild,
    node: &str,
    complaints: &Arc<Complaints>,
) -> Result<Vec<CheckWarning>, Failure> {
    let prepared = Prepared::look(build, &daemon.worker, node).await;
    let Prepared {
        mut inputs, stores, ..
    } = prepared.map_err(Failure::Error)?;
    let mut attributes =
        frontend_attributes(&build.options, &daemon.worker).map_err(Failure::Error)?;
    attributes.extend(std::mem::take(&mut inputs.attributes));
    let odd_dockerfile = inputs.odd_dockerfile.take();
    let nowhere = Destinations::default();
    let offered = offer(daemon, build, inputs, &nowhere, &stores, complaints);
    let session = offered.await?;
    let request = api::SolveRequest {
        r#ref: new_id().map_err(Failure::Error)?,
        session: session.id.clone(),
        frontend_attrs: attributes.clone().into_iter().collect(),
        entitlements: entitlements(build),
        internal: true,
        ..api::SolveRequest::default()
    };
    let answer = gateway::ask(daemon.control(), request, lint::REQUEST, attributes).await;
    match answer {
        Ok(answer) => lint::read(&answer).map_err(Failure::Error),
        Err(status) => Err(refused(&status, odd_dockerfile.as_deref())),
    }
}
