//! Parts of results and of failures.

use std::time::Duration;

use napi_derive::napi;
use shipway_core::progress;

/// One try at one source.
#[napi(object, object_from_js = false)]
pub struct Attempt {
    /// Canonical reference that was asked for.
    pub reference: String,
    /// Registry host.
    pub registry: String,
    /// Number of the try at this source, from 1.
    pub attempt: u32,
    /// Why it failed.
    pub code: Option<String>,
    /// What happened.
    pub message: Option<String>,
    /// Time from the request to its end, in milliseconds.
    pub duration_ms: i64,
    /// Wait before the next try at the same source, in milliseconds.
    pub delay_ms: Option<i64>,
}

/// Something that does not stop the work but should be known.
#[napi(object, object_from_js = false)]
pub struct Warning {
    /// Stable name.
    pub code: String,
    /// One line.
    pub message: String,
    /// Page that explains it.
    pub url: Option<String>,
    /// First line of the Dockerfile that it is about, from 1.
    pub start_line: Option<u32>,
    /// Last line of the Dockerfile that it is about, from 1.
    pub end_line: Option<u32>,
}

impl From<progress::Warning> for Warning {
    fn from(warning: progress::Warning) -> Self {
        let progress::Warning {
            code,
            message,
            url,
            start_line,
            end_line,
        } = warning;
        Self {
            code,
            message,
            url,
            start_line,
            end_line,
        }
    }
}

pub(crate) fn to_attempts(attempts: Vec<shipway_core::Attempt>) -> Vec<Attempt> {
    let convert = |attempt: shipway_core::Attempt| Attempt {
        reference: attempt.reference,
        registry: attempt.registry,
        attempt: attempt.attempt,
        code: attempt.code.map(|kind| kind.code().to_owned()),
        message: attempt.message,
        duration_ms: number(attempt.duration_ms),
        delay_ms: attempt.delay_ms.map(number),
    };
    attempts.into_iter().map(convert).collect()
}

/// Whole milliseconds of `duration`.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// napi makes a JavaScript number of an `i64`, and a bigint of a `u64`.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
