//! The regular expressions that patterns turn into: the part of Go's syntax that they can contain, matched in linear
//! time.
//!
//! <https://github.com/golang/go/blob/go1.26.0/src/regexp/syntax/parse.go>

mod class;
mod parse;
mod run;
mod set;

use set::Set;

use super::pattern::{BadPattern, Candidate, ends_with};

/// An expression that is held against whole paths.
#[derive(Debug)]
pub(super) struct Expression {
    steps: Vec<Step>,
    sets: Vec<Set>,
    /// Whether a match can only begin where the path does.
    is_anchored: bool,
    /// What every path begins with that matches.
    prefix: Vec<u8>,
    /// What every path ends with that matches.
    suffix: Vec<u8>,
}

/// One step on the way to a match. Ways are relative, so that steps are repeated by copying them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// This character.
    Character(u32),
    /// One character of the set with this number.
    One(u32),
    /// Any number of characters of the set with this number.
    Many(u32),
    /// Any number of characters without a line feed, the last one a `/`.
    ThroughSlash,
    /// Nothing, at such a place only.
    At(Place),
    /// Nothing; a way also leads so many steps ahead.
    Ahead(u32),
    /// Nothing; a way also leads so many steps back.
    Back(u32),
    /// The end of an alternative.
    Match,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    End,
    WordBoundary,
    NoWordBoundary,
}

impl Expression {
    /// Reads what `translate` wrote; fails where Go would not compile it.
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        let (steps, sets) = parse::parse(text)?;
        let prefix = match &steps[..] {
            [Step::At(Place::Start), rest @ ..] => rest,
            _ => &[],
        };
        let mut suffix = literal(required_end(&steps).iter().rev());
        suffix.reverse();
        Ok(Self {
            is_anchored: steps.first() == Some(&Step::At(Place::Start)),
            prefix: text_of(&literal(prefix.iter())),
            suffix: text_of(&suffix),
            steps,
            sets,
        })
    }

    /// Whether the path matches.
    pub(super) fn matches(&self, candidate: &Candidate<'_>) -> bool {
        // Most paths fail here, which costs next to nothing.
        ends_with(candidate.path(), &self.suffix)
            && candidate.path().starts_with(&self.prefix)
            && self.run(candidate.characters())
    }
}

/// The last steps, as far as every match goes through them, where it ends with the path.
fn required_end(steps: &[Step]) -> &[Step] {
    let [before @ .., Step::At(Place::End), Step::Match] = steps else {
        return &[];
    };
    if before.contains(&Step::Match) {
        return &[];
    }
    let landings = steps
        .iter()
        .enumerate()
        .filter_map(|(index, step)| match step {
            Step::Ahead(ahead) => Some(index + *ahead as usize),
            _ => None,
        });
    before.get(landings.max().unwrap_or(0)..).unwrap_or(&[])
}

/// The characters that `steps` begin with. U+FFFD is none of them: it also stands for any byte that is not UTF-8.
fn literal<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<char> {
    let character = |step: &Step| match step {
        Step::Character(character) => {
            char::from_u32(*character).filter(|&character| character != char::REPLACEMENT_CHARACTER)
        }
        _ => None,
    };
    steps.map_while(character).collect()
}

fn text_of(characters: &[char]) -> Vec<u8> {
    characters.iter().collect::<String>().into_bytes()
}
