//! Where the outputs of one build go on this machine.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::failure::{refused, unusable, unwritable};
use super::file::OutputFile;
use crate::build_options::OutputKind;
use crate::buildkit::filesync::{Destination, SystemDir};
use crate::buildkit::identity::new_token;
use crate::error::{Error, ErrorKind, Result};

/// The place of each exporter that sends something, by its position among the exporters. What has come is in its place
/// after [`commit`](Self::commit); without it, dropping this takes back what is not.
#[derive(Default)]
pub(crate) struct Destinations {
    places: BTreeMap<usize, Place>,
}

/// A place, shared with the calls that write to it.
#[derive(Clone)]
pub(crate) enum Place {
    /// A file, which is there when the build has succeeded.
    File(Arc<OutputFile>),
    /// A folder, which grows while the build exports.
    Folder(Arc<Destination<SystemDir>>),
}

impl Destinations {
    /// Looks at the places of `outputs`, and changes nothing there.
    pub(crate) fn prepare<'a>(
        outputs: impl IntoIterator<Item = (usize, &'a OutputKind)>,
    ) -> Result<Self> {
        let mut places = BTreeMap::new();
        for (exporter, kind) in outputs {
            let place = match kind {
                OutputKind::Local(path) => {
                    check_folder(path)?;
                    Place::Folder(Arc::new(Destination::new(path.clone(), new_token()?)))
                }
                OutputKind::Tar(path) | OutputKind::Oci(path) | OutputKind::Docker(path) => {
                    Place::File(Arc::new(OutputFile::prepare(path, new_token()?)?))
                }
                OutputKind::Image { .. } | OutputKind::CacheOnly => continue,
            };
            places.insert(exporter, place);
        }
        Ok(Self { places })
    }

    /// The places by their exporters, for those who write to them.
    pub(crate) fn places(&self) -> BTreeMap<usize, Place> {
        self.places.clone()
    }

    /// Whether nothing comes to this machine.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The build has succeeded: puts every file in its place, on a thread for blocking work.
    pub(crate) async fn commit(&self) -> Result<()> {
        let places = self.places();
        let work = move || places.values().try_for_each(Place::commit);
        let committed = tokio::task::spawn_blocking(work).await;
        committed.unwrap_or_else(|error| {
            let message = "the thread that puts the outputs in their places ended";
            Err(Error::new(ErrorKind::Internal, message).with_source(error))
        })
    }
}

impl Place {
    fn commit(&self) -> Result<()> {
        match self {
            Self::File(file) => file.commit(),
            Self::Folder(folder) if folder.is_whole() => Ok(()),
            Self::Folder(_) => Err(refused("the build succeeded, and not all files have come")),
        }
    }
}

impl Drop for Destinations {
    fn drop(&mut self) {
        for place in self.places.values() {
            match place {
                Place::File(file) => file.close(),
                Place::Folder(folder) => folder.close(),
            }
        }
    }
}

/// A folder may be missing, with any number of those that it lies in.
pub(crate) fn check_folder(path: &Path) -> Result<()> {
    for ancestor in path.ancestors().filter(|path| *path != Path::new("")) {
        match std::fs::metadata(ancestor) {
            Ok(metadata) if metadata.is_dir() => return Ok(()),
            Ok(_) if ancestor == path => return Err(unusable(path, "it is not a folder")),
            Ok(_) => return Err(unusable(path, "what it lies in is no folder")),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            Err(error) => return Err(unwritable(path, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_may_be_missing_but_not_be_something_else() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        let prepare = |name: &str| {
            let kind = OutputKind::Local(root.path().join(name));
            Destinations::prepare([(0, &kind)]).map(drop)
        };
        prepare("").unwrap();
        prepare("a/b/c").unwrap();
        for name in ["file", "file/below"] {
            assert_eq!(prepare(name).unwrap_err().kind, ErrorKind::InvalidOption);
        }
        assert!(
            !root.path().join("a").exists(),
            "nothing is made before the build"
        );
    }

    #[tokio::test]
    async fn an_output_that_never_came_is_no_success() {
        let root = tempfile::tempdir().unwrap();
        let kind = OutputKind::Local(root.path().to_owned());
        let destinations = Destinations::prepare([(0, &kind)]).unwrap();
        let error = destinations.commit().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::EngineProtocol);
    }
}
