//! The registries of the images in question, and where their credentials would come from.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::{CredentialOrigin, Credentials, Problem, RegistryFacts};
use crate::credentials::{Keychain, Origin, Registry, SettingsFile};
use crate::error::ErrorKind;
use crate::reference::Reference;
use crate::text::clean_line;

const HELPER_HINT: &str = "put the program on the PATH, or take it out of `credsStore` and `credHelpers` in that file and log in again";

/// One entry for each registry; where its repositories have credentials from several places, one for each of those.
pub(super) async fn look_up(images: &[Reference], keychain: &Keychain) -> Vec<RegistryFacts> {
    let mut all: Vec<RegistryFacts> = Vec::new();
    for image in images {
        let registry = Registry::at(image.registry());
        let origin = keychain.origin_for(&registry, image.repository()).await;
        let facts = RegistryFacts {
            registry: registry.to_string(),
            images: vec![image.to_string()],
            credentials: credentials(&registry, origin, keychain).await,
        };
        let mut known = all.iter_mut();
        let is_same = |known: &&mut RegistryFacts| {
            known.registry == facts.registry && known.credentials == facts.credentials
        };
        match known.find(is_same) {
            Some(known) if known.images.contains(&facts.images[0]) => {}
            Some(known) => known.images.extend(facts.images),
            None => all.push(facts),
        }
    }
    all
}

async fn credentials(
    registry: &Registry,
    origin: Option<Origin>,
    keychain: &Keychain,
) -> Credentials {
    let from = |origin| Credentials {
        origin,
        helper: None,
        file: None,
        problem: None,
    };
    match origin {
        None => from(CredentialOrigin::Nobody),
        Some(Origin::Caller) => from(CredentialOrigin::Option),
        Some(Origin::Variable) => from(CredentialOrigin::Variable),
        Some(Origin::File(file)) => Credentials {
            file: Some(shown(file.path())),
            ..from(match file {
                SettingsFile::Docker(_) => CredentialOrigin::DockerConfig,
                SettingsFile::Podman(_) => CredentialOrigin::PodmanAuth,
            })
        },
        Some(Origin::Helper { name, file }) => {
            let problem = keychain.helper_problem(&name).await;
            let is_name = Keychain::is_helper_name(&name);
            let helper = is_name.then(|| format!("docker-credential-{name}"));
            let path = shown(file.path());
            let asked = match &helper {
                Some(helper) => format!("`{helper}`, which `{path}` names"),
                None => format!("the helper that `{path}` names"),
            };
            Credentials {
                problem: problem.map(|reason| Problem {
                    code: ErrorKind::CredentialHelper.code().to_owned(),
                    message: format!(
                        "cannot get the credentials for `{registry}` from {asked}: {reason}"
                    ),
                    hint: Some(HELPER_HINT.to_owned()),
                }),
                helper,
                file: Some(path),
                ..from(CredentialOrigin::Helper)
            }
        }
    }
}

fn shown(path: &Path) -> String {
    clean_line(&path.to_string_lossy()).into_owned()
}
