//! Credentials as the engine's API takes them: JSON in base64 of the kind that is safe in URLs, padded. An engine that cannot
//! decode them goes on without them (<https://github.com/moby/moby/blob/v28.5.2/api/types/registry/authconfig.go>).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::HeaderValue;
use serde_json::{Map, Value, json};

use super::{Credentials, Registry};

/// The value of `X-Registry-Auth`: the credentials for one registry.
pub(crate) fn registry_auth(registry: &Registry, credentials: &Credentials) -> HeaderValue {
    encode(&auth_config(registry, credentials))
}

/// The value of `X-Registry-Config`: the credentials for several.
pub(super) fn registry_config(all: &[(Registry, Credentials)]) -> HeaderValue {
    let entries = all.iter().map(|(registry, credentials)| {
        (
            registry.key().to_owned(),
            auth_config(registry, credentials),
        )
    });
    encode(&Value::Object(entries.collect::<Map<_, _>>()))
}

fn auth_config(registry: &Registry, credentials: &Credentials) -> Value {
    // Engines with the containerd image store use credentials only where they are for the host that is asked.
    let address = registry.key();
    match credentials {
        Credentials::Password { username, password } => {
            json!({ "username": username, "password": password.reveal(), "serveraddress": address })
        }
        Credentials::IdentityToken(token) => {
            json!({ "identitytoken": token.reveal(), "serveraddress": address })
        }
        Credentials::RegistryToken(token) => {
            json!({ "registrytoken": token.reveal(), "serveraddress": address })
        }
    }
}

fn encode(value: &Value) -> HeaderValue {
    let text = URL_SAFE.encode(value.to_string());
    // Base64 is what a header may hold.
    let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn decoded(value: &HeaderValue) -> Value {
        serde_json::from_slice(&URL_SAFE.decode(value).unwrap()).unwrap()
    }

    #[test]
    fn the_encoding_is_safe_in_urls_and_padded() {
        // In standard base64 these passwords have `+` and `/`, which engines refuse without a word.
        let passwords = ["a?b~c>d?", "~~~~?????>>>>>", "pässwörd", "🔑"];
        for (password, shift) in passwords
            .iter()
            .flat_map(|text| (0..3).map(move |n| (text, n)))
        {
            let password = format!("{}{password}", "x".repeat(shift));
            let registry = Registry::at("ghcr.io");
            let value = registry_auth(&registry, &Credentials::password("ada", &password));
            let text = value.to_str().unwrap();
            assert!(
                !text.contains(['+', '/']) && text.len().is_multiple_of(4),
                "{text}"
            );
            let wanted =
                json!({ "username": "ada", "password": password, "serveraddress": "ghcr.io" });
            assert_eq!(decoded(&value), wanted);
        }
    }

    #[test]
    fn a_token_stands_alone_and_docker_hub_has_its_old_address() {
        let hub = Registry::at("docker.io");
        let address = "https://index.docker.io/v1/";
        let identity = registry_auth(&hub, &Credentials::IdentityToken(Secret::new("i")));
        assert_eq!(
            decoded(&identity),
            json!({ "identitytoken": "i", "serveraddress": address })
        );
        let registry = registry_auth(&hub, &Credentials::RegistryToken(Secret::new("r")));
        assert_eq!(
            decoded(&registry),
            json!({ "registrytoken": "r", "serveraddress": address })
        );
    }

    #[test]
    fn several_are_a_map_by_the_keys_that_docker_has() {
        let all = ["docker.io", "ghcr.io"]
            .map(|host| (Registry::at(host), Credentials::password("ada", "pw")));
        let value = decoded(&registry_config(&all));
        let keys: Vec<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["ghcr.io", "https://index.docker.io/v1/"]);
    }

    #[test]
    fn debug_output_shows_no_header() {
        let value = registry_auth(&Registry::at("a"), &Credentials::password("ada", "pw"));
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
