//! A folder for tests.

use std::fs;

use serde_json::json;

/// An image layout with a manifest under `tag`, and the digest of that.
pub(crate) fn tagged(tag: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let hex = "a".repeat(64);
    let digest = format!("sha256:{hex}");
    let blobs = folder.path().join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(hex), "{}").unwrap();
    let annotations = json!({ "org.opencontainers.image.ref.name": tag });
    let index = json!({ "manifests": [{ "digest": digest, "annotations": annotations }] });
    fs::write(folder.path().join("index.json"), index.to_string()).unwrap();
    (folder, digest)
}
