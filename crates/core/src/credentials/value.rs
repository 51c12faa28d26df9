//! The credentials for one registry.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::secret::Secret;
use crate::text::encode;

/// What a registry knows somebody by. `Debug` shows the kind and the user name, never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A user name and a password, or what stands for one, such as a personal access token.
    Password {
        /// Name of the user.
        username: String,
        /// Password.
        password: Secret,
    },
    /// A token that the registry's token server exchanges for short-lived ones: an OAuth refresh token.
    IdentityToken(Secret),
    /// A token that goes to the registry as it is.
    RegistryToken(Secret),
}

impl Credentials {
    /// A user name and a password.
    pub fn password(username: impl Into<String>, password: &str) -> Self {
        Self::Password {
            username: username.into(),
            password: Secret::new(password),
        }
    }

    /// User name and secret, in the way that token servers and BuildKit take them: an identity token has no user name.
    /// `None` for a registry token, which is exchanged for nothing.
    pub(crate) fn login(&self) -> Option<(&str, &Secret)> {
        match self {
            Self::Password { username, password } => Some((username, password)),
            Self::IdentityToken(token) => Some(("", token)),
            Self::RegistryToken(_) => None,
        }
    }

    /// The secret in every dress that it travels in: registries and token servers repeat what they were sent, and engines
    /// repeat that.
    pub(crate) fn disguises(&self) -> Vec<String> {
        let (username, secret) = match self {
            Self::Password { username, password } => (username.as_str(), password.reveal()),
            Self::IdentityToken(token) | Self::RegistryToken(token) => ("", token.reveal()),
        };
        let login = format!("{username}:{secret}");
        let in_form = encode(secret);
        let in_quotes = secret.replace('\\', r"\\").replace('"', r#"\""#);
        let mut disguises = vec![
            secret.to_owned(),
            // Go's way.
            in_form.replace("%20", "+"),
            in_form,
            // Go's way to write JSON.
            in_quotes
                .replace('&', r"\u0026")
                .replace('<', r"\u003c")
                .replace('>', r"\u003e"),
            in_quotes,
        ];
        for text in [login.as_str(), secret] {
            let encodings = [STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD];
            disguises.extend(encodings.iter().map(|encoding| encoding.encode(text)));
        }
        disguises
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_secret() {
        for credentials in [
            Credentials::password("ada", "hunter2"),
            Credentials::IdentityToken(Secret::new("hunter2")),
            Credentials::RegistryToken(Secret::new("hunter2")),
        ] {
            let shown = format!("{credentials:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
