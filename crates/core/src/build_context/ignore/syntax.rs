//! What Go's `filepath.Match` refuses as a pattern, by its source:
//! <https://github.com/golang/go/blob/go1.26.0/src/path/filepath/match.go>.

/// Whether `\` takes the meaning from the character after it.
pub(super) const ESCAPES: bool = cfg!(not(windows));

/// Whether the pattern is well formed as far as Go looks.
///
/// Docker holds it against the path `.` and takes what fails on the way for a bad pattern. Go goes from one `*` to the
/// next and ends at the first part that does not match, so that `a*[-x]` passes and `*[-x]` does not.
pub(super) fn is_well_formed(pattern: &[u8]) -> bool {
    let mut rest = pattern;
    let mut path: &[u8] = b".";
    while !rest.is_empty() {
        let after_stars = &rest[rest.iter().take_while(|&&byte| byte == b'*').count()..];
        let has_star = after_stars.len() < rest.len();
        let (part, after) = after_stars.split_at(end_of_part(after_stars));
        rest = after;
        if has_star && part.is_empty() {
            return true;
        }
        let skipped = path.get(1..).filter(|_| has_star);
        let mut reached = None;
        for start in [Some(path), skipped].into_iter().flatten() {
            match match_part(part, start) {
                Err(BadPart) => return false,
                Ok(Some(left)) if left.is_empty() || !rest.is_empty() => {
                    reached = Some(left);
                    break;
                }
                Ok(_) => {}
            }
        }
        match reached {
            Some(left) => path = left,
            None => return true,
        }
    }
    true
}

struct BadPart;

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

/// What a part without `*` leaves of `path`, which is `.` or empty; `None` where it does not match.
fn match_part<'a>(part: &[u8], path: &'a [u8]) -> Result<Option<&'a [u8]>, BadPart> {
    let mut rest = part;
    let mut left = Some(path);
    while let Some((&byte, after)) = rest.split_first() {
        let is_hit;
        (is_hit, rest) = match byte {
            b'[' => match_class(after).ok_or(BadPart)?,
            b'?' => (true, after),
            b'\\' if ESCAPES => {
                let (&escaped, after) = after.split_first().ok_or(BadPart)?;
                (escaped == b'.', after)
            }
            _ => (byte == b'.', after),
        };
        left = left.and_then(|left| left.get(1..)).filter(|_| is_hit);
    }
    Ok(left)
}

/// Whether the class that was opened before `rest` has `.`, with what follows it; `None` where it is malformed.
fn match_class(rest: &[u8]) -> Option<(bool, &[u8])> {
    let negated = rest.starts_with(b"^");
    let mut rest = if negated { &rest[1..] } else { rest };
    let mut has_dot = false;
    loop {
        let low;
        (low, rest) = member(rest)?;
        let mut high = low;
        if let Some(after) = rest.strip_prefix(b"-") {
            (high, rest) = member(after)?;
        }
        has_dot |= (low..=high).contains(&'.');
        if let Some(after) = rest.strip_prefix(b"]") {
            return Some((has_dot != negated, after));
        }
    }
}

/// One character of a class, with what follows it; something has to.
fn member(rest: &[u8]) -> Option<(char, &[u8])> {
    let text = match rest {
        [] | [b'-' | b']', ..] => return None,
        [b'\\', after @ ..] if ESCAPES => after,
        _ => rest,
    };
    let character = text.utf8_chunks().next()?.valid().chars().next()?;
    let after = text
        .get(character.len_utf8()..)
        .filter(|after| !after.is_empty())?;
    Some((character, after))
}
