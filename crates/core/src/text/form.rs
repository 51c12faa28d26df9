//! Pairs as forms and queries have them.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Text, escaped.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// `a=b&c=d`, escaped.
pub(crate) fn encode_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        let value = utf8_percent_encode(value, ESCAPED);
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{name}={value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_break_out_of_their_place() {
        let pairs = [("a", "b c&d=e"), ("p", "pä+~?>")];
        assert_eq!(encode_pairs(pairs), "a=b%20c%26d%3De&p=p%C3%A4%2B~%3F%3E");
    }
}
