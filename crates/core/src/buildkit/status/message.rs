//! BuildKit's status messages, with bytes where text is expected.
//!
//! The same on the wire as <https://github.com/moby/buildkit/blob/v0.25.2/api/services/control/control.proto>. BuildKit
//! copies text out of Dockerfiles without looking whether it is UTF-8, and a decoder of protobuf's `string` refuses the
//! whole message then: a build with one Latin-1 letter in a `RUN` would go on in silence.

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::pb::Range;
use bytes::Bytes;

use crate::text::{MAX_LINE_BYTES, clean_line, redact_urls};

/// What has happened since the last message.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StatusResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) vertexes: Vec<Vertex>,
    #[prost(message, repeated, tag = "2")]
    pub(super) statuses: Vec<VertexStatus>,
    #[prost(message, repeated, tag = "3")]
    pub(super) logs: Vec<VertexLog>,
    #[prost(message, repeated, tag = "4")]
    pub(super) warnings: Vec<VertexWarning>,
}

/// A node of the build's graph.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Vertex {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) digest: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) inputs: Vec<Bytes>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) name: Bytes,
    #[prost(bool, tag = "4")]
    pub(super) cached: bool,
    #[prost(message, optional, tag = "5")]
    pub(super) started: Option<Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub(super) completed: Option<Timestamp>,
    #[prost(bytes = "bytes", tag = "7")]
    pub(super) error: Bytes,
    #[prost(message, optional, tag = "8")]
    pub(super) progress_group: Option<ProgressGroup>,
}

/// Vertices that are one step for a person.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ProgressGroup {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) name: Bytes,
    #[prost(bool, tag = "3")]
    pub(super) weak: bool,
}

/// A part of a vertex's work.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VertexStatus {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) id: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) vertex: Bytes,
    #[prost(int64, tag = "4")]
    pub(super) current: i64,
    #[prost(int64, tag = "5")]
    pub(super) total: i64,
    #[prost(message, optional, tag = "6")]
    pub(super) timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub(super) started: Option<Timestamp>,
    #[prost(message, optional, tag = "8")]
    pub(super) completed: Option<Timestamp>,
}

/// A piece of a vertex's output, cut anywhere.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VertexLog {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) vertex: Bytes,
    #[prost(int64, tag = "3")]
    pub(super) stream: i64,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) msg: Bytes,
}

/// A warning of the frontend, in most cases of its lint.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VertexWarning {
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) short: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) url: Bytes,
    #[prost(message, repeated, tag = "7")]
    pub(super) ranges: Vec<Range>,
}

/// Bytes of the engine as text for people: one clean line of bounded length, without credentials.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut text = redact_urls(clean_line(&text).trim()).into_owned();
    // Cut last: half a URL does not show where its credentials end.
    if text.len() > MAX_LINE_BYTES {
        let end = (0..=MAX_LINE_BYTES)
            .rev()
            .find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
    }
    text
}
