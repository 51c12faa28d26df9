use std::fmt::Write as _;
use std::path::Path;

use crate::build_context::ignore::{Hits, IgnoreRules};

fn parse(content: &str) -> IgnoreRules {
    IgnoreRules::parse(content.as_bytes(), Path::new(".dockerignore")).unwrap()
}

fn is_excluded(rules: &IgnoreRules, path: &str) -> bool {
    let mut hits = Hits::default();
    for (end, _) in path.match_indices('/') {
        hits = rules
            .judge(&path.as_bytes()[..end], true, &hits)
            .unwrap()
            .hits;
    }
    rules.judge(path.as_bytes(), false, &hits).unwrap().excluded
}

/// lines of the ignore file, path, whether it stays out
const RULES: &[(&[&str], &str, bool)] = &[
    (&[], "a", false),
    (&["a"], "a", true),
    (&["a"], "a/b/c", true),
    (&["a"], "b/a", false),
    (&["a/"], "a/b", true),
    (&["/a"], "a", true),
    (&["./a"], "a", true),
    (&["../a"], "a", false),
    (&["/"], "a", false),
    (&["."], "a", false),
    (&["# a"], "# a", false),
    (&["a/b"], "a", false),
    (&["a/b"], "a/b/c/d", true),
    (&["*"], "a/b", true),
    (&["*/b"], "a/b/c", true),
    (&["node_modules"], "web/node_modules/x", false),
    (&["**/node_modules"], "web/node_modules/x", true),
    (&["d/**"], "d", false),
    (&["d/**"], "d/e/f", true),
    (&["*.md"], "README.md", true),
    // The last pattern that hits decides.
    (&["*.md", "!README.md"], "README.md", false),
    (&["*.md", "!README.md"], "OTHER.md", true),
    (&["!README.md", "*.md"], "README.md", true),
    (
        &["*.md", "!README*.md", "README-secret.md"],
        "README-secret.md",
        true,
    ),
    (
        &["*.md", "!README*.md", "README-secret.md"],
        "README-public.md",
        false,
    ),
    (
        &["*.md", "README-secret.md", "!README*.md"],
        "README-secret.md",
        false,
    ),
    (&["!a"], "a", false),
    (&["a", "!a", "a"], "a", true),
    // Below an excluded folder something may be taken back.
    (&["docs", "!docs/README.md"], "docs/README.md", false),
    (&["docs", "!docs/README.md"], "docs/x.md", true),
    (&["docs/", "!docs/README.md"], "docs/README.md", false),
    (&["docs/*", "!docs/README.md"], "docs/README.md", false),
    (&["docs/**", "!docs/README.md"], "docs/README.md", false),
    (&["*", "!src"], "src/main.rs", false),
    (&["*", "!src"], "src/deep/down/main.rs", false),
    (&["*", "!src"], "target/main.rs", true),
    (&["*", "!src", "src/gen"], "src/gen/x", true),
    (
        &["*", "!src", "src/gen", "!src/gen/keep"],
        "src/gen/keep",
        false,
    ),
    (&["**", "!a/b"], "a/b/c", false),
    (&["**", "!a/b", "a/b/c"], "a/b/c", true),
    (&["**", "!a/*.whl"], "a/x-1.0+g0.whl", false),
    (&["*", "!**/*.go"], "a/b/c.go", false),
    (&["*", "!**/*.go"], "a/b/c.rs", true),
    (&["a", "!a/b"], "a/b/c/d", false),
    (&["a", "!a/b"], "a/c", true),
    (&["a/b", "!a"], "a/b/c", true),
    (&["a/b", "!a/b"], "a/b/c", false),
    (&["!a", "a/b"], "a/b/c", true),
    // A pattern that had nothing to change for a folder is no hit for what lies below it.
    (&["a", "!a/*", "a/b", "!a"], "a/b/c", false),
    (&["!a/b", "a/*", "!a/b/c"], "a/b/c", false),
    (&["!a/b", "a/*"], "a/b/c", true),
    (&["*", "!a", "a/*", "!a/b"], "a/b/c", false),
    (&["*", "!a", "a/*", "!a/b"], "a/c", true),
    (&["a", "a/b", "!a/b/c", "a/b/c/d"], "a/b/c/d", true),
    (&["a", "a/b", "!a/b/c", "a/b/c/d"], "a/b/c/e", false),
];

#[test]
fn the_last_hit_on_a_path_or_a_folder_above_decides() {
    for (lines, path, expected) in RULES {
        let mut content = String::new();
        for line in *lines {
            writeln!(content, "{line}").unwrap();
        }
        let rules = parse(&content);
        assert_eq!(is_excluded(&rules, path), *expected, "{lines:?} on {path}");
    }
}

/// What a pattern that is not asked leaves behind differs from what each pattern alone would say of the parents.
#[test]
fn hits_are_carried_down_and_not_found_again() {
    let rules = parse("!a/b\na/*/c\na\n");
    // `a/b` is not asked of `!a/b`, since nothing was excluded by then; `a` excludes it and what is below.
    assert!(is_excluded(&rules, "a/b"));
    assert!(is_excluded(&rules, "a/b/c"));
    let carried = parse("*/x\n!d\nd/x/y\n!d/x\n");
    assert!(!is_excluded(&carried, "d/x"));
    assert!(!is_excluded(&carried, "d/x/y"));
}

#[test]
fn what_is_always_sent_is_taken_back_by_its_exact_name() {
    let mut rules = parse("**\n");
    rules.always_send(b"build/Dockerfile[1]");
    assert!(!is_excluded(&rules, "build/Dockerfile[1]"));
    assert!(is_excluded(&rules, "build/Dockerfile1"));
    assert!(rules.may_send_below(b"build"));
    assert!(!rules.may_send_below(b"src"));
}

/// `|` and `{` may match anywhere. Docker does not know that, and so leaves out what it does not look for.
#[test]
fn below_an_excluded_folder_docker_finds_what_begins_with_the_text() {
    let enters = |content: &str, folder: &str| parse(content).may_send_below(folder.as_bytes());
    assert!(enters("*\n!a|b/*\n", "a|b"));
    assert!(!enters("*\n!a|b/*\n", "x"));
    assert!(enters("*\n!a|b/*\n!c/d\n", "c"));
    assert!(!enters("*\n!a|b/*\n!c/d\n", "c/d/e"));
    assert!(enters("*\n!a|b/?\n", "x"));
    assert!(enters("*\n!a|b/*\n!c?\n", "x"));
    assert!(enters("*\n!a{2}/*/*\n", "x"));
    assert!(enters("*\n!\u{fffd}/?\n", "x"));
    // Where nothing else stands for anything, they stand for themselves.
    assert!(!enters("*\n!a|b/c\n", "x"));
    assert!(!enters("*\n!a|b/**\n", "x"));
}
