//! Request targets with an escaped query.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A path and its query.
pub(super) struct Target {
    text: String,
    separator: char,
}

impl Target {
    /// A target without a query. `path` must be a literal, or made of validated parts.
    pub(super) fn new(path: impl Into<String>) -> Self {
        Self {
            text: path.into(),
            separator: '?',
        }
    }

    /// Adds `key=value`.
    pub(super) fn pair(mut self, key: &str, value: &str) -> Self {
        let value = utf8_percent_encode(value, ESCAPED);
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, "{}{key}={value}", self.separator);
        self.separator = '&';
        self
    }

    /// Adds `key=value` where there is a value.
    pub(super) fn optional(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.pair(key, value),
            None => self,
        }
    }

    /// The whole target.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out_of_their_place() {
        let target = Target::new("/build")
            .pair("t", "a/b:1")
            .pair("q", "x&y=z#?+% ä")
            .optional("none", None);
        assert_eq!(
            target.as_str(),
            "/build?t=a%2Fb%3A1&q=x%26y%3Dz%23%3F%2B%25%20%C3%A4"
        );
    }
}
