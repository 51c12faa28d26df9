//! What arrives, and as what.

use super::*;
#[cfg(target_os = "linux")]
use crate::buildkit::filesync::packet::Xattr;

#[test]
fn a_tree_arrives_whole() {
    fn run<D: Dir>() {
        let mut script = Script::<D>::new();
        script.file("a", "first content").unwrap();
        script.folder("b").unwrap();
        script.folder("b/c").unwrap();
        script.file("b/c/d", "").unwrap();
        script.file("b/e", "third").unwrap();
        script.hard_link("b/f", "a").unwrap();
        script.link("g", "/etc/passwd").unwrap();
        script.finish().unwrap();
        let expected = [
            ("a", "first content"),
            ("b", "folder"),
            ("b/c", "folder"),
            ("b/c/d", ""),
            ("b/e", "third"),
            ("b/f", "first content"),
            ("g", "-> /etc/passwd"),
        ];
        let expected = expected.map(|(name, said)| (name.to_owned(), said.to_owned()));
        assert_eq!(tree(&script.path("")), expected.into());
    }
    run::<SystemDir>();
    run::<PortableDir>();
}

#[test]
fn what_is_there_stays_unless_it_is_replaced() {
    fn run<D: Dir>() {
        let mut script = Script::<D>::with(|out| {
            fs::create_dir(out.join("folder")).unwrap();
            fs::write(out.join("folder/old"), "stays").unwrap();
            fs::write(out.join("file"), "goes").unwrap();
            fs::write(out.join("linked"), "goes").unwrap();
            fs::create_dir(out.join("empty")).unwrap();
            fs::write(out.join("unfolded"), "goes").unwrap();
        });
        script.file("empty", "a file now").unwrap();
        script.file("file", "new").unwrap();
        script.folder("folder").unwrap();
        script.file("folder/new", "new").unwrap();
        script.link("linked", "file").unwrap();
        script.folder("unfolded").unwrap();
        script.finish().unwrap();
        let expected = [
            ("empty", "a file now"),
            ("file", "new"),
            ("folder", "folder"),
            ("folder/new", "new"),
            ("folder/old", "stays"),
            ("linked", "-> file"),
            ("unfolded", "folder"),
        ];
        let expected = expected.map(|(name, said)| (name.to_owned(), said.to_owned()));
        assert_eq!(tree(&script.path("")), expected.into());
    }
    run::<SystemDir>();
    run::<PortableDir>();
}

#[test]
fn a_folder_that_is_not_empty_does_not_give_way() {
    let mut script = Script::<SystemDir>::with(|out| {
        fs::create_dir(out.join("dist")).unwrap();
        fs::write(out.join("dist/precious"), "").unwrap();
    });
    script.file("dist", "a file").unwrap();
    let Err(Stop::Failed(error)) = script.finish() else {
        panic!("it gave way");
    };
    assert_eq!(error.kind, ErrorKind::OutputFailed);
    assert!(
        error
            .message
            .contains("dist`: it is a folder that is not empty"),
        "{error}"
    );
    assert_eq!(tree(&script.path("")).len(), 2, "nothing else is there");
}

#[test]
fn what_has_begun_is_gone_when_the_sender_is() {
    let mut script = Script::<SystemDir>::with(|out| fs::write(out.join("a"), "old").unwrap());
    script.file("a", "new content").unwrap();
    script.data(0, "new").unwrap();
    assert_eq!(script.read("a"), "old", "a file is whole or not there");
    assert_eq!(tree(&script.path("")).len(), 2);
    let Script {
        root,
        destination,
        receiver,
        ..
    } = script;
    drop(receiver);
    assert!(!destination.is_whole());
    assert_eq!(
        tree(&root.path().join("out")),
        [("a".to_owned(), "old".to_owned())].into()
    );
}

#[test]
fn nothing_changes_any_more_once_the_build_has_ended() {
    let mut script = Script::<SystemDir>::new();
    script.folder("a").unwrap();
    script.file("a/b", "content").unwrap();
    script.data(1, "con").unwrap();
    script.destination.close();
    assert_eq!(tree(&script.path("")).len(), 1, "only the folder is left");
    script.data(1, "tent").unwrap();
    assert!(script.data(1, "").is_err());
    assert!(script.folder("c").is_err());
    assert!(script.link("d", "x").is_err());
    assert_eq!(tree(&script.path("")).len(), 1);
}

