//! An ignore file and paths: a walk that passes folders over leaves out the same files as judging each path by itself.
//!
//! That judging takes linear time is the fuzzer's business: `-timeout` ends it where an input takes too long.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use shipway_core::fuzzing::{Rules, Wanted, describe_files, patterns};

#[derive(Debug, Arbitrary)]
struct Input {
    ignore_file: Vec<u8>,
    paths: Vec<Vec<u8>>,
}

fuzz_target!(|input: Input| {
    let Ok(rules) = Rules::parse(&input.ignore_file) else {
        return;
    };
    let files = files(input.paths);
    let wanted = Wanted {
        exclude: patterns(&input.ignore_file).expect("it was read before"),
        ..Wanted::default()
    };
    let verdicts: Vec<_> = files
        .iter()
        .map(|file| rules.judge(file).pop().expect("a path has parts"))
        .collect();
    let described = match describe_files(&files, &wanted) {
        Ok(described) => described,
        Err(error) => {
            assert!(
                verdicts.iter().any(Result::is_err),
                "only the walk fails: {error}"
            );
            return;
        }
    };
    let sent: BTreeSet<&[u8]> = described.iter().map(|entry| &entry.path[..]).collect();
    for path in &sent {
        if let Some(end) = path.iter().rposition(|&byte| byte == b'/') {
            assert!(sent.contains(&path[..end]), "a folder is missing");
        }
    }
    if is_misread(&input.ignore_file) {
        return;
    }
    for (file, verdict) in files.iter().zip(verdicts) {
        let is_excluded = verdict.expect("the walk did not fail");
        assert_ne!(
            sent.contains(&file[..]),
            is_excluded,
            "{}",
            file.escape_ascii()
        );
    }
});

/// Relative paths of which none lies below another.
fn files(paths: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut files = BTreeSet::<Vec<u8>>::new();
    for path in paths {
        let mut parts = path.split(|&byte| byte == b'/');
        let is_clean = parts.all(|part| !matches!(part, b"" | b"." | b".."));
        let lies_below = |below: &[u8], above: &[u8]| {
            let rest = below.strip_prefix(above);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        let clashes = |file: &Vec<u8>| lies_below(file, &path) || lies_below(&path, file);
        if is_clean && !files.iter().any(clashes) {
            files.insert(path);
        }
    }
    files.into_iter().collect()
}

/// Whether Docker itself may be wrong about which folders it can pass over, so that ours has to be as well.
fn is_misread(ignore_file: &[u8]) -> bool {
    let may_mislead = |byte: &u8| b"|{".contains(byte) || !byte.is_ascii();
    ignore_file.iter().any(may_mislead)
}
