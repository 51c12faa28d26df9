use std::fs;

use super::*;
use crate::buildkit::content::tagged;
use crate::error::{Error, ErrorKind};

fn key(path: &Path) -> String {
    let context = ContextSource::Directory {
        path: path.to_owned(),
        dockerfile: DockerfileSource::default(),
    };
    let inputs = Inputs::prepare(&context, &BTreeMap::new(), "node").unwrap();
    inputs.shared_key
}

#[test]
fn a_folder_is_known_by_the_name_that_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("app");
    fs::create_dir_all(app.join("below")).unwrap();
    fs::write(app.join("Dockerfile"), "FROM scratch").unwrap();
    assert_eq!(key(&app), "app:node");
    assert_eq!(key(&app.join("below/..")), "app:node");
    #[cfg(unix)]
    {
        let link = folder.path().join("li\nk");
        std::os::unix::fs::symlink(&app, &link).unwrap();
        assert_eq!(key(&link), "li_k:node");
    }
}

fn prepare(folder: &Path, tag: Option<&str>, digest: Option<&str>) -> Result<Inputs> {
    let context = NamedContext::OciLayout {
        directory: folder.to_owned(),
        tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
    };
    let source = ContextSource::Files {
        files: vec![("Dockerfile".to_owned(), b"FROM lib".to_vec())],
        dockerfile: "Dockerfile".to_owned(),
    };
    Inputs::prepare(&source, &[("lib".to_owned(), context)].into(), "node")
}

#[test]
fn an_image_in_a_folder_is_named_by_its_store_and_its_digest() {
    let (folder, digest) = tagged("1.0");
    for (tag, given) in [(None, None), (Some("1.0"), None), (None, Some(&*digest))] {
        let inputs = prepare(folder.path(), tag, given).unwrap();
        let value = &inputs.attributes["context:lib"];
        let rest = value.strip_prefix("oci-layout://").unwrap();
        let (store, named) = rest.split_once('@').unwrap();
        assert_eq!(named, digest);
        let stores: Vec<String> = inputs.stores.shared().into_keys().collect();
        assert_eq!(stores, [format!("oci:{store}")]);
    }
}

#[test]
fn an_image_that_is_not_in_the_folder_is_refused_by_name() {
    let (folder, _) = tagged("1.0");
    let absent = format!("sha256:{}", "b".repeat(64));
    let failed = |tag, digest| -> Error { prepare(folder.path(), tag, digest).err().unwrap() };
    for (error, words) in [
        (
            failed(Some("2.0"), None),
            "no image tagged `2.0`: there are `1.0`",
        ),
        (failed(None, Some(&absent)), &*absent),
        (failed(None, Some("../x:y")), "`../x:y` is no digest"),
    ] {
        assert_eq!(error.kind, ErrorKind::ContextInvalid);
        assert!(error.message.contains(words), "{error}");
    }
    fs::remove_file(folder.path().join("index.json")).unwrap();
    let error = failed(None, None);
    assert!(
        error.message.contains("index.json`: no such file"),
        "{error}"
    );
}
