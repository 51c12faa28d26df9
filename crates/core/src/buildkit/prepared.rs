//! All that a build takes from this machine and gives back to it, looked at before the engine is told anything.

use super::cache::Cache;
use super::content::Stores;
use super::daemon::Worker;
use super::inputs::Inputs;
use super::outputs::{Destinations, Exporters, TURN_CONTAINERD_ON};
use crate::build_options::{BuildOptions, NamedContext};
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
    /// Looks at everything. Blocks. `node` is what this machine is known by.
    pub(crate) fn of(build: &EngineBuild, worker: &Worker, node: &str) -> Result<Self> {
        let options = &build.options;
        let exporters = Exporters::of(options, worker)?;
        check_contexts(options, worker)?;
        let mut inputs = Inputs::prepare(&build.source, &options.contexts, node)?;
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

/// A graph driver takes images from registries, and from itself
/// (<https://github.com/moby/moby/blob/v28.5.2/builder/builder-next/worker/worker.go>, `NewWorker`).
fn check_contexts(options: &BuildOptions, worker: &Worker) -> Result<()> {
    let is_layout = |context: &&NamedContext| matches!(context, NamedContext::OciLayout { .. });
    if !worker.has_containerd_store && options.contexts.values().any(|context| is_layout(&context))
    {
        let message = "the engine's image store, a graph driver, takes no image out of a folder";
        return Err(
            Error::new(ErrorKind::UnsupportedByEngine, message).with_hint(TURN_CONTAINERD_ON)
        );
    }
    Ok(())
}
