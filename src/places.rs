//! Outputs, caches and named contexts: the options of `buildImage` that name places.

use std::collections::BTreeMap;
use std::path::PathBuf;

use napi_derive::napi;
use shipway_core::Result;
use shipway_core::build_options::{CacheEntry, NamedContext, Output, OutputKind};

use crate::options::invalid;

/// One output. Which fields it has depends on its type.
#[napi(object, object_to_js = false)]
pub struct OutputOptions {
    /// What is made.
    #[napi(ts_type = "'image' | 'registry' | 'local' | 'tar' | 'oci' | 'docker' | 'cacheonly'")]
    pub r#type: String,
    /// Whether an image also goes to its registries.
    pub push: Option<bool>,
    /// Absolute path of a folder.
    pub directory: Option<String>,
    /// Absolute path of a file.
    pub file: Option<String>,
    /// Further settings in BuildKit's words.
    pub attributes: Option<BTreeMap<String, String>>,
}

/// One place for a cache. Which fields it has depends on its type.
#[napi(object, object_to_js = false)]
pub struct CacheOptions {
    /// What it is.
    #[napi(ts_type = "'registry' | 'local' | 'inline'")]
    pub r#type: String,
    /// An image in a registry.
    pub reference: Option<String>,
    /// Absolute path of a folder.
    pub directory: Option<String>,
    /// Further settings in BuildKit's words.
    pub attributes: Option<BTreeMap<String, String>>,
}

pub(crate) fn outputs(options: Option<Vec<OutputOptions>>) -> Result<Vec<Output>> {
    options
        .unwrap_or_default()
        .into_iter()
        .map(output)
        .collect()
}

fn output(options: OutputOptions) -> Result<Output> {
    let directory = || path(options.directory.as_deref(), "directory");
    let file = || path(options.file.as_deref(), "file");
    let kind = match options.r#type.as_str() {
        "image" => OutputKind::Image {
            push: options.push.unwrap_or_default(),
        },
        "registry" => OutputKind::Image { push: true },
        "local" => OutputKind::Local(directory()?),
        "tar" => OutputKind::Tar(file()?),
        "oci" => OutputKind::Oci(file()?),
        "docker" => OutputKind::Docker(file()?),
        "cacheonly" => OutputKind::CacheOnly,
        other => return Err(invalid(format!("there is no output of the type `{other}`"))),
    };
    Ok(Output {
        kind,
        attributes: options.attributes.unwrap_or_default(),
    })
}

pub(crate) fn caches(options: Option<Vec<CacheOptions>>) -> Result<Vec<CacheEntry>> {
    options.unwrap_or_default().into_iter().map(cache).collect()
}

fn cache(options: CacheOptions) -> Result<CacheEntry> {
    let attributes = options.attributes.unwrap_or_default();
    match options.r#type.as_str() {
        "registry" => Ok(CacheEntry::Registry {
            reference: options
                .reference
                .ok_or_else(|| invalid("a cache in a registry needs a `reference`"))?,
            attributes,
        }),
        "local" => Ok(CacheEntry::Local {
            directory: path(options.directory.as_deref(), "directory")?,
            attributes,
        }),
        "inline" => Ok(CacheEntry::Inline),
        other => Err(invalid(format!("there is no cache of the type `{other}`"))),
    }
}

pub(crate) fn contexts(
    options: Option<BTreeMap<String, String>>,
) -> Result<BTreeMap<String, NamedContext>> {
    let contexts = options.unwrap_or_default().into_iter();
    contexts
        .map(|(name, text)| Ok((name, NamedContext::parse(&text)?)))
        .collect()
}

fn path(path: Option<&str>, name: &str) -> Result<PathBuf> {
    path.map(PathBuf::from)
        .ok_or_else(|| invalid(format!("an output or a cache lacks its `{name}`")))
}
