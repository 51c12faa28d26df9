//! What Docker makes of a pattern: a comparison, or a regular expression.

use super::go_match::ESCAPES;

/// In front of a pattern, Go's scanner drops it.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// How a pattern is matched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Translation {
    /// By comparing the whole path.
    Exact,
    /// By comparing its start.
    Prefix,
    /// By comparing its end.
    Suffix,
    /// By this regular expression.
    Expression(String),
}

/// Turns a well-formed pattern into what it is matched with.
///
/// Classes are not looked at as a whole, as in Docker: `[*]` becomes `[[^/]*]`, and the first `]` closes the class. `|`,
/// `{` and `}` keep the meaning that they have in regular expressions.
pub(crate) fn translate(pattern: &[u8]) -> Translation {
    let mut characters = decode(pattern).peekable();
    characters.next_if_eq(&BYTE_ORDER_MARK);
    let mut kind = Translation::Exact;
    let mut text = String::from("^");
    let mut at_start = true;
    let expression = || Translation::Expression(String::new());
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.next_if_eq(&'*').is_some() => {
                characters.next_if_eq(&'/');
                if characters.peek().is_some() {
                    text.push_str("(.*/)?");
                    kind = expression();
                } else if kind == Translation::Exact {
                    kind = Translation::Prefix;
                } else {
                    text.push_str(".*");
                    kind = expression();
                }
                if at_start {
                    kind = Translation::Suffix;
                }
            }
            '*' => {
                text.push_str("[^/]*");
                kind = expression();
            }
            '?' => {
                text.push_str("[^/]");
                kind = expression();
            }
            '.' | '+' | '(' | ')' | '$' => text.extend(['\\', character]),
            '\\' if ESCAPES => {
                text.push('\\');
                text.extend(characters.next());
                kind = expression();
            }
            '[' | ']' => {
                text.push(character);
                kind = expression();
            }
            _ => text.push(character),
        }
        at_start = false;
    }
    if let Translation::Expression(expression) = &mut kind {
        text.push('$');
        *expression = text;
    }
    kind
}

/// The characters of `bytes` as Go sees them: each byte that is not UTF-8 is U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().len();
        chunk
            .valid()
            .chars()
            .chain(std::iter::repeat_n(char::REPLACEMENT_CHARACTER, invalid))
    })
}
