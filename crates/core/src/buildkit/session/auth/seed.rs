//! What a client is known by to engines, beside nothing at all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::credentials::{Credentials, Found};
use crate::error::{Error, ErrorKind, Result};

/// What the seeds of this process are made of. An engine uses a token again for whoever has the same seed, so that it must
/// last longer than a call.
static PROCESS: OnceLock<[u8; 32]> = OnceLock::new();

/// The seeds of a session.
#[derive(Default)]
pub(super) struct Seeds(OnceCell<BTreeMap<String, Vec<u8>>>);

/// An entry of the file in which `docker` keeps its seeds
/// (<https://github.com/moby/buildkit/blob/v0.25.2/session/auth/authprovider/tokenseed.go>).
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "Seed")]
    seed: String,
}

impl Seeds {
    /// The seed of those who have `found` for `host` and for what is below it; empty for those who have nothing, so that all of
    /// them are one.
    ///
    /// Who uses the credentials of `docker` is known as it is, where its file in `folder` says how: an engine then uses its
    /// tokens for us, and ours for it. The file is only read. Any other credentials have a seed of their own, because two
    /// callers in one process must not get each other's tokens.
    pub(super) async fn of(
        &self,
        host: &str,
        found: &[Found],
        folder: Option<&Path>,
    ) -> Result<Vec<u8>> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        if found.iter().all(|found| found.origin.is_dockers()) {
            let file = self.0.get_or_init(|| read(folder)).await;
            if let Some(seed) = file.get(host) {
                return Ok(seed.clone());
            }
        }
        let credentials = found.iter().map(|found| &found.credentials);
        Ok(derive(process_seed()?, host, credentials))
    }
}

/// The seeds in the file; none where it cannot be read.
async fn read(folder: Option<&Path>) -> BTreeMap<String, Vec<u8>> {
    let Some(folder) = folder else {
        return BTreeMap::new();
    };
    let content = tokio::fs::read(folder.join(".token_seed")).await;
    let entries = serde_json::from_slice(&content.unwrap_or_default());
    let entries: BTreeMap<String, Entry> = entries.unwrap_or_default();
    let seeds = entries
        .into_iter()
        .filter_map(|(host, entry)| Some((host, STANDARD.decode(entry.seed).ok()?)));
    seeds.filter(|(_, seed)| !seed.is_empty()).collect()
}

fn process_seed() -> Result<&'static [u8; 32]> {
    if let Some(seed) = PROCESS.get() {
        return Ok(seed);
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        Error::new(ErrorKind::Internal, "the system gives no random numbers").with_source(error)
    })?;
    Ok(PROCESS.get_or_init(|| seed))
}

/// One seed for each host and credentials, from which neither can be found.
fn derive<'a>(
    process: &[u8],
    host: &str,
    credentials: impl Iterator<Item = &'a Credentials>,
) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, process));
    let mut add = |part: &str| {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part.as_bytes());
    };
    add(host);
    for credentials in credentials {
        let (kind, username, secret) = match credentials {
            Credentials::Password { username, password } => {
                ("password", username.as_str(), password)
            }
            Credentials::IdentityToken(token) => ("identity", "", token),
            Credentials::RegistryToken(token) => ("registry", "", token),
        };
        for part in [kind, username, secret.reveal()] {
            add(part);
        }
    }
    context.sign().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Origin;

    fn found(username: &str, origin: Origin) -> Found {
        Found {
            credentials: Credentials::password(username, "pw"),
            origin,
        }
    }

    async fn seed(host: &str, found: &[Found], folder: Option<&Path>) -> Vec<u8> {
        Seeds::default().of(host, found, folder).await.unwrap()
    }

    #[tokio::test]
    async fn those_without_credentials_are_one() {
        assert!(seed("h.example", &[], None).await.is_empty());
    }

    #[tokio::test]
    async fn the_same_credentials_for_a_host_have_the_same_seed_in_every_call() {
        let ada = [found("ada", Origin::Caller)];
        let one = seed("h.example", &ada, None).await;
        assert_eq!(seed("h.example", &ada, None).await, one);
        assert_ne!(seed("o.example", &ada, None).await, one);
        let bob = [found("bob", Origin::Caller)];
        assert_ne!(seed("h.example", &bob, None).await, one);
        let both = [ada, bob].concat();
        assert_ne!(seed("h.example", &both, None).await, one);
    }

    #[tokio::test]
    async fn the_file_of_docker_is_for_what_docker_uses() {
        let folder = tempfile::tempdir().unwrap();
        let file = r#"{"h.example":{"Seed":"c2VlZA=="}}"#;
        let path = folder.path().join(".token_seed");
        std::fs::write(&path, file).unwrap();
        let docker = [found("ada", Origin::Variable)];
        let own = seed("h.example", &docker, Some(folder.path())).await;
        assert_eq!(own, b"seed");
        for (host, found) in [
            ("h.example", [found("ada", Origin::Caller)]),
            ("o.example", docker),
        ] {
            let seed = seed(host, &found, Some(folder.path())).await;
            assert_eq!(seed.len(), 32, "{host}");
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), file);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let docker = [found("ada", Origin::Variable)];
        for content in ["", "nonsense", r#"{"h.example":{"Seed":""}}"#] {
            std::fs::write(folder.path().join(".token_seed"), content).unwrap();
            let seed = seed("h.example", &docker, Some(folder.path())).await;
            assert_eq!(seed.len(), 32, "{content}");
        }
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let derive = |host, username| {
            let credentials = [Credentials::password(username, "pw")];
            derive(&[0; 32], host, credentials.iter())
        };
        assert_ne!(derive("ab", "c"), derive("a", "bc"));
    }
}
