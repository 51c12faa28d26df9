//! The displays that a call may have on standard error.

use std::io::{self, ErrorKind, Stderr, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use shipway_core::Environment;
use shipway_core::progress::json::JsonLines;
use shipway_core::progress::plain::Plain;
use shipway_core::progress::terminal::{Screen, Terminal};
use shipway_core::progress::{ProgressEvent, ProgressSink};

use super::LastWord;

/// How often a pipe is tried that takes nothing and does not wait.
const RETRY: Duration = Duration::from_millis(10);

pub(super) enum Drawing {
    Terminal(Terminal),
    Plain(Plain<Outlet>),
    Json(JsonLines<Outlet>),
}

impl Drawing {
    /// Makes the display of this name. It draws until `is_left`.
    pub(super) fn new(kind: &str, is_left: Arc<AtomicBool>) -> Option<Self> {
        let outlet = |is_left| Outlet {
            stderr: stderr(),
            is_left,
        };
        match kind {
            "tty" => {
                let has_colours = !Environment::of_process().no_color;
                let screen = Screen::stderr(has_colours).until(is_left);
                Some(Self::Terminal(Terminal::new(screen)))
            }
            "plain" => Some(Self::Plain(Plain::new(outlet(is_left)))),
            "json" => Some(Self::Json(JsonLines::new(outlet(is_left)))),
            _ => None,
        }
    }

    pub(super) fn draw(&self, event: &ProgressEvent) {
        match self {
            Self::Terminal(terminal) => terminal.emit(event),
            Self::Plain(plain) => plain.emit(event),
            Self::Json(json) => json.emit(event),
        }
    }

    pub(super) fn end(&self, word: &LastWord) {
        match (self, word) {
            (Self::Terminal(terminal), LastWord::Present(reference)) => {
                terminal.finish_look(reference);
            }
            (Self::Plain(plain), LastWord::Present(reference)) => plain.finish_look(reference),
            (Self::Terminal(terminal), LastWord::Pulled(reference)) => {
                terminal.finish_pull(reference);
            }
            (Self::Terminal(terminal), LastWord::Built(image_id)) => {
                terminal.finish_build(image_id);
            }
            (Self::Terminal(terminal), LastWord::Failed(error)) => terminal.fail(error),
            (Self::Terminal(terminal), LastWord::Canceled) => terminal.cancel(),
            (Self::Plain(plain), LastWord::Pulled(reference)) => plain.finish_pull(reference),
            (Self::Plain(plain), LastWord::Built(image_id)) => plain.finish_build(image_id),
            (Self::Plain(plain), LastWord::Failed(error)) => plain.fail(error),
            (Self::Plain(plain), LastWord::Canceled) => plain.cancel(),
            (Self::Json(_), _) => {}
        }
    }
}

/// Standard error, until it is left.
pub(super) struct Outlet {
    stderr: Stderr,
    is_left: Arc<AtomicBool>,
}

impl Write for Outlet {
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread of the display has nothing else to do"
    )]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            if self.is_left.load(Ordering::Relaxed) {
                return Err(ErrorKind::BrokenPipe.into());
            }
            match self.stderr.write(bytes) {
                // Node makes a pipe so, from the first use of `process.stderr` on
                // (<https://github.com/libuv/libuv/blob/v1.51.0/src/unix/pipe.c>, `uv_pipe_open`).
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stderr.flush()
    }
}
