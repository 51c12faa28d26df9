use std::path::Path;

use crate::build_context::ignore::IgnoreRules;
use crate::build_context::ignore::pattern::{BadPattern, Candidate, Pattern};

fn is_hit(pattern: &str, path: &[u8]) -> Option<bool> {
    let pattern = Pattern::parse(pattern.as_bytes()).ok()??;
    pattern.matches(&Candidate::new(path)).ok()
}

/// pattern, path, whether the path itself matches (not by way of a folder above it)
const MATCHES: &[(&str, &str, bool)] = &[
    // Plain text is compared as a whole, with case.
    ("readme", "readme", true),
    ("readme", "Readme", false),
    ("readme", "readme.md", false),
    ("readme", "docs/readme", false),
    ("docs/readme", "docs/readme", true),
    ("a.c", "abc", false),
    ("a+(b)|{c}$", "a+(b)|{c}$", true),
    ("a^b", "a^b", true),
    ("!readme", "readme", true),
    // `*` and `?` stay within one part of the path.
    ("*", "a", true),
    ("*", "a/b", false),
    ("*", ".hidden", true),
    ("*.log", "x.log", true),
    ("*.log", ".log", true),
    ("*.log", "xlog", false),
    ("*.log", "logs/x.log", false),
    ("logs/*", "logs/x", true),
    ("logs/*", "logs", false),
    ("logs/*", "logs/a/b", false),
    ("*/x", "a/x", true),
    ("*/x", "x", false),
    ("*/*/x", "a/b/x", true),
    ("a*z", "az", true),
    ("a*m*z", "abmyz", true),
    ("a*m*z", "abyz", false),
    ("a*/b", "a/c/b", false),
    ("?", "a", true),
    ("?", "", false),
    ("?", "ab", false),
    ("a?b", "a/b", false),
    ("a?b", "aéb", true),
    ("a??b", "aéb", false),
    (".*", ".env", true),
    (".*", "env", false),
    (".*", "a/.env", false),
    // `**` takes any number of folders, none included.
    ("**", "a", true),
    ("**", "a/b/c", true),
    ("**/", "a", true),
    ("**/**", "a/b", true),
    ("**/x", "x", true),
    ("**/x", "a/x", true),
    ("**/x", "a/b/x", true),
    ("**/x", "ax", false),
    ("**/x", "x/a", false),
    ("**x", "ax", true),
    ("**x", "a/bx", true),
    ("**/a/b", "a/b", true),
    ("**/a/b", "c/a/b", true),
    ("**/a/b", "ca/b", false),
    ("**/*.go", "a.go", true),
    ("**/*.go", "x/y/a.go", true),
    ("**/*.go", "x/y/a.god", false),
    ("**/.git", "sub/.git", true),
    ("**/.git", "sub.git", false),
    ("**/d/*", "a/d/x", true),
    ("**/d/*", "a/d", false),
    ("**/d/**", "a/d/x/y", true),
    ("**/**/*.txt", "a.txt", true),
    ("**/**/*.txt", "a/b/c.txt", true),
    ("d/**", "d", false),
    ("d/**", "d/x", true),
    ("d/**", "d/x/y", true),
    ("d/**", "dd/x", false),
    ("d**", "d", true),
    ("d**", "dx/y", true),
    ("a/**/z", "a/z", true),
    ("a/**/z", "a/b/c/z", true),
    ("a/**/z", "az", false),
    ("a/**/z", "ab/z", false),
    ("a**/z", "a/z", true),
    ("a**/z", "az", true),
    ("a**/*.txt", "a/b/c.txt", true),
    ("a/*.txt**", "a/b.txt", true),
    ("a/*.txt**", "a/b.txt.gz/c", true),
    ("***", "ab", true),
    ("***", "a/b", true),
    // Classes.
    ("[abc]", "b", true),
    ("[abc]", "d", false),
    ("x[a-c]y", "xby", true),
    ("x[a-c]y", "xdy", false),
    ("x[a-c]y", "xy", false),
    ("x[^a-c]y", "xdy", true),
    ("x[^a-c]y", "xby", false),
    ("[!a]", "!", true),
    ("[!a]", "b", false),
    ("[a-cx-z]", "y", true),
    ("[à-ï]*", "é", true),
    ("[.]env", ".env", true),
    ("[.]env", "xenv", false),
    ("x[^a]y", "x/y", true),
    ("[[:digit:]]x", "7x", true),
    ("[[:digit:]]x", "dx", false),
    ("a]", "a]", true),
    // A `*` or `?` in a class is not the character.
    ("[*]", "*", false),
    ("[*]", "^]", true),
    ("[?]", "?", false),
    ("[?]", "/]", true),
    // A `^` elsewhere is the start of the path.
    ("^a*", "ab", true),
    ("^a*", "^ab", false),
    ("a^*", "a^", false),
];

