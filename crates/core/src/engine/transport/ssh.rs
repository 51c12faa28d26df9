//! The `docker` command of another machine as an engine: the system's `ssh` has the user's settings, agent, jump hosts and
//! known hosts.
//!
//! <https://github.com/docker/cli/blob/v28.5.2/cli/connhelper/connhelper.go>

use std::error::Error as StdError;
use std::fmt;
use std::future::Future as _;
use std::io;
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::engine::endpoint::SshHost;
use crate::text::clean_line;

/// What is kept of the messages of `ssh`: the last of them says why it failed.
const SAID_BYTES: usize = 4096;

/// Lines of them that an error shows.
const SAID_LINES: usize = 3;

/// A connection, which is one process. Dropping it ends that.
pub(super) struct SshStream {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    messages: Option<ChildStderr>,
    said: Vec<u8>,
    has_answered: bool,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum SshFailure {
    /// `ssh` cannot be run.
    NotRun(io::ErrorKind),
    /// It ended, or what it runs did.
    Ended {
        /// How.
        status: ExitStatus,
        /// Its last words.
        said: String,
    },
}

/// Starts `ssh`, which connects by itself.
pub(super) fn start(host: &SshHost) -> io::Result<SshStream> {
    let mut command = Command::new("ssh");
    command
        .args(arguments(host))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // Ctrl-C in a terminal is for this process, which cancels at the engine before it ends.
    #[cfg(unix)]
    command.process_group(0);
    let not_run = |error: io::Error| io::Error::other(SshFailure::NotRun(error.kind()));
    let mut child = command.spawn().map_err(not_run)?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(input), Some(output), messages) = pipes else {
        return Err(io::Error::other("the pipes to `ssh` are not there"));
    };
    Ok(SshStream {
        child,
        input: Some(input),
        output,
        messages,
        said: Vec::new(),
        has_answered: false,
    })
}

fn arguments(host: &SshHost) -> Vec<String> {
    // Nobody can answer a question, such as for a passphrase.
    let mut arguments = ["-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T"]
        .map(str::to_owned)
        .to_vec();
    if let Some(user) = &host.user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = host.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    arguments.extend(["--", &host.host, "docker"].map(str::to_owned));
    if let Some(socket) = &host.socket {
        // What follows the host goes to a shell there.
        let socket = socket.replace('\'', r"'\''");
        arguments.push(format!("--host='unix://{socket}'"));
    }
    arguments.extend(["system", "dial-stdio"].map(str::to_owned));
    arguments
}

impl SshStream {
    /// Reads what `ssh` says meanwhile: it would wait for somebody who does.
    fn listen(&mut self, context: &mut Context<'_>) {
        let mut bytes = [0; 1024];
        while let Some(messages) = &mut self.messages {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(messages).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.said.extend_from_slice(buffer.filled());
                    let excess = self.said.len().saturating_sub(SAID_BYTES);
                    self.said.drain(..excess);
                }
                Poll::Ready(_) => self.messages = None,
                Poll::Pending => return,
            }
        }
    }

    /// Why `ssh` ended before the engine said anything.
    fn poll_failure(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        self.listen(context);
        let status = match ready!(pin!(self.child.wait()).poll(context)) {
            Ok(status) => status,
            Err(error) => return Poll::Ready(error),
        };
        // All of it: a process that `ssh` has left behind may keep the pipe open.
        self.listen(context);
        let said = last_lines(&self.said);
        Poll::Ready(io::Error::other(SshFailure::Ended { status, said }))
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.listen(context);
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.output).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            this.has_answered = true;
        } else if !this.has_answered && buffer.remaining() > 0 {
            return Poll::Ready(Err(ready!(this.poll_failure(context))));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The engine is told by the end of the pipe, and may go on to answer.
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

/// The last lines in one, made harmless.
fn last_lines(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines = said.lines().map(clean_line);
    let lines: Vec<_> = lines.filter(|line| !line.trim().is_empty()).collect();
    let last = lines.iter().skip(lines.len().saturating_sub(SAID_LINES));
    let last: Vec<&str> = last.map(|line| line.trim()).collect();
    last.join("; ")
}

impl fmt::Display for SshFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun(io::ErrorKind::NotFound) => {
                formatter.write_str("there is no program `ssh` on the PATH")
            }
            Self::NotRun(kind) => write!(formatter, "`ssh` cannot be run: {kind}"),
            Self::Ended { status, said } => {
                match status.code() {
                    Some(code) => write!(formatter, "`ssh` ended with the code {code}")?,
                    None => formatter.write_str("`ssh` was ended by a signal")?,
                }
                if said.is_empty() {
                    return Ok(());
                }
                write!(formatter, ": {said}")
            }
        }
    }
}

impl StdError for SshFailure {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::endpoint::Endpoint;

    fn of(text: &str) -> String {
        let Ok(Endpoint::Ssh(host)) = Endpoint::parse(text) else {
            panic!("{text}");
        };
        arguments(&host)[5..].join(" ")
    }

    #[test]
    fn what_the_endpoint_says_is_an_argument_and_what_it_does_not_is_in_the_users_settings() {
        assert_eq!(of("ssh://host"), "-- host docker system dial-stdio");
        assert_eq!(
            of("ssh://ada@[::1]:2222/run/a'b.sock"),
            r"-l ada -p 2222 -- ::1 docker --host='unix:///run/a'\''b.sock' system dial-stdio"
        );
    }

    #[test]
    fn the_last_words_are_one_line_without_control_sequences() {
        let said = b"Warning: x\r\n\none\n\x1b[31mtwo\x1b[0m\nada@host: Permission denied (publickey).\r\n";
        assert_eq!(
            last_lines(said),
            "one; two; ada@host: Permission denied (publickey)."
        );
        assert_eq!(last_lines(b"\n"), "");
    }
}
