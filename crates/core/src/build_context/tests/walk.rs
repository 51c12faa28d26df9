use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::support::{folder, refusal};
use crate::build_context::ignore::IgnoreRules;
use crate::build_context::walk::{Content, Walked, walk};
use crate::build_context::{ContextSource, DockerfileSource};
use crate::error::ErrorKind;

fn walked(folder: &tempfile::TempDir, lines: &str) -> Walked {
    let rules = IgnoreRules::parse(lines.as_bytes(), Path::new(".dockerignore")).unwrap();
    walk(folder.path(), &rules, &AtomicBool::new(false)).unwrap()
}

fn names(walked: &Walked) -> Vec<String> {
    walked
        .entries
        .iter()
        .map(|entry| String::from_utf8(entry.name.clone()).unwrap())
        .collect()
}

#[test]
fn entries_come_in_the_order_of_their_bytes_and_folders_before_their_content() {
    let folder = folder(&[
        ("b", ""),
        ("a/x", ""),
        ("a-b", ""),
        ("a.b", ""),
        ("C", ""),
        ("a/\u{e9}", ""),
        ("a/Z/", ""),
    ]);
    let expected = ["C", "a", "a/Z", "a/x", "a/\u{e9}", "a-b", "a.b", "b"];
    assert_eq!(names(&walked(&folder, "")), expected);
}

#[test]
fn rules_decide_what_is_found() {
    let folder = folder(&[
        ("docs/README.md", ""),
        ("docs/deep/x.md", ""),
        ("node_modules/left/index.js", ""),
        ("src/main.go", ""),
        ("src/main.o", ""),
        ("web/node_modules/x", ""),
        (".env", ""),
    ]);
    for (lines, expected) in [
        (
            ".env\n**/node_modules\n*/*.o\ndocs\n",
            &["src", "src/main.go", "web"][..],
        ),
        ("*\n!src\nsrc/*.o\n", &["src", "src/main.go"]),
        ("*\n!**/*.go\n", &["src", "src/main.go"]),
        ("**\n!docs/*.md\n", &["docs", "docs/README.md"]),
        ("*\n!docs/deep\n", &["docs", "docs/deep", "docs/deep/x.md"]),
        ("*\n!nothing/here\n", &[]),
        ("*\n!docs/nothing\n", &[]),
    ] {
        assert_eq!(names(&walked(&folder, lines)), expected, "{lines}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_kept_as_links() {
    use std::os::unix::fs::symlink;
    let folder = folder(&[("a/file", "content")]);
    for (target, name) in [
        ("a", "to_folder"),
        ("..", "a/up"),
        ("itself", "itself"),
        ("/etc/passwd", "absolute"),
        ("../../x", "out"),
    ] {
        symlink(target, folder.path().join(name)).unwrap();
    }
    let walked = walked(&folder, "");
    let links: Vec<_> = walked
        .entries
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::Link(target) => Some((&entry.name[..], &target[..])),
            _ => None,
        })
        .collect();
    assert_eq!(
        links,
        [
            (&b"a/up"[..], &b".."[..]),
            (b"absolute", b"/etc/passwd"),
            (b"itself", b"itself"),
            (b"out", b"../../x"),
            (b"to_folder", b"a"),
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_socket_is_left_out_with_a_warning() {
    let folder = folder(&[("a", "")]);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s.sock")).unwrap();
    let walked = walked(&folder, "");
    assert_eq!(names(&walked), ["a"]);
    assert_eq!(walked.warnings.len(), 1);
    assert_eq!(walked.warnings[0].code, "CONTEXT_SOCKET_SKIPPED");
    assert!(
        walked.warnings[0].message.contains("s.sock` is a socket"),
        "{:?}",
        walked.warnings
    );
}

#[cfg(unix)]
#[test]
fn an_excluded_socket_is_no_warning() {
    let folder = folder(&[("a", "")]);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s.sock")).unwrap();
    assert_eq!(walked(&folder, "*.sock").warnings, []);
}

#[cfg(unix)]
#[test]
fn a_device_is_left_out_with_a_warning() {
    let rules = IgnoreRules::parse(b"*\n!null\n", Path::new(".dockerignore")).unwrap();
    let walked = walk(Path::new("/dev"), &rules, &AtomicBool::new(false)).unwrap();
    assert_eq!(walked.entries, []);
    assert_eq!(walked.warnings[0].code, "CONTEXT_DEVICE_SKIPPED");
}

#[test]
fn a_walk_that_is_not_wanted_any_more_ends() {
    let folder = folder(&[("a", "")]);
    assert!(
        walk(
            folder.path(),
            &IgnoreRules::default(),
            &AtomicBool::new(true)
        )
        .is_err()
    );
}

#[tokio::test]
async fn a_context_that_is_not_there_is_context_invalid_with_its_path() {
    let folder = folder(&[("file", "")]);
    for (name, reason) in [
        ("missing", "no such file or directory"),
        ("file", "it is not a folder"),
    ] {
        let path = folder.path().join(name);
        let dockerfile = DockerfileSource::Inline("FROM scratch".to_owned());
        let error = refusal(ContextSource::Directory {
            path: path.clone(),
            dockerfile,
        })
        .await;
        assert_eq!(error.kind, ErrorKind::ContextInvalid);
        if cfg!(unix) {
            let expected = format!(
                "failed to create build context: `{}`: {reason}",
                path.display()
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}

/// The lowest folder's path is longer than the system takes, for root too.
#[cfg(target_os = "linux")]
#[test]
fn a_path_that_cannot_be_read_is_context_invalid_with_its_name() {
    let folder = folder(&[]);
    let part = "d".repeat(250);
    let mut inner = folder.path().join(&part);
    fs::create_dir(&inner).unwrap();
    while inner.as_os_str().len() < 3_700 {
        inner.push(&part);
        fs::create_dir(&inner).unwrap();
    }
    // Renaming the folder above makes what is below it too long.
    let long = folder.path().join("e".repeat(250));
    let longer = long.join("f".repeat(200));
    fs::create_dir_all(&longer).unwrap();
    fs::rename(folder.path().join(&part), longer.join(&part)).unwrap();
    let error = walk(
        folder.path(),
        &IgnoreRules::default(),
        &AtomicBool::new(false),
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
    let start = format!("failed to create build context: `{}", long.display());
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(
        error.to_string().ends_with("`: file name too long"),
        "{error}"
    );
    // `remove_dir_all` goes down by handles, so the folder can be removed.
    fs::remove_dir_all(folder.path()).unwrap();
}
