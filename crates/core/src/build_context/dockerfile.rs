//! Where the Dockerfile is, and which ignore file goes with it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf, absolute};

use super::DockerfileSource;
use super::disk::{Disk, Files as _, Kind, name_of};
use super::failure::{invalid, no_dockerfile, unreadable, unreadable_dockerfile};
use crate::error::Result;

/// The folder of a context.
#[derive(Debug)]
pub(crate) struct Root {
    /// As the caller names it.
    given: PathBuf,
    /// Absolute, without links.
    real: PathBuf,
}

/// A Dockerfile that exists.
#[derive(Debug)]
pub(crate) struct Dockerfile {
    pub(crate) place: Place,
    /// Where the ignore file of this Dockerfile alone would be.
    own_ignore_file: Option<PathBuf>,
    /// Whether that has to lie in the context.
    stays_inside: bool,
}

/// Where a Dockerfile is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the context, under this name.
    Inside(String),
    /// Elsewhere; this is its text.
    Outside(Vec<u8>),
}

impl Root {
    /// Finds the folder of the main context.
    pub(crate) fn find(given: PathBuf) -> Result<Self> {
        Self::find_or(
            given,
            "check the option `contextDirectory`: it names a folder",
        )
    }

    /// Finds the folder of another context.
    pub(crate) fn find_named(given: PathBuf) -> Result<Self> {
        let hint = "check the option `contexts`: a path names a folder, an image is written as `docker-image://NAME`";
        Self::find_or(given, hint)
    }

    fn find_or(given: PathBuf, hint: &str) -> Result<Self> {
        let failed = |error| unreadable(&given, error).with_hint(hint);
        let real = fs::canonicalize(&given).map_err(failed)?;
        let metadata = fs::metadata(&real).map_err(failed)?;
        if !metadata.is_dir() {
            return Err(invalid(&given, "it is not a folder").with_hint(hint));
        }
        Ok(Self { given, real })
    }

    /// Absolute path without links.
    pub(crate) fn path(&self) -> &Path {
        &self.real
    }

    /// The last part of its absolute path, as the caller names it; that of the root is `/`.
    pub(crate) fn name(&self) -> OsString {
        let path = plain(&self.given);
        let name = path.as_deref().and_then(Path::file_name);
        name.unwrap_or("/".as_ref()).to_owned()
    }

    /// Whether the path lies in the folder, by its text alone.
    fn is_named_inside(&self, path: &Path) -> bool {
        let lies_in = |root: &Path| {
            plain(path).is_some_and(|path| plain(root).is_some_and(|root| path.starts_with(root)))
        };
        lies_in(&self.given) || lies_in(&self.real)
    }
}

/// Finds the Dockerfile, and reads it where it is not in the context.
pub(crate) fn locate(root: &Root, source: DockerfileSource) -> Result<Dockerfile> {
    let path = match source {
        DockerfileSource::Inline(text) => {
            let place = Place::Outside(text.into_bytes());
            return Ok(Dockerfile {
                place,
                own_ignore_file: None,
                stays_inside: true,
            });
        }
        DockerfileSource::Path(path) => named_path(root, &path),
    };
    let real = find_file(&path)?;
    let inside = real.strip_prefix(&root.real).ok();
    let stays_inside = root.is_named_inside(&path);
    if inside.is_none() && stays_inside {
        return Err(no_dockerfile(
            &path,
            "it is a link that leads out of the build context",
        ));
    }
    let name = inside
        .and_then(name_of)
        .and_then(|name| String::from_utf8(name).ok());
    let place = match name {
        Some(name) => Place::Inside(name),
        None => Place::Outside(read_file(&path, &real)?),
    };
    let mut own_ignore_file = path.clone().into_os_string();
    own_ignore_file.push(".dockerignore");
    Ok(Dockerfile {
        place,
        own_ignore_file: Some(own_ignore_file.into()),
        stays_inside,
    })
}

