//! Gets a container image ready: finds it, pulls it from the first registry that has it, or builds it, and tells the
//! caller everything while it waits.

pub mod attempt;
pub mod error;
pub mod progress;
pub mod reference;
pub mod platform;
pub mod text;

pub use attempt::Attempt;
pub use error::{Error, ErrorKind, Result};
