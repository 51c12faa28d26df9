#![cfg(unix)]

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::credentials::program::write_program;

/// A folder with the helper `docker-credential-test`, a shell script that begins once it has read the key.
fn helper(script: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker-credential-test");
    write_program(&path, &format!("#!/bin/sh\nread -r key\n{script}\n"));
    folder
}

fn variables(folder: &Path) -> Variables {
    let path = OsString::from(format!("{}:/usr/bin:/bin", folder.display()));
    [("PATH".into(), path), ("CANARY".into(), "hunter2".into())]
        .into_iter()
        .collect()
}

async fn asked(script: &str) -> Result<Option<Credentials>, BrokenHelper> {
    let folder = helper(script);
    let registry = Registry::at("registry-1.docker.io");
    ask(
        "test",
        &registry,
        registry.key(),
        &variables(folder.path()),
        LIMIT,
    )
    .await
}

#[tokio::test]
async fn a_helper_is_given_the_key_and_the_variables() {
    let script =
        r#"echo "{\"ServerURL\":\"$key\",\"Username\":\"$key $1\",\"Secret\":\"$CANARY\"}""#;
    assert_eq!(
        asked(script).await.unwrap(),
        Some(Credentials::password(
            "https://index.docker.io/v1/ get",
            "hunter2"
        ))
    );
}

#[tokio::test]
async fn the_user_name_of_a_token_makes_it_an_identity_token() {
    let answer = asked(r#"echo '{"Username":"<token>","Secret":"t"}'"#).await;
    let token = Credentials::IdentityToken(Secret::new("t"));
    assert_eq!(answer.unwrap(), Some(token));
}

#[tokio::test]
async fn a_helper_without_credentials_has_none() {
    for script in [
        "echo 'credentials not found in native keychain'; exit 1",
        r#"echo '{"Username":"","Secret":""}'"#,
        "echo '{}'",
    ] {
        assert_eq!(asked(script).await.unwrap(), None, "{script}");
    }
}

#[tokio::test]
async fn a_helper_that_fails_is_an_error_that_names_it_and_shows_nothing_that_it_printed() {
    for (script, reason) in [
        (
            "echo $CANARY; echo $CANARY >&2; exit 3",
            "failed with exit code 3",
        ),
        ("kill -9 $$", "ended by signal 9"),
        (
            "echo $CANARY",
            "its answer is not what a credential helper says",
        ),
        // A gigabyte of it, of which nobody reads more than the first 64 KiB.
        (
            "yes $CANARY | head -c 1073741824; exit 1",
            "failed with exit code 1",
        ),
        (
            "trap '' PIPE; yes $CANARY | head -c 1073741824; true",
            "its answer is not what a credential helper says",
        ),
        (
            r#"echo '{"Username":1}'"#,
            "its answer is not what a credential helper says",
        ),
    ] {
        let error = asked(script).await.unwrap_err();
        assert_eq!(error.registry, Registry::at("docker.io"));
        let shown = format!("{error:?}");
        assert!(shown.contains(reason), "{script}: {shown}");
        assert!(shown.contains("`docker-credential-test`"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn a_helper_that_is_not_there_or_may_not_be_run_is_an_error() {
    let folder = helper("true");
    let registry = Registry::at("ghcr.io");
    let nothing = tempfile::tempdir().unwrap();
    let error = ask(
        "test",
        &registry,
        registry.key(),
        &variables(nothing.path()),
        LIMIT,
    )
    .await;
    let error = error.unwrap_err();
    assert!(
        error
            .message
            .ends_with("there is no such program on the PATH"),
        "{error:?}"
    );

    let path = folder.path().join("docker-credential-test");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = ask(
        "test",
        &registry,
        registry.key(),
        &variables(folder.path()),
        LIMIT,
    )
    .await;
    let error = error.unwrap_err();
    assert!(
        error.message.ends_with("this user may not run it"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_name_that_is_a_path_runs_nothing() {
    let long = "a".repeat(65);
    for name in [
        "", "../test", "../../x", "a/b", "-x", ".x", "a b", "a;b", "a\nb", "a\0b", "a$b", "ä",
        &long,
    ] {
        let registry = Registry::at("ghcr.io");
        let error = ask(
            name,
            &registry,
            registry.key(),
            &Variables::default(),
            LIMIT,
        )
        .await;
        let error = error.unwrap_err();
        assert!(error.message.contains("is not one"), "{error:?}");
    }
}

#[tokio::test]
async fn a_helper_that_hangs_is_ended_with_all_that_it_has_started() {
    let folder = helper("");
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let program = folder.path().join("docker-credential-test");
    // The child of the script holds the pipe open, and says so.
    let script = format!(
        "#!/bin/sh\n(echo ready; sleep 600) > {} &\nwait\n",
        pipe.display()
    );
    write_program(&program, &script);
    let registry = Registry::at("ghcr.io");
    let variables = variables(folder.path());
    let work = ask(
        "test",
        &registry,
        registry.key(),
        &variables,
        Duration::from_secs(600),
    );
    let opened = tokio::task::spawn_blocking(move || std::fs::File::open(pipe).unwrap());
    let mut reader = tokio::select! {
        result = work => panic!("it answered: {result:?}"),
        opened = opened => opened.unwrap(),
    };
    // Dropping the call has ended every writer: the pipe ends.
    let read = tokio::task::spawn_blocking(move || {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut reader, &mut said).map(drop)
    });
    tokio::time::timeout(Duration::from_secs(30), read)
        .await
        .expect("the pipe ends at once")
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_helper_that_does_not_answer_in_its_time_is_an_error() {
    let folder = helper("sleep 600");
    let registry = Registry::at("ghcr.io");
    let limit = Duration::from_millis(50);
    let error = ask(
        "test",
        &registry,
        registry.key(),
        &variables(folder.path()),
        limit,
    )
    .await;
    let error = error.unwrap_err();
    assert!(
        error.message.ends_with("it did not answer within 0.05 s"),
        "{error:?}"
    );
}
