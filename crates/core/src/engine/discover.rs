//! Which endpoints are tried, in which order, and why each.

use crate::engine::endpoint::{Endpoint, TlsSettings};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Operation, Result};

/// An endpoint, and why it is considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where to knock.
    pub endpoint: Endpoint,
    /// Why there: `option`, `DOCKER_HOST` or `default`.
    pub reason: &'static str,
}

impl Candidate {
    /// Whether somebody named this endpoint, so that no other may stand in for it.
    pub fn is_explicit(&self) -> bool {
        self.reason != "default"
    }
}

/// Lists the endpoints in order. An endpoint that was named stands alone: it is never replaced silently.
pub fn candidates(option: Option<&str>, environment: &Environment) -> Result<Vec<Candidate>> {
    let candidate = |endpoint, reason| Candidate { endpoint, reason };
    let tls = TlsSettings::of(environment);
    if let Some(text) = option {
        return Ok(vec![candidate(Endpoint::parse_with(text, &tls)?, "option")]);
    }
    if let Some(text) = &environment.docker_host {
        let endpoint = Endpoint::parse_with(text, &tls)?;
        return Ok(vec![candidate(endpoint, "DOCKER_HOST")]);
    }
    match environment.docker_context.as_deref() {
        None | Some("default") => Ok(vec![candidate(Endpoint::platform_default(), "default")]),
        Some(_) => Err(unsupported(
            "DOCKER_CONTEXT",
            "contexts are not supported by this version",
        )),
    }
}

fn unsupported(variable: &str, reason: &str) -> Error {
    Error::new(ErrorKind::InvalidOption, format!("cannot follow {variable}: {reason}"))
        .with_operation(Operation::Connect)
        .with_hint("set DOCKER_HOST, or the option `engine`, to a `unix://`, `npipe://`, `tcp://` or `https://` endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &'static [(&str, &str)]) -> Environment {
        Environment::read(|name| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn shown(option: Option<&str>, environment: &Environment) -> String {
        let found = candidates(option, environment).unwrap();
        assert_eq!(found.len(), 1);
        format!("{} ({})", found[0].endpoint, found[0].reason)
    }

    #[test]
    fn the_option_wins_over_docker_host_and_that_over_the_default() {
        let host = with(&[("DOCKER_HOST", "tcp://h:1")]);
        assert_eq!(shown(Some("unix:///x"), &host), "unix:///x (option)");
        assert_eq!(shown(None, &host), "tcp://h:1 (DOCKER_HOST)");
        if cfg!(unix) {
            assert_eq!(
                shown(None, &Environment::default()),
                "unix:///var/run/docker.sock (default)"
            );
        }
    }

    #[test]
    fn tcp_is_tls_where_docker_would_speak_it() {
        let tls = with(&[("DOCKER_HOST", "tcp://h"), ("DOCKER_TLS_VERIFY", "1")]);
        assert_eq!(shown(None, &tls), "https://h:2376 (DOCKER_HOST)");
        assert_eq!(shown(Some("tcp://o"), &tls), "https://o:2376 (option)");
    }

    #[test]
    fn what_cannot_be_followed_is_an_error_and_never_ignored() {
        let environment = with(&[("DOCKER_CONTEXT", "remote")]);
        assert_eq!(
            candidates(None, &environment).unwrap_err().kind,
            ErrorKind::InvalidOption
        );
    }
}
