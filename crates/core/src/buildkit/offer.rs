//! What a build gives to the engine: its inputs, and the session that the engine calls back.

use std::sync::Arc;

use super::build::Failure;
use super::complaints::Complaints;
use super::content::Stores;
use super::daemon::Daemon;
use super::identity::new_id;
use super::inputs::Inputs;
use super::outputs::Destinations;
use super::session::{
    Auth, Content, FileSend, FileSync, Health, Secrets, Service, Session, Ssh, Upload,
};
use crate::engine::EngineBuild;

/// Offers to the engine the services that a build needs, and no others.
pub(super) async fn offer(
    daemon: &Daemon,
    build: &EngineBuild,
    inputs: Inputs,
    destinations: &Destinations,
    stores: &Stores,
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
            spawner: spawner.clone(),
        }));
    }
    if !destinations.is_empty() {
        services.push(Box::new(FileSend {
            places: destinations.places(),
            complaints: Arc::clone(complaints),
            spawner,
        }));
    }
    if !stores.is_empty() {
        services.push(Box::new(Content {
            stores: stores.shared(),
            complaints: Arc::clone(complaints),
        }));
    }
    if let Some(archive) = inputs.archive {
        services.push(Box::new(Upload {
            archive,
            complaints: Arc::clone(complaints),
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
