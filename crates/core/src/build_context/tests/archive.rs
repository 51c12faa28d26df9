use std::fs::{self, File};
use std::io::Read as _;
use std::time::{Duration, UNIX_EPOCH};

use tar::EntryType;

use super::support::{archive_of, content, directory, entries, folder, names, take};
use crate::build_context::{Compression, open};

#[tokio::test]
async fn files_folders_and_times_are_sent_as_they_are() {
    let folder = folder(&[("Dockerfile", "FROM a"), ("empty/", ""), ("d/x", "content")]);
    let changed = UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
    File::options()
        .write(true)
        .open(folder.path().join("d/x"))
        .unwrap()
        .set_modified(changed)
        .unwrap();
    let archive = archive_of(folder.path()).await;
    assert_eq!(names(&archive), ["Dockerfile", "d/", "d/x", "empty/"]);
    let entries = entries(&archive);
    assert!(entries.iter().all(|entry| entry.owner == (0, 0)));
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        [
            EntryType::Regular,
            EntryType::Directory,
            EntryType::Regular,
            EntryType::Directory
        ]
    );
    assert_eq!(entries[2].content, b"content");
    assert_eq!(entries[2].modified, 1_700_000_000);
}

#[tokio::test]
async fn the_same_tree_gives_the_same_bytes() {
    let folder = folder(&[
        ("Dockerfile", "FROM a"),
        ("b", "b"),
        ("a/c", "c"),
        ("a/b", "b"),
        ("Z/", ""),
    ]);
    assert_eq!(
        archive_of(folder.path()).await,
        archive_of(folder.path()).await
    );
    let mut packed = Vec::new();
    for _ in 0..2 {
        let context = open(directory(folder.path()), Compression::Gzip)
            .await
            .unwrap();
        packed.push(take(context).await.unwrap());
    }
    assert_eq!(packed[0], packed[1]);
}

#[tokio::test]
async fn gzip_holds_the_same_archive() {
    let folder = folder(&[("Dockerfile", &"FROM a\n".repeat(10_000)), ("a/b", "b")]);
    let context = open(directory(folder.path()), Compression::Gzip)
        .await
        .unwrap();
    let packed = take(context).await.unwrap();
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, archive_of(folder.path()).await);
    assert!(packed.len() < unpacked.len() / 10);
}

#[tokio::test]
async fn names_of_every_length_survive() {
    let folder = folder(&[("Dockerfile", "")]);
    let mut expected = vec!["Dockerfile".to_owned()];
    for length in [1, 98, 99, 100, 101, 102, 155, 200, 254, 255] {
        let name = format!("{length:03}{}", "n".repeat(length))[..length].to_owned();
        fs::write(folder.path().join(&name), &name).unwrap();
        expected.push(name);
    }
    let deep = ["d".repeat(200), "e".repeat(200), "f".repeat(200)].join("/");
    fs::create_dir_all(folder.path().join(&deep)).unwrap();
    expected.extend([400, 200, 0].map(|cut| format!("{}/", &deep[..600 + 2 - cut - cut / 200])));
    let archive = archive_of(folder.path()).await;
    let mut sent = names(&archive);
    sent.sort();
    expected.sort();
    assert_eq!(sent, expected);
    assert_eq!(content(&archive, &expected[3]), expected[3]);
}