#[test]
fn few_files_are_asked_for_at_a_time() {
    let mut script = Script::<SystemDir>::new();
    for number in 0..1000 {
        script.file(&format!("file-{number:04}"), "x").unwrap();
    }
    assert_eq!(script.asked.len(), 32);
    script.finish().unwrap();
    assert_eq!(tree(&script.path("")).len(), 1000);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use super::*;

    #[test]
    fn modes_times_and_owners_are_as_announced_and_ours() {
        let mut script = Script::<SystemDir>::new();
        let sticky = mode::FOLDER | mode::STICKY | mode::SETGID | 0o555;
        let mut folder = stat("folder", sticky);
        folder.uid = 12345;
        script.stat(folder).unwrap();
        script.contents.insert(1, b"x".to_vec());
        let tool = Stat {
            size: 1,
            uid: 12345,
            ..stat("folder/tool", mode::SETUID | 0o4)
        };
        script.stat(tool).unwrap();
        script
            .stat(Stat {
                mod_time: -1,
                linkname: b"\xff".to_vec(),
                ..stat("link", mode::LINK | 0o777)
            })
            .unwrap();
        script.finish().unwrap();

        let looked = |name: &str| fs::symlink_metadata(script.path(name)).unwrap();
        let [folder, tool, link] = ["folder", "folder/tool", "link"].map(looked);
        assert_eq!(folder.mode() & 0o7777, 0o3555);
        assert_eq!(tool.mode() & 0o7777, 0o4004);
        for found in [&folder, &tool] {
            assert_eq!(
                (found.mtime(), found.mtime_nsec()),
                (1_000_000_000, 123_456_789)
            );
        }
        assert_eq!((link.mtime(), link.mtime_nsec()), (-1, 999_999_999));
        let ours = fs::metadata(script.root.path()).unwrap().uid();
        assert_eq!([folder.uid(), tool.uid(), link.uid()], [ours; 3]);
    }

    #[test]
    fn names_of_one_file_stay_names_of_one_file() {
        let mut script = Script::<SystemDir>::with(|out| fs::write(out.join("b"), "old").unwrap());
        script.file("a", "content").unwrap();
        script.hard_link("b", "a").unwrap();
        script.folder("c").unwrap();
        script.hard_link("c/d", "a").unwrap();
        script.finish().unwrap();
        let inode = |name: &str| fs::metadata(script.path(name)).unwrap().ino();
        assert_eq!(inode("a"), inode("b"));
        assert_eq!(inode("a"), inode("c/d"));
        assert_eq!(fs::metadata(script.path("a")).unwrap().nlink(), 3);
    }

    #[test]
    fn a_named_pipe_is_one_and_a_name_need_not_be_text() {
        let mut script = Script::<SystemDir>::new();
        script.stat(stat("fifo", mode::FIFO | 0o640)).unwrap();
        let mut odd = stat("", mode::FOLDER | 0o700);
        odd.path = b"odd\xff".to_vec();
        script.stat(odd).unwrap();
        script.finish().unwrap();
        let fifo = fs::symlink_metadata(script.path("fifo")).unwrap();
        assert!(fifo.file_type().is_fifo());
        assert_eq!(fifo.mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(script.path("")).unwrap().count(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn attributes_arrive_as_far_as_they_are_permitted() {
        let mut script = Script::<SystemDir>::new();
        let mut file = stat("file", 0o444);
        file.xattrs = ["user.shipway", "no-such-namespace.x"]
            .map(|name| Xattr {
                name: name.into(),
                value: b"value".to_vec(),
            })
            .into();
        script.contents.insert(0, Vec::new());
        script.stat(file).unwrap();
        script.finish().unwrap();
        let mut value = [0; 16];
        let read = rustix::fs::getxattr(script.path("file"), "user.shipway", &mut value[..]);
        match read {
            Ok(length) => assert_eq!(&value[..length], b"value"),
            // Some file systems have none.
            Err(error) => assert_eq!(error, rustix::io::Errno::NOTSUP),
        }
    }
}
