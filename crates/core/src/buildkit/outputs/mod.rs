//! Outputs as exporters.

mod destinations;
pub(crate) mod failure;
mod file;

pub(crate) use destinations::{Destinations, Place};
pub(crate) use file::OutputFile;

use std::collections::{BTreeMap, HashMap};

use bollard_buildkit_proto::moby::buildkit::v1 as api;

use super::daemon::Worker;
use crate::build_options::{BuildOptions, Output, OutputKind};
use crate::error::{Error, ErrorKind, Result};

/// What the engine makes of the result, in order, and whether an image of its store is among it.
pub(crate) struct Exporters {
    pub(crate) list: Vec<api::Exporter>,
    pub(crate) has_image: bool,
}

impl Exporters {
    /// The exporters for `options`.
    pub(crate) fn of(options: &BuildOptions, worker: &Worker) -> Result<Self> {
        let image = [Output::new(OutputKind::Image { push: false })];
        let outputs = if options.outputs.is_empty() {
            &image[..]
        } else {
            &options.outputs
        };
        let mut exporters = Self {
            list: Vec::new(),
            has_image: false,
        };
        for output in outputs {
            let mut attributes: BTreeMap<String, String> = output.attributes.clone();
            match &output.kind {
                OutputKind::Image { .. } => {
                    exporters.has_image = true;
                    if !options.tags.is_empty() {
                        let names: Vec<String> =
                            options.tags.iter().map(ToString::to_string).collect();
                        attributes.insert("name".to_owned(), names.join(","));
                    }
                    if worker.has_containerd_store {
                        // There an image is known by the digest of its manifest or index.
                        attributes.insert("prefer-image-digest".to_owned(), "true".to_owned());
                    }
                    exporters.push("moby", attributes);
                }
                OutputKind::CacheOnly => {}
                _ => {
                    let message = "this output is not supported yet";
                    return Err(Error::new(ErrorKind::UnsupportedByEngine, message));
                }
            }
        }
        Ok(exporters)
    }

    fn push(&mut self, kind: &str, attributes: BTreeMap<String, String>) {
        self.list.push(api::Exporter {
            r#type: kind.to_owned(),
            attrs: attributes.into_iter().collect::<HashMap<_, _>>(),
        });
    }
}
