//! One try at one source, as results and errors report it.

use serde::Serialize;

use crate::error::ErrorKind;

/// One request to one source, finished.
///
/// A failed attempt carries `code` and `message`; the attempt that served the image carries neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Canonical reference that was asked for, such as `ghcr.io/acme/app:1.4`.
    pub reference: String,
    /// Registry host, with the port where one was given; Docker Hub is `docker.io`.
    pub registry: String,
    /// Number of this try at this source, from 1.
    pub attempt: u32,
    /// Why it failed; absent on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorKind>,
    /// What happened, in one line; absent on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Time from the request to its end, in milliseconds.
    pub duration_ms: u64,
    /// Wait before the next try at the same source, in milliseconds; absent where none followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}