#[tokio::test]
async fn a_context_that_is_larger_than_a_chunk_is_whole() {
    let large: String = (0..1_000_000_u32)
        .map(|number| if number % 7 == 0 { '\n' } else { 'x' })
        .collect();
    let folder = folder(&[("Dockerfile", "FROM a"), ("large", &large), ("last", "x")]);
    let archive = archive_of(folder.path()).await;
    assert_eq!(content(&archive, "large"), large);
    assert_eq!(archive.len() % 512, 0);
    assert_eq!(archive[archive.len() - 1024..], [0; 1024]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::support::make_fifo;
    use super::*;

    #[tokio::test]
    async fn modes_are_kept_with_their_set_id_bits() {
        let folder = folder(&[
            ("Dockerfile", ""),
            ("run", ""),
            ("setuid", ""),
            ("closed/", ""),
        ]);
        for (name, mode) in [
            ("Dockerfile", 0o600),
            ("run", 0o755),
            ("setuid", 0o4711),
            ("closed", 0o1700),
        ] {
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode))
                .unwrap();
        }
        let entries = entries(&archive_of(folder.path()).await);
        let modes: Vec<_> = entries.iter().map(|entry| entry.mode).collect();
        assert_eq!(modes, [0o600, 0o1700, 0o755, 0o4711]);
    }

    #[tokio::test]
    async fn a_time_before_1970_is_written_so_that_go_reads_it() {
        let folder = folder(&[("Dockerfile", "FROM a")]);
        let file = File::options()
            .write(true)
            .open(folder.path().join("Dockerfile"))
            .unwrap();
        file.set_modified(UNIX_EPOCH - Duration::from_secs(86_400))
            .unwrap();
        let archive = archive_of(folder.path()).await;
        assert_eq!(entries(&archive)[0].modified.cast_signed(), -86_400);
        // Go takes the second bit of the field for the sign.
        assert_eq!(archive[136..140], [0xff; 4]);
    }

    #[tokio::test]
    async fn links_are_sent_with_targets_of_every_length() {
        let folder = folder(&[("Dockerfile", "")]);
        let long = format!("../{}", "x/".repeat(200));
        for (name, target) in [
            ("a", "/etc/passwd"),
            ("b", "b"),
            ("c", &long[..100]),
            ("d", &long),
        ] {
            symlink(target, folder.path().join(name)).unwrap();
        }
        let entries = entries(&archive_of(folder.path()).await);
        let targets: Vec<_> = entries[1..]
            .iter()
            .map(|entry| entry.target.clone().unwrap())
            .collect();
        assert_eq!(
            targets,
            [
                &b"/etc/passwd"[..],
                b"b",
                &long.as_bytes()[..100],
                long.as_bytes()
            ]
        );
        assert!(
            entries[1..]
                .iter()
                .all(|entry| entry.kind == EntryType::Symlink)
        );
    }

    #[tokio::test]
    async fn a_hard_link_is_sent_as_a_file_of_its_own() {
        let folder = folder(&[("Dockerfile", "FROM a")]);
        fs::hard_link(
            folder.path().join("Dockerfile"),
            folder.path().join("again"),
        )
        .unwrap();
        let archive = archive_of(folder.path()).await;
        assert_eq!(content(&archive, "again"), "FROM a");
        assert!(
            entries(&archive)
                .iter()
                .all(|entry| entry.kind == EntryType::Regular)
        );
    }

    #[tokio::test]
    async fn a_fifo_is_sent_without_being_opened() {
        let folder = folder(&[("Dockerfile", "")]);
        make_fifo(&folder.path().join("pipe"));
        let entries = entries(&archive_of(folder.path()).await);
        assert_eq!(
            (entries[1].kind, entries[1].content.len()),
            (EntryType::Fifo, 0)
        );
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn names_that_are_not_utf_8_are_sent_byte_for_byte() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let folder = folder(&[("Dockerfile", "")]);
        let long = [&[0xff_u8; 150][..], b"\nend"].concat();
        for name in [&b"\xfe\n\x01"[..], &long] {
            fs::write(folder.path().join(OsStr::from_bytes(name)), name).unwrap();
        }
        let entries = entries(&archive_of(folder.path()).await);
        let names: Vec<_> = entries.iter().map(|entry| &entry.name[..]).collect();
        assert_eq!(names, [&b"Dockerfile"[..], b"\xfe\n\x01", &long]);
        assert_eq!(entries[2].content, long);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_sparse_file_is_sent_as_a_plain_one() {
        let folder = folder(&[("Dockerfile", "")]);
        File::create(folder.path().join("sparse"))
            .unwrap()
            .set_len(3 << 20)
            .unwrap();
        let entries = entries(&archive_of(folder.path()).await);
        assert_eq!(
            (entries[1].kind, entries[1].content.len()),
            (EntryType::Regular, 3 << 20)
        );
    }
}
