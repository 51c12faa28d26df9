//! What a walk says, and what a receiver says, without a connection.

use bytes::Bytes;
use http_body::Body;
use tonic::Streaming;
use tonic::codec::Codec as _;
use tonic_prost::ProstCodec;

use super::filter::Filter;
use super::packet::{Packet, Stat};
use super::request::SyncRequest;
use super::table::Id;
use super::tree::{Looked, Tree};
use super::walk::{Stop, Walker, walk};
use crate::error::{Error, ErrorKind, Result};

/// Every entry that is wanted of `tree`, as it is described.
pub(crate) fn stats(tree: &dyn Tree, wanted: SyncRequest) -> Result<Vec<Stat>> {
    let mut collected = Collected::default();
    let filter = Filter::new(tree, wanted)?;
    match walk(tree, &filter, &mut collected) {
        Ok(()) => Ok(collected.0),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Unwanted) => Err(Error::new(ErrorKind::Internal, "nobody wants the rest")),
    }
}

/// The packets in a body.
pub(crate) fn packets<B>(body: B) -> Streaming<Packet>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let decoder = ProstCodec::<Packet, Packet>::default().decoder();
    Streaming::new_request(decoder, body, None, None)
}

#[derive(Default)]
struct Collected(Vec<Stat>);

impl Walker for Collected {
    fn entry(
        &mut self,
        stat: &Stat,
        _name: &[u8],
        _parent: Option<Id>,
        _looked: Looked,
    ) -> Result<Id, Stop> {
        let id = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(stat.clone());
        Ok(Id(id))
    }

    fn is_stopped(&self) -> bool {
        false
    }
}
