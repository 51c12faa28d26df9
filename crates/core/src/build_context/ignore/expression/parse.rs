//! Reads expressions.

use super::class::{class, escaped_character, escaped_class};
use super::set::Set;
use super::{Place, Step};
use crate::build_context::ignore::pattern::BadPattern;

/// Most steps of an expression. Go refuses what needs more memory than so many of its instructions.
const STEPS_LIMIT: usize = (128 << 20) / 40;

/// Most copies that a repetition makes, together with those in it.
const COPIES_LIMIT: u32 = 1000;

/// The steps of an expression that `translate` wrote, and the sets of characters that they name.
///
/// All is known here that Go gives a meaning to, save groups: the only ones stand for `**`.
pub(super) fn parse(text: &str) -> Result<(Vec<Step>, Vec<Set>), BadPattern> {
    let mut reader = Reader::default();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let before = rest;
        rest = &rest[character.len_utf8()..];
        let was_repeated = std::mem::take(&mut reader.is_repeated);
        match character {
            '^' => reader.add(Step::At(Place::Start)),
            '$' => reader.add(Step::At(Place::End)),
            '|' => reader.end_alternative(),
            '(' => {
                rest = rest.strip_prefix(".*/)?").ok_or(BadPattern::Syntax)?;
                reader.begin_atom();
                reader.steps.extend([Step::Ahead(2), Step::ThroughSlash]);
                reader.is_repeated = true;
            }
            '.' => {
                rest = rest.strip_prefix('*').ok_or(BadPattern::Syntax)?;
                let line_feed = u32::from('\n');
                reader.add_many(Set::new(vec![(line_feed, line_feed)], true));
            }
            '[' => {
                let (set, after) = class(rest)?;
                let after_star = after.strip_prefix('*');
                rest = after_star.unwrap_or(after);
                if after_star.is_some() {
                    reader.add_many(set);
                } else {
                    reader.add_one(set);
                }
            }
            '{' => match repetition(rest)? {
                Some(_) if was_repeated => return Err(BadPattern::Syntax),
                Some((bounds, after)) => {
                    rest = after;
                    reader.repeat(bounds)?;
                }
                None => reader.add(Step::Character(character.into())),
            },
            '\\' => rest = reader.escape(before)?,
            _ => reader.add(Step::Character(character.into())),
        }
    }
    reader.steps.push(Step::Match);
    Ok((reader.steps, reader.sets))
}

#[derive(Default)]
struct Reader {
    steps: Vec<Step>,
    sets: Vec<Set>,
    /// Where the current alternative begins.
    alternative: usize,
    /// Where that begins which a repetition repeats.
    atom: Option<usize>,
    /// How often it is repeated already, the innermost repetition first.
    repetitions: Vec<Bounds>,
    /// Whether it ends in a repetition, which no other may follow.
    is_repeated: bool,
}

/// Least and most copies.
type Bounds = (u32, Option<u32>);

impl Reader {
    fn begin_atom(&mut self) {
        self.atom = Some(self.steps.len());
        self.repetitions.clear();
    }

    fn add(&mut self, step: Step) {
        self.begin_atom();
        self.steps.push(step);
    }

    fn add_one(&mut self, set: Set) {
        self.add(Step::One(narrow(self.sets.len())));
        self.sets.push(set);
    }

    fn add_many(&mut self, set: Set) {
        self.add(Step::Many(narrow(self.sets.len())));
        self.sets.push(set);
        self.is_repeated = true;
    }

    fn end_alternative(&mut self) {
        let length = self.steps.len() - self.alternative;
        let next = Step::Ahead(narrow(length + 2));
        self.steps.insert(self.alternative, next);
        self.steps.push(Step::Match);
        self.alternative = self.steps.len();
        self.atom = None;
    }

    /// Reads what begins with a `\`.
    fn escape<'a>(&mut self, text: &'a str) -> Result<&'a str, BadPattern> {
        let place = match text.as_bytes().get(1) {
            Some(b'A') => Place::Start,
            Some(b'z') => Place::End,
            Some(b'b') => Place::WordBoundary,
            Some(b'B') => Place::NoWordBoundary,
            Some(b'Q') => {
                let quoted = &text[2..];
                let (quoted, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                for character in quoted.chars() {
                    self.add(Step::Character(character.into()));
                }
                return Ok(after);
            }
            _ => {
                if let Some((ranges, after)) = escaped_class(text)? {
                    self.add_one(Set::new(ranges, false));
                    return Ok(after);
                }
                let (character, after) = escaped_character(&text[1..])?;
                self.add(Step::Character(character));
                return Ok(after);
            }
        };
        self.add(Step::At(place));
        Ok(&text[2..])
    }

    /// Repeats the last atom.
    fn repeat(&mut self, bounds: Bounds) -> Result<(), BadPattern> {
        let start = self.atom.ok_or(BadPattern::Syntax)?;
        self.repetitions.push(bounds);
        if !self.copies_are_few() {
            return Err(BadPattern::Syntax);
        }
        let copied = self.steps.split_off(start);
        let length = narrow(copied.len());
        let (least, most) = bounds;
        let copies = most.unwrap_or(least).max(1) as usize;
        if start + copies * (copied.len() + 2) > STEPS_LIMIT {
            return Err(BadPattern::Syntax);
        }
        for _ in 0..least {
            self.steps.extend_from_slice(&copied);
        }
        match most {
            Some(most) => {
                for _ in least..most {
                    self.steps.push(Step::Ahead(length + 1));
                    self.steps.extend_from_slice(&copied);
                }
            }
            None if least > 0 => self.steps.push(Step::Back(length)),
            None => {
                self.steps.push(Step::Ahead(length + 2));
                self.steps.extend_from_slice(&copied);
                self.steps.push(Step::Back(length + 1));
            }
        }
        self.is_repeated = true;
        Ok(())
    }

    /// Go's `repeatIsValid`.
    fn copies_are_few(&self) -> bool {
        let mut limit = COPIES_LIMIT;
        if matches!(self.repetitions.last(), Some((0..=1, None | Some(0..=1)))) {
            return true;
        }
        for &(least, most) in self.repetitions.iter().rev() {
            match most.unwrap_or(least) {
                0 if most.is_some() => return true,
                0 => {}
                copies if copies > limit => return false,
                copies => limit /= copies,
            }
        }
        true
    }
}

/// Reads the bounds of a repetition whose `{` has been read; `None` where the `{` is only a character.
fn repetition(text: &str) -> Result<Option<(Bounds, &str)>, BadPattern> {
    let Some((least, after)) = number(text) else {
        return Ok(None);
    };
    let (most, after) = match after.strip_prefix(',') {
        None => (Some(least), after),
        Some(after) if after.starts_with('}') => (None, after),
        Some(after) => match number(after) {
            Some((most, after)) => (Some(most), after),
            None => return Ok(None),
        },
    };
    let Some(after) = after.strip_prefix('}') else {
        return Ok(None);
    };
    if least > COPIES_LIMIT || most.is_some_and(|most| most > COPIES_LIMIT || most < least) {
        return Err(BadPattern::Syntax);
    }
    Ok(Some(((least, most), after)))
}

/// Reads a number without zeros in front.
fn number(text: &str) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = text.split_at(length);
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), after))
}

/// Patterns are shorter than 64 KiB, and repetitions are limited.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
