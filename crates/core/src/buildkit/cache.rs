//! Places for a build's cache, as the engine is told of them.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/client/solve.go> (`parseCacheOptions`)

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::content::{Digest, Layout, Named, Stores, Use};
use super::daemon::Worker;
use super::identity::new_token;
use super::outputs::failure::{refused, unwritable};
use super::outputs::{check_folder, turn_containerd_on};
use crate::build_context::failure::{Reason, shown};
use crate::build_options::{BuildOptions, CacheEntry, IGNORE_ERROR};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Warning;
use crate::text::hex;

/// Tag of a cache in a folder where none is named.
const TAG: &str = "latest";

/// Build argument that puts the cache into the image
/// (<https://github.com/docker/buildx/blob/v0.29.1/build/opt.go>).
const INLINE_ARGUMENT: &str = "BUILDKIT_INLINE_CACHE";

/// Longest wait for another build that writes the same index, and how often it is looked for.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_LOOK: Duration = Duration::from_millis(20);

/// Where steps are taken from, and put to.
#[derive(Default)]
pub(crate) struct Cache {
    pub(crate) options: api::CacheOptions,
    /// What the frontend is told of it.
    pub(crate) attributes: BTreeMap<String, String>,
    /// Why a place is not used.
    pub(crate) warnings: Vec<Warning>,
    /// The folders that get a cache, each with its tag there.
    folders: Vec<(Arc<Layout>, String)>,
}

