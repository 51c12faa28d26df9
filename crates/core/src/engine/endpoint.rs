//! Where an engine listens.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Operation, Result};

/// Port of an engine's plain TCP endpoint where none is given.
const DEFAULT_TCP_PORT: u16 = 2375;

/// Address of an engine's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// A Windows named pipe, such as `\\.\pipe\docker_engine`.
    NamedPipe(String),
    /// Plain TCP. IPv6 hosts are without brackets.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

impl Endpoint {
    /// Parses what `DOCKER_HOST` may hold: `unix://`, `npipe://`, `tcp://` or `http://`; without a scheme it is TCP
    /// (<https://github.com/docker/cli/blob/v28.5.2/opts/hosts.go>).
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        match scheme {
            "unix" if rest.is_empty() => Ok(Self::Unix("/var/run/docker.sock".into())),
            "unix" => Ok(Self::Unix(rest.into())),
            "npipe" if rest.is_empty() => Ok(Self::default_pipe()),
            "npipe" => Ok(Self::NamedPipe(rest.replace('/', r"\"))),
            "tcp" | "http" => parse_tcp(rest).ok_or_else(|| {
                invalid(
                    scheme,
                    "the host or the port is not valid; write `tcp://host:2375`",
                )
            }),
            "https" | "ssh" => Err(invalid(
                scheme,
                "this version reaches engines over unix, npipe and plain tcp only",
            )),
            _ => Err(invalid(scheme, "use `unix://`, `npipe://` or `tcp://`")),
        }
    }

    /// Where an engine listens on this platform when nobody says otherwise.
    pub fn platform_default() -> Self {
        if cfg!(windows) {
            Self::default_pipe()
        } else {
            Self::Unix("/var/run/docker.sock".into())
        }
    }

    /// Whether the engine is on this machine by construction, so that compressing what goes there costs more than it
    /// saves.
    pub fn is_local(&self) -> bool {
        !matches!(self, Self::Tcp { .. })
    }

    fn default_pipe() -> Self {
        Self::NamedPipe(r"\\.\pipe\docker_engine".to_owned())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::NamedPipe(name) => write!(formatter, "npipe://{}", name.replace('\\', "/")),
            Self::Tcp { host, port } if host.contains(':') => {
                write!(formatter, "tcp://[{host}]:{port}")
            }
            Self::Tcp { host, port } => write!(formatter, "tcp://{host}:{port}"),
        }
    }
}

fn parse_tcp(rest: &str) -> Option<Endpoint> {
    // User info in an endpoint would be a password in every message.
    let authority = rest
        .split(['/', '?', '#'])
        .next()
        .filter(|text| !text.contains('@'))?;
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, port) = bracketed.split_once(']')?;
        (
            host,
            if port.is_empty() {
                ""
            } else {
                port.strip_prefix(':')?
            },
        )
    } else {
        authority.split_once(':').unwrap_or((authority, ""))
    };
    let host = if host.is_empty() { "localhost" } else { host };
    let valid = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_:%".contains(&byte));
    let port = if port.is_empty() {
        DEFAULT_TCP_PORT
    } else {
        port.parse().ok()?
    };
    valid.then(|| Endpoint::Tcp {
        host: host.to_owned(),
        port,
    })
}

fn invalid(scheme: &str, reason: &str) -> Error {
    let scheme: String = scheme
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(20)
        .collect();
    Error::new(
        ErrorKind::InvalidOption,
        format!("cannot use the engine endpoint `{scheme}://…`: {reason}"),
    )
    .with_operation(Operation::Connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_parse_as_docker_host_does() {
        for (text, shown) in [
            (
                "unix:///run/user/1000/docker.sock",
                "unix:///run/user/1000/docker.sock",
            ),
            ("unix://", "unix:///var/run/docker.sock"),
            (
                "npipe:////./pipe/docker_engine",
                "npipe:////./pipe/docker_engine",
            ),
            ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"),
            ("tcp://engine", "tcp://engine:2375"),
            ("tcp://:4000", "tcp://localhost:4000"),
            ("tcp://[::1]:2376/base", "tcp://[::1]:2376"),
            ("engine:2377", "tcp://engine:2377"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn an_endpoint_that_cannot_be_reached_is_refused_without_showing_it() {
        for text in [
            "ssh://user:hunter2@host",
            "tcp://user:hunter2@host:1",
            "gopher://hunter2",
            "tcp://a b",
            "tcp://h:x",
        ] {
            let error = Endpoint::parse(text).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOption, "{text}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn only_tcp_is_remote() {
        assert!(Endpoint::platform_default().is_local());
        assert!(!Endpoint::parse("tcp://127.0.0.1:2375").unwrap().is_local());
    }
}
