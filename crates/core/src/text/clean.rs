//! Control sequences, taken out.

use std::borrow::Cow;

/// Makes one line harmless for terminals and logs.
///
/// Escape sequences, control characters and characters that reorder text are removed; tabs stay. After a carriage
/// return the text before it is dropped, unless nothing follows. Line ends inside become single spaces. Cleaning a
/// clean line changes nothing.
pub fn clean_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for line in text.split('\n') {
        let mut scrubber = Scrubber::default();
        let mut kept = String::new();
        for character in line.chars() {
            match scrubber.push(character) {
                Scrubbed::Keep => kept.push(character),
                Scrubbed::Restart => {
                    kept.clear();
                    kept.push(character);
                }
                Scrubbed::Drop => {}
            }
        }
        if !kept.is_empty() {
            if !clean.is_empty() {
                clean.push(' ');
            }
            clean.push_str(&kept);
        }
    }
    Cow::Owned(clean)
}

/// Whether a character may not stand in a clean line.
fn is_unsafe(character: char) -> bool {
    (character.is_control() && character != '\t') || is_bidi_control(character)
}

/// Embeddings, overrides and isolates: they let a line look like another one (<https://trojansource.codes>).
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// What becomes of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scrubbed {
    /// It belongs to the line.
    Keep,
    /// It is the first of the line: a carriage return came before it.
    Restart,
    /// It is not shown.
    Drop,
}

/// Takes control sequences out of the characters of one line, one by one.
///
/// The states are those of ECMA-48 terminals: <https://vt100.net/emu/dec_ansi_parser>.
#[derive(Debug, Default)]
pub(super) struct Scrubber {
    state: State,
    returned: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate character, as in the choice of a character set.
    EscapeIntermediate,
    /// Inside a control sequence: parameters, then one final character.
    Sequence,
    /// Inside a string (title, hyperlink, device control) that ends with BEL or ST.
    String,
}

impl Scrubber {
    /// Judges the next character of the line; a line end is not one of them.
    pub(super) fn push(&mut self, character: char) -> Scrubbed {
        match self.next(character) {
            Some(state) => {
                self.state = state;
                Scrubbed::Drop
            }
            None if character == '\r' => {
                self.returned = true;
                Scrubbed::Drop
            }
            None if is_unsafe(character) => Scrubbed::Drop,
            None => {
                self.state = State::Text;
                if std::mem::take(&mut self.returned) {
                    Scrubbed::Restart
                } else {
                    Scrubbed::Keep
                }
            }
        }
    }

    /// The state after a character of a control sequence; absent for text and for controls that stand alone, which
    /// terminals carry out in the middle of a sequence too.
    fn next(&self, character: char) -> Option<State> {
        use State::{Escape, EscapeIntermediate, Sequence, String, Text};
        match (self.state, character) {
            // Whatever was open ends. The `\` of ST arrives in the state `Escape`.
            (_, '\u{1B}') => Some(Escape),
            (_, '\u{18}' | '\u{1A}') | (String, '\u{07}' | '\u{9C}') => Some(Text),
            (String, _)
            | (_, '\u{90}' | '\u{98}' | '\u{9D}'..='\u{9F}')
            | (Escape, ']' | 'P' | 'X' | '^' | '_') => Some(String),
            (_, '\u{9B}') | (Escape, '[') | (Sequence, '\u{20}'..='\u{3F}') => Some(Sequence),
            (Escape | EscapeIntermediate, '\u{20}'..='\u{2F}') => Some(EscapeIntermediate),
            (Escape | EscapeIntermediate, '\u{30}'..='\u{7E}')
            | (Sequence, '\u{40}'..='\u{7E}') => Some(Text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_text_is_borrowed() {
        assert!(matches!(
            clean_line("a\tb ⠋ 你好"),
            Cow::Borrowed("a\tb ⠋ 你好")
        ));
    }

    #[test]
    fn sequences_and_controls_are_removed() {
        let table = [
            ("\u{1b}[91me\u{1b}[0m", "e"),
            ("\u{1b}[2~text", "text"),
            ("\u{1b}[38;2;1;2;3mred", "red"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}P1$r0m\u{1b}\\text", "text"),
            ("\u{9b}31mred\u{9d}title\u{9c}!", "red!"),
            ("\u{1b}(Btext\u{1b}7\u{1b}c", "text"),
            ("bell\u{7} nul\0 del\u{7f} nel\u{85}", "bell nul del nel"),
            ("a\u{202e}b\u{2066}c\u{2069}", "abc"),
            ("cut \u{1b}[3", "cut "),
            ("cut \u{1b}]0;never ends", "cut "),
            ("\u{1b}[3\u{18}1m", "1m"),
        ];
        for (text, clean) in table {
            assert_eq!(clean_line(text), clean, "{text:?}");
        }
    }

    #[test]
    fn text_after_the_last_carriage_return_stays() {
        assert_eq!(clean_line("10%\r20%\r30%"), "30%");
        assert_eq!(clean_line("30%\r"), "30%");
        assert_eq!(clean_line("30%\r\r\u{1b}[K"), "30%");
    }

    #[test]
    fn line_ends_become_spaces() {
        assert_eq!(clean_line("a\r\nb\n\nc\n"), "a b c");
    }

    #[test]
    fn generated_text_becomes_clean_and_stays_so() {
        for seed in 0..4000 {
            let text = crate::text::lines::tests::generated(seed, 40);
            let clean = clean_line(&text).into_owned();
            assert!(!clean.chars().any(is_unsafe), "{text:?} became {clean:?}");
            assert_eq!(clean_line(&clean), clean, "{text:?}");
        }
    }
}
