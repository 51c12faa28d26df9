//! Folders that hold images or caches by the digests of their parts: OCI image layouts
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>).

mod digest;
mod index;
mod ingest;
mod layout;
mod lock;
pub(crate) mod messages;
mod stores;
#[cfg(test)]
mod tagged;

pub(crate) use digest::Digest;
pub(crate) use index::{Index, Named};
pub(crate) use ingest::{Ingest, exists};
pub(crate) use layout::{Layout, Problem, Progress, Use};
pub(crate) use stores::Stores;
#[cfg(test)]
pub(crate) use tagged::tagged;
