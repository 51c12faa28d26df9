//! One pattern of an ignore file.

use std::cell::OnceCell;

use super::expression::Expression;
use super::go_match::{ESCAPES, go_match};
use super::ignore_file::{clean, trim};

/// A pattern, ready to be held against paths.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Whether paths that match are taken back in (`!`).
    pub(crate) takes_back: bool,
    text: Vec<u8>,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    /// The path is the text.
    Exact,
    /// The path begins with the text before the closing `**`.
    Prefix,
    /// The path ends with the text after the opening `**`.
    Suffix,
    Expression(Expression),
}

/// Why a pattern is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPattern {
    /// A `!` with nothing after it.
    NothingAfterMark,
    /// Such as a class that is not closed, empty or back to front.
    Syntax,
}

/// A path that patterns are held against.
pub(crate) struct Candidate<'a> {
    path: &'a [u8],
    characters: OnceCell<Vec<char>>,
}

impl<'a> Candidate<'a> {
    /// `path` is relative to the context, with `/` between its parts.
    pub(crate) fn new(path: &'a [u8]) -> Self {
        Self {
            path,
            characters: OnceCell::new(),
        }
    }
}

impl Pattern {
    /// Reads one cleaned line; `None` where it is empty.
    ///
    /// The rules are those of <https://github.com/moby/patternmatcher/blob/v0.6.1/patternmatcher.go>, with one
    /// exception: `\` before a letter or a digit stands for that character, where Docker takes `\d`, `\b` and the like
    /// for regular expressions.
    pub(crate) fn parse(line: &[u8]) -> Result<Option<Self>, BadPattern> {
        let line = trim(line);
        if line.is_empty() {
            return Ok(None);
        }
        let mut text = clean(line);
        let takes_back = text.starts_with(b"!");
        if takes_back {
            text.remove(0);
            if text.is_empty() {
                return Err(BadPattern::NothingAfterMark);
            }
        }
        // Docker holds it against the path `.` and takes what fails on the way for a bad pattern.
        if go_match(&text, b".").is_err() {
            return Err(BadPattern::Syntax);
        }
        let shape = match translate(&text) {
            Translation::Exact => Shape::Exact,
            Translation::Prefix => Shape::Prefix,
            Translation::Suffix => Shape::Suffix,
            Translation::Expression(expression) => {
                Shape::Expression(Expression::parse(&expression).ok_or(BadPattern::Syntax)?)
            }
        };
        Ok(Some(Self {
            takes_back,
            text,
            shape,
        }))
    }

    /// A pattern that takes back exactly `path`, whatever characters it has.
    pub(crate) fn taking_back(path: &[u8]) -> Self {
        Self {
            takes_back: true,
            text: path.to_vec(),
            shape: Shape::Exact,
        }
    }

    /// Whether the path itself matches; its parent folders are the caller's business.
    pub(crate) fn matches(&self, candidate: &Candidate<'_>) -> bool {
        let path = candidate.path;
        match &self.shape {
            Shape::Exact => path == self.text,
            Shape::Prefix => path.starts_with(&self.text[..self.text.len() - 2]),
            Shape::Suffix => {
                let suffix = &self.text[2..];
                path.ends_with(suffix) || suffix.strip_prefix(b"/") == Some(path)
            }
            Shape::Expression(expression) => {
                expression.matches(candidate.characters.get_or_init(|| decode(path).collect()))
            }
        }
    }

    /// Whether some path below `folder` may match; wrong answers are always `true`.
    pub(crate) fn may_match_below(&self, folder: &[u8]) -> bool {
        let is_plain = matches!(self.shape, Shape::Exact);
        let mut parts = self.text.split(|&byte| byte == b'/');
        for name in folder.split(|&byte| byte == b'/') {
            let Some(part) = parts.next() else {
                return false;
            };
            if is_plain || !part.iter().any(|byte| b"*?[]\\^".contains(byte)) {
                if part != name {
                    return false;
                }
            } else if part.windows(2).any(|pair| pair == b"**")
                || part.iter().any(|byte| b"[]\\^".contains(byte))
            {
                // `**` and `[^a]` also match `/`, and a class may hold one: no comparing part by part.
                return true;
            }
        }
        parts.next().is_some()
    }
}

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
/// Classes are not looked at as a whole, as in Docker: `[*]` becomes `[[^/]*]`, and the first `]` closes the class.
pub(crate) fn translate(pattern: &[u8]) -> Translation {
    let mut characters = decode(pattern).peekable();
    // Go's scanner drops a byte order mark in front.
    characters.next_if_eq(&'\u{feff}');
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
            '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => text.extend(['\\', character]),
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
fn decode(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().len();
        chunk
            .valid()
            .chars()
            .chain(std::iter::repeat_n(char::REPLACEMENT_CHARACTER, invalid))
    })
}
