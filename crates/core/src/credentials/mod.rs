//! Credentials: who has them, and which registry may see which.
//!
//! A registry is given its own credentials and never another's. What is looked up is looked up when a registry asks for it.

mod auth_file;
mod chain;
mod docker_config;
mod header;
mod helper;
mod keychain;
mod origin;
#[cfg(test)]
mod program;
mod registry;
mod settings_file;
mod sources;
mod trouble;
mod value;

pub(crate) use docker_config::{DockerConfig, Spelling};
pub(crate) use header::registry_auth;
use header::registry_config;
pub(crate) use keychain::Found;
pub(crate) use registry::Registry;
pub(crate) use trouble::{Trouble, refuses_login, wants_login};

pub use keychain::Keychain;
pub use origin::{Origin, SettingsFile};
pub use sources::CredentialSources;
pub use value::Credentials;
