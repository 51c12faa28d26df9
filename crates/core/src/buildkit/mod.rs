//! BuildKit over its own protocol: the client of its control API, and the session that it calls back.

mod attributes;
mod build;
mod channel;
mod complaints;
mod control;
mod daemon;
mod failure;
pub(crate) mod filesync;
mod identity;
mod inputs;
mod node;
mod outputs;
mod session;
mod status;
pub(crate) mod tasks;
mod transfers;

pub(crate) use build::{Failure, build};
pub(crate) use daemon::{Daemon, Unreachable};
pub(crate) use node::node;
