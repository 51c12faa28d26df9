//! Values that must not be shown, wherever an engine or a program repeats them.

use std::borrow::Cow;

/// Shorter values would hide half of a log and protect nobody.
const SHORTEST: usize = 4;

/// Lines of one secret that are hidden: every line of a log is searched for each of them.
const SECRET_LINES: usize = 200;

/// Parts of a build argument's name that say that its value is a secret, as BuildKit's lint has them
/// (<https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/>).
const SECRET_WORDS: &[&str] = &[
    "apikey",
    "auth",
    "credential",
    "credentials",
    "key",
    "password",
    "passwd",
    "pword",
    "secret",
    "token",
];

/// Hides values in texts.
#[derive(Clone, Default)]
pub struct Mask(Vec<String>);

impl Mask {
    /// Hides the values of those build arguments whose names say that they are secrets, and the user info of proxies.
    pub fn of_build_args<'a>(
        arguments: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Self {
        let mut values = Vec::new();
        for (name, value) in arguments {
            let name = name.to_ascii_lowercase();
            if name
                .split(['_', '-', '.'])
                .any(|part| SECRET_WORDS.contains(&part))
            {
                values.push(value.clone());
            } else if let Some((_, rest)) = value.split_once("://")
                && let Some((user_info, _)) = rest.rsplit_once('@')
            {
                values.push(user_info.to_owned());
            }
        }
        Self::of(values)
    }

    /// Hides these secrets as well, line by line: a step prints lines.
    #[must_use]
    pub fn and_secrets<'a>(self, secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut values = self.0;
        for secret in secrets {
            let text = String::from_utf8_lossy(secret);
            let lines = text.lines().map(str::trim);
            values.extend(lines.take(SECRET_LINES).map(str::to_owned));
        }
        Self::of(values)
    }

    fn of(mut values: Vec<String>) -> Self {
        values.retain(|value| value.len() >= SHORTEST);
        // The longest first: one value may be a part of another.
        values.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        values.dedup();
        Self(values)
    }

    /// Returns the text with `***` in place of each value.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for value in &self.0 {
            if masked.contains(value.as_str()) {
                masked = Cow::Owned(masked.replace(value.as_str(), "***"));
            }
        }
        masked
    }

    /// Masks in place.
    pub fn hide(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.apply(text) {
            *text = masked;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn masked(name: &str, value: &str, text: &str) -> String {
        let arguments = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Mask::of_build_args(&arguments).apply(text).into_owned()
    }

    #[test]
    fn values_of_secret_names_are_hidden() {
        for name in ["TOKEN", "NPM_TOKEN", "db-password", "API_KEY", "Auth"] {
            assert_eq!(masked(name, "hunter2", "a hunter2 b"), "a *** b", "{name}");
        }
    }

    #[test]
    fn other_values_and_short_ones_are_shown() {
        assert_eq!(masked("NODE_ENV", "production", "production"), "production");
        assert_eq!(masked("MONKEY", "banana", "banana"), "banana");
        assert_eq!(masked("TOKEN", "x", "xyz"), "xyz");
    }

    #[test]
    fn every_line_of_a_secret_is_hidden() {
        let secret = b"-----BEGIN KEY-----\r\n  aGVsbG8=\n\nab\n";
        let mask = Mask::default().and_secrets([&secret[..]]);
        assert_eq!(mask.apply("got aGVsbG8= ab"), "got *** ab");
        assert_eq!(mask.apply("-----BEGIN KEY-----"), "***");
    }

    #[test]
    fn the_user_info_of_a_proxy_is_hidden() {
        let proxy = "http://user:hunter2@proxy:3128";
        assert_eq!(masked("http_proxy", proxy, proxy), "http://***@proxy:3128");
    }
}
