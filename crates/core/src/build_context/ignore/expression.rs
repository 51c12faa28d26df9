//! The regular expressions that patterns turn into: a small part of Go's syntax, matched in linear time.

/// An expression that has to match a whole path.
#[derive(Debug)]
pub(super) struct Expression {
    states: Vec<State>,
}

#[derive(Debug)]
enum State {
    /// One character of the set.
    One(Set),
    /// Any number of characters of the set.
    Many(Set),
    /// The next state may be passed over.
    Optional,
    /// Any number of characters without a line feed, the last one a `/`.
    ThroughSlash,
    /// Nothing, at the start of the path only.
    Start,
}

#[derive(Debug, Default)]
struct Set {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Set {
    fn of(character: char) -> Self {
        Self {
            ranges: vec![(character, character)],
            negated: false,
        }
    }

    fn has(&self, character: char) -> bool {
        self.ranges
            .iter()
            .any(|&(low, high)| (low..=high).contains(&character))
            != self.negated
    }
}

impl Expression {
    /// Reads what `translate` wrote; `None` where Go would not compile it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut states = Vec::new();
        let mut is_closed = false;
        while let Some(character) = rest.chars().next() {
            let after = &rest[character.len_utf8()..];
            rest = match character {
                '^' => {
                    states.push(State::Start);
                    after
                }
                '$' => {
                    is_closed = true;
                    after
                }
                '(' => {
                    states.extend([State::Optional, State::ThroughSlash]);
                    after.strip_prefix(".*/)?")?
                }
                '.' => {
                    states.push(State::Many(Set {
                        negated: true,
                        ..Set::of('\n')
                    }));
                    after.strip_prefix('*')?
                }
                '[' => {
                    let (set, after) = parse_class(after)?;
                    let many = after.strip_prefix('*');
                    states.push(if many.is_some() {
                        State::Many(set)
                    } else {
                        State::One(set)
                    });
                    many.unwrap_or(after)
                }
                _ => {
                    let (character, after) = parse_character(rest)?;
                    states.push(State::One(Set::of(character)));
                    after
                }
            };
        }
        if !is_closed {
            // A `\` at the end of the pattern has taken the meaning from the `$`.
            states.push(State::Many(Set {
                negated: true,
                ..Set::default()
            }));
        }
        Some(Self { states })
    }

    /// Whether the whole path matches.
    pub(super) fn matches(&self, path: &[char]) -> bool {
        let mut live = vec![false; self.states.len() + 1];
        live[0] = true;
        self.pass_over(&mut live, true);
        let mut next = live.clone();
        for &character in path {
            next.fill(false);
            for (index, state) in self
                .states
                .iter()
                .enumerate()
                .filter(|&(index, _)| live[index])
            {
                match state {
                    State::One(set) => next[index + 1] |= set.has(character),
                    State::Many(set) => next[index] |= set.has(character),
                    State::ThroughSlash => {
                        next[index] |= character != '\n';
                        next[index + 1] |= character == '/';
                    }
                    State::Optional | State::Start => {}
                }
            }
            if !next.contains(&true) {
                return false;
            }
            self.pass_over(&mut next, false);
            std::mem::swap(&mut live, &mut next);
        }
        live[self.states.len()]
    }

    /// Adds the states that are reached without a character; they all lie ahead.
    fn pass_over(&self, live: &mut [bool], at_start: bool) {
        for (index, state) in self.states.iter().enumerate() {
            if !live[index] {
                continue;
            }
            match state {
                State::Many(_) => live[index + 1] = true,
                State::Optional => {
                    live[index + 1] = true;
                    live[index + 2] = true;
                }
                State::Start if at_start => live[index + 1] = true,
                _ => {}
            }
        }
    }
}

/// Reads a class whose `[` has been read, with what follows it.
fn parse_class(text: &str) -> Option<(Set, &str)> {
    let negated = text.starts_with('^');
    let mut rest = text.strip_prefix('^').unwrap_or(text);
    let mut ranges = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !ranges.is_empty()) {
            return Some((Set { ranges, negated }, after));
        }
        if let Some((name, after)) = rest
            .strip_prefix("[:")
            .and_then(|rest| rest.split_once(":]"))
        {
            ranges.extend_from_slice(named_class(name)?);
            rest = after;
            continue;
        }
        let (low, after) = parse_character(rest)?;
        let bound = after
            .strip_prefix('-')
            .filter(|bound| !bound.starts_with(']'));
        let (high, after) = match bound {
            Some(bound) => parse_character(bound)?,
            None => (low, after),
        };
        if high < low {
            return None;
        }
        ranges.push((low, high));
        rest = after;
    }
}

/// Reads one character, plain or, where it is ASCII, after a `\`.
fn parse_character(text: &str) -> Option<(char, &str)> {
    let escaped = text.strip_prefix('\\');
    let text = escaped.unwrap_or(text);
    let character = text
        .chars()
        .next()
        .filter(|character| escaped.is_none() || character.is_ascii())?;
    Some((character, &text[character.len_utf8()..]))
}

/// The ASCII classes of <https://pkg.go.dev/regexp/syntax>.
fn named_class(name: &str) -> Option<&'static [(char, char)]> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => &[('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}
