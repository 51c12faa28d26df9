//! Which endpoints are tried, in which order, and why each.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::context_store::{self, ContextStore};
use super::endpoint::{Endpoint, TlsSettings};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Operation, Result};

/// An endpoint, and why it is considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where to knock.
    pub endpoint: Endpoint,
    /// Why there.
    pub reason: Reason,
}

/// Why an endpoint is considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The caller named it, or its context.
    Option,
    /// The environment variable `DOCKER_HOST` does.
    DockerHost,
    /// It is that of the context that the environment variable `DOCKER_CONTEXT` names.
    DockerContext,
    /// It is that of the context that `docker context use` has chosen.
    CurrentContext,
    /// Some engine listens there unless it is told otherwise.
    Usual(&'static str),
}

impl Reason {
    /// The reason in a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Option => "option",
            Self::DockerHost => "DOCKER_HOST",
            Self::DockerContext => "DOCKER_CONTEXT",
            Self::CurrentContext => "current context",
            Self::Usual(engine) => engine,
        }
    }
}

impl Candidate {
    /// Whether somebody named this endpoint, so that no other may stand in for it.
    pub fn is_explicit(&self) -> bool {
        !matches!(self.reason, Reason::Usual(_))
    }
}

/// Lists the endpoints in order. One that was named stands alone: it is never replaced silently. The order is that of
/// `docker` (<https://github.com/docker/cli/blob/v28.5.2/cli/command/cli.go>, `resolveContextName`), which tries one usual
/// place where we try those of other engines as well.
///
/// `option` is an endpoint, or the name of a Docker context. Errors: `INVALID_OPTION`.
pub async fn candidates(option: Option<&str>, environment: &Environment) -> Result<Vec<Candidate>> {
    let named = match option {
        Some(text) if !context_store::is_name(text) => {
            return one(text, &TlsSettings::of(environment), Reason::Option);
        }
        option => option,
    };
    let is_default = named == Some(context_store::DEFAULT);
    if let Some(name) = named.filter(|_| !is_default) {
        return of_context(name, environment, Reason::Option).await;
    }
    if let Some(text) = &environment.docker_host {
        return one(text, &TlsSettings::of(environment), Reason::DockerHost);
    }
    if is_default {
        return Ok(usual(environment, cfg!(windows)));
    }
    let (name, reason) = match &environment.docker_context {
        Some(name) => (Some(name.clone()), Reason::DockerContext),
        None => (current(environment).await, Reason::CurrentContext),
    };
    match name.filter(|name| name != context_store::DEFAULT) {
        Some(name) => of_context(&name, environment, reason).await,
        None => Ok(usual(environment, cfg!(windows))),
    }
}

/// Everything that names an endpoint or a context, the one that decides first: the others are overruled.
pub(crate) async fn named(
    option: Option<&str>,
    environment: &Environment,
) -> Vec<(Reason, String)> {
    let current = current(environment).await;
    let all = [
        (Reason::Option, option.map(str::to_owned)),
        (Reason::DockerHost, environment.docker_host.clone()),
        (Reason::DockerContext, environment.docker_context.clone()),
        (Reason::CurrentContext, current),
    ];
    let named = all
        .into_iter()
        .filter_map(|(reason, name)| Some((reason, name?)));
    named
        .filter(|(_, name)| name != context_store::DEFAULT)
        .collect()
}

/// Whether `option` names a context and no endpoint.
pub(crate) fn is_context(option: &str) -> bool {
    context_store::is_name(option)
}

fn one(text: &str, tls: &TlsSettings, reason: Reason) -> Result<Vec<Candidate>> {
    let endpoint = Endpoint::parse_with(text, tls)?;
    Ok(vec![Candidate { endpoint, reason }])
}

async fn current(environment: &Environment) -> Option<String> {
    ContextStore::new(environment.docker_folder()?)
        .current()
        .await
}

async fn of_context(
    name: &str,
    environment: &Environment,
    reason: Reason,
) -> Result<Vec<Candidate>> {
    let folder = environment.docker_folder().ok_or_else(|| {
        let message = "cannot look for Docker contexts: neither DOCKER_CONFIG nor HOME is set";
        Error::new(ErrorKind::InvalidOption, message).with_operation(Operation::Connect)
    })?;
    let endpoint = ContextStore::new(folder).endpoint(name).await?;
    Ok(vec![Candidate { endpoint, reason }])
}

/// The usual places of engines, Docker's own first.
pub(crate) fn usual(environment: &Environment, is_windows: bool) -> Vec<Candidate> {
    let candidate = |endpoint, engine| Candidate {
        endpoint,
        reason: Reason::Usual(engine),
    };
    let mut places = vec![candidate(Endpoint::default_on(is_windows), "default")];
    if is_windows {
        let pipes = [
            (r"\\.\pipe\dockerDesktopLinuxEngine", "Docker Desktop"),
            (r"\\.\pipe\podman-machine-default", "Podman"),
        ];
        let pipes =
            pipes.map(|(name, engine)| candidate(Endpoint::NamedPipe(name.to_owned()), engine));
        places.extend(pipes);
        return places;
    }
    let below = |folder: &Option<PathBuf>, path: &str| Some(folder.as_deref()?.join(path));
    let (run, home) = (&environment.xdg_runtime_dir, &environment.home);
    let sockets = [
        (below(run, "docker.sock"), "rootless Docker"),
        (below(home, ".docker/run/docker.sock"), "Docker Desktop"),
        (below(home, ".docker/desktop/docker.sock"), "Docker Desktop"),
        (below(home, ".colima/default/docker.sock"), "Colima"),
        (below(home, ".rd/docker.sock"), "Rancher Desktop"),
        (below(home, ".orbstack/run/docker.sock"), "OrbStack"),
        (below(run, "podman/podman.sock"), "rootless Podman"),
        (
            Some(Path::new("/run/podman/podman.sock").to_owned()),
            "Podman",
        ),
    ];
    places.extend(
        sockets
            .into_iter()
            .filter_map(|(path, engine)| Some(candidate(Endpoint::Unix(path?), engine))),
    );
    places
}
