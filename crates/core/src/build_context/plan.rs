//! All that is known about a context before its first byte is sent.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::dockerfile::{Place, Root, check_encoding, locate};
use super::failure::changed;
use super::ignore::IgnoreRules;
use super::walk::{Content, Entry, Walked, walk};
use super::{ContextSource, DockerfileSource, memory};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Warning;

const IGNORE_FILE: &str = ".dockerignore";

/// What will be sent.
#[derive(Debug)]
pub(super) struct Plan {
    /// Folder that the entries on disk are in.
    pub(super) root: PathBuf,
    /// In the order of the archive.
    pub(super) entries: Vec<Entry>,
    /// Name of the Dockerfile in the archive.
    pub(super) dockerfile: String,
    /// Its text.
    pub(super) text: Vec<u8>,
    /// What was left out.
    pub(super) warnings: Vec<Warning>,
}

/// Looks at the whole context, without opening more than the Dockerfile and the ignore file.
pub(super) fn plan(source: ContextSource, stop: &AtomicBool) -> Result<Plan> {
    match source {
        ContextSource::Directory { path, dockerfile } => plan_folder(path, dockerfile, stop),
        ContextSource::Files { files, dockerfile } => plan_files(files, dockerfile),
        ContextSource::Url { .. } | ContextSource::Archive { .. } => {
            let message = "a context that is a URL or an archive needs BuildKit";
            Err(Error::new(ErrorKind::UnsupportedByEngine, message))
        }
    }
}

fn plan_files(files: Vec<(String, Vec<u8>)>, dockerfile: String) -> Result<Plan> {
    let entries = memory::entries(files)?;
    let text = memory::find_dockerfile(&entries, &dockerfile)?.to_vec();
    // The engine leaves out what it excludes; a pattern that is none would exclude nothing there, without a word.
    if let Ok(index) = memory::find(&entries, IGNORE_FILE.as_bytes())
        && let Content::Memory(content) = &entries[index].content
    {
        IgnoreRules::parse(content, Path::new(IGNORE_FILE))?;
    }
    Ok(Plan {
        root: PathBuf::new(),
        entries,
        dockerfile,
        text,
        warnings: Vec::new(),
    })
}

fn plan_folder(path: PathBuf, dockerfile: DockerfileSource, stop: &AtomicBool) -> Result<Plan> {
    let named = match &dockerfile {
        DockerfileSource::Path(file) => path.join(file),
        DockerfileSource::Inline(_) => PathBuf::from("Dockerfile"),
    };
    let root = Root::find(path)?;
    let dockerfile = locate(&root, dockerfile)?;
    let text = dockerfile.read(&root)?;
    check_encoding(&text, &named)?;
    let ignore_file = dockerfile.read_ignore_file(&root)?;
    let mut rules = match &ignore_file {
        Some((path, content)) => IgnoreRules::parse(content, path)?,
        None => IgnoreRules::default(),
    };
    // Both have to reach the engine; it drops them from the context itself where the rules exclude them.
    rules.always_send(IGNORE_FILE.as_bytes());
    if let Place::Inside(name) = &dockerfile.place {
        rules.always_send(name.as_bytes());
    }
    let Walked {
        mut entries,
        warnings,
    } = walk(root.path(), &rules, stop)?;
    let dockerfile = match dockerfile.place {
        Place::Inside(name) => {
            let found = memory::find(&entries, name.as_bytes());
            if !found.is_ok_and(|index| matches!(entries[index].content, Content::File(_))) {
                return Err(changed(&root.path().join(name), "was replaced"));
            }
            name
        }
        Place::Outside(content) => {
            let patterns = ignore_file.map(|(_, content)| content);
            add_dockerfile(&mut entries, content, patterns)
        }
    };
    Ok(Plan {
        root: root.path().to_owned(),
        entries,
        dockerfile,
        text,
        warnings,
    })
}

/// Adds the Dockerfile under a generated name, and that name to the ignore file, so that the engine drops it from what
/// `COPY . .` sees.
///
/// <https://github.com/docker/cli/blob/v29.7.2/cli/command/image/build/context.go> (`AddDockerfileToBuildContext`)
fn add_dockerfile(entries: &mut Vec<Entry>, content: Vec<u8>, patterns: Option<Vec<u8>>) -> String {
    let name = memory::unused_name(entries, &content);
    let mut patterns = patterns.unwrap_or_default();
    if memory::find(entries, IGNORE_FILE.as_bytes()).is_err() {
        patterns.extend_from_slice(format!("\n{IGNORE_FILE}").as_bytes());
    }
    patterns.extend_from_slice(format!("\n{name}\n").as_bytes());
    memory::put(entries, memory::file(IGNORE_FILE, patterns));
    memory::put(entries, memory::file(&name, content));
    name
}
