//! Folders on their way between here and the engine: only what has changed since the last time.

#[cfg(any(test, fuzzing))]
mod collect;
mod counters;
mod describe;
mod filter;
mod follow;
mod give;
mod memory;
mod mode;
mod outbox;
pub(crate) mod packet;
mod receive;
mod request;
mod send;
mod table;
mod tree;
mod walk;
mod wishes;

#[cfg(test)]
mod tests;

#[cfg(any(test, fuzzing))]
pub(crate) use collect::{packets, stats};
pub(crate) use counters::{Counts, SyncCounters};
pub(crate) use memory::Files;
pub(crate) use receive::{Destination, Receiver, Stop as ReceiveStop, SystemDir};
pub(crate) use request::SyncRequest;
pub(crate) use send::{Transfer, answer};
pub(crate) use tree::{Folder, Tree};
