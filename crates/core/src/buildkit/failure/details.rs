//! What BuildKit adds to the status of a failed call.
//!
//! A `google.rpc.Status` whose details are JSON, as Go writes it:
//! <https://github.com/moby/buildkit/blob/v0.25.2/util/grpcerrors/grpcerrors.go>,
//! <https://github.com/moby/buildkit/blob/v0.25.2/solver/errdefs/errdefs.proto>. Docker 20.10 sends none.

use bytes::Bytes;
use prost::Message as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tonic::Status;

use super::excerpt::{self, Source};
use crate::error::DockerfilePlace;

/// The details that say something to a person.
#[derive(Debug, Default)]
pub(super) struct Details {
    /// Digest of the vertex that failed.
    pub(super) vertex: Option<String>,
    /// What the command of the step ended with.
    pub(super) exit_code: Option<i64>,
    /// Places in the Dockerfile, in the order in which docker prints them.
    sources: Vec<Source>,
}

/// Like `google.rpc.Status`, with bytes for text: it may quote what is not UTF-8.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(bytes = "bytes", tag = "1")]
    type_url: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

#[derive(Deserialize)]
struct Vertex {
    digest: String,
}

#[derive(Deserialize)]
struct ExitMessage {
    #[serde(rename = "Code", default)]
    code: u32,
}

impl Details {
    /// Reads the details of a status, and leaves out what it does not know.
    pub(super) fn of(status: &Status) -> Self {
        let mut details = Self::default();
        let status = RpcStatus::decode(status.details()).unwrap_or_default();
        for Any { type_url, value } in &status.details {
            let name = type_url.rsplit(|byte| *byte == b'/').next();
            match name.unwrap_or_default() {
                b"errdefs.Source+json" => details.sources.extend(parse(value)),
                b"errdefs.Vertex+json" => {
                    details.vertex = parse(value).map(|vertex: Vertex| vertex.digest);
                }
                b"gatewayapi.ExitMessage+json" => {
                    details.exit_code = parse(value).map(|exit: ExitMessage| exit.code.into());
                }
                _ => {}
            }
        }
        details
    }

    /// The place in the Dockerfile, with all excerpts.
    pub(super) fn place(&self) -> Option<DockerfilePlace> {
        let mut place = self.sources.iter().find_map(Source::place)?;
        place.excerpt = excerpt::of_all(&self.sources);
        Some(place)
    }

    /// The instruction at that place, on one line.
    pub(super) fn instruction(&self) -> Option<String> {
        self.sources.iter().find_map(Source::instruction)
    }
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    serde_json::from_slice(json).ok()
}
