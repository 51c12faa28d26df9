use crate::build_context::ignore::pattern::Pattern;
use crate::build_context::ignore::translation::{Translation, translate};

#[test]
fn patterns_translate_as_dockers_do() {
    let expression = |text: &str| Translation::Expression(text.to_owned());
    for (pattern, expected) in [
        ("x", Translation::Exact),
        ("x.y", Translation::Exact),
        ("a(b)|{c}$+", Translation::Exact),
        ("**", Translation::Suffix),
        ("**x", Translation::Suffix),
        ("**/x", Translation::Suffix),
        ("**/x/y", Translation::Suffix),
        ("x/**", Translation::Prefix),
        ("x**", Translation::Prefix),
        ("*", expression("^[^/]*$")),
        ("x*", expression("^x[^/]*$")),
        ("x*/y", expression("^x[^/]*/y$")),
        ("x?y", expression("^x[^/]y$")),
        ("**/**", expression("^(.*/)?.*$")),
        ("**/x/*", expression("^(.*/)?x/[^/]*$")),
        ("**/x/**", expression("^(.*/)?x/.*$")),
        ("**/**/*.t", expression(r"^(.*/)?(.*/)?[^/]*\.t$")),
        ("x/**/y", expression("^x/(.*/)?y$")),
        ("x[a-c]", expression("^x[a-c]$")),
        ("x]", expression("^x]$")),
        ("[*]", expression("^[[^/]*]$")),
        ("\u{feff}x*", expression("^x[^/]*$")),
    ] {
        assert_eq!(translate(pattern.as_bytes()), expected, "{pattern}");
    }
}

#[test]
fn a_folder_is_entered_when_a_pattern_may_match_below_it() {
    for (pattern, folder, expected) in [
        ("a", "a", false),
        ("a/b", "a", true),
        ("a/b", "a/b", false),
        ("a/b", "b", false),
        ("a/b/c", "a/b", true),
        ("a/b/c", "a/x", false),
        ("ab/c", "a", false),
        ("*", "a", false),
        ("*/b", "a", true),
        ("*/b", "a/b", false),
        ("a/*", "a", true),
        ("a/*", "b", false),
        ("a/*/c", "a/b", true),
        ("**", "a/b", true),
        ("**/b", "a/x/y", true),
        ("a/**", "a/x", true),
        ("a/**", "b", false),
        ("a**", "a/x", true),
        ("a[^b]c", "a", true),
        ("[a]/b", "x", true),
    ] {
        let parsed = Pattern::parse(pattern.as_bytes()).ok().flatten();
        let entered = parsed.map(|pattern| pattern.may_match_below(folder.as_bytes()));
        assert_eq!(entered, Some(expected), "{pattern} below {folder}");
    }
    assert!(Pattern::taking_back(b"a[/b").may_match_below(b"a["));
}
