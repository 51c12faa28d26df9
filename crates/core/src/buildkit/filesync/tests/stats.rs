//! How entries on disk are described: what Go's side says of the same ones.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

use crate::buildkit::filesync::packet::Stat;
use crate::buildkit::filesync::{Folder, SyncRequest, stats};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn described(folder: &TempDir, exclude: &[&str]) -> Vec<Stat> {
    let wanted = SyncRequest {
        exclude: exclude.iter().map(|&pattern| pattern.into()).collect(),
        ..SyncRequest::default()
    };
    let root = folder.path().canonicalize().unwrap();
    stats(&Folder::new(root), wanted).unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn modes_are_in_gos_bits() {
    let folder = folder();
    for (name, mode) in [("a", 0o640), ("b", 0o4755), ("c", 0o2711), ("d", 0o6000)] {
        let path = folder.path().join(name);
        fs::write(&path, "12345").unwrap();
        set_mode(&path, mode);
    }
    let path = folder.path().join("e");
    fs::create_dir(&path).unwrap();
    set_mode(&path, 0o1777);
    symlink("target", folder.path().join("f")).unwrap();
    let stats = described(&folder, &[]);
    let modes: Vec<_> = stats.iter().map(|stat| (stat.mode, stat.size)).collect();
    assert_eq!(
        modes,
        [
            (0o640, 5),
            (1 << 23 | 0o755, 5),
            (1 << 22 | 0o711, 5),
            (3 << 22, 5),
            (1 << 31 | 1 << 20 | 0o777, 0),
            (1 << 27 | 0o777, 6),
        ]
    );
    assert_eq!(stats[5].linkname, b"target");
    assert!(stats.iter().all(|stat| (stat.uid, stat.gid) == (0, 0)));
}

#[test]
fn times_are_in_nanoseconds() {
    let folder = folder();
    let file = fs::File::create(folder.path().join("a")).unwrap();
    let time = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    file.set_modified(time).unwrap();
    let file = fs::File::create(folder.path().join("b")).unwrap();
    file.set_modified(UNIX_EPOCH - Duration::from_millis(1500))
        .unwrap();
    let times: Vec<_> = described(&folder, &[])
        .iter()
        .map(|stat| stat.mod_time)
        .collect();
    assert_eq!(times, [1_700_000_000_123_456_789, -1_500_000_000]);
}

#[test]
fn a_file_with_several_names_is_sent_once() {
    let folder = folder();
    fs::create_dir(folder.path().join("d")).unwrap();
    fs::write(folder.path().join("a"), "12345").unwrap();
    for name in ["b", "d/c"] {
        fs::hard_link(folder.path().join("a"), folder.path().join(name)).unwrap();
    }
    let links = |exclude: &[&str]| -> Vec<(String, String, i64)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let stats = described(&folder, exclude);
        let link = |stat: &Stat| (text(&stat.path), text(&stat.linkname), stat.size);
        stats
            .iter()
            .filter(|stat| stat.size > 0)
            .map(link)
            .collect()
    };
    let link = |path: &str, first: &str| (path.to_owned(), first.to_owned(), 5);
    assert_eq!(
        links(&[]),
        [link("a", ""), link("b", "a"), link("d/c", "a")]
    );
    // The first that is sent is the file.
    assert_eq!(links(&["a"]), [link("b", ""), link("d/c", "b")]);
    assert_eq!(links(&["a", "b"]), [link("d/c", "")]);
}

#[cfg(target_os = "linux")]
#[test]
fn extended_attributes_are_sent_whatever_their_names() {
    use rustix::fs::{XattrFlags, setxattr};
    let folder = folder();
    let path = folder.path().join("a");
    fs::write(&path, "").unwrap();
    let long = vec![b'v'; 1000];
    for (name, value) in [
        (&b"user.\xff"[..], &b"1"[..]),
        (b"user.a", b""),
        (b"user.long", &long),
    ] {
        match setxattr(&path, name, value, XattrFlags::empty()) {
            Err(rustix::io::Errno::NOTSUP) => {
                eprintln!("not tested: the temporary folder takes no extended attributes");
                return;
            }
            set => set.unwrap(),
        }
    }
    let stats = described(&folder, &[]);
    let mut found: Vec<_> = stats[0]
        .xattrs
        .iter()
        .map(|xattr| (&xattr.name[..], &xattr.value[..]))
        .collect();
    found.retain(|(name, _)| name.starts_with(b"user."));
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (&b"user.a"[..], &b""[..]),
            (b"user.long", &long),
            (b"user.\xff", b"1")
        ]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_utf_8() {
    let folder = folder();
    let names: [&[u8]; 5] = [b"a\nb", b"a b", b"a\\b", b"caf\xc3\xa9", b"\xff\xfe"];
    for name in names {
        fs::write(folder.path().join(OsStr::from_bytes(name)), "").unwrap();
    }
    let stats = described(&folder, &[]);
    let found: Vec<_> = stats.iter().map(|stat| &stat.path[..]).collect();
    assert_eq!(found, names);
    let found = described(&folder, &["a?b", "?\u{fffd}"]);
    assert_eq!(found.len(), 1);
}
