//! Credential helpers: the programs that keep credentials, such as `docker-credential-osxkeychain`.
//!
//! <https://github.com/docker/docker-credential-helpers/blob/v0.9.4/client/client.go>

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::{Credentials, Registry};
use crate::environment::Variables;
use crate::secret::Secret;

/// Longest wait for a helper's answer: one that asks a person has no one to ask here.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// Longest answer; credentials are a few kilobytes at most.
const ANSWER_BYTES: u64 = 64 * 1024;

/// What a helper says on its standard output, and fails, where it has no credentials
/// (<https://github.com/docker/docker-credential-helpers/blob/v0.9.4/credentials/error.go>).
const NOT_FOUND: &[u8] = b"credentials not found in native keychain";

/// What is wrong with a name that could be that of any program.
const NO_NAME: &str = "its name is not one";

/// The same with a program that is not there, and with one that is no program.
const NOT_THERE: &str = "there is no such program on the PATH";
const NOT_ALLOWED: &str = "this user may not run it";

/// The user name that stands for an identity token
/// (<https://github.com/docker/cli/blob/v28.5.2/cli/config/credentials/native_store.go>, `tokenUsername`).
const TOKEN_USERNAME: &str = "<token>";

/// A helper that gave no answer, and why: its name, its exit code or its time, and nothing that it printed.
#[derive(Debug, Clone)]
pub(crate) struct BrokenHelper {
    pub(super) registry: Registry,
    /// One line.
    pub(super) message: String,
}

/// What a helper answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks the helper `name` for the credentials for `registry`, which it keeps under `key`; `None` where it has none. It
/// runs with `variables`, and what it prints is never shown. Dropping the future ends it, with all that it has started.
pub(super) async fn ask(
    name: &str,
    registry: &Registry,
    key: &str,
    variables: &Variables,
    limit: Duration,
) -> Result<Option<Credentials>, BrokenHelper> {
    if !is_name(name) {
        return Err(failed("a credential helper", registry, NO_NAME));
    }
    let program = format!("docker-credential-{name}");
    let fail = |reason: &str| failed(&format!("`{program}`"), registry, reason);
    let not_run = |error: io::Error| fail(&not_run(&error));
    let mut helper = Running::start(&program, variables).map_err(not_run)?;
    let exchange = tokio::time::timeout(limit, helper.exchange(key));
    let Ok(outcome) = exchange.await else {
        helper.end().await;
        let reason = format!("it did not answer within {} s", limit.as_secs_f64());
        return Err(fail(&reason));
    };
    let (status, output) = outcome.map_err(not_run)?;
    if !status.success() {
        if output.trim_ascii() == NOT_FOUND {
            return Ok(None);
        }
        return Err(fail(&ended(status)));
    }
    let answer: Option<Answer> = serde_json::from_slice(&output).ok();
    let answer = answer.ok_or_else(|| fail("its answer is not what a credential helper says"))?;
    Ok(match (answer.username, answer.secret) {
        (_, secret) if secret.is_empty() => None,
        (username, secret) if username == TOKEN_USERNAME => {
            Some(Credentials::IdentityToken(Secret::new(secret)))
        }
        (username, secret) => Some(Credentials::password(username, &secret)),
    })
}

/// Why the helper `name` could not be asked, found without running it; `None` where nothing is in the way.
pub(super) async fn problem(name: &str, variables: &Variables) -> Option<&'static str> {
    if !is_name(name) {
        return Some(NO_NAME);
    }
    let program = format!("docker-credential-{name}{}", std::env::consts::EXE_SUFFIX);
    let mut variables = variables.iter();
    let is_path = |name: &std::ffi::OsStr| name.eq_ignore_ascii_case("PATH");
    let (_, path) = variables.find(|(name, _)| is_path(name))?;
    let mut problem = NOT_THERE;
    for folder in std::env::split_paths(path) {
        let file = folder.join(&program);
        match tokio::fs::metadata(&file).await {
            Ok(found) if found.is_file() && may_run(&file) => return None,
            Ok(_) => problem = NOT_ALLOWED,
            Err(_) => {}
        }
    }
    Some(problem)
}

#[cfg(unix)]
fn may_run(file: &std::path::Path) -> bool {
    rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn may_run(_file: &std::path::Path) -> bool {
    true
}

/// Whether `name` can only be the end of a program's name: a path in `config.json` must not run what it likes.
pub(super) fn is_name(name: &str) -> bool {
    let is_ordinary = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    name.len() <= 64
        && name.bytes().all(is_ordinary)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// A helper at work. Dropping it ends it, with all that it has started, unless it has ended by itself.
struct Running(Child);

impl Running {
    fn start(program: &str, variables: &Variables) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .arg("get")
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // What it starts is in a group with it.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map(Self)
    }

    /// Asks for what is kept under `key`. Returns how the helper ended, and as much of its output as may be an answer.
    async fn exchange(&mut self, key: &str) -> io::Result<(ExitStatus, Vec<u8>)> {
        if let Some(mut input) = self.0.stdin.take() {
            // One that reads nothing may still answer.
            drop(input.write_all(key.as_bytes()).await);
        }
        let mut output = Vec::new();
        if let Some(stdout) = self.0.stdout.take() {
            stdout.take(ANSWER_BYTES).read_to_end(&mut output).await?;
        }
        Ok((self.0.wait().await?, output))
    }

    /// Ends it, and waits until it has ended.
    async fn end(mut self) {
        self.kill();
        drop(self.0.wait().await);
    }

    fn kill(&mut self) {
        // None where it has ended, and another may have its number.
        #[cfg(unix)]
        if let Some(group) = self.0.id().and_then(|id| i32::try_from(id).ok())
            && let Some(group) = rustix::process::Pid::from_raw(group)
        {
            // It may be gone already.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        drop(self.0.start_kill());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn failed(helper: &str, registry: &Registry, reason: &str) -> BrokenHelper {
    BrokenHelper {
        registry: registry.clone(),
        message: format!("cannot get the credentials for `{registry}` from {helper}: {reason}"),
    }
}

fn not_run(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => NOT_THERE.to_owned(),
        io::ErrorKind::PermissionDenied => NOT_ALLOWED.to_owned(),
        kind => kind.to_string(),
    }
}

fn ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("it was ended by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("it failed with exit code {code}"),
        None => "it failed without an exit code".to_owned(),
    }
}

#[cfg(test)]
mod tests;
