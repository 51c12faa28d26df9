//! Holds an expression against a path, along all of its ways at once.

use super::{Expression, Place, Step};

impl Expression {
    /// Whether the characters match.
    pub(super) fn run(&self, path: &[u32]) -> bool {
        let mut live = Live::of(self.steps.len());
        let mut next = Live::of(self.steps.len());
        let mut before = None;
        for position in 0..=path.len() {
            let after = path.get(position).copied();
            if (position == 0 || !self.is_anchored) && self.reach(0, before, after, &mut live) {
                return true;
            }
            let Some(character) = after else { break };
            let following = path.get(position + 1).copied();
            for index in 0..live.steps.len() {
                let at = live.steps[index];
                for target in self.targets(at, character) {
                    if self.reach(target, Some(character), following, &mut next) {
                        return true;
                    }
                }
            }
            live.clear();
            std::mem::swap(&mut live, &mut next);
            if live.steps.is_empty() && self.is_anchored {
                break;
            }
            before = after;
        }
        false
    }

    /// Where `character` leads from the step `at`.
    fn targets(&self, at: u32, character: u32) -> impl Iterator<Item = u32> {
        let has = |set: u32| self.sets[set as usize].has(character);
        let (stays, goes_on) = match self.steps[at as usize] {
            Step::Character(literal) => (false, literal == character),
            Step::One(set) => (false, has(set)),
            Step::Many(set) => (has(set), false),
            Step::ThroughSlash => (character != u32::from('\n'), character == u32::from('/')),
            Step::At(_) | Step::Ahead(_) | Step::Back(_) | Step::Match => (false, false),
        };
        [stays.then_some(at), goes_on.then_some(at + 1)]
            .into_iter()
            .flatten()
    }

    /// Makes the step `target` live, and what is reached from it without a character. `true` where that is a match.
    fn reach(&self, target: u32, before: Option<u32>, after: Option<u32>, live: &mut Live) -> bool {
        let mut index = live.steps.len();
        live.add(target);
        while let Some(&at) = live.steps.get(index) {
            match self.steps[at as usize] {
                Step::Match => return true,
                Step::Many(_) => live.add(at + 1),
                Step::At(place) if place.is_between(before, after) => live.add(at + 1),
                Step::Ahead(ahead) => {
                    live.add(at + 1);
                    live.add(at + ahead);
                }
                Step::Back(back) => {
                    live.add(at + 1);
                    live.add(at - back);
                }
                Step::At(_) | Step::Character(_) | Step::One(_) | Step::ThroughSlash => {}
            }
            index += 1;
        }
        false
    }
}

impl Place {
    fn is_between(self, before: Option<u32>, after: Option<u32>) -> bool {
        let is_word = |character: Option<u32>| {
            let byte = character.and_then(|character| u8::try_from(character).ok());
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match self {
            Self::Start => before.is_none(),
            Self::End => after.is_none(),
            Self::WordBoundary => is_word(before) != is_word(after),
            Self::NoWordBoundary => is_word(before) == is_word(after),
        }
    }
}

/// The steps that are live, each of them once.
struct Live {
    steps: Vec<u32>,
    marks: Vec<u64>,
}

impl Live {
    fn of(length: usize) -> Self {
        Self {
            steps: Vec::new(),
            marks: vec![0; length.div_ceil(64)],
        }
    }

    fn add(&mut self, step: u32) {
        let mark = 1 << (step % 64);
        let word = &mut self.marks[step as usize / 64];
        if *word & mark == 0 {
            *word |= mark;
            self.steps.push(step);
        }
    }

    fn clear(&mut self) {
        for step in self.steps.drain(..) {
            self.marks[step as usize / 64] = 0;
        }
    }
}
