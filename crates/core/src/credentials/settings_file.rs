//! Files of settings in JSON, read in such a way that nothing of them is ever quoted.

use std::io::ErrorKind::{NotADirectory, NotFound};
use std::path::Path;

use serde::de::DeserializeOwned;

/// Reads a file. No file is an empty one; an `Err` says what is wrong.
pub(super) async fn read<T: Default + DeserializeOwned>(path: &Path) -> Result<T, String> {
    match tokio::fs::read(path).await {
        Ok(content) => parse(&content),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(T::default()),
        Err(error) => Err(error.kind().to_string()),
    }
}

/// Parses the content of a file. As with `docker`, what follows the first value does not matter.
pub(super) fn parse<T: Default + DeserializeOwned>(content: &[u8]) -> Result<T, String> {
    let mut values = serde_json::Deserializer::from_slice(content).into_iter::<T>();
    match values.next() {
        None => Ok(T::default()),
        Some(Ok(value)) => Ok(value),
        // The parser's own words may quote a secret.
        Some(Err(error)) if error.is_data() => {
            Err(format!("line {} is not what it should be", error.line()))
        }
        Some(Err(error)) => Err(format!("line {} is not JSON", error.line())),
    }
}
