use crate::build_context::ignore::ignore_file::{clean, read, trim};

fn patterns(content: &[u8]) -> Vec<String> {
    let lines = read(content).unwrap_or_default();
    lines
        .iter()
        .map(|line| line.pattern.escape_ascii().to_string())
        .collect()
}

#[test]
fn each_line_becomes_a_cleaned_pattern() {
    let table: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (b"\n\n  \n\t\n", &[]),
        (b"one\ntwo", &["one", "two"]),
        (b"one\r\ntwo\r\n", &["one", "two"]),
        (b"\xef\xbb\xbfone", &["one"]),
        (b"\xef\xbb\xbf# comment\none", &["one"]),
        (b"one\n\xef\xbb\xbftwo", &["one", r"\xef\xbb\xbftwo"]),
        (b"# comment", &[]),
        (b" # no comment", &["# no comment"]),
        (b"a # b", &["a # b"]),
        (b"  one  ", &["one"]),
        ("\u{a0}one\u{3000}\u{85}".as_bytes(), &["one"]),
        (b"/one", &["one"]),
        (b"//one", &["one"]),
        (b"/", &["/"]),
        (b"//", &["/"]),
        (b"./one", &["one"]),
        (b".", &["."]),
        (b"one/", &["one"]),
        (b"one//two", &["one/two"]),
        (b"one/./two", &["one/two"]),
        (b"one/../two", &["two"]),
        (b"one/..", &["."]),
        (b"../one", &["../one"]),
        (b"one/../../two", &["../two"]),
        (b"/../one", &["one"]),
        (b"!one", &["!one"]),
        (b"! one", &["!one"]),
        (b"!/one", &["!one"]),
        (b"! /one/two/", &["!one/two"]),
        (b"!/", &["!/"]),
        (b"!./one", &["!one"]),
        (b"!one/..", &["!."]),
        (b"!", &["!"]),
        (b"! ", &["!"]),
        (b"!!one", &["!!one"]),
        (b"/!one", &["!one"]),
        (b"a\xffb", &[r"a\xffb"]),
        (b"**/", &["**"]),
    ];
    for (content, expected) in table {
        assert_eq!(patterns(content), *expected, "{}", content.escape_ascii());
    }
}

#[test]
fn a_line_has_less_than_64_kib() {
    let line = |length: usize| [b"first\n", &vec![b'a'; length][..], b"\nlast"].concat();
    assert_eq!(read(&line(65_535)).map(|lines| lines.len()), Ok(3));
    assert_eq!(read(&line(65_536)), Err(2));
}

#[test]
fn lines_are_numbered_from_one_with_those_that_hold_nothing() {
    let lines = read(b"# comment\n\none\n").unwrap_or_default();
    assert_eq!(
        lines.iter().map(|line| line.number).collect::<Vec<_>>(),
        [3]
    );
}

#[test]
fn a_path_is_cleaned_by_its_text_alone() {
    for (path, expected) in [
        ("", "."),
        ("a/b/../..", "."),
        ("a/b/../../..", ".."),
        ("../../a", "../../a"),
        ("/..", "/"),
        ("/a/../..", "/"),
        ("!/", "!"),
        ("!../x", "!../x"),
        ("a/.../b", "a/.../b"),
    ] {
        assert_eq!(clean(path.as_bytes()), expected.as_bytes(), "{path}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_no_white_space() {
    assert_eq!(trim(b" \x85 a \xa0 "), b"\x85 a \xa0");
}