impl Cache {
    /// Looks at the places of `options`. The folders among them come to `stores`.
    pub(crate) fn prepare(
        options: &BuildOptions,
        worker: &Worker,
        stores: &mut Stores,
    ) -> Result<Self> {
        let mut cache = Self::default();
        // An engine answers with the manifest that it made last: the folders need it, registries do not.
        let is_local = |entry: &&CacheEntry| matches!(entry, CacheEntry::Local { .. });
        let (local, others): (Vec<_>, Vec<_>) = options.cache_to.iter().partition(is_local);
        for entry in others.into_iter().chain(local) {
            cache.add_export(entry, worker, stores)?;
        }
        let wants_inline = options
            .build_args
            .get(INLINE_ARGUMENT)
            .is_some_and(|value| is_true(value));
        if wants_inline && !options.cache_to.contains(&CacheEntry::Inline) {
            cache.export("inline", BTreeMap::new());
        }
        for entry in &options.cache_from {
            cache.add_import(entry, stores)?;
        }
        let imports = &cache.options.imports;
        if !imports.is_empty() {
            let imports: Vec<Value> = imports
                .iter()
                .map(|entry| json!({ "Type": entry.r#type, "Attrs": entry.attrs }))
                .collect();
            let imports = json!(imports).to_string();
            cache.attributes.insert("cache-imports".to_owned(), imports);
        }
        Ok(cache)
    }

    /// The build has succeeded, and answered `response`: gives what was written its tags. Returns what failed of the
    /// places that the build can do without.
    pub(crate) async fn commit(&self, response: &HashMap<String, String>) -> Result<Vec<Warning>> {
        let mut warnings = Vec::new();
        let Some(manifest) = response.get("cache.manifest") else {
            // There was nothing to put.
            return Ok(warnings);
        };
        let Ok(Value::Object(manifest)) = serde_json::from_str(manifest) else {
            return Err(refused("what it names as the cache is no descriptor"));
        };
        let digest = manifest.get("digest").and_then(Value::as_str);
        let digest = digest
            .and_then(Digest::parse)
            .ok_or_else(|| refused("what it names as the cache has no digest"))?;
        for (layout, tag) in &self.folders {
            match put_tag(layout, &digest, &manifest, tag).await {
                Err(error) if layout.purpose() == (Use::CacheTo { is_optional: true }) => {
                    let folder = shown(layout.root());
                    let message = format!("the cache in `{folder}` was not put: {}", error.message);
                    warnings.push(Warning::new("CACHE_NOT_PUT", message));
                }
                result => result?,
            }
        }
        Ok(warnings)
    }

    fn add_export(
        &mut self,
        entry: &CacheEntry,
        worker: &Worker,
        stores: &mut Stores,
    ) -> Result<()> {
        if !worker.has_containerd_store && *entry != CacheEntry::Inline {
            let message = "the engine's image store cannot put a cache anywhere but into the image";
            return Err(
                Error::new(ErrorKind::UnsupportedByEngine, message).with_hint(format!(
                    "use the type `inline` and push the image, or {}",
                    turn_containerd_on(worker)
                )),
            );
        }
        match entry {
            CacheEntry::Registry {
                reference,
                attributes,
            } => self.export("registry", with(attributes, "ref", reference)),
            CacheEntry::Local {
                directory,
                attributes,
            } => {
                check_folder(directory)?;
                let is_optional = attributes
                    .get(IGNORE_ERROR)
                    .is_some_and(|value| is_true(value));
                let purpose = Use::CacheTo { is_optional };
                let layout = Arc::new(Layout::new(directory.clone(), purpose, new_token()?));
                let name = store_name(directory);
                stores.add(format!("local:{name}"), Arc::clone(&layout));
                let tag = attributes.get("tag").map_or(TAG, String::as_str);
                self.folders.push((layout, tag.to_owned()));
                self.export("local", with(attributes, "dest", &name));
            }
            CacheEntry::Inline => self.export("inline", BTreeMap::new()),
        }
        Ok(())
    }

    fn add_import(&mut self, entry: &CacheEntry, stores: &mut Stores) -> Result<()> {
        match entry {
            CacheEntry::Registry {
                reference,
                attributes,
            } => self.import("registry", with(attributes, "ref", reference)),
            CacheEntry::Local {
                directory,
                attributes,
            } => {
                let layout = Layout::new(directory.clone(), Use::CacheFrom, new_token()?);
                let digest = match find(&layout, attributes) {
                    Ok(digest) => digest,
                    // As buildx does: a cache is a help, and its first build has none.
                    Err(reason) => {
                        let folder = shown(directory);
                        let message = format!("the cache in `{folder}` is not used: {reason}");
                        self.warnings.push(Warning::new("CACHE_NOT_FOUND", message));
                        return Ok(());
                    }
                };
                let name = store_name(directory);
                stores.add(format!("local:{name}"), Arc::new(layout));
                let attributes = with(attributes, "src", &name);
                self.import("local", with(&attributes, "digest", &digest.to_string()));
            }
            CacheEntry::Inline => {
                let message = "a cache in an image is taken from its registry";
                return Err(Error::new(ErrorKind::InvalidOption, message)
                    .with_hint("use the type `registry` with the image as its reference"));
            }
        }
        Ok(())
    }

    fn export(&mut self, kind: &str, attributes: BTreeMap<String, String>) {
        self.options.exports.push(entry(kind, attributes));
    }

    fn import(&mut self, kind: &str, attributes: BTreeMap<String, String>) {
        self.options.imports.push(entry(kind, attributes));
    }
}

fn entry(kind: &str, attributes: BTreeMap<String, String>) -> api::CacheOptionsEntry {
    api::CacheOptionsEntry {
        r#type: kind.to_owned(),
        attrs: attributes.into_iter().collect(),
    }
}

fn with(attributes: &BTreeMap<String, String>, key: &str, value: &str) -> BTreeMap<String, String> {
    let mut attributes = attributes.clone();
    attributes.insert(key.to_owned(), value.to_owned());
    attributes
}

/// What the engine calls a folder by: the same folder has the same name, and the engine need not know its path. The
/// path itself, which buildx sends, would be a header, where not every path can be.
fn store_name(folder: &Path) -> String {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    format!("folder-{}", &hex(&digest)[..32])
}

/// The manifest of a cache in a folder, or why there is none.
fn find(layout: &Layout, attributes: &BTreeMap<String, String>) -> Result<Digest, String> {
    let digest = match attributes.get("digest") {
        Some(digest) => Digest::parse(digest).ok_or_else(|| format!("`{digest}` is no digest"))?,
        None => {
            let tag = attributes.get("tag").map_or(TAG, String::as_str);
            let index = layout.read_index();
            let index = index.map_err(|error| format!("its `index.json`: {}", Reason(&error)))?;
            match index.ok_or("its `index.json` is no index")?.find(Some(tag)) {
                Named::Found(digest) => digest,
                Named::Missing(_) => return Err(format!("it has no tag `{tag}`")),
            }
        }
    };
    match layout.look(&digest) {
        Ok(_) => Ok(digest),
        Err(error) => Err(format!("its manifest {digest}: {}", Reason(&error))),
    }
}

async fn put_tag(
    layout: &Arc<Layout>,
    digest: &Digest,
    manifest: &Map<String, Value>,
    tag: &str,
) -> Result<()> {
    if let Err(error) = layout.look(digest) {
        let folder = shown(layout.root());
        let message = format!("the cache in `{folder}` lacks its manifest {digest}");
        return Err(refused(&message).with_source(error));
    }
    let end = Instant::now() + LOCK_WAIT;
    loop {
        let (folder, manifest) = (Arc::clone(layout), manifest.clone());
        let tag = tag.to_owned();
        let put = tokio::task::spawn_blocking(move || folder.put_tag(manifest, &tag));
        let is_put = put.await.unwrap_or_else(|error| {
            let message = "the thread that writes the cache's index ended";
            Err(Error::new(ErrorKind::Internal, message).with_source(error))
        })?;
        if is_put {
            return Ok(());
        }
        if Instant::now() >= end {
            let busy = std::io::Error::other("another build holds `index.json.lock`");
            return Err(unwritable(layout.root(), busy));
        }
        sleep(LOCK_LOOK).await;
    }
}

/// <https://pkg.go.dev/strconv#ParseBool>
fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}
