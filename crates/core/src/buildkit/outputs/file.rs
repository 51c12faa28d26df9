//! A file that a build makes: under another name until the whole build has succeeded.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::failure::{refused, unusable, unwritable};
use crate::buildkit::scratch::{Piece as _, PieceId, Scratch};
use crate::error::Result;

/// One file, and what has come of it.
pub(crate) struct OutputFile {
    /// As the caller names it.
    given: PathBuf,
    /// Where it will be: where `given` is a link, what that leads to.
    path: PathBuf,
    /// Part of the temporary name, so that no build is in another's way.
    token: String,
    /// What a new file may be used for.
    usual: OnceLock<fs::Permissions>,
    scratch: Scratch<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has come.
    Missing,
    /// It comes.
    Coming,
    /// It is there, under its temporary name.
    Whole(PieceId),
}

impl OutputFile {
    /// The file at `path`, whose folder has to be there. What is there is looked at, and not touched.
    pub(crate) fn prepare(path: &Path, token: String) -> Result<Self> {
        let real = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(unusable(path, "it is a folder")),
            // It would be replaced, and a device is more than its name.
            Ok(metadata) if !metadata.is_file() => {
                return Err(unusable(path, "it is not a regular file"));
            }
            Ok(_) => fs::canonicalize(path).map_err(|error| unwritable(path, error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(unwritable(path, error)),
        };
        if real.file_name().is_none() {
            return Err(unusable(path, "it names no file"));
        }
        match fs::metadata(folder_of(&real)) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(unusable(path, "what it lies in is no folder")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(unusable(path, "its folder is not there"));
            }
            Err(error) => return Err(unwritable(path, error)),
        }
        Ok(Self {
            given: path.to_owned(),
            path: real,
            token,
            usual: OnceLock::new(),
            scratch: Scratch::default(),
            state: Mutex::new(State::Missing),
        })
    }

    /// The file as the caller names it.
    pub(crate) fn given(&self) -> &Path {
        &self.given
    }

    /// Opens it for what comes, which is possible once.
    pub(crate) fn begin(&self) -> Result<(PieceId, File)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *state != State::Missing {
            return Err(refused("it sent the same file twice"));
        }
        let begun = self.create();
        let begun = begun.map_err(|error| unwritable(&self.given, error))?;
        *state = State::Coming;
        Ok(begun)
    }

    /// Everything of it has come.
    pub(crate) fn end(&self, piece: PieceId) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Whole(piece);
    }

    /// Puts it in its place, in one step, now that the build has succeeded.
    pub(crate) fn commit(&self) -> Result<()> {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State::Whole(piece) = state else {
            return Err(refused("the build succeeded, and the file has not come"));
        };
        let placed = self.scratch.open().and_then(|mut open| {
            let temporary = open.release(piece).ok_or(io::ErrorKind::NotFound)?;
            self.place(&temporary).inspect_err(|_| temporary.remove())
        });
        placed.map_err(|error| unwritable(&self.given, error))
    }

    /// Takes back what is not in its place, and lets nothing more come.
    pub(crate) fn close(&self) {
        self.scratch.close();
    }

    fn create(&self) -> io::Result<(PieceId, File)> {
        let mut open = self.scratch.open()?;
        let temporary = self.path.with_file_name(format!(".shipway-{}", self.token));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        let piece = open.keep(temporary);
        // What the umask leaves to a new file.
        let _ = self.usual.set(file.metadata()?.permissions());
        keep_to_its_owner(&file)?;
        Ok((piece, file))
    }

    fn place(&self, temporary: &Path) -> io::Result<()> {
        match fs::metadata(&self.path) {
            // Who could read the old one can read the new one, and nobody else.
            Ok(old) if old.is_file() => {
                give_to_owner_of(&old, temporary);
                fs::set_permissions(temporary, old.permissions())?;
            }
            _ => {
                if let Some(usual) = self.usual.get() {
                    fs::set_permissions(temporary, usual.clone())?;
                }
            }
        }
        fs::rename(temporary, &self.path)
    }
}

