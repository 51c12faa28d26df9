//! Secrets of a build.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use crate::build_context::disk::{Disk, Files as _, Kind};
use crate::build_context::failure::{Reason, shown};
use crate::error::{Error, ErrorKind, Result};

/// Largest secret that BuildKit takes
/// (<https://github.com/moby/buildkit/blob/v0.25.2/session/secrets/secretsprovider/secretsprovider.go>).
const LIMIT_BYTES: usize = 500 * 1024;

/// Where a secret comes from. A file is read when the build begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file of this machine.
    File(PathBuf),
    /// The value itself.
    Value(SecretValue),
}

/// Reads every secret. Fails with `INVALID_OPTION` where one cannot be read or is too long.
pub(crate) async fn read_all(
    sources: &BTreeMap<String, SecretSource>,
) -> Result<BTreeMap<String, SecretValue>> {
    let mut secrets = BTreeMap::new();
    for (id, source) in sources {
        let refused = |reason: String| {
            let message = format!("cannot read the secret `{}`: {reason}", id.escape_debug());
            Error::new(ErrorKind::InvalidOption, message)
        };
        let value = match source {
            SecretSource::Value(value) => value.clone(),
            SecretSource::File(path) => {
                let content = read(path.clone()).await.map_err(|error| {
                    refused(format!("`{}`: {}", shown(path), Reason(&error))).with_source(error)
                })?;
                SecretValue::new(content)
            }
        };
        if value.reveal().len() > LIMIT_BYTES {
            return Err(refused("it is longer than 500 KiB".to_owned()));
        }
        secrets.insert(id.clone(), value);
    }
    Ok(secrets)
}

/// Reads a file, and no more of it than shows that it is too long.
async fn read(path: PathBuf) -> io::Result<Vec<u8>> {
    let work = move || {
        // Where it is a link, what that leads to: secrets are mounted as links.
        let file = Disk.open(&std::fs::canonicalize(path)?)?;
        if file.facts.kind != Kind::File {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut content = Vec::new();
        let mut limited = file.content.take(LIMIT_BYTES as u64 + 1);
        limited.read_to_end(&mut content)?;
        Ok(content)
    };
    tokio::task::spawn_blocking(work).await?
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_one(source: SecretSource) -> Result<SecretValue> {
        let mut secrets = read_all(&BTreeMap::from([("id".to_owned(), source)])).await?;
        Ok(secrets.remove("id").unwrap())
    }

    #[tokio::test]
    async fn a_file_is_read_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "line\n\0").unwrap();
        let secret = read_one(SecretSource::File(file.path().to_owned()))
            .await
            .unwrap();
        assert_eq!(secret.reveal(), b"line\n\0");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_is_followed_and_what_could_go_on_for_ever_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, long] = ["file", "link", "long"].map(|name| folder.path().join(name));
        std::fs::write(&file, "value").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        let secret = read_one(SecretSource::File(link)).await.unwrap();
        assert_eq!(secret.reveal(), b"value");
        let reason = async |path: &std::path::Path| {
            let error = read_one(SecretSource::File(path.to_owned()))
                .await
                .unwrap_err();
            error.message.clone()
        };
        let zeros = std::path::Path::new("/dev/zero");
        assert!(reason(zeros).await.ends_with("it is not a regular file"));
        // 1 TiB, of which nothing is on the disk.
        std::fs::File::create(&long)
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        assert!(reason(&long).await.ends_with("it is longer than 500 KiB"));
    }

    #[tokio::test]
    async fn what_cannot_be_read_or_is_too_long_is_refused_by_its_name_alone() {
        let missing = SecretSource::File("/there/is/no/such/file".into());
        let long = SecretSource::Value(SecretValue::new(vec![b'x'; LIMIT_BYTES + 1]));
        for source in [missing, long] {
            let error = read_one(source).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOption);
            assert!(
                error.message.starts_with("cannot read the secret `id`: "),
                "{error}"
            );
            assert!(!format!("{error:?}").contains("xxxx"));
        }
    }

    #[test]
    fn debug_output_does_not_show_a_value() {
        let source = SecretSource::Value(SecretValue::new("hunter2"));
        assert_eq!(format!("{source:?}"), "Value(redacted)");
    }
}
