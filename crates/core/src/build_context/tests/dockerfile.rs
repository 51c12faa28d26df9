use std::fs;
use std::path::{Path, PathBuf};

use super::support::{archive_of, content, directory_with, folder, names, refusal, take};
use crate::build_context::{Compression, DockerfileSource, open};
use crate::error::ErrorKind;

/// Name of the Dockerfile, and the archive.
async fn sent(folder: &Path, dockerfile: DockerfileSource) -> (String, Vec<u8>) {
    let context = open(directory_with(folder, dockerfile), Compression::None)
        .await
        .unwrap();
    let name = context.dockerfile.clone();
    (name, take(context).await.unwrap())
}

fn at(path: impl Into<PathBuf>) -> DockerfileSource {
    DockerfileSource::Path(path.into())
}

#[tokio::test]
async fn the_dockerfile_and_the_ignore_file_are_sent_even_when_excluded() {
    let folder = folder(&[
        ("Dockerfile", "FROM a"),
        (".dockerignore", "**\n"),
        ("x", ""),
        ("d/y", ""),
    ]);
    assert_eq!(
        names(&archive_of(folder.path()).await),
        [".dockerignore", "Dockerfile"]
    );
}

#[tokio::test]
async fn a_dockerfile_in_utf_16_is_refused_and_other_text_is_not() {
    for (content, is_refused) in [
        (b"\xff\xfeF\0".as_slice(), true),
        (b"\xfe\xff\0F", true),
        (b"F\0R\0", true),
        (b"\xef\xbb\xbfFROM a", false),
        (b"# caf\xe9\nFROM a", false),
        (b"", false),
    ] {
        let folder = folder(&[]);
        fs::write(folder.path().join("Dockerfile"), content).unwrap();
        let context = open(
            directory_with(folder.path(), at("Dockerfile")),
            Compression::None,
        );
        let kind = context.await.err().map(|error| error.kind);
        let expected = is_refused.then_some(ErrorKind::DockerfileInvalid);
        assert_eq!(kind, expected, "{}", content.escape_ascii());
    }
}

#[tokio::test]
async fn a_dockerfile_in_an_excluded_folder_is_sent() {
    let folder = folder(&[
        ("build/app.Dockerfile", "FROM a"),
        ("build/x", ""),
        (".dockerignore", "build\n"),
    ]);
    let (name, archive) = sent(folder.path(), at("build/app.Dockerfile")).await;
    assert_eq!(name, "build/app.Dockerfile");
    assert_eq!(
        names(&archive),
        [".dockerignore", "build/", "build/app.Dockerfile"]
    );
}

#[tokio::test]
async fn the_ignore_file_of_the_dockerfile_wins_even_when_it_is_empty() {
    let folder = folder(&[
        ("Dockerfile", ""),
        ("b/Dockerfile", ""),
        ("b/Dockerfile.dockerignore", "y\n"),
        ("c/Dockerfile", ""),
        ("c/Dockerfile.dockerignore", ""),
        (".dockerignore", "x\n"),
        ("x", ""),
        ("y", ""),
    ]);
    for (dockerfile, has_x, has_y) in [
        ("Dockerfile", false, true),
        ("b/Dockerfile", true, false),
        ("c/Dockerfile", true, true),
    ] {
        let (_, archive) = sent(folder.path(), at(dockerfile)).await;
        let names = names(&archive);
        let has = |name: &str| names.iter().any(|sent| sent == name);
        assert_eq!((has("x"), has("y")), (has_x, has_y), "{dockerfile}");
    }
}

