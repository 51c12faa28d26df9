//! Fragments in, whole clean lines out.

use super::clean::{Scrubbed, Scrubber};

/// Longest line that a [`LineAssembler`] yields, in bytes; longer ones come in pieces.
pub const MAX_LINE_BYTES: usize = 16 * 1024;

/// Puts whole lines together from fragments that may split lines, escape sequences and characters anywhere.
///
/// The lines are clean in the sense of [`clean_line`](super::clean_line). Bytes that are no UTF-8 become U+FFFD. The
/// lines depend on the bytes alone, not on how they were cut. Memory is bounded by [`MAX_LINE_BYTES`].
#[derive(Debug, Default)]
pub struct LineAssembler {
    line: String,
    /// The start of a character whose end has not come, at most three bytes.
    partial: Vec<u8>,
    scrubber: Scrubber,
}

impl LineAssembler {
    /// An assembler with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a fragment and gives every line that it completes to `emit`, empty lines included.
    pub fn push(&mut self, fragment: impl AsRef<[u8]>, emit: &mut impl FnMut(String)) {
        let fragment = fragment.as_ref();
        let joined;
        let mut bytes = if self.partial.is_empty() {
            fragment
        } else {
            joined = [&self.partial, fragment].concat();
            self.partial.clear();
            &joined
        };
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.push_text(text, emit),
                Err(error) => {
                    let (text, rest) = bytes.split_at(error.valid_up_to());
                    self.push_text(&String::from_utf8_lossy(text), emit);
                    let Some(invalid) = error.error_len() else {
                        self.partial.extend_from_slice(rest);
                        return;
                    };
                    self.push_text("\u{FFFD}", emit);
                    bytes = &rest[invalid..];
                }
            }
        }
    }

    /// Gives what is left without a line end to `emit`, and starts afresh.
    pub fn flush(&mut self, emit: &mut impl FnMut(String)) {
        if !std::mem::take(&mut self.partial).is_empty() {
            self.push_text("\u{FFFD}", emit);
        }
        self.scrubber = Scrubber::default();
        if !self.line.is_empty() {
            emit(std::mem::take(&mut self.line));
        }
    }

    fn push_text(&mut self, text: &str, emit: &mut impl FnMut(String)) {
        for character in text.chars() {
            if character == '\n' {
                self.scrubber = Scrubber::default();
                emit(std::mem::take(&mut self.line));
                continue;
            }
            match self.scrubber.push(character) {
                Scrubbed::Drop => continue,
                Scrubbed::Restart => self.line.clear(),
                Scrubbed::Keep => {}
            }
            if self.line.len() + character.len_utf8() > MAX_LINE_BYTES {
                emit(std::mem::take(&mut self.line));
            }
            self.line.push(character);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::text::clean_line;

    /// A small generator (<https://prng.di.unimi.it/splitmix64.c>), so that a failing seed can be run again.
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(state: &mut u64, limit: usize) -> usize {
        usize::try_from(next(state) % limit as u64).unwrap_or(0)
    }

    /// Text of `pieces` pieces, rich in what terminals react to.
    pub(in crate::text) fn generated(seed: u64, pieces: usize) -> String {
        const PIECES: &[&str] = &[
            "\u{1b}",
            "[",
            "]",
            "P",
            "\\",
            "31",
            ";",
            "m",
            "0",
            "K",
            "\u{7}",
            "\u{9b}",
            "\u{9c}",
            "\u{9d}",
            "\r",
            "\n",
            "\t",
            "\0",
            "\u{18}",
            " ",
            "(",
            "B",
            "text",
            "é",
            "你",
            "😀",
            "\u{202e}",
            "\u{2069}",
            "\u{7f}",
            "\u{85}",
            "\u{1b}[91m",
            "\u{1b}[0m",
            "\u{1b}]0;title\u{7}",
            "x",
            "?",
            "~",
            "\u{fffd}",
            "\u{90}",
            "^",
            "_",
        ];
        let mut state = seed;
        (0..pieces)
            .map(|_| PIECES[below(&mut state, PIECES.len())])
            .collect()
    }

    fn lines_of<'a>(fragments: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut assembler = LineAssembler::new();
        let mut lines = Vec::new();
        for fragment in fragments {
            assembler.push(fragment, &mut |line| lines.push(line));
        }
        assembler.flush(&mut |line| lines.push(line));
        lines
    }

    #[test]
    fn fragments_of_one_character_become_one_line() {
        let text = "\u{1b}[91mc\u{1b}[0m\u{1b}[91mu\u{1b}[0m\u{1b}[91mrl: (60)\u{1b}[0m\u{1b}[91m\n\u{1b}[0m";
        assert_eq!(lines_of(text.as_bytes().chunks(1)), ["curl: (60)"]);
    }

    #[test]
    fn empty_lines_are_lines() {
        assert_eq!(lines_of([b"a\n\r\nb".as_slice()]), ["a", "", "b"]);
    }

    #[test]
    fn cutting_the_bytes_elsewhere_changes_nothing() {
        for seed in 0..1500 {
            let mut state = seed;
            let mut bytes = generated(seed, 60).into_bytes();
            let position = below(&mut state, bytes.len());
            bytes.insert(position, 0xC3);
            let whole = lines_of([bytes.as_slice()]);
            let mut fragments = Vec::new();
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (fragment, after) = rest.split_at(1 + below(&mut state, rest.len().min(7)));
                fragments.push(fragment);
                rest = after;
            }
            assert_eq!(lines_of(fragments), whole, "seed {seed}");
            for line in whole {
                assert_eq!(clean_line(&line), line, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_line_equals_the_cleaned_text_of_the_line() {
        for seed in 0..1500 {
            let text = generated(seed, 30).replace('\n', "");
            assert_eq!(
                lines_of([text.as_bytes()]).concat(),
                clean_line(&text),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(
            lines_of([b"a\xFFb\n\xE4\xBD".as_slice()]),
            ["a\u{FFFD}b", "\u{FFFD}"]
        );
    }

    #[test]
    fn long_lines_come_in_pieces_at_character_bounds() {
        let lines = lines_of([format!("{}\nend", "你".repeat(10_000)).as_bytes()]);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].len(), MAX_LINE_BYTES / 3 * 3);
        assert_eq!(lines[0].len() + lines[1].len(), 30_000);
        assert_eq!(lines[2], "end");
    }

    #[test]
    fn a_sequence_that_never_ends_takes_no_memory() {
        let mut assembler = LineAssembler::new();
        assembler.push("\u{1b}]0;", &mut |_| {});
        for _ in 0..100 {
            assembler.push("title ".repeat(1000), &mut |_| {});
        }
        assert_eq!(assembler.line.capacity(), 0);
    }
}
