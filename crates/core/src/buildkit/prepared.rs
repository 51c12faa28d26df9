//! All that a build takes from this machine and gives back to it, looked at before the engine is told anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::cache::Cache;
use super::capabilities;
use super::content::Stores;
use super::daemon::Worker;
use super::inputs::Inputs;
use super::outputs::{Destinations, Exporters};
use crate::build_context::disk::Kind;
use crate::build_context::failure::{Reason, shown};
use crate::engine::EngineBuild;
use crate::error::{Error, ErrorKind, Result};

/// What a build can begin with. Dropping it takes back what is half written.
pub(crate) struct Prepared {
    pub(crate) inputs: Inputs,
    pub(crate) exporters: Exporters,
    pub(crate) destinations: Destinations,
    pub(crate) cache: Cache,
    /// Every layout that the engine may read or write.
    pub(crate) stores: Stores,
}

impl Prepared {
    /// Looks at everything, on a thread for blocking work. `node` is what this machine is known by.
    pub(crate) async fn look(build: &EngineBuild, worker: &Worker, node: &str) -> Result<Self> {
        let (build, worker, node) = (build.clone(), worker.clone(), node.to_owned());
        let work = move || Self::of(&build, &worker, &node);
        let looked = tokio::task::spawn_blocking(work).await;
        looked.unwrap_or_else(|error| {
            let message = "cannot look at the files of the build";
            Err(Error::new(ErrorKind::Internal, message).with_source(error))
        })
    }

    fn of(build: &EngineBuild, worker: &Worker, node: &str) -> Result<Self> {
        let options = &build.options;
        capabilities::check(options, worker)?;
        check_agents(&options.ssh)?;
        let exporters = Exporters::of(options, worker)?;
        let mut inputs = Inputs::prepare(&build.source, &options.contexts, node)?;
        if let Some(archive) = &inputs.archive {
            archive.check(worker.api_version)?;
        }
        let mut stores = std::mem::take(&mut inputs.stores);
        let cache = Cache::prepare(options, worker, &mut stores)?;
        inputs.attributes.extend(cache.attributes.clone());
        let destinations = Destinations::prepare(exporters.kinds())?;
        Ok(Self {
            inputs,
            exporters,
            destinations,
            cache,
            stores,
        })
    }
}

/// Refuses what is no SSH agent: a step that is given a dead one only finds that it has no keys.
fn check_agents(agents: &BTreeMap<String, PathBuf>) -> Result<()> {
    // The pipes of Windows are no files.
    if cfg!(windows) {
        return Ok(());
    }
    for (id, path) in agents {
        let refused = |reason: &str| {
            let (id, path) = (id.escape_debug(), shown(path));
            let message = format!("cannot use the SSH agent `{id}`: `{path}`: {reason}");
            Error::new(ErrorKind::InvalidOption, message)
                .with_hint("start an agent (`ssh-agent`), and name its socket")
        };
        let metadata = std::fs::metadata(path)
            .map_err(|error| refused(&Reason(&error).to_string()).with_source(error))?;
        if Kind::of(metadata.file_type()) != Kind::Socket {
            return Err(refused("it is not a socket"));
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_a_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let _agent = std::os::unix::net::UnixListener::bind(path("agent")).unwrap();
        std::os::unix::fs::symlink("agent", path("link")).unwrap();
        std::fs::write(path("file"), "").unwrap();
        let check = |name: &str| check_agents(&BTreeMap::from([("id".to_owned(), path(name))]));
        check("agent").unwrap();
        check("link").unwrap();
        for (name, reason) in [("file", "not a socket"), ("none", "no such file")] {
            let error = check(name).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOption);
            assert!(
                error
                    .message
                    .starts_with("cannot use the SSH agent `id`: `"),
                "{error}"
            );
            assert!(error.message.to_lowercase().contains(reason), "{error}");
        }
    }
}
