use super::support::{content, entries, names, refusal, take};
use crate::build_context::{Compression, ContextSource, open};
use crate::error::ErrorKind;

fn files(names: &[&str], dockerfile: &str) -> ContextSource {
    let files = names
        .iter()
        .map(|name| ((*name).to_owned(), name.as_bytes().to_vec()))
        .collect();
    ContextSource::Files {
        files,
        dockerfile: dockerfile.to_owned(),
    }
}

#[tokio::test]
async fn files_in_memory_are_sent_in_order_with_their_folders() {
    let source = files(&["z", "a-b", "a/b/c", "Dockerfile", "a/a"], "Dockerfile");
    let context = open(source, Compression::None).await.unwrap();
    assert_eq!(context.dockerfile, "Dockerfile");
    let archive = take(context).await.unwrap();
    assert_eq!(
        names(&archive),
        ["Dockerfile", "a/", "a/a", "a/b/", "a/b/c", "a-b", "z"]
    );
    assert_eq!(content(&archive, "a/b/c"), "a/b/c");
    let modes: Vec<_> = entries(&archive).iter().map(|entry| entry.mode).collect();
    assert_eq!(modes, [0o644, 0o755, 0o644, 0o755, 0o644, 0o644, 0o644]);
}

#[tokio::test]
async fn a_long_name_in_memory_keeps_its_length() {
    let long = format!("{}/Dockerfile", "d".repeat(300));
    let context = open(files(&[&long], &long), Compression::None)
        .await
        .unwrap();
    let archive = take(context).await.unwrap();
    assert_eq!(content(&archive, &long), long);
}

#[tokio::test]
async fn a_name_that_leaves_the_context_is_an_invalid_option() {
    for name in [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        "./a",
        "a/",
        "a/.",
        "a\0b",
        r"a\b",
        r"..\x",
    ] {
        let error = refusal(files(&["Dockerfile", name], "Dockerfile")).await;
        assert_eq!(error.kind, ErrorKind::InvalidOption, "{name:?}");
    }
}

#[tokio::test]
async fn a_name_that_stands_for_two_things_is_an_invalid_option() {
    for names in [
        &["Dockerfile", "a", "a"][..],
        &["Dockerfile", "a", "a/b"],
        &["Dockerfile", "a/b", "a"],
    ] {
        let error = refusal(files(names, "Dockerfile")).await;
        assert_eq!(error.kind, ErrorKind::InvalidOption, "{names:?}");
    }
}

#[tokio::test]
async fn a_dockerfile_that_is_not_among_the_files_is_dockerfile_invalid() {
    for dockerfile in ["Dockerfile", "sub", "sub/"] {
        let error = refusal(files(&["sub/x"], dockerfile)).await;
        assert_eq!(error.kind, ErrorKind::DockerfileInvalid, "{dockerfile}");
        assert!(error.to_string().contains(dockerfile), "{error}");
    }
}

#[tokio::test]
async fn an_ignore_file_in_memory_with_a_pattern_that_is_none_is_context_invalid() {
    let source = ContextSource::Files {
        files: vec![
            ("Dockerfile".to_owned(), b"FROM scratch\n".to_vec()),
            (".dockerignore".to_owned(), b"a\nb[\n".to_vec()),
        ],
        dockerfile: "Dockerfile".to_owned(),
    };
    let error = open(source, Compression::None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ContextInvalid);
    assert!(error.message.contains("line 2"), "{}", error.message);
}