/// Lets nobody else read what has not its place yet: the file that it replaces may be a secret.
#[cfg(unix)]
fn keep_to_its_owner(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands in for one that can fail"
)]
fn keep_to_its_owner(_file: &File) -> io::Result<()> {
    Ok(())
}

/// As `docker` leaves it, which writes into the old file. Only root can; for others it becomes theirs.
#[cfg(unix)]
fn give_to_owner_of(old: &fs::Metadata, path: &Path) {
    use std::os::unix::fs::{MetadataExt as _, lchown};
    let _ = lchown(path, Some(old.uid()), Some(old.gid()));
}

#[cfg(not(unix))]
fn give_to_owner_of(_old: &fs::Metadata, _path: &Path) {}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::error::ErrorKind;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn write(output: &OutputFile, content: &str) {
        let (piece, mut file) = output.begin().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        output.end(piece);
    }

    #[test]
    fn a_file_has_its_name_only_once_the_build_has_succeeded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.tar");
        fs::write(&path, "old").unwrap();
        let output = OutputFile::prepare(&path, "t".to_owned()).unwrap();
        write(&output, "new");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        output.commit().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["out.tar"]);
    }

    #[test]
    fn nothing_is_left_of_a_file_whose_build_failed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.tar");
        for is_whole in [true, false] {
            let output = OutputFile::prepare(&path, "t".to_owned()).unwrap();
            let (piece, mut file) = output.begin().unwrap();
            file.write_all(b"half").unwrap();
            if is_whole {
                output.end(piece);
            }
            assert_eq!(names(folder.path()).len(), 1);
            output.close();
            assert!(names(folder.path()).is_empty());
            // Whoever still works at it is too late.
            file.write_all(b"the rest").unwrap();
            assert!(output.commit().is_err());
            assert!(names(folder.path()).is_empty());
        }
    }

    #[test]
    fn a_file_that_has_not_come_is_no_success() {
        let folder = tempfile::tempdir().unwrap();
        let output = OutputFile::prepare(&folder.path().join("x"), "t".to_owned()).unwrap();
        assert_eq!(output.commit().unwrap_err().kind, ErrorKind::EngineProtocol);
        output.begin().unwrap();
        assert_eq!(output.begin().unwrap_err().kind, ErrorKind::EngineProtocol);
        assert_eq!(output.commit().unwrap_err().kind, ErrorKind::EngineProtocol);
    }

    #[test]
    fn a_place_that_cannot_be_a_file_is_refused_before_anything_is_built() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let mut cases = vec![
            (folder.path().to_owned(), "it is a folder"),
            (folder.path().join("none/x"), "its folder is not there"),
            (file.join("x"), ""),
        ];
        if cfg!(unix) {
            cases.push(("/dev/null".into(), "it is not a regular file"));
        }
        for (path, reason) in cases {
            let error = OutputFile::prepare(&path, "t".to_owned()).err().unwrap();
            assert!(error.message.contains(reason), "{error}");
            if !reason.is_empty() {
                assert_eq!(error.kind, ErrorKind::InvalidOption, "{error}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_a_mode_stays_as_it_was() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let folder = tempfile::tempdir().unwrap();
        let [real, link] = ["real", "link"].map(|name| folder.path().join(name));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real", &link).unwrap();
        let output = OutputFile::prepare(&link, "t".to_owned()).unwrap();
        write(&output, "new");
        output.commit().unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(
            fs::metadata(&real).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(names(folder.path()), ["link", "real"]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_a_file_that_has_not_its_place_yet() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let plain = folder.path().join("plain");
        File::create(&plain).unwrap();
        let path = folder.path().join("out.tar");
        let output = OutputFile::prepare(&path, "t".to_owned()).unwrap();
        write(&output, "new");
        assert_eq!(mode(&folder.path().join(".shipway-t")), 0o600);
        output.commit().unwrap();
        assert_eq!(mode(&path), mode(&plain));
    }
}
