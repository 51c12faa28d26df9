//! The messages of containerd's content service.
//!
//! <https://github.com/containerd/containerd/blob/api/v1.10.0/api/services/content/v1/content.proto>

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bytes::Bytes;
use prost::Message;

/// A blob.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Info {
    #[prost(string, tag = "1")]
    pub(crate) digest: String,
    #[prost(int64, tag = "2")]
    pub(crate) size: i64,
    #[prost(message, optional, tag = "3")]
    pub(crate) created_at: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub(crate) updated_at: Option<Timestamp>,
    #[prost(map = "string, string", tag = "5")]
    pub(crate) labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InfoRequest {
    #[prost(string, tag = "1")]
    pub(crate) digest: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InfoResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) info: Option<Info>,
}

/// The wish for a part of a blob. A size of 0 is all of it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReadContentRequest {
    #[prost(string, tag = "1")]
    pub(crate) digest: String,
    #[prost(int64, tag = "2")]
    pub(crate) offset: i64,
    #[prost(int64, tag = "3")]
    pub(crate) size: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReadContentResponse {
    /// Counted from the beginning of what was asked for.
    #[prost(int64, tag = "1")]
    pub(crate) offset: i64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) data: Bytes,
}

/// A write that has not ended.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Status {
    #[prost(message, optional, tag = "1")]
    pub(crate) started_at: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub(crate) updated_at: Option<Timestamp>,
    #[prost(string, tag = "3")]
    pub(crate) r#ref: String,
    #[prost(int64, tag = "4")]
    pub(crate) offset: i64,
    #[prost(int64, tag = "5")]
    pub(crate) total: i64,
    #[prost(string, tag = "6")]
    pub(crate) expected: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatusRequest {
    #[prost(string, tag = "1")]
    pub(crate) r#ref: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListStatusesRequest {
    #[prost(string, repeated, tag = "1")]
    pub(crate) filters: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListStatusesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) statuses: Vec<Status>,
}

/// What is to be done to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum WriteAction {
    /// Nothing: how far is it?
    Stat = 0,
    /// Take the data.
    Write = 1,
    /// Take the data, and give the blob its name.
    Commit = 2,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteContentRequest {
    #[prost(enumeration = "WriteAction", tag = "1")]
    pub(crate) action: i32,
    /// What the engine calls the write; in its first message.
    #[prost(string, tag = "2")]
    pub(crate) r#ref: String,
    #[prost(int64, tag = "3")]
    pub(crate) total: i64,
    #[prost(string, tag = "4")]
    pub(crate) expected: String,
    #[prost(int64, tag = "5")]
    pub(crate) offset: i64,
    #[prost(bytes = "bytes", tag = "6")]
    pub(crate) data: Bytes,
    #[prost(map = "string, string", tag = "7")]
    pub(crate) labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteContentResponse {
    #[prost(enumeration = "WriteAction", tag = "1")]
    pub(crate) action: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) started_at: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub(crate) updated_at: Option<Timestamp>,
    #[prost(int64, tag = "4")]
    pub(crate) offset: i64,
    #[prost(int64, tag = "5")]
    pub(crate) total: i64,
    #[prost(string, tag = "6")]
    pub(crate) digest: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AbortRequest {
    #[prost(string, tag = "1")]
    pub(crate) r#ref: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Empty {}

/// The time as the messages have it; the beginning of 1970 for what was before.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        // Less than a thousand million.
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
    }
}
