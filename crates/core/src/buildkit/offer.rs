//! What a build gives to the engine: its inputs, and the session that the engine calls back.

use std::sync::Arc;

use super::build::Failure;
use super::complaints::Complaints;
use super::daemon::Daemon;
use super::identity::new_id;
use super::inputs::Inputs;
use super::session::{Auth, FileSync, Health, Secrets, Service, Session, Ssh};
use crate::engine::EngineBuild;
use crate::error::{Error, ErrorKind, Result};

/// Looks at everything that a build reads from this machine, on a thread for blocking work.
pub(super) async fn prepare_inputs(build: &EngineBuild, node: &str) -> Result<Inputs> {
    let (source, contexts) = (build.source.clone(), build.options.contexts.clone());
    let node = node.to_owned();
    let work = move || Inputs::prepare(&source, &contexts, &node);
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            let message = "cannot look at the build context";
            Err(Error::new(ErrorKind::Internal, message).with_source(error))
        })
}

/// Offers the services of a build to the engine.
pub(super) async fn offer(
    daemon: &Daemon,
    build: &EngineBuild,
    inputs: Inputs,
    complaints: &Arc<Complaints>,
) -> Result<Session, Failure> {
    let spawner = daemon.tasks().spawner();
    let mut services: Vec<Box<dyn Service>> = vec![
        Box::new(Health),
        Box::new(FileSync {
            folders: inputs.folders,
            complaints: Arc::clone(complaints),
            spawner: spawner.clone(),
        }),
        Box::new(Auth::new(build.credentials.clone(), Arc::clone(complaints))),
        Box::new(Secrets(Arc::clone(&build.secrets))),
    ];
    if !build.options.ssh.is_empty() {
        services.push(Box::new(Ssh {
            agents: Arc::new(build.options.ssh.clone()),
            spawner,
        }));
    }
    let session = Session {
        id: new_id().map_err(Failure::Error)?,
        shared_key: inputs.shared_key,
        services: services.into(),
    };
    daemon.attach(&session).await.map_err(Failure::Connection)?;
    Ok(session)
}

/// What steps may do beyond the usual; the network of the machine is asked for by the option alone.
pub(super) fn entitlements(build: &EngineBuild) -> Vec<String> {
    let mut allowed = build.options.allow.clone();
    let host = "network.host";
    if build.options.network.as_deref() == Some("host") && !allowed.iter().any(|name| name == host)
    {
        allowed.push(host.to_owned());
    }
    allowed
}
