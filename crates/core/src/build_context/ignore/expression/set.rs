//! Sets of characters.

/// Ranges of the numbers of characters, both ends among them.
pub(super) type Ranges = Vec<(u32, u32)>;

/// Some characters.
#[derive(Debug)]
pub(super) struct Set {
    /// One bit for each ASCII character that is in it: nearly all characters of paths are.
    ascii: u128,
    ranges: Ranges,
    negated: bool,
}

impl Set {
    /// The characters in the ranges, or all others.
    pub(super) fn new(ranges: Ranges, negated: bool) -> Self {
        let mut set = Self {
            ascii: 0,
            ranges,
            negated,
        };
        set.ascii = (0..128)
            .filter(|&character| set.is_in_ranges(character))
            .fold(0, |bits, character| bits | 1 << character);
        set
    }

    pub(super) fn has(&self, character: u32) -> bool {
        if character < 128 {
            return self.ascii >> character & 1 == 1;
        }
        self.is_in_ranges(character)
    }

    fn is_in_ranges(&self, character: u32) -> bool {
        let is_in = |&(low, high): &(u32, u32)| (low..=high).contains(&character);
        self.ranges.iter().any(is_in) != self.negated
    }
}

/// A class that has a name: its characters, sorted, all of them ASCII.
pub(super) type Class = &'static [(char, char)];

/// The classes of `[[:name:]]`, from <https://github.com/golang/go/blob/go1.26.0/src/regexp/syntax/perl_groups.go>.
pub(super) fn posix(name: &str) -> Option<Class> {
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
        "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}

/// The classes of `\d`, `\s` and `\w`, from the same file.
pub(super) fn perl(letter: char) -> Option<Class> {
    Some(match letter {
        'd' => &[('0', '9')],
        's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        _ => return None,
    })
}

/// The ranges of a class, or of everything that is not in it.
pub(super) fn ranges(class: Class, negated: bool) -> Ranges {
    let numbers = class
        .iter()
        .map(|&(low, high)| (u32::from(low), u32::from(high)));
    if !negated {
        return numbers.collect();
    }
    let mut start = 0;
    let mut others = Vec::new();
    for (low, high) in numbers {
        if start < low {
            others.push((start, low - 1));
        }
        start = high + 1;
    }
    others.push((start, u32::from(char::MAX)));
    others
}
