//! BuildKit over its own protocol: the client of its control API, and the session that it calls back.

mod archive;
mod attributes;
mod build;
mod cache;
mod channel;
mod complaints;
mod content;
mod control;
mod daemon;
mod failure;
mod filesync;
mod identity;
mod inputs;
mod outputs;
mod prepared;
mod scratch;
mod session;
mod status;
mod tasks;
mod transfers;

pub(crate) use build::{Failure, build};
pub(crate) use daemon::{Daemon, Unreachable};
