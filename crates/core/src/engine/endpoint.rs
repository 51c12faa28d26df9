//! Where an engine listens.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Operation, Result};

/// Port of an engine's plain TCP endpoint where none is given.
const DEFAULT_TCP_PORT: u16 = 2375;

/// The same over TLS.
const DEFAULT_TLS_PORT: u16 = 2376;

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
    /// TCP with TLS. IPv6 hosts are without brackets.
    Tls {
        /// Host name or address, which the engine's certificate must have.
        host: String,
        /// Port.
        port: u16,
        /// Folder with `ca.pem`, the authorities that are trusted in place of the system's, and with `cert.pem` and
        /// `key.pem`, what the engine is shown where it asks. Each may be missing.
        certificates: Option<PathBuf>,
    },
    /// The `docker` command of another machine, through the system's `ssh`.
    Ssh(SshHost),
}

/// Where `ssh` goes. What is absent is in the user's settings of it, or is as usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshHost {
    /// Name of the user there.
    pub user: Option<String>,
    /// Name or address of the machine, or what the settings call it. IPv6 addresses are without brackets.
    pub host: String,
    /// Port of the server.
    pub port: Option<u16>,
    /// Path of the engine's socket there.
    pub socket: Option<String>,
}

/// What the surrounding process says about TLS to engines
/// (<https://github.com/docker/cli/blob/v28.5.2/cli/flags/options.go>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Whether `tcp://` is TLS.
    pub tcp: bool,
    /// Folder with the certificates.
    pub certificates: Option<PathBuf>,
}

impl TlsSettings {
    /// The settings of an environment. An engine is never taken without a check, whatever `DOCKER_TLS` says.
    pub fn of(environment: &Environment) -> Self {
        let named = environment.docker_cert_path.clone();
        Self {
            tcp: environment.docker_tls_verify.is_some() || environment.docker_tls.is_some(),
            certificates: named.or_else(|| environment.docker_folder()),
        }
    }
}

impl Endpoint {
    /// Parses what `DOCKER_HOST` may hold: `unix://`, `npipe://`, `tcp://`, `http://` or `https://`; without a scheme it is
    /// TCP (<https://github.com/docker/cli/blob/v28.5.2/opts/hosts.go>).
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &TlsSettings::default())
    }

    /// The same where the surroundings say how TLS is spoken.
    pub fn parse_with(text: &str, tls: &TlsSettings) -> Result<Self> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://").or_else(|| without_scheme(text)) else {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "cannot use the engine endpoint: a path has no scheme; write `unix:///var/run/docker.sock`, on Windows `npipe:////./pipe/docker_engine`",
            )
            .with_operation(Operation::Connect));
        };
        match scheme {
            "unix" if rest.is_empty() => Ok(Self::Unix("/var/run/docker.sock".into())),
            "unix" => Ok(Self::Unix(rest.into())),
            "npipe" if rest.is_empty() => Ok(Self::default_pipe()),
            "npipe" => Ok(Self::NamedPipe(rest.replace('/', r"\"))),
            "tcp" | "http" | "https" => {
                let is_tls = scheme == "https" || (scheme == "tcp" && tls.tcp);
                let (host, port) = parse_tcp(rest).ok_or_else(|| {
                    let reason = "the host or the port is not valid; write `tcp://host:2375`";
                    invalid(scheme, reason)
                })?;
                Ok(if is_tls {
                    Self::Tls {
                        host,
                        port: port.unwrap_or(DEFAULT_TLS_PORT),
                        certificates: tls.certificates.clone(),
                    }
                } else {
                    let port = port.unwrap_or(DEFAULT_TCP_PORT);
                    Self::Tcp { host, port }
                })
            }
            "ssh" => parse_ssh(rest).map(Self::Ssh).ok_or_else(|| {
                let reason = "write `ssh://user@host:22/path/of/the.sock`, without a password";
                invalid(scheme, reason)
            }),
            _ => Err(invalid(
                scheme,
                "use `unix://`, `npipe://`, `tcp://`, `https://` or `ssh://`",
            )),
        }
    }

    /// Where an engine listens on this platform when nobody says otherwise.
    pub fn platform_default() -> Self {
        Self::default_on(cfg!(windows))
    }

    /// The same on Windows or elsewhere.
    pub(crate) fn default_on(is_windows: bool) -> Self {
        if is_windows {
            Self::default_pipe()
        } else {
            Self::Unix("/var/run/docker.sock".into())
        }
    }

    /// Whether the engine is on this machine by construction, so that compressing what goes there costs more than it
    /// saves.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Unix(_) | Self::NamedPipe(_))
    }

    /// The endpoint as `DOCKER_HOST` has it, where TLS is no scheme of its own.
    pub fn docker_host(&self) -> String {
        match self {
            Self::Tls { host, port, .. } => format!("tcp://{}", Authority(host, *port)),
            endpoint => endpoint.to_string(),
        }
    }

    /// Host and port as a URL has them; `None` where there is no host.
    pub(crate) fn authority(&self) -> Option<String> {
        match self {
            Self::Unix(_) | Self::NamedPipe(_) | Self::Ssh(_) => None,
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => {
                Some(Authority(host, *port).to_string())
            }
        }
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
            Self::Tcp { host, port } => write!(formatter, "tcp://{}", Authority(host, *port)),
            Self::Tls { host, port, .. } => write!(formatter, "https://{}", Authority(host, *port)),
            Self::Ssh(ssh) => write!(formatter, "ssh://{ssh}"),
        }
    }
}

impl fmt::Display for SshHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(formatter, "{user}@")?;
        }
        match self.port {
            Some(port) => write!(formatter, "{}", Authority(&self.host, port))?,
            None if self.host.contains(':') => write!(formatter, "[{}]", self.host)?,
            None => formatter.write_str(&self.host)?,
        }
        formatter.write_str(self.socket.as_deref().unwrap_or_default())
    }
}

/// A host and a port.
struct Authority<'a>(&'a str, u16);

impl fmt::Display for Authority<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(host, port) = self;
        if host.contains(':') {
            return write!(formatter, "[{host}]:{port}");
        }
        write!(formatter, "{host}:{port}")
    }
}

/// <https://github.com/docker/cli/blob/v28.5.2/cli/connhelper/ssh/ssh.go>
fn parse_ssh(rest: &str) -> Option<SshHost> {
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let (user, place) = match authority.rsplit_once('@') {
        // It would be a password in every message and in the list of processes.
        Some((user, _)) if user.contains(':') => return None,
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    // They become arguments.
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if place.is_empty() || !user.is_none_or(is_plain) {
        return None;
    }
    let (host, port) = parse_tcp(place)?;
    let socket = path.trim_end_matches('/');
    if !is_plain(&host) || socket.contains(['?', '#']) || socket.contains(char::is_control) {
        return None;
    }
    Some(SshHost {
        user: user.map(str::to_owned),
        host,
        port,
        socket: (!socket.is_empty()).then(|| socket.to_owned()),
    })
}

/// What has no scheme is TCP, as docker takes it, unless it is the path of a socket.
fn without_scheme(text: &str) -> Option<(&'static str, &str)> {
    let is_drive = text.as_bytes().get(1..3) == Some(br":\".as_slice());
    (!text.starts_with(['/', '.', '~', '\\']) && !is_drive).then_some(("tcp", text))
}

/// The host, `localhost` where there is none, and the port where there is one.
fn parse_tcp(rest: &str) -> Option<(String, Option<u16>)> {
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
    let port = match port {
        "" => None,
        port => Some(port.parse().ok()?),
    };
    valid.then(|| (host.to_owned(), port))
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
