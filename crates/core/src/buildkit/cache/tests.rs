use std::fs;
use std::path::PathBuf;

use super::*;
use crate::buildkit::content::tagged;

fn containerd() -> Worker {
    Worker {
        has_containerd_store: true,
        ..Worker::default()
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn registry(reference: &str, attributes: &[(&str, &str)]) -> CacheEntry {
    CacheEntry::Registry {
        reference: reference.to_owned(),
        attributes: map(attributes),
    }
}

fn local(directory: &Path, attributes: &[(&str, &str)]) -> CacheEntry {
    CacheEntry::Local {
        directory: directory.to_owned(),
        attributes: map(attributes),
    }
}

fn prepare(options: &BuildOptions, worker: &Worker) -> Result<(Cache, Stores)> {
    let mut stores = Stores::default();
    let cache = Cache::prepare(options, worker, &mut stores)?;
    Ok((cache, stores))
}

fn said(entries: &[api::CacheOptionsEntry]) -> Vec<(String, BTreeMap<String, String>)> {
    entries
        .iter()
        .map(|entry| {
            (
                entry.r#type.clone(),
                entry.attrs.clone().into_iter().collect(),
            )
        })
        .collect()
}

#[test]
fn the_engine_and_its_frontend_are_told_of_every_place() {
    let (folder, digest) = tagged("main");
    let options = BuildOptions {
        cache_from: vec![
            registry("ghcr.io/acme/cache", &[]),
            local(folder.path(), &[("tag", "main")]),
        ],
        cache_to: vec![
            local(Path::new("/to"), &[("mode", "max")]),
            CacheEntry::Inline,
            registry("ghcr.io/acme/cache", &[("mode", "min")]),
        ],
        ..BuildOptions::default()
    };
    let (cache, stores) = prepare(&options, &containerd()).unwrap();
    let (from, to) = (store_name(folder.path()), store_name(Path::new("/to")));
    assert_eq!(
        said(&cache.options.exports),
        [
            ("inline".to_owned(), map(&[])),
            (
                "registry".to_owned(),
                map(&[("ref", "ghcr.io/acme/cache"), ("mode", "min")])
            ),
            ("local".to_owned(), map(&[("dest", &to), ("mode", "max")])),
        ]
    );
    let local = [("src", &*from), ("digest", &digest), ("tag", "main")];
    assert_eq!(
        said(&cache.options.imports),
        [
            ("registry".to_owned(), map(&[("ref", "ghcr.io/acme/cache")])),
            ("local".to_owned(), map(&local)),
        ]
    );
    let told: Value = serde_json::from_str(&cache.attributes["cache-imports"]).unwrap();
    assert_eq!(
        told,
        json!([
            { "Type": "registry", "Attrs": { "ref": "ghcr.io/acme/cache" } },
            { "Type": "local", "Attrs": map(&local) },
        ])
    );
    let names: Vec<String> = stores.shared().into_keys().collect();
    let mut expected = [format!("local:{from}"), format!("local:{to}")];
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn a_cache_that_is_not_there_is_a_warning() {
    let (folder, _) = tagged("main");
    fs::remove_dir_all(folder.path().join("blobs")).unwrap();
    for (entry, reason) in [
        (
            local(Path::new("/none"), &[]),
            "its `index.json`: no such file or directory",
        ),
        (local(folder.path(), &[]), "it has no tag `latest`"),
        (
            local(folder.path(), &[("tag", "main")]),
            "its manifest sha256:aaa",
        ),
        (
            local(folder.path(), &[("digest", "../x")]),
            "`../x` is no digest",
        ),
    ] {
        let options = BuildOptions {
            cache_from: vec![entry],
            ..BuildOptions::default()
        };
        let (cache, _stores) = prepare(&options, &Worker::default()).unwrap();
        assert!(cache.options.imports.is_empty() && cache.attributes.is_empty());
        let [warning] = &cache.warnings[..] else {
            panic!("{:?}", cache.warnings);
        };
        assert_eq!(warning.code, "CACHE_NOT_FOUND");
        assert!(warning.message.contains(reason), "{}", warning.message);
    }
}

#[test]
fn a_graph_driver_puts_a_cache_only_into_the_image() {
    let with = |entry| BuildOptions {
        cache_to: vec![entry],
        ..BuildOptions::default()
    };
    let refused = prepare(&with(registry("a", &[])), &Worker::default())
        .err()
        .unwrap();
    assert_eq!(refused.kind, ErrorKind::UnsupportedByEngine);
    assert!(refused.hint().unwrap().contains("inline"), "{refused:?}");
    let refused = prepare(&with(local(Path::new("/to"), &[])), &Worker::default());
    assert_eq!(refused.err().unwrap().kind, ErrorKind::UnsupportedByEngine);
    let (cache, _) = prepare(&with(CacheEntry::Inline), &Worker::default()).unwrap();
    assert_eq!(cache.options.exports.len(), 1);
}

#[test]
fn a_build_argument_puts_the_cache_into_the_image_as_well() {
    for (value, count) in [("1", 1), ("true", 1), ("0", 0), ("yes", 0)] {
        for cache_to in [vec![], vec![CacheEntry::Inline]] {
            let count = count.max(cache_to.len());
            let options = BuildOptions {
                build_args: map(&[("BUILDKIT_INLINE_CACHE", value)]),
                cache_to,
                ..BuildOptions::default()
            };
            let (cache, _) = prepare(&options, &Worker::default()).unwrap();
            assert_eq!(cache.options.exports.len(), count, "{value}");
        }
    }
}

#[test]
fn the_same_folder_can_be_read_and_written() {
    let (folder, _) = tagged("latest");
    let options = BuildOptions {
        cache_from: vec![local(folder.path(), &[])],
        cache_to: vec![local(folder.path(), &[])],
        ..BuildOptions::default()
    };
    let (_cache, stores) = prepare(&options, &containerd()).unwrap();
    let purposes: Vec<Use> = stores
        .shared()
        .values()
        .map(|layout| layout.purpose())
        .collect();
    assert_eq!(purposes, [Use::CacheTo { is_optional: false }]);
}

fn tags(folder: &Path) -> Vec<String> {
    let text = fs::read(folder.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&text).unwrap();
    let manifests = index["manifests"].as_array().unwrap();
    let mut tags: Vec<String> = manifests
        .iter()
        .map(|manifest| {
            let tag = &manifest["annotations"]["org.opencontainers.image.ref.name"];
            tag.as_str().unwrap().to_owned()
        })
        .collect();
    tags.sort();
    tags
}

async fn commit(folder: PathBuf, tag: String, manifest: String) -> Result<Vec<Warning>> {
    commit_with(&folder, &[("tag", &tag)], manifest).await
}

async fn commit_with(
    folder: &Path,
    attributes: &[(&str, &str)],
    manifest: String,
) -> Result<Vec<Warning>> {
    let options = BuildOptions {
        cache_to: vec![local(folder, attributes)],
        ..BuildOptions::default()
    };
    let (cache, _stores) = prepare(&options, &containerd())?;
    let response = HashMap::from([("cache.manifest".to_owned(), manifest)]);
    cache.commit(&response).await
}

#[tokio::test]
async fn builds_that_end_together_all_have_their_tags() {
    let (folder, digest) = tagged("before");
    let manifest = json!({ "digest": digest, "size": 2 }).to_string();
    let commits = (0..8).map(|number| {
        let tag = format!("tag-{number}");
        tokio::spawn(commit(folder.path().to_owned(), tag, manifest.clone()))
    });
    for committed in commits.collect::<Vec<_>>() {
        committed.await.unwrap().unwrap();
    }
    let tags = tags(folder.path());
    assert_eq!(tags.len(), 9, "{tags:?}");
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["blobs", "index.json", "oci-layout"]);
}

#[tokio::test]
async fn a_manifest_that_is_not_there_gets_no_tag() {
    let (folder, _) = tagged("before");
    let absent = format!("sha256:{}", "b".repeat(64));
    for manifest in [
        json!({ "digest": absent }).to_string(),
        json!({ "digest": "sha256:../../x" }).to_string(),
        "[]".to_owned(),
    ] {
        let committed = commit(folder.path().to_owned(), "new".to_owned(), manifest);
        assert_eq!(committed.await.unwrap_err().kind, ErrorKind::EngineProtocol);
    }
    assert_eq!(tags(folder.path()), ["before"]);
}

#[tokio::test]
async fn a_cache_that_a_build_can_do_without_does_not_fail_it() {
    let (folder, _) = tagged("before");
    let absent = format!("sha256:{}", "b".repeat(64));
    let manifest = json!({ "digest": absent }).to_string();
    let attributes = [("ignore-error", "true")];
    let warnings = commit_with(folder.path(), &attributes, manifest)
        .await
        .unwrap();
    let [warning] = &warnings[..] else {
        panic!("{warnings:?}");
    };
    assert_eq!(warning.code, "CACHE_NOT_PUT");
    assert!(warning.message.contains(&absent), "{}", warning.message);
    assert_eq!(tags(folder.path()), ["before"]);
}
