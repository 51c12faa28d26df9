//! The folders and places that a build takes its files from.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::archive::Archive;
use super::content::{Digest, Layout, Named, Stores, Use};
use super::filesync::{Files, Folder, SyncCounters, Tree};
use super::identity::{new_id, new_token};
use crate::build_context::dockerfile::{Root, check_encoding, locate, read_elsewhere};
use crate::build_context::failure::{Reason, invalid, unreadable};
use crate::build_context::ignore::IgnoreRules;
use crate::build_context::{ContextSource, DockerfileSource, check_url, memory};
use crate::build_options::{NamedContext, context_name};
use crate::error::Result;
use crate::text::hex;

/// Name of the main context.
pub(crate) const CONTEXT: &str = "context";

/// Name of the folder with the Dockerfile.
const DOCKERFILE: &str = "dockerfile";

/// What the frontend is told of its inputs, and what the session offers.
#[derive(Default)]
pub(crate) struct Inputs {
    /// In the frontend's words
    /// (<https://github.com/moby/buildkit/blob/v0.25.2/frontend/dockerui/config.go>).
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) folders: BTreeMap<String, (Arc<dyn Tree>, Arc<SyncCounters>)>,
    /// The main context, where it is an archive.
    pub(crate) archive: Option<Arc<Archive>>,
    /// The image layouts among the named contexts.
    pub(crate) stores: Stores,
    /// What the engine recognises the main context by in later builds.
    pub(crate) shared_key: String,
    /// How a person knows the Dockerfile.
    pub(crate) dockerfile: Option<PathBuf>,
    /// The Dockerfile, where it is not UTF-8: engines take one, and cannot always say what else is wrong with it.
    pub(crate) odd_dockerfile: Option<PathBuf>,
}

impl Inputs {
    /// Looks at everything that a build reads from this machine. `node` is what this machine is known by.
    pub(crate) fn prepare(
        source: &ContextSource,
        contexts: &BTreeMap<String, NamedContext>,
        node: &str,
    ) -> Result<Self> {
        let mut inputs = Self::default();
        match source {
            ContextSource::Directory { path, dockerfile } => {
                inputs.add_directory(path, dockerfile, node)?;
            }
            ContextSource::Files { files, dockerfile } => inputs.add_files(files, dockerfile)?,
            ContextSource::Url { url, dockerfile } => {
                check_url(url)?;
                inputs.set("context", url);
                inputs.add_remote_dockerfile(dockerfile)?;
            }
            ContextSource::Archive { path, dockerfile } => {
                let archive = Archive::open(path)?;
                inputs.set("context", archive.url());
                inputs.archive = Some(Arc::new(archive));
                inputs.add_remote_dockerfile(dockerfile)?;
            }
        }
        for (name, context) in contexts {
            inputs.add_named(name, context, node)?;
        }
        Ok(inputs)
    }

    /// What tells how far each part of the inputs has been sent, by its name.
    pub(crate) fn counters(&self) -> impl Iterator<Item = (&str, &Arc<SyncCounters>)> {
        let folders = self.folders.iter();
        let folders = folders.map(|(name, (_, counters))| (name.as_str(), counters));
        let archive = self.archive.iter();
        folders.chain(archive.map(|archive| (CONTEXT, archive.counters())))
    }

    fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.attributes.insert(key.into(), value.into());
    }

    fn add_folder(&mut self, name: impl Into<String>, tree: Arc<dyn Tree>) {
        self.folders.insert(name.into(), (tree, Arc::default()));
    }

    fn add_directory(
        &mut self,
        path: &Path,
        dockerfile: &DockerfileSource,
        node: &str,
    ) -> Result<()> {
        let root = Root::find(path.to_owned())?;
        self.shared_key = shared_key(&root.name(), node);
        let shown = match dockerfile {
            DockerfileSource::Path(file) => Some(path.join(file)),
            DockerfileSource::Inline(_) => None,
        };
        let located = locate(&root, dockerfile.clone())?;
        let content = located.read(&root)?;
        let own_ignore_file = located.read_own_ignore_file(&root)?;
        // The engine reads it as well, and does not say which pattern it fails at.
        if let Ok(Some((path, content))) = located.read_ignore_file(&root) {
            IgnoreRules::parse(&content, &path)?;
        }
        self.dockerfile = shown;
        self.add_dockerfile(content, own_ignore_file.map(|(_, content)| content))?;
        let tree = Folder::new(root.path().to_owned());
        self.add_folder(CONTEXT, Arc::new(tree));
        Ok(())
    }

    fn add_files(&mut self, files: &[(String, Vec<u8>)], dockerfile: &str) -> Result<()> {
        memory::check(files, dockerfile)?;
        let mut hash = Sha256::new();
        for (name, content) in files {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update((content.len() as u64).to_le_bytes());
            hash.update(content);
        }
        // Files in memory have no time of change: the same key is for the same content only.
        self.shared_key = format!("files:{}", hex(&hash.finalize()));
        let content = |wanted: &str| files.iter().find(|(name, _)| name == wanted);
        if let Some((name, content)) = content(".dockerignore") {
            IgnoreRules::parse(content, Path::new(name))?;
        }
        let content = content(dockerfile);
        let content = content
            .map(|(_, content)| content.clone())
            .unwrap_or_default();
        self.add_dockerfile(content, None)?;
        let tree = files
            .iter()
            .map(|(name, content)| (name.clone().into_bytes(), Bytes::from(content.clone())));
        self.add_folder(CONTEXT, Files::new(tree));
        Ok(())
    }

    fn add_remote_dockerfile(&mut self, dockerfile: &DockerfileSource) -> Result<()> {
        match dockerfile {
            DockerfileSource::Inline(text) => {
                self.add_dockerfile(text.clone().into_bytes(), None)?;
                self.set("dockerfilekey", DOCKERFILE);
            }
            DockerfileSource::Path(path) if path.is_absolute() => {
                let content = read_elsewhere(path)?;
                self.dockerfile = Some(path.clone());
                self.add_dockerfile(content, None)?;
                self.set("dockerfilekey", DOCKERFILE);
            }
            DockerfileSource::Path(path) => self.set("filename", path.to_string_lossy()),
        }
        Ok(())
    }

    /// The Dockerfile is read once, here, and offered in a folder of its own, as its own ignore file is.
    fn add_dockerfile(&mut self, content: Vec<u8>, ignore_file: Option<Vec<u8>>) -> Result<()> {
        let name = self
            .dockerfile
            .as_deref()
            .and_then(Path::file_name)
            .map_or_else(
                || "Dockerfile".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            );
        let shown = self.dockerfile.clone().unwrap_or_else(|| (&name).into());
        check_encoding(&content, &shown)?;
        self.odd_dockerfile = std::str::from_utf8(&content).is_err().then_some(shown);
        let ignore_name = format!("{name}.dockerignore");
        let files = [(name.clone(), Some(content)), (ignore_name, ignore_file)]
            .into_iter()
            .filter_map(|(name, content)| Some((name.into_bytes(), Bytes::from(content?))));
        self.add_folder(DOCKERFILE, Files::new(files));
        self.set("filename", name);
        Ok(())
    }

    fn add_named(&mut self, name: &str, context: &NamedContext, node: &str) -> Result<()> {
        let name = &context_name(name)?;
        let value = match context {
            NamedContext::Directory(path) => {
                let root = Root::find_named(path.clone())?;
                let folder = match name.as_str() {
                    CONTEXT | DOCKERFILE => format!("_{name}"),
                    name => name.to_owned(),
                };
                self.set(
                    format!("sharedkey:localdir:{name}"),
                    shared_key(&root.name(), node),
                );
                let tree = Folder::new(root.path().to_owned());
                self.add_folder(folder.clone(), Arc::new(tree));
                format!("local:{folder}")
            }
            NamedContext::Image(reference) => format!("docker-image://{reference}"),
            NamedContext::Url(url) => url.clone(),
            NamedContext::OciLayout {
                directory,
                tag,
                digest,
            } => {
                let layout = Layout::new(directory.clone(), Use::Context, new_token()?);
                let digest = find_image(&layout, tag.as_deref(), digest.as_deref())?;
                let store = new_id()?;
                self.stores.add(format!("oci:{store}"), Arc::new(layout));
                format!("oci-layout://{store}@{digest}")
            }
        };
        self.set(format!("context:{name}"), value);
        self.set("frontend.caps", "moby.buildkit.frontend.contexts+forward");
        Ok(())
    }
}

/// The manifest or index that is meant in a layout
/// (<https://github.com/docker/buildx/blob/v0.29.1/build/opt.go>, `resolveDigest`).
fn find_image(layout: &Layout, tag: Option<&str>, digest: Option<&str>) -> Result<Digest> {
    let folder = layout.root();
    let digest = match digest {
        Some(digest) => Digest::parse(digest)
            .ok_or_else(|| invalid(folder, format_args!("`{digest}` is no digest")))?,
        None => {
            let index = layout.read_index();
            let index = index.map_err(|error| unreadable(&folder.join("index.json"), error))?;
            let index = index.ok_or_else(|| invalid(folder, "its `index.json` is no index"))?;
            match index.find(tag) {
                Named::Found(digest) => digest,
                Named::Missing(names) => {
                    let wanted = tag.unwrap_or("latest");
                    let names = match &names[..] {
                        [] => "no image has a tag".to_owned(),
                        names => format!("there are `{}`", names.join("`, `")),
                    };
                    let reason = format!("it has no image tagged `{wanted}`: {names}");
                    return Err(invalid(folder, reason)
                        .with_hint("name a tag or a digest that the layout has"));
                }
            }
        }
    };
    match layout.look(&digest) {
        Ok(_) => Ok(digest),
        Err(error) => {
            let reason = format!("its image {digest}: {}", Reason(&error));
            Err(invalid(folder, reason).with_source(error))
        }
    }
}

/// What buildx names a folder by, so that what it has sent need not be sent again
/// (<https://github.com/docker/buildx/blob/v0.29.1/build/opt.go>). It becomes a header, where buildx fails with a control
/// character.
fn shared_key(name: &OsStr, node: &str) -> String {
    let name = name.to_string_lossy();
    format!("{}:{node}", name.replace(char::is_control, "_"))
}
