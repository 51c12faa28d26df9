//! What an engine that means harm can do: nothing outside the folder.

use super::*;

/// Says something, and expects to be stopped.
type Attack<D> = fn(&mut Script<D>) -> Outcome;

fn attacks_by_path<D: Dir>() -> Vec<(&'static str, Attack<D>)> {
    vec![
        (
            "the path `../outside/file` leads out of the folder",
            |script| script.file("../outside/file", "evil"),
        ),
        ("the path `..` leads out of the folder", |script| {
            script.folder("..")
        }),
        ("the path `a/../../outside/file` leads out", |script| {
            script.folder("a")?;
            script.file("a/../../outside/file", "evil")
        }),
        ("leads out of the folder", |script| {
            let path = script.root.path().join("outside/file");
            script.file(path.to_str().unwrap(), "evil")
        }),
        ("the path `a//b` leads out", |script| {
            script.file("a//b", "evil")
        }),
        ("the path `` leads out", |script| script.file("", "evil")),
        ("the path `link/file` came out of order", |script| {
            script.link("link", "../outside")?;
            script.file("link/file", "evil")
        }),
        (
            "`copy` is another name of `../outside/file`, which has not come",
            |script| script.hard_link("copy", "../outside/file"),
        ),
        (
            "`copy` is another name of `/etc/passwd`, which has not come",
            |script| script.hard_link("copy", "/etc/passwd"),
        ),
        (
            "`copy` is another name of `a`, which has not come",
            |script| {
                script.link("a", "../outside/file")?;
                script.hard_link("copy", "a")
            },
        ),
        ("the path `a` came out of order", |script| {
            script.file("b", "x")?;
            script.file("a", "x")
        }),
        ("the path `a` came out of order", |script| {
            script.file("a", "x")?;
            script.file("a", "x")
        }),
    ]
}

fn attacks_by_message<D: Dir>() -> Vec<(&'static str, Attack<D>)> {
    vec![
        (
            "it sent content of entry 7, which it was not asked for",
            |script| {
                script.file("a", "x")?;
                script.data(7, "x")
            },
        ),
        (
            "it sent content of entry 0, which it was not asked for",
            |script| {
                script.folder("a")?;
                script.data(0, "x")
            },
        ),
        (
            "it sent content of entry 0, which it was not asked for",
            |script| {
                script.file("a", "x")?;
                script.data(0, "x")?;
                script.data(0, "")?;
                script.data(0, "y")
            },
        ),
        (
            "it sent more of `a/b` than the 3 bytes that it had announced",
            |script| {
                script.folder("a")?;
                script.file("a/b", "abc")?;
                script.data(1, "abc")?;
                script.data(1, "d")
            },
        ),
        (
            "it sent less of `a` than the 3 bytes that it had announced",
            |script| {
                script.file("a", "abc")?;
                script.data(0, "ab")?;
                script.data(0, "")
            },
        ),
        ("it described an entry after the last", |script| {
            script.file("a", "x")?;
            script.end_of_entries()?;
            script.file("b", "x")
        }),
        ("it described an entry after the last", |script| {
            script.file("a", "x")?;
            script.end_of_entries()?;
            script.end_of_entries()
        }),
        ("it ended before all files had come", |script| {
            script.file("a", "x")?;
            script.send(PacketType::Fin, 0, b"", None)
        }),
        ("it asked for a file", |script| {
            script.send(PacketType::Req, 0, b"", None)
        }),
        ("nobody knows what `a` is", |script| {
            script.stat(stat("a", 1 << 24))
        }),
        ("it sent a message of an unknown kind", |script| {
            let packet = Packet {
                r#type: 9,
                ..Packet::default()
            };
            script.receiver.take(packet).map(drop)
        }),
    ]
}

