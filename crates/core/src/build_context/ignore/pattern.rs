//! One pattern of an ignore file.

use std::cell::OnceCell;

use super::expression::Expression;
use super::go_match::{ESCAPES, go_match};
use super::ignore_file::{clean, trim};
use super::translation::{BYTE_ORDER_MARK, Translation, decode, translate};

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
    /// No path can be held against it.
    Bad(BadPattern),
}

/// Why a pattern is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPattern {
    /// A `!` with nothing after it.
    NothingAfterMark,
    /// Such as a class that is not closed, empty or back to front.
    Syntax,
    /// Such as `\pL`. Their tables are large, and what is in them depends on the Go that Docker was built with.
    UnicodeClass,
}

/// A path that patterns are held against.
pub(crate) struct Candidate<'a> {
    path: &'a [u8],
    characters: OnceCell<Vec<u32>>,
}

impl<'a> Candidate<'a> {
    /// `path` is relative to the context, with `/` between its parts.
    pub(crate) fn new(path: &'a [u8]) -> Self {
        Self {
            path,
            characters: OnceCell::new(),
        }
    }

    pub(super) fn path(&self) -> &'a [u8] {
        self.path
    }

    /// The numbers of its characters.
    pub(super) fn characters(&self) -> &[u32] {
        self.characters
            .get_or_init(|| decode(self.path).map(u32::from).collect())
    }
}

impl Pattern {
    /// Reads one cleaned line; `None` where it is empty.
    ///
    /// The rules are those of <https://github.com/moby/patternmatcher/blob/v0.6.1/patternmatcher.go>, which makes regular
    /// expressions of patterns: `\d`, `\b` and the like are what they are there, though nobody may have meant them. One
    /// that cannot be made fails when the first path is held against it, as with Docker, and not here.
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
                Expression::parse(&expression).map_or_else(Shape::Bad, Shape::Expression)
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
    pub(crate) fn matches(&self, candidate: &Candidate<'_>) -> Result<bool, BadPattern> {
        let path = candidate.path;
        Ok(match &self.shape {
            Shape::Exact => path == self.text,
            Shape::Prefix => path.starts_with(&self.text[..self.text.len() - 2]),
            Shape::Suffix => {
                let suffix = &self.text[2..];
                ends_with(path, suffix) || suffix.strip_prefix(b"/") == Some(path)
            }
            Shape::Expression(expression) => expression.matches(candidate),
            Shape::Bad(reason) => return Err(*reason),
        })
    }

    /// The pattern, without its mark.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether some path below `folder` may match; wrong answers are always `true`.
    pub(crate) fn may_match_below(&self, folder: &[u8]) -> bool {
        if matches!(self.shape, Shape::Bad(_)) || self.matches_other_parts() {
            return true;
        }
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

    /// Whether a path may match whose parts differ from those of the text, wildcards apart.
    ///
    /// Next to a `*`, Docker leaves `|` and `{2}` the meaning that they have in regular expressions (its `shouldEscape` is
    /// to take it, and does not), drops a byte order mark, and takes all bytes that are not UTF-8 for the same.
    pub(super) fn matches_other_parts(&self) -> bool {
        let is_marked = |text: &str| text.starts_with(BYTE_ORDER_MARK) || text.contains('\u{fffd}');
        matches!(self.shape, Shape::Expression(_))
            && (self.text.iter().any(|byte| b"|{".contains(byte))
                || str::from_utf8(&self.text).map_or(true, is_marked))
    }

    /// The text without what stands for everything below, where nothing else in it stands for anything: Docker takes it
    /// for the beginning of all that matches.
    ///
    /// <https://github.com/tonistiigi/fsutil/blob/586307ad452f/filter.go> (`patternWithoutTrailingGlob`)
    pub(super) fn beginning(&self) -> Option<&[u8]> {
        let text = self.text.strip_suffix(b"/**").unwrap_or(&self.text);
        let text = text.strip_suffix(b"/*").unwrap_or(text);
        let is_special = |byte| b"*[]?^".contains(byte) || ESCAPES && *byte == b'\\';
        (!text.iter().any(is_special)).then_some(text)
    }
}

/// Compares from the end, where names differ soonest: a hundred patterns against each of a million paths is common.
pub(super) fn ends_with(path: &[u8], suffix: &[u8]) -> bool {
    path.len() >= suffix.len()
        && std::iter::zip(path.iter().rev(), suffix.iter().rev()).all(|(left, right)| left == right)
}
