use std::path::Path;

use crate::build_context::ignore::pattern::{BadPattern, Candidate, Pattern};
use crate::build_context::ignore::{Hits, IgnoreRules};

fn matches(pattern: &str, path: &str) -> Result<bool, BadPattern> {
    let pattern = Pattern::parse(pattern.as_bytes()).unwrap().unwrap();
    pattern.matches(&Candidate::new(path.as_bytes()))
}

/// pattern, path, whether the path itself matches; `None` where Docker fails. All of it is what
/// github.com/moby/patternmatcher v0.6.1 answers, built with Go 1.26.
const ANSWERS: &[(&str, &str, Option<bool>)] = &[
    // Classes of characters: what Go's regexp gives a meaning to after a `\`.
    (r"\d", "7", Some(true)),
    (r"\d", "d", Some(false)),
    (r"\D", "d", Some(true)),
    (r"\D", "7", Some(false)),
    (r"\D\d", "/7", Some(true)),
    (r"\w", "_", Some(true)),
    (r"\w", "é", Some(false)),
    (r"\W", "é", Some(true)),
    (r"\W", "w", Some(false)),
    (r"\s", "\t", Some(true)),
    (r"\s", "\x0b", Some(false)),
    (r"\S", "\x0b", Some(true)),
    (r"[\d]x", "7x", Some(true)),
    (r"[^\d]x", "7x", Some(false)),
    (r"[^\d]x", "/x", Some(true)),
    (r"[\D]", "d", Some(true)),
    (r"[^\D]", "7", Some(true)),
    (r"[\W\d]", "w", Some(false)),
    (r"[\d-z]", "-", Some(true)),
    (r"[\d-z]", "y", Some(false)),
    ("x[[:^alpha:]]", "x1", Some(true)),
    ("x[[:^alpha:]]", "xa", Some(false)),
    ("[[:word:]-]", "-", Some(true)),
    // Characters by name and by number.
    (r"\a", "\x07", Some(true)),
    (r"\f", "\x0c", Some(true)),
    (r"\n", "\n", Some(true)),
    (r"\r", "\r", Some(true)),
    (r"\t", "\t", Some(true)),
    (r"\v", "\x0b", Some(true)),
    (r"\n", "n", Some(false)),
    (r"\x41", "A", Some(true)),
    (r"\xe9", "é", Some(true)),
    (r"\x{1F600}", "😀", Some(true)),
    (r"\x{0041}b", "Ab", Some(true)),
    (r"\101", "A", Some(true)),
    (r"\12", "\n", Some(true)),
    (r"\0", "\0", Some(true)),
    (r"\0012", "\x012", Some(true)),
    (r"\400", "Ā", Some(true)),
    (r"[\x41-\x43]", "B", Some(true)),
    (r"[\101-\103]", "D", Some(false)),
    (r"[\n\t]", "\t", Some(true)),
    // Places: the start, the end, and the edge of a word.
    (r"\Aa*", "ab", Some(true)),
    (r"a\A*", "ab", Some(false)),
    (r"a*\z", "ab", Some(true)),
    (r"a\z", "a", Some(true)),
    (r"\za", "a", Some(false)),
    (r"*\bb*", "a b", Some(true)),
    (r"*\bb*", "ab", Some(false)),
    (r"a\B*", "ab", Some(true)),
    (r"a\B*", "a", Some(false)),
    (r"\ba", "a", Some(true)),
    (r"\b-", "-", Some(false)),
    (r"\B-", "-", Some(true)),
    (r"é\b*", "éa", Some(true)),
    // Quotes: `*` and `.` have been translated before.
    (r"\Qab\E", "ab", Some(true)),
    (r"\Q*\E", "*", Some(false)),
    (r"\Q*\E", "[^/]*", Some(true)),
    (r"\Q.\E", r"\.", Some(true)),
    (r"\Q.\E", ".", Some(false)),
    (r"\Qa\\E", r"a\", Some(true)),
    (r"\Qab", "ab$", Some(true)),
    (r"\Qab", "ab$/c", Some(true)),
    (r"\Qab", "ab", Some(false)),
    (r"\Q\Ea", "a", Some(true)),
    // Alternatives and repetitions: Docker means to take their meaning from `|` and `{`, and does not.
    ("a|b", "a|b", Some(true)),
    ("a|b", "a", Some(false)),
    ("*.log|tmp", "x.log", Some(true)),
    ("*.log|tmp", "x.log/y", Some(true)),
    ("*.log|tmp", "deep/down/tmp", Some(true)),
    ("x|*", "x/y", Some(true)),
    ("|a*", "b", Some(true)),
    ("a*|", "b", Some(true)),
    ("a*|^b", "cb", Some(false)),
    ("a*|^b", "b", Some(true)),
    ("a{2}", "a{2}", Some(true)),
    ("a{2}*", "aab", Some(true)),
    ("a{2}*", "ab", Some(false)),
    ("a{2}*", "a{2}b", Some(false)),
    ("?{2}", "ab", Some(true)),
    ("?{2}", "abc", Some(false)),
    ("[ab]{1,2}", "ab", Some(true)),
    ("[ab]{1,2}", "aba", Some(false)),
    ("[ab]{2,}", "abab", Some(true)),
    ("[ab]{2,}", "a", Some(false)),
    ("[ab]{0}", "[ab]", Some(false)),
    ("[ab]{0}x", "x", Some(true)),
    ("*x{0,1}", "y", Some(true)),
    ("[a]{,2}", "a{,2}", Some(true)),
    ("[a]{02}", "a{02}", Some(true)),
    ("[a]{2", "a{2", Some(true)),
    ("[a]}", "a}", Some(true)),
    (r"\d{3}", "123", Some(true)),
    ("{2}*", "a", Some(true)),
    ("{0}b*", "abc", Some(true)),
    (r"*\Q\E{2}x", "ax", Some(true)),
    (r"**/\Q\E{2}x", "a/x", Some(true)),
    (r"[a]{2}\Q\E{2}", "aaaa", Some(true)),
    (r"[a]{2}\Q\E{2}", "aaa", Some(false)),
    // What Go does not compile fails, where the first path is asked.
    (r"\q", "q", None),
    (r"\8", "8", None),
    (r"\1", "1", None),
    (r"\C", "a", None),
    (r"\E", "E", None),
    (r"\Z", "a", None),
    (r"\G", "G", None),
    (r"\x4", "x4", None),
    (r"\x{}", "x", None),
    (r"\x{110000}", "x", None),
    (r"\x{41", "A", None),
    (r"\é", "é", None),
    (r"[\b]", "b", None),
    (r"[\Qa]", "a", None),
    (r"[\A]", "A", None),
    (r"[a-\d]", "a", None),
    ("x[[:nonsense:]]", "xa", None),
    ("[a]{1001}", "a", None),
    ("[a]{2,1}", "a", None),
    ("[a]{2}{2}", "aaaa", None),
    ("*{2}", "aa", None),
    ("a*|{2}", "a", None),
    (r"[a]{40}\Q\E{40}", "a", None),
    ("[z-a]", "b", None),
    ("x*[a", "x", None),
    ("x*[]", "x", None),
];

#[cfg(unix)]
#[test]
fn expressions_match_as_go_matches_them() {
    for (pattern, path, expected) in ANSWERS {
        let answer = matches(pattern, path);
        assert_eq!(answer.ok(), *expected, "{pattern:?} on {path:?}");
    }
}

#[cfg(unix)]
#[test]
fn unicode_classes_are_refused_by_name() {
    for pattern in [r"\pL", r"\PN", r"\p{Greek}", r"[\pL]", r"x*\p"] {
        let answer = matches(pattern, "x");
        assert_eq!(answer, Err(BadPattern::UnicodeClass), "{pattern}");
    }
    let rules = IgnoreRules::parse(b"a\n\\pL*\n", Path::new("i")).unwrap();
    let error = rules.judge(b"b", false, &Hits::default()).unwrap_err();
    let message = r"failed to create build context: `i`: line 2: the Unicode class in pattern `\\pL*` is not supported";
    assert_eq!(error.message, message);
}

/// Docker compiles a pattern once it has to hold a path against it.
#[cfg(unix)]
#[test]
fn a_pattern_that_cannot_be_compiled_fails_once_it_is_asked() {
    let excluded = |content: &str, path: &[u8]| {
        let rules = IgnoreRules::parse(content.as_bytes(), Path::new("i")).unwrap();
        let verdict = rules.judge(path, false, &Hits::default());
        verdict.map(|verdict| verdict.excluded).ok()
    };
    assert_eq!(excluded("\\q\n", b"a"), None);
    assert_eq!(excluded("a\n\\q\n", b"a"), Some(true));
    assert_eq!(excluded("a\n\\q\n", b"b"), None);
    assert_eq!(excluded("!\\q\na\n", b"a"), Some(true));
    assert_eq!(excluded("a\n!\\q\n", b"a"), None);
}

#[test]
fn what_is_repeated_without_end_takes_linear_time() {
    let pattern = "[ab]{500}?{0,500}".repeat(20) + "*c";
    assert_eq!(matches(&pattern, &"ab".repeat(2000)), Ok(false));
    let pattern = "[a]{1000}".repeat(4000);
    assert_eq!(matches(&pattern, "a"), Err(BadPattern::Syntax));
    let pattern = "*|".repeat(5000);
    assert_eq!(matches(&pattern, "a"), Ok(true));
}
