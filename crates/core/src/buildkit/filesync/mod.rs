//! Folders on their way between here and the engine: only what has changed since the last time.

mod counters;
mod filter;
mod follow;
mod memory;
mod mode;
pub(crate) mod packet;
mod receive;
mod request;
mod send;
mod table;
mod tree;
mod walk;

pub(crate) use counters::{Counts, SyncCounters};
pub(crate) use memory::Files;
pub(crate) use receive::{Destination, Receiver, Stop as ReceiveStop, SystemDir};
pub(crate) use request::SyncRequest;
pub(crate) use send::{Transfer, answer};
pub(crate) use tree::{Folder, Tree};