#[cfg(unix)]
const ESCAPES: &[(&str, &str, bool)] = &[
    (r"a\*b", "a*b", true),
    (r"a\*b", "axb", false),
    (r"a\?", "a?", true),
    (r"\[a]", "[a]", true),
    (r"a\\", r"a\", true),
    (r"[\]]", "]", true),
    (r"[\-x]", "-", true),
    (r"[x\-]", "z", false),
    (r"[\^a]", "^", true),
    (r"\!a", "!a", true),
    (r"\#a", "#a", true),
    (r"a\.b", "a.b", true),
];

#[test]
fn patterns_match_as_docker_matches_them() {
    for (pattern, path, expected) in MATCHES {
        assert_eq!(
            is_hit(pattern, path.as_bytes()),
            Some(*expected),
            "{pattern} on {path}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_backslash_takes_the_meaning_from_the_character_after_it() {
    for (pattern, path, expected) in ESCAPES {
        assert_eq!(
            is_hit(pattern, path.as_bytes()),
            Some(*expected),
            "{pattern} on {path}"
        );
    }
}

#[test]
fn a_byte_that_is_not_utf_8_is_one_character() {
    for (pattern, path, expected) in [
        (&b"a?c"[..], &b"a\xffc"[..], true),
        (b"a?c", b"a\xe2\x82c", false),
        (b"a??c", b"a\xe2\x82c", true),
        (b"*.log", b"\xff.log", true),
        (b"a\xffc", b"a\xffc", true),
        (b"a\xffc", b"a\xfec", false),
        (b"\xff*", b"\xfe", true),
        (b"**/\xff", b"a/\xff", true),
    ] {
        let parsed = Pattern::parse(pattern).ok().flatten();
        let hit = parsed.map(|pattern| pattern.matches(&Candidate::new(path)));
        assert_eq!(
            hit,
            Some(Ok(expected)),
            "{} on {}",
            pattern.escape_ascii(),
            path.escape_ascii()
        );
    }
}

#[test]
fn a_line_feed_in_a_name_ends_what_a_double_star_takes() {
    for (pattern, path, expected) in [
        ("a*z", "a\nz", true),
        ("a?z", "a\nz", true),
        ("**/*z", "a\nb/z", false),
        ("**/z", "a\nb/z", true),
    ] {
        assert_eq!(
            is_hit(pattern, path.as_bytes()),
            Some(expected),
            "{pattern} on {path:?}"
        );
    }
}

#[test]
fn malformed_patterns_are_refused() {
    for pattern in [
        "[",
        "a[",
        "[]",
        "[^]",
        "[^",
        "[a",
        "[^ab",
        "[]a]",
        "[-]",
        "[x-]",
        "[-x]",
        "[a-b-c]",
        "[a-",
        "[z-a]",
        "[Local-Only]",
        "[a-*]",
        "x/[",
        "*[",
        "!a[",
    ] {
        assert_eq!(is_hit(pattern, b"a"), None, "{pattern}");
    }
    if cfg!(unix) {
        assert_eq!(is_hit("\\é", b"a"), None);
        assert_eq!(is_hit("\\", b"a"), None);
        assert_eq!(is_hit("a/b\\", b"a"), None);
        assert_eq!(is_hit("[\\", b"a"), None);
    }
    assert!(matches!(Pattern::parse(b"[\xff]"), Err(BadPattern::Syntax)));
    for mark in [&b"!"[..], b"! ", b"!/"] {
        assert!(matches!(
            Pattern::parse(mark),
            Err(BadPattern::NothingAfterMark)
        ));
    }
    assert!(matches!(Pattern::parse(b" "), Ok(None)));
}

/// Go ends its check at the first `*` that it does not get past.
#[test]
fn what_is_malformed_behind_a_star_passes() {
    for (pattern, path, expected) in [
        ("a*[-x]", "ab-", Some(true)),
        ("a*[]b]", "a]", Some(true)),
        ("*[-x]", "-", None),
        (".*[-x]", ".-", None),
    ] {
        assert_eq!(
            is_hit(pattern, path.as_bytes()),
            expected,
            "{pattern} on {path}"
        );
    }
    if cfg!(unix) {
        // The `\` takes the meaning from the `$` that ends Docker's expression.
        assert_eq!(is_hit(r"a*\", br"ab\"), Some(false));
        assert_eq!(is_hit(r"a*\", b"ab$c"), Some(true));
    }
}

#[test]
fn a_bad_ignore_file_is_refused_with_its_line() {
    let refusal = |content: &[u8]| {
        let rules = IgnoreRules::parse(content, Path::new("app/.dockerignore"));
        rules.unwrap_err().message.clone()
    };
    let in_line =
        |text: &str| format!("failed to create build context: `app/.dockerignore`: {text}");
    assert_eq!(
        refusal(b"a\n\n[b"),
        in_line("line 3: syntax error in pattern `[b`")
    );
    assert_eq!(
        refusal(b"!"),
        in_line("line 1: illegal exclusion pattern `!`")
    );
    let long = [b"a\n", &vec![b'x'; 70_000][..]].concat();
    assert_eq!(refusal(&long), in_line("line 2: longer than 65535 bytes"));
}

#[test]
fn a_hostile_pattern_takes_linear_time() {
    let pattern = "a*".repeat(500) + "b";
    assert_eq!(is_hit(&pattern, "a".repeat(500).as_bytes()), Some(false));
    let pattern = "**/a".repeat(500) + "*b";
    assert_eq!(is_hit(&pattern, "a/".repeat(250).as_bytes()), Some(false));
}
