//! What a build says while it runs: BuildKit's stream of changes as events.
//!
//! The stream tells how a graph changes. Its rules are those of
//! <https://github.com/moby/buildkit/blob/v0.25.2/client/graph.go> and of docker's own display,
//! <https://github.com/moby/buildkit/blob/v0.25.2/util/progress/progressui/display.go>.

mod clock;
mod decoder;
mod details;
mod failures;
mod intervals;
mod layers;
mod message;
mod name;
mod output;
mod rows;
mod step;
mod steps;
#[cfg(test)]
mod tests;
mod warning;

pub(crate) use decoder::StatusDecoder;
pub(crate) use message::StatusResponse;
pub(crate) use steps::Unfinished;