#[tokio::test]
async fn an_absolute_path_into_the_context_is_sent_under_its_name() {
    let folder = folder(&[("sub/Dockerfile", "FROM a")]);
    for path in ["sub/Dockerfile", "./sub/../sub/Dockerfile"] {
        let (name, _) = sent(folder.path(), at(folder.path().join(path))).await;
        assert_eq!(name, "sub/Dockerfile");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dockerfile_in_lower_case_will_do() {
    let folder = folder(&[("dockerfile", "FROM a")]);
    assert_eq!(
        sent(folder.path(), DockerfileSource::default()).await.0,
        "dockerfile"
    );
}

#[tokio::test]
async fn an_inline_dockerfile_is_added_under_a_name_that_the_engine_drops_again() {
    let folder = folder(&[("a", ""), ("x", ""), (".dockerignore", "x")]);
    let (name, archive) = sent(folder.path(), DockerfileSource::Inline("FROM a".to_owned())).await;
    assert!(name.starts_with(".dockerfile."), "{name}");
    assert_eq!(names(&archive), [&name, ".dockerignore", "a"]);
    assert_eq!(content(&archive, &name), "FROM a");
    assert_eq!(content(&archive, ".dockerignore"), format!("x\n{name}\n"));
}

#[tokio::test]
async fn an_ignore_file_that_was_not_there_is_dropped_by_the_engine_too() {
    let folder = folder(&[("a", "")]);
    let (name, archive) = sent(folder.path(), DockerfileSource::Inline("FROM a".to_owned())).await;
    assert_eq!(
        content(&archive, ".dockerignore"),
        format!("\n.dockerignore\n{name}\n")
    );
}

#[tokio::test]
async fn a_generated_name_is_unused_and_depends_on_the_text() {
    let folder = folder(&[("a", "")]);
    let inline = |text: &str| DockerfileSource::Inline(text.to_owned());
    let (first, _) = sent(folder.path(), inline("FROM a")).await;
    assert_eq!(sent(folder.path(), inline("FROM a")).await.0, first);
    assert_ne!(sent(folder.path(), inline("FROM b")).await.0, first);
    fs::write(folder.path().join(&first), "mine").unwrap();
    let (second, archive) = sent(folder.path(), inline("FROM a")).await;
    assert_ne!(second, first);
    assert_eq!(content(&archive, &first), "mine");
}

#[tokio::test]
async fn a_dockerfile_outside_the_context_is_added_with_its_own_ignore_file() {
    let folder = folder(&[
        ("context/x", ""),
        ("context/y", ""),
        ("context/.dockerignore", "y\n"),
        ("other/Dockerfile", "FROM a"),
        ("other/Dockerfile.dockerignore", "x\n"),
    ]);
    let context = folder.path().join("context");
    for path in [
        PathBuf::from("../other/Dockerfile"),
        folder.path().join("other/Dockerfile"),
    ] {
        let (name, archive) = sent(&context, at(path)).await;
        assert_eq!(names(&archive), [&name, ".dockerignore", "y"]);
        assert_eq!(content(&archive, &name), "FROM a");
        assert_eq!(content(&archive, ".dockerignore"), format!("x\n\n{name}\n"));
    }
}

#[tokio::test]
async fn a_dockerfile_that_cannot_be_used_is_dockerfile_invalid_with_its_path() {
    let folder = folder(&[("folder/", ""), ("x", "")]);
    for path in ["Dockerfile", "folder", "../missing", "x/Dockerfile"] {
        let error = refusal(directory_with(folder.path(), at(path))).await;
        assert_eq!(error.kind, ErrorKind::DockerfileInvalid, "{path}");
        let start = format!(
            "cannot read Dockerfile `{}`: ",
            folder.path().join(path).display()
        );
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::build_context::ContextSource;

    #[tokio::test]
    async fn a_dockerfile_behind_a_link_is_sent_under_its_real_name() {
        let folder = folder(&[("real/Dockerfile", "FROM a"), (".dockerignore", "*")]);
        symlink("real/Dockerfile", folder.path().join("Dockerfile")).unwrap();
        let (name, archive) = sent(folder.path(), DockerfileSource::default()).await;
        assert_eq!(name, "real/Dockerfile");
        assert_eq!(content(&archive, &name), "FROM a");
    }

    #[tokio::test]
    async fn a_link_that_leads_out_of_the_context_is_refused() {
        let folder = folder(&[("secret", "FROM a"), ("context/x", "")]);
        let context = folder.path().join("context");
        symlink("../secret", context.join("Dockerfile")).unwrap();
        let error = refusal(directory_with(&context, DockerfileSource::default())).await;
        assert_eq!(error.kind, ErrorKind::DockerfileInvalid);
        symlink("../secret", context.join(".dockerignore")).unwrap();
        let inline = DockerfileSource::Inline("FROM a".to_owned());
        let error = refusal(directory_with(&context, inline)).await;
        assert_eq!(error.kind, ErrorKind::ContextInvalid);
        assert!(error.to_string().contains(".dockerignore`: "), "{error}");
    }

    #[tokio::test]
    async fn a_context_behind_a_link_is_followed() {
        let folder = folder(&[("real/Dockerfile", "FROM a")]);
        let link = folder.path().join("link");
        symlink("real", &link).unwrap();
        assert_eq!(names(&archive_of(&link).await), ["Dockerfile"]);
        assert_eq!(
            sent(&link, at(link.join("Dockerfile"))).await.0,
            "Dockerfile"
        );
    }

    #[tokio::test]
    async fn a_link_to_itself_is_dockerfile_invalid() {
        let folder = folder(&[("x", "")]);
        symlink("Dockerfile", folder.path().join("Dockerfile")).unwrap();
        let error = refusal(directory_with(folder.path(), DockerfileSource::default())).await;
        assert_eq!(error.kind, ErrorKind::DockerfileInvalid);
    }

    #[tokio::test]
    async fn a_dockerfile_that_is_a_device_is_not_opened() {
        let folder = folder(&[("x", "")]);
        let error = refusal(directory_with(folder.path(), at("/dev/zero"))).await;
        assert_eq!(error.kind, ErrorKind::DockerfileInvalid);
        assert!(
            error.to_string().ends_with("it is not a regular file"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn control_characters_in_a_path_do_not_reach_the_message() {
        let path = PathBuf::from("/no\u{1b}[31m\nsuch");
        let dockerfile = DockerfileSource::default();
        let error = refusal(ContextSource::Directory { path, dockerfile }).await;
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
}

#[tokio::test]
async fn a_bad_ignore_file_is_context_invalid_before_anything_is_sent() {
    let folder = folder(&[("Dockerfile", ""), (".dockerignore", "a\n[b\n")]);
    let error = refusal(directory_with(folder.path(), DockerfileSource::default())).await;
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
    let end = ".dockerignore`: line 2: syntax error in pattern `[b`";
    assert!(error.to_string().ends_with(end), "{error}");
}

#[tokio::test]
async fn an_ignore_file_that_is_a_folder_is_context_invalid() {
    let folder = folder(&[("Dockerfile", ""), (".dockerignore/", "")]);
    let error = refusal(directory_with(folder.path(), DockerfileSource::default())).await;
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
}
