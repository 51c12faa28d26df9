//! `.dockerignore`: which paths of the context stay out, by the rules of
//! <https://github.com/moby/patternmatcher/tree/v0.6.1>.

pub(crate) mod ignore_file;
pub(crate) mod pattern;

pub(crate) mod go_match;

mod expression;

use std::fmt;

use pattern::{BadPattern, Candidate, Pattern};

/// The patterns of an ignore file, in its order: the last one that hits decides.
#[derive(Debug, Default)]
pub(crate) struct IgnoreRules {
    patterns: Vec<Pattern>,
}

/// Which patterns hit a folder or one above it. The empty value is the context folder's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hits(Vec<bool>);

/// What the rules say about one path.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// Whether it stays out.
    pub(crate) excluded: bool,
    /// For the paths below it.
    pub(crate) hits: Hits,
}

/// Why an ignore file is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadIgnoreFile {
    /// Line at fault, from 1.
    line: usize,
    /// What is wrong with it; a line that is too long has none.
    pattern: Option<(BadPattern, Vec<u8>)>,
}

impl fmt::Display for BadIgnoreFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}: ", self.line)?;
        match &self.pattern {
            None => formatter.write_str("longer than 65535 bytes"),
            Some((BadPattern::NothingAfterMark, _)) => {
                formatter.write_str("illegal exclusion pattern `!`")
            }
            Some((BadPattern::Syntax, text)) => {
                write!(
                    formatter,
                    "syntax error in pattern `{}`",
                    text.escape_ascii()
                )
            }
        }
    }
}

impl IgnoreRules {
    /// Reads an ignore file.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, BadIgnoreFile> {
        let lines = ignore_file::read(content).map_err(|line| BadIgnoreFile {
            line,
            pattern: None,
        })?;
        let mut patterns = Vec::with_capacity(lines.len());
        for line in lines {
            match Pattern::parse(&line.pattern) {
                Ok(pattern) => patterns.extend(pattern),
                Err(reason) => {
                    let pattern = Some((reason, line.pattern));
                    return Err(BadIgnoreFile {
                        line: line.number,
                        pattern,
                    });
                }
            }
        }
        Ok(Self { patterns })
    }

    /// Takes patterns that somebody else has read from an ignore file. Fails with the one that is refused.
    pub(crate) fn of_patterns(
        lines: impl IntoIterator<Item = Vec<u8>>,
    ) -> Result<Self, (BadPattern, Vec<u8>)> {
        let mut patterns = Vec::new();
        for line in lines {
            match Pattern::parse(&line) {
                Ok(pattern) => patterns.extend(pattern),
                Err(reason) => return Err((reason, line)),
            }
        }
        Ok(Self { patterns })
    }

    /// Takes `path` back in, whatever the rules so far say.
    pub(crate) fn always_send(&mut self, path: &[u8]) {
        self.patterns.push(Pattern::taking_back(path));
    }

    /// Judges one path; `parent` is what was found for the folder it lies in.
    pub(crate) fn judge(&self, path: &[u8], parent: &Hits) -> Verdict {
        let candidate = Candidate::new(path);
        let mut excluded = false;
        let mut hits = vec![false; self.patterns.len()];
        for (index, pattern) in self.patterns.iter().enumerate() {
            let inherited = parent.0.get(index).copied().unwrap_or(false);
            // A pattern that could change nothing is not asked, and then it is no hit for the paths below either:
            // the outcome of Docker's `MatchesUsingParentResults` depends on it.
            if inherited || (pattern.takes_back == excluded && pattern.matches(&candidate)) {
                hits[index] = true;
                excluded = !pattern.takes_back;
            }
        }
        Verdict {
            excluded,
            hits: Hits(hits),
        }
    }

    /// Whether an excluded folder has to be entered, because something below it may be taken back in.
    pub(crate) fn may_send_below(&self, folder: &[u8]) -> bool {
        self.patterns
            .iter()
            .any(|pattern| pattern.takes_back && pattern.may_match_below(folder))
    }

    /// Whether something below a folder that does not match may match.
    pub(crate) fn may_match_below(&self, folder: &[u8]) -> bool {
        self.patterns
            .iter()
            .any(|pattern| !pattern.takes_back && pattern.may_match_below(folder))
    }
}
