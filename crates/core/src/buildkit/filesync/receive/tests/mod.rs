//! A scripted sender against a real folder.

mod arrival;
mod confinement;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::dir::{Dir, PortableDir, SystemDir};
use super::{Destination, Packet, PacketType, Receiver, Stat, Stop, mode};
use crate::error::ErrorKind;

/// A sender that says what it is told to, and whom it says it to.
struct Script<D: Dir> {
    /// Holds the destination `out`, and what must not change: `outside`.
    root: TempDir,
    destination: Arc<Destination<D>>,
    receiver: Receiver<D>,
    /// Files that were asked for.
    asked: Vec<u32>,
    next_id: u32,
    contents: BTreeMap<u32, Vec<u8>>,
    has_fin: bool,
}

type Outcome = Result<(), Stop>;

impl<D: Dir> Script<D> {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// A script whose destination holds what `prepare` puts there.
    fn with(prepare: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("outside")).unwrap();
        fs::write(root.path().join("outside/file"), "untouched").unwrap();
        let out = root.path().join("out");
        fs::create_dir(&out).unwrap();
        prepare(&out);
        let destination = Arc::new(Destination::new(out, "token".to_owned()));
        let receiver = Receiver::new(Arc::clone(&destination)).unwrap();
        Self {
            root,
            destination,
            receiver,
            asked: Vec::new(),
            next_id: 0,
            contents: BTreeMap::new(),
            has_fin: false,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("out").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn send(&mut self, kind: PacketType, id: u32, data: &[u8], stat: Option<Stat>) -> Outcome {
        let packet = Packet {
            r#type: kind.into(),
            id,
            data: Bytes::copy_from_slice(data),
            stat,
        };
        for reply in self.receiver.take(packet)? {
            match reply.r#type() {
                PacketType::Req => self.asked.push(reply.id),
                PacketType::Fin => self.has_fin = true,
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    }

    fn stat(&mut self, stat: Stat) -> Outcome {
        self.next_id += 1;
        self.send(PacketType::Stat, 0, b"", Some(stat))
    }

    fn folder(&mut self, path: &str) -> Outcome {
        self.stat(stat(path, mode::FOLDER | 0o755))
    }

    /// Describes a file of `content`, which is sent when everything is.
    fn file(&mut self, path: &str, content: &str) -> Outcome {
        self.contents
            .insert(self.next_id, content.as_bytes().to_vec());
        self.stat(Stat {
            size: i64::try_from(content.len()).unwrap(),
            ..stat(path, 0o644)
        })
    }

    fn link(&mut self, path: &str, target: &str) -> Outcome {
        self.stat(Stat {
            linkname: target.into(),
            ..stat(path, mode::LINK | 0o777)
        })
    }

    fn hard_link(&mut self, path: &str, original: &str) -> Outcome {
        self.stat(Stat {
            linkname: original.into(),
            ..stat(path, 0o644)
        })
    }

    fn data(&mut self, id: u32, data: &str) -> Outcome {
        self.send(PacketType::Data, id, data.as_bytes(), None)
    }

    fn end_of_entries(&mut self) -> Outcome {
        self.send(PacketType::Stat, 0, b"", None)
    }

    /// Sends what is asked for, until both sides are done.
    fn finish(&mut self) -> Outcome {
        self.end_of_entries()?;
        while let Some(id) = self.asked.pop() {
            let content = self.contents.remove(&id).unwrap();
            for piece in content.chunks(3) {
                self.send(PacketType::Data, id, piece, None)?;
            }
            self.data(id, "")?;
        }
        assert!(self.has_fin, "the receiver still waits");
        assert!(self.destination.is_whole());
        self.send(PacketType::Fin, 0, b"", None)?;
        assert!(self.receiver.has_ended());
        Ok(())
    }
}

fn stat(path: &str, mode: u32) -> Stat {
    Stat {
        path: path.into(),
        mode,
        mod_time: 1_000_000_000_123_456_789,
        ..Stat::default()
    }
}

/// Every entry below `root`, with the content of files and the target of links.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let said = if kind.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if kind.is_dir() {
                folders.push(path);
                "folder".to_owned()
            } else if kind.is_file() {
                fs::read_to_string(&path).unwrap()
            } else {
                "special".to_owned()
            };
            found.insert(name, said);
        }
    }
    found
}
