//! Reads classes and single characters.

use super::set::{Ranges, Set, perl, posix, ranges};
use crate::build_context::ignore::pattern::BadPattern;

type Parsed<'a, T> = Result<(T, &'a str), BadPattern>;
type MaybeParsed<'a, T> = Result<Option<(T, &'a str)>, BadPattern>;

/// Reads a class whose `[` has been read.
pub(super) fn class(text: &str) -> Parsed<'_, Set> {
    let negated = text.starts_with('^');
    let mut rest = text.strip_prefix('^').unwrap_or(text);
    let mut members = Vec::new();
    loop {
        // The first character is a member even where it is a `]`.
        if let Some(after) = rest.strip_prefix(']').filter(|_| !members.is_empty()) {
            return Ok((Set::new(members, negated), after));
        }
        if let Some((named, after)) = named_class(rest)?.or(escaped_class(rest)?) {
            members.extend(named);
            rest = after;
            continue;
        }
        let (low, after) = member(rest)?;
        let bound = after
            .strip_prefix('-')
            .filter(|bound| !bound.is_empty() && !bound.starts_with(']'));
        let (high, after) = match bound {
            Some(bound) => member(bound)?,
            None => (low, after),
        };
        if high < low {
            return Err(BadPattern::Syntax);
        }
        members.push((low, high));
        rest = after;
    }
}

/// Reads `\d` and the like, if that is what comes next.
pub(super) fn escaped_class(text: &str) -> MaybeParsed<'_, Ranges> {
    let letter = text
        .strip_prefix('\\')
        .and_then(|text| text.chars().next())
        .filter(char::is_ascii_alphabetic);
    let Some(letter) = letter else {
        return Ok(None);
    };
    if letter.eq_ignore_ascii_case(&'p') {
        return Err(BadPattern::UnicodeClass);
    }
    let class = perl(letter.to_ascii_lowercase());
    Ok(class.map(|class| (ranges(class, letter.is_ascii_uppercase()), &text[2..])))
}

/// Reads what stands for one character after a `\`.
pub(super) fn escaped_character(text: &str) -> Parsed<'_, u32> {
    let character = text.chars().next().ok_or(BadPattern::Syntax)?;
    let after = &text[character.len_utf8()..];
    let meant = match character {
        '0'..='7' => return octal(text),
        'x' => return hexadecimal(after),
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        _ if character.is_ascii() && !character.is_ascii_alphanumeric() => character,
        _ => return Err(BadPattern::Syntax),
    };
    Ok((meant.into(), after))
}

/// Reads `[:name:]` or `[:^name:]`, if that is what comes next.
fn named_class(text: &str) -> MaybeParsed<'_, Ranges> {
    let named = text
        .strip_prefix("[:")
        .and_then(|text| text.split_once(":]"));
    let Some((name, after)) = named else {
        return Ok(None);
    };
    let plain = name.strip_prefix('^');
    let class = posix(plain.unwrap_or(name)).ok_or(BadPattern::Syntax)?;
    Ok(Some((ranges(class, plain.is_some()), after)))
}

/// Reads one character of a class.
fn member(text: &str) -> Parsed<'_, u32> {
    if let Some(escaped) = text.strip_prefix('\\') {
        return escaped_character(escaped);
    }
    let character = text.chars().next().ok_or(BadPattern::Syntax)?;
    Ok((character.into(), &text[character.len_utf8()..]))
}

/// Up to three digits; one that is not 0 needs company, because it would be a reference to a group.
fn octal(text: &str) -> Parsed<'_, u32> {
    let digits = text.bytes().take(3);
    let length = digits
        .take_while(|digit| (b'0'..=b'7').contains(digit))
        .count();
    if length == 1 && !text.starts_with('0') {
        return Err(BadPattern::Syntax);
    }
    let (digits, after) = text.split_at(length);
    let number = u32::from_str_radix(digits, 8).map_err(|_| BadPattern::Syntax)?;
    Ok((number, after))
}

/// Two digits, or any number of them in braces.
fn hexadecimal(text: &str) -> Parsed<'_, u32> {
    let (digits, after) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}').ok_or(BadPattern::Syntax)?,
        None => text.split_at_checked(2).ok_or(BadPattern::Syntax)?,
    };
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(BadPattern::Syntax);
    }
    // None at all, and too many of them, are no number.
    let number = u32::from_str_radix(digits, 16).map_err(|_| BadPattern::Syntax)?;
    if number > u32::from(char::MAX) {
        return Err(BadPattern::Syntax);
    }
    Ok((number, after))
}
