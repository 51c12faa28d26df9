//! The lines of an ignore file, as patterns that are cleaned but not yet read.

/// Longest line that Docker's reader takes, in bytes, without the line feed.
///
/// <https://pkg.go.dev/bufio#pkg-constants> (`MaxScanTokenSize`)
const LINE_LIMIT_BYTES: usize = 64 * 1024 - 1;

/// One pattern of an ignore file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Line number, from 1.
    pub(crate) number: usize,
    /// The pattern, cleaned, with `!` in front where it takes paths back in.
    pub(crate) pattern: Vec<u8>,
}

/// Reads the patterns of `content`; fails with the number of a line that is too long.
///
/// The rules are those of <https://github.com/moby/patternmatcher/blob/v0.6.1/ignorefile/ignorefile.go>.
pub(crate) fn read(content: &[u8]) -> Result<Vec<Line>, usize> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(content.split(|&byte| byte == b'\n')) {
        if line.len() > LINE_LIMIT_BYTES {
            return Err(number);
        }
        if line.starts_with(b"#") {
            continue;
        }
        let pattern = clean_line(trim(line));
        if !pattern.is_empty() {
            lines.push(Line { number, pattern });
        }
    }
    Ok(lines)
}

fn clean_line(line: &[u8]) -> Vec<u8> {
    let (mark, path) = match line.strip_prefix(b"!") {
        Some(path) => (&b"!"[..], trim(path)),
        None => (&b""[..], line),
    };
    let mut pattern = mark.to_vec();
    if !path.is_empty() {
        let path = clean(path);
        match path.strip_prefix(b"/") {
            Some(relative) if !relative.is_empty() => pattern.extend_from_slice(relative),
            _ => pattern.extend_from_slice(&path),
        }
    }
    pattern
}

/// The shortest path that means the same, by the text alone: no `.`, no empty parts, `..` only in front.
///
/// An empty path becomes `.`. On Windows `\` separates too and becomes `/`.
pub(crate) fn clean(path: &[u8]) -> Vec<u8> {
    let path: Vec<u8> = path
        .iter()
        .map(|&byte| {
            if cfg!(windows) && byte == b'\\' {
                b'/'
            } else {
                byte
            }
        })
        .collect();
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let cleaned = parts.join(&b'/');
    match (rooted, cleaned.is_empty()) {
        (true, _) => [b"/", &cleaned[..]].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => cleaned,
    }
}

/// Without the Unicode white space at both ends; bytes that are not UTF-8 stay.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    let is_space = |bytes: &[u8]| {
        str::from_utf8(bytes).is_ok_and(|text| {
            let mut characters = text.chars();
            characters.next().is_some_and(char::is_whitespace) && characters.next().is_none()
        })
    };
    // No white space character is longer than three bytes in UTF-8.
    while let Some(length) = (1..=3).find(|&length| text.get(..length).is_some_and(is_space)) {
        text = &text[length..];
    }
    while let Some(start) = (1..=3)
        .filter_map(|length| text.len().checked_sub(length))
        .find(|&start| is_space(&text[start..]))
    {
        text = &text[..start];
    }
    text
}
