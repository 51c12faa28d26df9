//! What this machine is known by to builders, so that what it has sent before need not be sent again.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::environment::Environment;
use crate::text::hex;

/// Longest name that is taken from buildx, whose own have 16 bytes.
const NAME_BYTES: usize = 64;

/// The name that buildx has given to this machine, where it has; else one that is made of the home folder.
///
/// <https://github.com/docker/buildx/blob/v0.29.1/util/confutil/config.go> (`TryNodeIdentifier`)
pub(crate) async fn node(environment: &Environment) -> String {
    if let Some(folder) = environment.buildx_folder()
        && let Ok(name) = tokio::fs::read_to_string(folder.join(".buildNodeID")).await
        && is_name(&name)
    {
        return name;
    }
    made_of(environment.home.as_deref())
}

/// It becomes a header.
fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn made_of(home: Option<&Path>) -> String {
    let home = home.map(|home| home.as_os_str().as_encoded_bytes());
    let hash = Sha256::digest([b"shipway:", home.unwrap_or_default()].concat());
    hex(&hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_machine_keeps_the_name_that_buildx_gave_it() {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment {
            docker_config: Some(folder.path().to_owned()),
            home: Some("/home/a".into()),
            ..Environment::default()
        };
        let made = node(&environment).await;
        assert_eq!(made.len(), 16);
        assert_eq!(made, node(&environment).await);
        let file = folder.path().join("buildx/.buildNodeID");
        assert!(!file.exists());
        std::fs::create_dir(folder.path().join("buildx")).unwrap();
        std::fs::write(&file, "0123456789abcdef").unwrap();
        assert_eq!(node(&environment).await, "0123456789abcdef");
        for no_name in ["", "a\nb", "é", &"a".repeat(65)] {
            std::fs::write(&file, no_name).unwrap();
            assert_eq!(node(&environment).await, made, "{no_name:?}");
        }
    }

    #[test]
    fn each_home_has_its_own_name() {
        assert_ne!(
            made_of(Some("/home/a".as_ref())),
            made_of(Some("/home/b".as_ref()))
        );
    }
}
