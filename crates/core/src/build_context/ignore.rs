//! `.dockerignore`: which paths of the context stay out, by the rules of
//! <https://github.com/moby/patternmatcher/tree/v0.6.1>.

pub(crate) mod go_match;
pub(crate) mod ignore_file;
pub(crate) mod pattern;
pub(crate) mod translation;

mod expression;

use std::path::{Path, PathBuf};

use super::failure::invalid;
use crate::error::{Error, Result};
use pattern::{BadPattern, Candidate, Pattern};

/// The patterns of an ignore file, in its order: the last one that hits decides.
#[derive(Debug, Default)]
pub(crate) struct IgnoreRules {
    patterns: Vec<Pattern>,
    /// The line of each pattern, from 1, where they were read from an ignore file.
    lines: Vec<usize>,
    /// What is at fault where a pattern is.
    place: PathBuf,
}

/// Which patterns hit a folder or one above it, one bit each. The empty value is the context folder's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hits(Box<[u64]>);

/// What the rules say about one path.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// Whether it stays out.
    pub(crate) excluded: bool,
    /// For the paths below it.
    pub(crate) hits: Hits,
}

impl IgnoreRules {
    /// Reads the ignore file `place`.
    pub(crate) fn parse(content: &[u8], place: &Path) -> Result<Self> {
        let mut rules = Self {
            place: place.to_owned(),
            ..Self::default()
        };
        let lines = ignore_file::read(content)
            .map_err(|line| invalid(place, format_args!("line {line}: longer than 65535 bytes")))?;
        for line in lines {
            rules.add(&line.pattern, Some(line.number))?;
        }
        Ok(rules)
    }

    /// Takes patterns that somebody else has read from an ignore file, for the folder `place`.
    pub(crate) fn of_patterns(
        patterns: impl IntoIterator<Item = Vec<u8>>,
        place: &Path,
    ) -> Result<Self> {
        let mut rules = Self {
            place: place.to_owned(),
            ..Self::default()
        };
        for pattern in patterns {
            rules.add(&pattern, None)?;
        }
        Ok(rules)
    }

    /// Takes `path` back in, whatever the rules so far say.
    pub(crate) fn always_send(&mut self, path: &[u8]) {
        self.patterns.push(Pattern::taking_back(path));
    }

    /// Judges one path; `parent` is what was found for the folder it lies in. Only for folders, hits are kept.
    ///
    /// Fails with `CONTEXT_INVALID` where a pattern that has to be asked makes no sense.
    pub(crate) fn judge(&self, path: &[u8], is_folder: bool, parent: &Hits) -> Result<Verdict> {
        let mut hits = Hits::default();
        if is_folder {
            hits.0 = vec![0; self.patterns.len().div_ceil(64)].into();
        }
        let candidate = Candidate::new(path);
        let mut excluded = false;
        for (index, pattern) in self.patterns.iter().enumerate() {
            // A pattern that could change nothing is not asked, and then it is no hit for the paths below either:
            // the outcome of Docker's `MatchesUsingParentResults` depends on it.
            let is_hit = parent.has(index)
                || pattern.takes_back == excluded
                    && pattern
                        .matches(&candidate)
                        .map_err(|reason| self.bad_pattern(reason, pattern.text(), index))?;
            if is_hit {
                hits.add(index);
                excluded = !pattern.takes_back;
            }
        }
        Ok(Verdict { excluded, hits })
    }

    /// Whether an excluded folder has to be entered, because something below it may be taken back in.
    pub(crate) fn may_send_below(&self, folder: &[u8]) -> bool {
        self.may_hit_below(folder, true)
    }

    /// Whether something below a folder that does not match may match.
    pub(crate) fn may_match_below(&self, folder: &[u8]) -> bool {
        self.may_hit_below(folder, false)
    }

    fn may_hit_below(&self, folder: &[u8], takes_back: bool) -> bool {
        let asked = || {
            let patterns = self.patterns.iter();
            patterns.filter(move |pattern| pattern.takes_back == takes_back)
        };
        // Where Docker is wrong about what may match, what it sends is decided by that.
        if asked().any(Pattern::matches_other_parts)
            && let Some(beginnings) = asked().map(Pattern::beginning).collect::<Option<Vec<_>>>()
        {
            return beginnings.iter().any(|beginning| {
                let rest = beginning.strip_prefix(folder);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
            });
        }
        asked().any(|pattern| pattern.may_match_below(folder))
    }

    fn add(&mut self, text: &[u8], line: Option<usize>) -> Result<()> {
        self.lines.extend(line);
        let pattern = Pattern::parse(text)
            .map_err(|reason| self.bad_pattern(reason, text, self.patterns.len()))?;
        self.patterns.extend(pattern);
        Ok(())
    }

    fn bad_pattern(&self, reason: BadPattern, text: &[u8], index: usize) -> Error {
        let line = self.lines.get(index);
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        let text = text.escape_ascii();
        let reason = match reason {
            BadPattern::NothingAfterMark => "illegal exclusion pattern `!`".to_owned(),
            BadPattern::Syntax => format!("syntax error in pattern `{text}`"),
            BadPattern::UnicodeClass => {
                format!("the Unicode class in pattern `{text}` is not supported")
            }
        };
        invalid(&self.place, format_args!("{line}{reason}")).with_hint(
            "correct the pattern; the syntax is at https://docs.docker.com/build/concepts/context/#syntax",
        )
    }
}

impl Hits {
    fn add(&mut self, index: usize) {
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn has(&self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|word| word & 1 << (index % 64) != 0)
    }
}
