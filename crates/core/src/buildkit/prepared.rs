//! All that a build takes from this machine and gives back to it, looked at before the engine is told anything.

use super::cache::Cache;
use super::capabilities;
use super::content::Stores;
use super::daemon::Worker;
use super::inputs::Inputs;
use super::outputs::{Destinations, Exporters};
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
