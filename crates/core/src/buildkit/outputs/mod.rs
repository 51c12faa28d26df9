//! Outputs: what the engine is to make of a result, and where that goes on this machine.

mod destinations;
mod exporters;
pub(crate) mod failure;
mod file;

pub(crate) use destinations::{Destinations, Place, check_folder};
pub(crate) use exporters::{Exporters, turn_containerd_on};
pub(crate) use file::OutputFile;
