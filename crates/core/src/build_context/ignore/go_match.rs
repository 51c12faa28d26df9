//! Go's `filepath.Match`, by its source: <https://github.com/golang/go/blob/go1.26.0/src/path/filepath/match.go>.

/// Whether `\` takes the meaning from the character after it.
pub(crate) const ESCAPES: bool = cfg!(not(windows));

/// Go found that the pattern is malformed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Whether the pattern matches the whole of `name`.
///
/// Go goes from one `*` to the next and ends at the first part that does not match, so that it does not look at the rest
/// of the pattern: against `.`, `a*[-x]` is no match, and `*[-x]` is malformed.
pub(crate) fn go_match(pattern: &[u8], name: &[u8]) -> Result<bool, Malformed> {
    let mut rest = pattern;
    let mut name = name;
    while !rest.is_empty() {
        let after_stars = &rest[rest.iter().take_while(|&&byte| byte == b'*').count()..];
        let has_star = after_stars.len() < rest.len();
        let (part, after) = after_stars.split_at(end_of_part(after_stars));
        rest = after;
        if has_star && part.is_empty() {
            return Ok(!name.contains(&b'/'));
        }
        let skips = if has_star {
            let end = name.iter().position(|&byte| byte == b'/');
            end.unwrap_or(name.len())
        } else {
            0
        };
        let mut reached = None;
        for skipped in 0..=skips {
            match match_part(part, &name[skipped..])? {
                Some(left) if left.is_empty() || !rest.is_empty() => {
                    reached = Some(left);
                    break;
                }
                _ => {}
            }
        }
        match reached {
            Some(left) => name = left,
            None => return Ok(false),
        }
    }
    Ok(name.is_empty())
}

/// Where the next `*` outside a class is.
fn end_of_part(pattern: &[u8]) -> usize {
    let mut in_class = false;
    let mut index = 0;
    while let Some(byte) = pattern.get(index) {
        match byte {
            b'\\' if ESCAPES => index += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => return index,
            _ => {}
        }
        index += 1;
    }
    pattern.len()
}

/// What a part without `*` leaves of `name`; `None` where it does not match. All of the part is looked at.
fn match_part<'a>(part: &[u8], name: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let mut rest = part;
    let mut left = Some(name);
    while let Some((&byte, after)) = rest.split_first() {
        left = left.filter(|left| !left.is_empty());
        let character = left.map(first_character);
        (left, rest) = match byte {
            b'[' => {
                let (is_hit, after) =
                    match_class(after, character.map(|(character, _)| character))?;
                (character.map(|(_, left)| left).filter(|_| is_hit), after)
            }
            b'?' => (
                character.and_then(|(character, left)| (character != '/').then_some(left)),
                after,
            ),
            b'\\' if ESCAPES => {
                let (&escaped, after) = after.split_first().ok_or(Malformed)?;
                (left.and_then(|left| left.strip_prefix(&[escaped])), after)
            }
            _ => (left.and_then(|left| left.strip_prefix(&[byte])), after),
        };
    }
    Ok(left)
}

/// Whether the class that was opened before `rest` has `character`, with what follows it.
fn match_class(rest: &[u8], character: Option<char>) -> Result<(bool, &[u8]), Malformed> {
    let negated = rest.starts_with(b"^");
    let mut rest = if negated { &rest[1..] } else { rest };
    let mut is_in = false;
    loop {
        let low;
        (low, rest) = member(rest)?;
        let mut high = low;
        if let Some(after) = rest.strip_prefix(b"-") {
            (high, rest) = member(after)?;
        }
        is_in |= character.is_some_and(|character| (low..=high).contains(&character));
        if let Some(after) = rest.strip_prefix(b"]") {
            return Ok((is_in != negated, after));
        }
    }
}

/// One character of a class, with what follows it; something has to.
fn member(rest: &[u8]) -> Result<(char, &[u8]), Malformed> {
    let text = match rest {
        [] | [b'-' | b']', ..] => return Err(Malformed),
        [b'\\', after @ ..] if ESCAPES => after,
        _ => rest,
    };
    let chunk = text.utf8_chunks().next().ok_or(Malformed)?;
    let character = chunk.valid().chars().next().ok_or(Malformed)?;
    let after = &text[character.len_utf8()..];
    if after.is_empty() {
        return Err(Malformed);
    }
    Ok((character, after))
}

/// The first character of bytes that are not empty, and the rest; a byte that is not UTF-8 is U+FFFD.
fn first_character(bytes: &[u8]) -> (char, &[u8]) {
    let valid = bytes
        .utf8_chunks()
        .next()
        .and_then(|chunk| chunk.valid().chars().next());
    match valid {
        Some(character) => (character, &bytes[character.len_utf8()..]),
        None => (char::REPLACEMENT_CHARACTER, &bytes[1..]),
    }
}
