//! BuildKit over its own protocol: the client of its control API, and the session that it calls back.

mod archive;
mod attributes;
mod broken;
mod build;
mod cache;
mod capabilities;
mod channel;
mod check;
mod complaints;
mod content;
mod control;
mod daemon;
mod failure;
pub(crate) mod filesync;
mod gateway;
mod identity;
mod inputs;
mod lint;
mod node;
mod offer;
mod outputs;
mod prepared;
#[cfg(test)]
mod recorded;
mod run;
mod scratch;
mod session;
mod status;
mod survey;
pub(crate) mod tasks;
mod transfers;

pub(crate) use broken::BrokenCall;
pub(crate) use build::{Failure, build};
pub(crate) use check::check;
pub(crate) use daemon::{Daemon, Unreachable};
pub(crate) use node::node;
pub(crate) use survey::{Survey, survey};
