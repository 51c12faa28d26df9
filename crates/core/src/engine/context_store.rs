//! Docker contexts: named endpoints, as `docker context create` stores them. They are read and never written.
//!
//! <https://github.com/docker/cli/blob/v28.5.2/cli/context/store/store.go>

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::endpoint::{Endpoint, TlsSettings};
use crate::build_context::failure::{Reason, shown};
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::text::hex;

/// The context that stands for the environment and the usual places.
pub(crate) const DEFAULT: &str = "default";

/// The contexts in one folder of settings.
pub(crate) struct ContextStore {
    folder: PathBuf,
}

impl ContextStore {
    /// The store in the folder of the settings of `docker`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The context that `docker context use` has chosen. Settings that cannot be read choose none, as for `docker`.
    pub(crate) async fn current(&self) -> Option<String> {
        let config = self.config().await?;
        let name = get(&config, "currentContext")?.as_str()?;
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// The settings of `docker`, where there are any that can be read.
    pub(crate) async fn config(&self) -> Option<Value> {
        let content = tokio::fs::read(self.folder.join("config.json"))
            .await
            .ok()?;
        let mut values = serde_json::Deserializer::from_slice(&content).into_iter::<Value>();
        values.next()?.ok()
    }

    /// Where the engine of a context listens. Errors: `INVALID_OPTION` where there is no such context, where it cannot be
    /// read, and where this library cannot reach such an endpoint.
    pub(crate) async fn endpoint(&self, name: &str) -> Result<Endpoint> {
        if !is_name(name) {
            return Err(refused(
                name,
                "its name is none that `docker context create` takes",
            ));
        }
        let hash = hex(&Sha256::digest(name.as_bytes()));
        let contexts = self.folder.join("contexts");
        let path = contexts.join("meta").join(&hash).join("meta.json");
        let content = tokio::fs::read(&path).await.map_err(|error| {
            let refused = if error.kind() == io::ErrorKind::NotFound {
                refused(name, "there is none of this name")
            } else {
                refused(name, &format!("`{}`: {}", shown(&path), Reason(&error)))
            };
            refused.with_source(error)
        })?;
        let meta: Value = serde_json::from_slice(&content)
            .map_err(|_| refused(name, &format!("`{}` is not JSON", shown(&path))))?;
        let endpoint = get(&meta, "Endpoints").and_then(|endpoints| get(endpoints, "docker"));
        let endpoint =
            endpoint.ok_or_else(|| refused(name, "it has no endpoint of a Docker engine"))?;
        let host = get(endpoint, "Host")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if host.is_empty() {
            return Ok(Endpoint::platform_default());
        }
        let certificates = contexts.join("tls").join(&hash).join("docker");
        let skips_check = get(endpoint, "SkipTLSVerify").and_then(Value::as_bool);
        let tls = TlsSettings {
            // The settings of the environment are those of the default context.
            tcp: has_files(&certificates).await || skips_check == Some(true),
            certificates: Some(certificates),
        };
        Endpoint::parse_with(host, &tls).map_err(|error| {
            let reason = error.message.clone();
            refused(name, &reason).with_source(error)
        })
    }
}

/// A field of an object, whose name Go reads in any case.
pub(super) fn get<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let object = object.as_object()?;
    let mut others = object.iter();
    object.get(name).or_else(|| {
        let (_, value) = others.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    })
}

async fn has_files(folder: &Path) -> bool {
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        if tokio::fs::metadata(folder.join(name)).await.is_ok() {
            return true;
        }
    }
    false
}

/// `^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$`
pub(crate) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.len() > 1
        && text.bytes().next().is_some_and(is_plain)
        && text
            .bytes()
            .all(|byte| is_plain(byte) || b"_.+-".contains(&byte))
}

