//! `index.json`: what an image layout holds, and by which names.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/client/ociindex/ociindex.go>

use serde_json::{Map, Value, json};

use super::Digest;

/// The tag of a manifest.
const TAG: &str = "org.opencontainers.image.ref.name";

/// Its whole name, where containerd or BuildKit wrote it.
const NAME: &str = "io.containerd.image.name";

/// An index. What is not known here stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Index(Map<String, Value>);

/// What an index says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// The manifest or index.
    Found(Digest),
    /// There is none of that name; these names there are.
    Missing(Vec<String>),
}

impl Index {
    /// Reads an index; `None` for anything else.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => Some(Self(fields)),
            _ => None,
        }
    }

    /// The index as text.
    pub(crate) fn text(&self) -> Vec<u8> {
        Value::Object(self.0.clone()).to_string().into_bytes()
    }

    /// Looks for a manifest by its tag or whole name. Without a name, it is `latest` or the only one there is; with one,
    /// the only one will do where it has no name at all.
    pub(crate) fn find(&self, name: Option<&str>) -> Named {
        let wanted = name.unwrap_or("latest");
        let manifests: Vec<&Value> = self.manifests().collect();
        let has = |key: &'static str| {
            let mut manifests = manifests.iter();
            manifests.find(move |manifest| annotation(manifest, key) == Some(wanted))
        };
        let found = has(NAME).or_else(|| has(TAG));
        let found = found.or_else(|| match &manifests[..] {
            [only] if name.is_none() || names(only).next().is_none() => Some(only),
            _ => None,
        });
        let digest = found
            .and_then(|manifest| manifest.get("digest")?.as_str())
            .and_then(Digest::parse);
        match digest {
            Some(digest) => Named::Found(digest),
            None => Named::Missing(
                manifests
                    .iter()
                    .flat_map(|manifest| names(manifest).map(str::to_owned))
                    .collect(),
            ),
        }
    }

    /// Adds the manifest that `descriptor` names under `tag`, which another may have had.
    pub(crate) fn put(&mut self, mut descriptor: Map<String, Value>, tag: &str) {
        self.0.entry("schemaVersion").or_insert(json!(2));
        self.0
            .entry("mediaType")
            .or_insert(json!("application/vnd.oci.image.index.v1+json"));
        let mut annotations = match descriptor.remove("annotations") {
            Some(Value::Object(annotations)) => annotations,
            _ => Map::new(),
        };
        annotations.insert(TAG.to_owned(), json!(tag));
        descriptor.insert("annotations".to_owned(), Value::Object(annotations));
        let mut manifests = match self.0.remove("manifests") {
            Some(Value::Array(manifests)) => manifests,
            _ => Vec::new(),
        };
        manifests.retain(|manifest| {
            annotation(manifest, TAG) != Some(tag) || annotation(manifest, NAME).is_some()
        });
        manifests.push(Value::Object(descriptor));
        self.0
            .insert("manifests".to_owned(), Value::Array(manifests));
    }

    fn manifests(&self) -> impl Iterator<Item = &Value> {
        let manifests = self.0.get("manifests").and_then(Value::as_array);
        manifests.into_iter().flatten()
    }
}

fn annotation<'a>(manifest: &'a Value, key: &str) -> Option<&'a str> {
    manifest.get("annotations")?.get(key)?.as_str()
}

fn names(manifest: &Value) -> impl Iterator<Item = &str> {
    [NAME, TAG]
        .into_iter()
        .filter_map(|key| annotation(manifest, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    fn index(manifests: &[(char, &[(&str, &str)])]) -> Index {
        let manifests: Vec<Value> = manifests
            .iter()
            .map(|(digit, annotations)| {
                let annotations: Map<String, Value> = annotations
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), json!(value)))
                    .collect();
                json!({ "digest": digest(*digit), "annotations": annotations })
            })
            .collect();
        Index::parse(json!({ "manifests": manifests }).to_string().as_bytes()).unwrap()
    }

    fn found(digit: char) -> Named {
        Named::Found(Digest::parse(&digest(digit)).unwrap())
    }

    #[test]
    fn a_manifest_is_found_by_its_tag_or_its_whole_name() {
        let two = index(&[
            ('a', &[(TAG, "1.0"), (NAME, "docker.io/acme/app:1.0")]),
            ('b', &[(TAG, "latest")]),
        ]);
        assert_eq!(two.find(Some("1.0")), found('a'));
        assert_eq!(two.find(Some("docker.io/acme/app:1.0")), found('a'));
        assert_eq!(two.find(None), found('b'));
        let names = ["docker.io/acme/app:1.0", "1.0", "latest"].map(str::to_owned);
        assert_eq!(two.find(Some("2.0")), Named::Missing(names.into()));
    }

    #[test]
    fn the_only_manifest_needs_no_name() {
        let named = index(&[('a', &[(TAG, "1.0")])]);
        assert_eq!(named.find(None), found('a'));
        assert!(matches!(named.find(Some("2.0")), Named::Missing(_)));
        assert_eq!(index(&[('a', &[])]).find(Some("2.0")), found('a'));
        assert_eq!(
            index(&[('a', &[]), ('b', &[])]).find(None),
            Named::Missing(vec![])
        );
        assert_eq!(Index::default().find(None), Named::Missing(vec![]));
    }

    #[test]
    fn what_is_no_digest_is_not_found() {
        let evil = json!({ "manifests": [{ "digest": "sha256:../../etc/passwd" }] });
        let evil = Index::parse(evil.to_string().as_bytes()).unwrap();
        assert_eq!(evil.find(None), Named::Missing(vec![]));
        assert_eq!(Index::parse(b"[]"), None);
        assert_eq!(Index::parse(b"{"), None);
    }

    #[test]
    fn a_tag_names_the_manifest_that_got_it_last() {
        let mut index = index(&[
            ('a', &[(TAG, "main")]),
            ('b', &[(TAG, "main"), (NAME, "docker.io/acme/app:main")]),
            ('c', &[(TAG, "other")]),
        ]);
        let descriptor =
            json!({ "digest": digest('d'), "size": 7, "annotations": { "kept": "yes" } });
        index.put(descriptor.as_object().unwrap().clone(), "main");
        let text: Value = serde_json::from_slice(&index.text()).unwrap();
        let digests: Vec<&str> = text["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|manifest| manifest["digest"].as_str().unwrap())
            .collect();
        assert_eq!(digests, [digest('b'), digest('c'), digest('d')]);
        assert_eq!(
            text["manifests"][2]["annotations"],
            json!({ "kept": "yes", TAG: "main" })
        );
        assert_eq!(text["schemaVersion"], 2);
    }
}