/// Reads a Dockerfile that goes with a context which is no folder.
pub(crate) fn read_elsewhere(path: &Path) -> Result<Vec<u8>> {
    read_file(path, &find_file(path)?)
}

/// The place of a file, without links.
fn find_file(path: &Path) -> Result<PathBuf> {
    let failed = |error| unreadable_dockerfile(path, error);
    let real = fs::canonicalize(path).map_err(failed)?;
    match Kind::of(fs::metadata(&real).map_err(failed)?.file_type()) {
        Kind::File => Ok(real),
        Kind::Folder => Err(no_dockerfile(path, "it is a folder")),
        _ => Err(no_dockerfile(path, "it is not a regular file")),
    }
}

/// Reads the Dockerfile at `real`, which the caller calls `path`.
fn read_file(path: &Path, real: &Path) -> Result<Vec<u8>> {
    read(real).map_err(|error| unreadable_dockerfile(path, error))
}

impl Dockerfile {
    /// The text of the Dockerfile.
    pub(crate) fn read(&self, root: &Root) -> Result<Vec<u8>> {
        match &self.place {
            Place::Outside(content) => Ok(content.clone()),
            Place::Inside(name) => {
                let path = root.real.join(name);
                read_file(&path, &path)
            }
        }
    }

    /// The ignore file of this Dockerfile alone, with its path; `None` where there is none.
    pub(crate) fn read_own_ignore_file(&self, root: &Root) -> Result<Option<(PathBuf, Vec<u8>)>> {
        let Some(path) = &self.own_ignore_file else {
            return Ok(None);
        };
        let content = read_ignore_file(path, self.stays_inside.then_some(root))?;
        Ok(content.map(|content| (path.clone(), content)))
    }

    /// The ignore file that is in force, with its path; `None` where there is none.
    pub(crate) fn read_ignore_file(&self, root: &Root) -> Result<Option<(PathBuf, Vec<u8>)>> {
        if let Some(own) = self.read_own_ignore_file(root)? {
            return Ok(Some(own));
        }
        let path = root.real.join(".dockerignore");
        Ok(read_ignore_file(&path, Some(root))?.map(|content| (path, content)))
    }
}

/// Refuses a Dockerfile in UTF-16, as editors of Windows save one. Other text that is not UTF-8 an engine takes, where it is in
/// comments or values.
pub(crate) fn check_encoding(content: &[u8], path: &Path) -> Result<()> {
    if !matches!(
        content,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..]
    ) {
        return Ok(());
    }
    let reason = "it is not UTF-8 but UTF-16";
    Err(no_dockerfile(path, reason).with_hint("save the Dockerfile as UTF-8"))
}

/// A relative path starts at the context; `dockerfile` will do for `Dockerfile`, as for `docker build`.
fn named_path(root: &Root, path: &Path) -> PathBuf {
    let named = root.given.join(path);
    let second_choice = root.given.join("dockerfile");
    let is_missing = |path: &Path| fs::symlink_metadata(path).is_err();
    if path == Path::new("Dockerfile") && is_missing(&named) && !is_missing(&second_choice) {
        return second_choice;
    }
    named
}

fn read_ignore_file(path: &Path, inside: Option<&Root>) -> Result<Option<Vec<u8>>> {
    let failed = |error| unreadable(path, error);
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if inside.is_some_and(|root| !real.starts_with(&root.real)) {
        return Err(invalid(
            path,
            "it is a link that leads out of the build context",
        ));
    }
    if !fs::metadata(&real).map_err(failed)?.is_file() {
        return Err(invalid(path, "it is not a regular file"));
    }
    read(&real).map(Some).map_err(failed)
}

/// Reads a regular file, and nothing that has taken its place.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut opened = Disk.open(path)?;
    if opened.facts.kind != Kind::File {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Vec::new();
    opened.content.read_to_end(&mut content)?;
    Ok(content)
}

/// The absolute path without `.` and `..`, by its text alone.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in absolute(path).ok()?.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            component => plain.push(component),
        }
    }
    Some(plain)
}