fn refused(name: &str, reason: &str) -> Error {
    let name: String = name.chars().take(300).collect();
    let message = format!(
        "cannot use the Docker context `{}`: {reason}",
        name.escape_debug()
    );
    Error::new(ErrorKind::InvalidOption, message)
        .with_operation(Operation::Connect)
        .with_hint("`docker context ls` lists the contexts; DOCKER_HOST and the option `engine` come before them")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    struct Store {
        folder: tempfile::TempDir,
        store: ContextStore,
    }

    impl Store {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = ContextStore::new(folder.path().to_owned());
            Self { folder, store }
        }

        /// Writes a context, and returns the folder of its certificates.
        fn add(&self, name: &str, meta: &Value) -> PathBuf {
            let hash = hex(&Sha256::digest(name.as_bytes()));
            let contexts = self.folder.path().join("contexts");
            let folder = contexts.join("meta").join(&hash);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
            let certificates = contexts.join("tls").join(&hash).join("docker");
            fs::create_dir_all(&certificates).unwrap();
            certificates
        }

        async fn shown(&self, name: &str) -> String {
            match self.store.endpoint(name).await {
                Ok(endpoint) => endpoint.to_string(),
                Err(error) => error.message.clone(),
            }
        }
    }

    fn with_host(host: &str) -> Value {
        json!({ "Name": "x", "Metadata": {}, "Endpoints": { "docker": { "Host": host } } })
    }

    #[tokio::test]
    async fn a_context_is_found_under_the_hash_of_its_name() {
        let store = Store::new();
        // As docker 28.5.2 has written it.
        let folder = "b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a";
        let folder = store.folder.path().join("contexts/meta").join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("meta.json"), with_host("unix:///x").to_string()).unwrap();
        assert_eq!(store.shown("remote").await, "unix:///x");
    }

    #[tokio::test]
    async fn an_endpoint_is_tls_where_its_context_has_certificates() {
        let store = Store::new();
        let certificates = store.add("remote", &with_host("tcp://engine:2376"));
        assert_eq!(store.shown("remote").await, "tcp://engine:2376");
        fs::write(certificates.join("ca.pem"), "").unwrap();
        let endpoint = store.store.endpoint("remote").await.unwrap();
        assert_eq!(endpoint.to_string(), "https://engine:2376");
        let Endpoint::Tls {
            certificates: used, ..
        } = endpoint
        else {
            panic!("{endpoint:?}");
        };
        assert_eq!(used, Some(certificates));
        let unchecked =
            json!({ "endpoints": { "docker": { "host": "tcp://e", "skiptlsverify": true } } });
        store.add("unchecked", &unchecked);
        assert_eq!(store.shown("unchecked").await, "https://e:2376");
    }

    #[tokio::test]
    async fn a_context_that_cannot_be_used_is_an_error_that_says_why() {
        let store = Store::new();
        store.add("kubernetes", &json!({ "Endpoints": { "kubernetes": {} } }));
        store.add("ssh", &with_host("ssh://user:hunter2@host"));
        let hash = store.add("broken", &json!({}));
        let meta = hash
            .ancestors()
            .nth(3)
            .unwrap()
            .join("meta")
            .join(hash.parent().unwrap().file_name().unwrap());
        fs::write(meta.join("meta.json"), "{").unwrap();
        for (name, reason) in [
            ("none", "there is none of this name"),
            ("kubernetes", "no endpoint of a Docker engine"),
            ("ssh", "ssh://"),
            ("broken", "is not JSON"),
            ("../x", "its name is none"),
            ("a", "its name is none"),
        ] {
            let error = store.store.endpoint(name).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOption);
            assert!(error.message.contains(reason), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[tokio::test]
    async fn the_current_context_is_that_of_the_settings() {
        let store = Store::new();
        let config = store.folder.path().join("config.json");
        assert_eq!(store.store.current().await, None);
        for (text, current) in [
            (r#"{"currentContext":"remote"}"#, Some("remote")),
            (
                r#"{"auths":{},"CurrentContext":"remote"} x"#,
                Some("remote"),
            ),
            (r#"{"currentContext":""}"#, None),
            ("{", None),
        ] {
            fs::write(&config, text).unwrap();
            assert_eq!(store.store.current().await.as_deref(), current, "{text}");
        }
    }
}
