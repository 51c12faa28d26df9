//! What the engine's messages mean. Pure: frames in, events out.

mod build;
mod layer;
mod lines;
mod message;
mod pull;
mod push;

pub use build::BuildDecoder;
pub use message::Message;
pub use pull::PullDecoder;
pub use push::PushDecoder;

use crate::progress::ProgressEvent;
use crate::text::{clean_line, redact_urls};

/// What one message comes to.
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// In the order in which they happened.
    pub events: Vec<ProgressEvent>,
    /// Whether the work came on: a message that repeats the one before it does not count.
    pub moved: bool,
}

/// A failure that the engine reports in its stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The engine's words, raw.
    pub message: String,
    /// Exit code of the failed build step, where the engine gives it as a number.
    pub exit_code: Option<i64>,
    /// The build step that failed.
    pub step: Option<String>,
    /// The last whole, clean lines of the build's log, oldest first.
    pub log_tail: Vec<String>,
}

/// The engine's words on one line, without control sequences and without the secrets of URLs.
fn told(text: &str) -> String {
    redact_urls(&clean_line(text)).into_owned()
}
