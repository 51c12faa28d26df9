//! Values that must not be shown, wherever an engine or a program repeats them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Shorter values would hide half of a log and protect nobody.
const SHORTEST: usize = 4;

/// A text as long as this may have been cut, and a value at its end with it: engines' words are cut at 2 KiB.
const CUT_BYTES: usize = 2040;

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
    pub fn of_build_args(
        arguments: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
    ) -> Self {
        let mut values = Vec::new();
        for (name, value) in arguments {
            let (name, value) = (name.as_ref().to_ascii_lowercase(), value.as_ref());
            if name
                .split(['_', '-', '.'])
                .any(|part| SECRET_WORDS.contains(&part))
            {
                values.extend(lines_of(value));
            } else if let Some(user_info) = user_info(&name, value) {
                // Programs show the password alone as well, and without its escapes.
                let password = user_info.split_once(':').map(|(_, password)| password);
                let shown = [Some(user_info), password].into_iter().flatten();
                values.extend(shown.flat_map(spellings));
            }
        }
        let mut mask = Self::default();
        mask.add(values);
        mask
    }

    /// Hides these secrets as well.
    #[must_use]
    pub fn and_secrets<'a>(mut self, secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        for secret in secrets {
            let text = String::from_utf8_lossy(secret);
            self.add(lines_of(&text));
        }
        self
    }

    /// Hides more values.
    pub(crate) fn add(&mut self, values: impl IntoIterator<Item = String>) {
        let values = values.into_iter().filter(|value| value.len() >= SHORTEST);
        self.0.extend(values);
        // The longest first: one value may be a part of another.
        self.0
            .sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.0.dedup();
    }

    /// Hides the credentials in the URL of a context as well: its user info, its password alone, and its query, which may
    /// be a signature.
    #[must_use]
    pub fn and_url(mut self, url: &str) -> Self {
        let Some((scheme, rest)) = url.split_once("://") else {
            return self;
        };
        let (place, _fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let authority = place.split('/').next().unwrap_or_default();
        if let Some((user_info, _)) = authority.rsplit_once('@') {
            match user_info.split_once(':') {
                Some((_, password)) => {
                    self.add([user_info, password].into_iter().flat_map(spellings));
                }
                // Over HTTP it may be a token; with ssh it is the name of a user, which is no secret.
                None if scheme.to_ascii_lowercase().starts_with("http") => {
                    self.add(spellings(user_info));
                }
                None => {}
            }
        }
        self.add([query.to_owned()]);
        self
    }

    /// Returns the text with `***` in place of each value, and of the beginning of one where the text was cut.
    pub fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        if text.len() >= CUT_BYTES {
            let begun = |value: &String| begun_at_end(text, value);
            if let Some(length) = self.0.iter().filter_map(begun).max() {
                masked = Cow::Owned(format!("{}***", &text[..text.len() - length]));
            }
        }
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

/// How much of the beginning of `value`, but not all of it, is at the end of `text`.
fn begun_at_end(text: &str, value: &str) -> Option<usize> {
    let lengths = (SHORTEST..value.len()).rev();
    let mut lengths = lengths.filter(|length| value.is_char_boundary(*length));
    lengths.find(|length| text.ends_with(&value[..*length]))
}

/// A value line by line: a step prints lines.
fn lines_of(value: &str) -> impl Iterator<Item = String> {
    let lines = value.lines().map(str::trim);
    lines.take(SECRET_LINES).map(str::to_owned)
}

/// A part of a URL, as it is and without its escapes.
fn spellings(part: &str) -> [String; 2] {
    let plain = percent_decode_str(part).decode_utf8_lossy();
    [part.to_owned(), plain.into_owned()]
}

/// The user info of a URL, and of a proxy that is written without a scheme.
fn user_info<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let rest = match value.split_once("://") {
        Some((_, rest)) => rest,
        None if name.ends_with("_proxy") => value,
        None => return None,
    };
    Some(rest.rsplit_once('@')?.0)
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
    fn a_secret_that_ends_with_a_line_end_or_has_many_is_hidden() {
        for value in [
            "hunter2\n",
            "  hunter2\r\n",
            "BEGIN KEY\nhunter2\nEND KEY\n",
        ] {
            assert_eq!(
                masked("TOKEN", value, "a hunter2 b"),
                "a *** b",
                "{value:?}"
            );
        }
    }

    #[test]
    fn the_beginning_of_a_value_is_hidden_at_the_end_of_a_text_that_was_cut() {
        let mut mask = Mask::default();
        mask.add(["hünter2".to_owned()]);
        let long = "x".repeat(CUT_BYTES);
        for (end, shown) in [("hünt", "***"), ("hünter", "***"), ("hü", "hü")] {
            assert_eq!(
                mask.apply(&format!("{long}{end}")),
                format!("{long}{shown}")
            );
            assert_eq!(mask.apply(end), end);
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
    fn the_credentials_of_a_context_are_hidden() {
        let table = [
            (
                "https://name:hunter2@host/r.git#main",
                "a name:hunter2@host hunter2 name",
                "a ***@host *** name",
            ),
            (
                "https://ghp_token@host/r.git",
                "https://ghp_token@host",
                "https://***@host",
            ),
            (
                "https://host/c.tar?signature=abc#x",
                "Get c.tar?signature=abc",
                "Get c.tar?***",
            ),
            ("https://a:b%40cd@host/r.git", "b@cd, b%40cd", "***, ***"),
            ("ssh://deploy@host/r.git", "deploy", "deploy"),
            ("git@host:r.git", "git@host:r.git", "git@host:r.git"),
        ];
        for (url, text, expected) in table {
            assert_eq!(Mask::default().and_url(url).apply(text), expected, "{url}");
        }
    }

    #[test]
    fn the_user_info_of_a_proxy_is_hidden() {
        let proxy = "http://user:hunter2@proxy:3128";
        assert_eq!(masked("http_proxy", proxy, proxy), "http://***@proxy:3128");
        let proxy = "user:hunter2@proxy:3128";
        assert_eq!(masked("HTTP_PROXY", proxy, proxy), "***@proxy:3128");
        let proxy = "http://user:hunter%40@proxy:3128";
        for said in ["user:hunter%40", "user:hunter@", "hunter%40", "hunter@"] {
            assert_eq!(
                masked("ALL_PROXY", proxy, said).replace("user:", ""),
                "***",
                "{said}"
            );
        }
    }
}
