//! Secrets of a build.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a secret comes from. It is read when a step asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file of this machine.
    File(PathBuf),
    /// The value itself.
    Value(SecretValue),
}

/// A value that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Arc<[u8]>);

impl SecretValue {
    /// Keeps `value`.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(value.into().into())
    }

    /// The value.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("redacted")
    }
}