#[test]
fn an_attack_is_refused_and_says_what_it_was() {
    fn run<D: Dir>() {
        let attacks = [attacks_by_path::<D>(), attacks_by_message::<D>()];
        for (words, attack) in attacks.into_iter().flatten() {
            let mut script = Script::<D>::new();
            let Err(Stop::Failed(error)) = attack(&mut script) else {
                panic!("not refused: {words}");
            };
            assert_eq!(error.kind, ErrorKind::EngineProtocol, "{error}");
            assert!(error.message.contains(words), "{error}\nlacks: {words}");
            assert!(!script.destination.is_whole());
            let Script { root, receiver, .. } = script;
            drop(receiver);
            assert_eq!(outside(root.path()), UNTOUCHED, "{words}");
            let left = tree(&root.path().join("out"));
            assert!(
                left.keys().all(|name| !name.contains(".shipway")),
                "{left:?}"
            );
        }
    }
    run::<SystemDir>();
    run::<PortableDir>();
}

/// Links that somebody has put into the folder lead nowhere: they give way to what comes.
#[cfg(unix)]
#[test]
fn a_link_that_was_there_is_replaced_and_not_followed() {
    use std::os::unix::fs::symlink;

    fn run<D: Dir>() {
        let mut script = Script::<D>::with(|out| {
            symlink("../outside", out.join("folder")).unwrap();
            symlink("../outside/file", out.join("file")).unwrap();
            symlink("../outside/new", out.join("name")).unwrap();
        });
        script.file("file", "new").unwrap();
        script.folder("folder").unwrap();
        script.file("folder/file", "new").unwrap();
        script.hard_link("name", "file").unwrap();
        script.finish().unwrap();
        assert_eq!(outside(script.root.path()), UNTOUCHED);
        let expected = [
            ("file", "new"),
            ("folder", "folder"),
            ("folder/file", "new"),
            ("name", "new"),
        ];
        let expected = expected.map(|(name, said)| (name.to_owned(), said.to_owned()));
        assert_eq!(tree(&script.path("")), expected.into());
    }
    run::<SystemDir>();
    run::<PortableDir>();
}

/// Somebody puts a link in the place of a folder that has come, while its files are on their way.
#[cfg(unix)]
#[test]
fn a_folder_that_became_a_link_meanwhile_is_not_written_through() {
    fn run<D: Dir>() {
        let mut script = Script::<D>::new();
        for number in 0..40 {
            script.file(&format!("{number:02}"), "x").unwrap();
        }
        script.folder("folder").unwrap();
        script.file("folder/file", "evil").unwrap();
        fs::remove_dir(script.path("folder")).unwrap();
        std::os::unix::fs::symlink("../outside", script.path("folder")).unwrap();
        let Err(Stop::Failed(error)) = script.finish() else {
            panic!("written through a link");
        };
        assert_eq!(error.kind, ErrorKind::OutputFailed);
        assert!(error.message.contains("folder/file"), "{error}");
        assert_eq!(outside(script.root.path()), UNTOUCHED);
    }
    run::<SystemDir>();
    run::<PortableDir>();
}

#[test]
fn what_the_sender_complains_about_is_told() {
    let mut script = Script::<SystemDir>::new();
    script.file("a", "x").unwrap();
    match script.send(PacketType::Err, 0, b"disk on fire", None) {
        Err(Stop::Sender(reason)) => assert_eq!(reason, "disk on fire"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_that_mean_something_else_on_windows_are_not_accepted_there() {
    for name in ["a\\b", "C:", "file:stream", "dot.", "space "] {
        assert!(!PortableDir::accepts(name.as_bytes()), "{name:?}");
    }
    assert!(!PortableDir::accepts(b"\xff"));
    assert!(PortableDir::accepts("a.b c-ä".as_bytes()));
}

const UNTOUCHED: &str = "file=untouched";

/// Everything beside the destination.
fn outside(root: &Path) -> String {
    let names: Vec<_> = fs::read_dir(root).unwrap().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let found = tree(&root.join("outside"));
    let said: Vec<String> = found
        .iter()
        .map(|(name, said)| format!("{name}={said}"))
        .collect();
    said.join(" ")
}
