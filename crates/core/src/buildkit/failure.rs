//! What a failed build says about why.

use tonic::Status;

use super::status::StatusDecoder;
use crate::engine::classify::{self, Stage};
use crate::error::Error;

/// The error of a build that BuildKit gave up with `status`.
pub(crate) fn solve_failed(status: &Status, _decoder: &StatusDecoder) -> Error {
    let kind = classify::classify(Stage::Build, None, status.message());
    let mut error = Error::new(kind, classify::readable(status.message()));
    error.exit_code = classify::exit_code(status.message());
    error
}
