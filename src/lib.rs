//! The binding: what JavaScript may call, as conversions only. The library `shipway-core` does the work; `index.js`
//! checks the options, wires the signal, guards the listener and makes the errors.

pub mod build_image;
mod build_request;
pub mod check_build;
mod delivery;
pub mod diagnose;
mod display;
pub mod ensure_image;
pub mod facts;
pub mod failure;
pub mod inspect_image;
mod mailbox;
pub mod operation;
pub mod options;
mod pending;
pub mod places;
pub mod progress;
pub mod pull_image;
pub mod results;
mod runtime;
pub mod teardown;
