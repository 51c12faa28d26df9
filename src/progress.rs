//! Where the events of a call go: to the listener, to standard error, to both or nowhere.

#![expect(
    clippy::needless_pass_by_value,
    reason = "napi hands over owned values"
)]

use std::io::{IsTerminal, Stderr, stderr};
use std::sync::Arc;

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use shipway_core::progress::json::JsonLines;
use shipway_core::progress::plain::Plain;
use shipway_core::progress::terminal::{Screen, Terminal};
use shipway_core::progress::{ProgressEvent, ProgressSink};
use shipway_core::{Environment, Error};

use crate::delivery::{Listener, ListenerFunction, listener};
use crate::mailbox::Mailbox;

/// Says what a call with the option `progress` shows on standard error; nothing when absent.
#[napi(catch_unwind, ts_return_type = "'tty' | 'plain' | 'json' | null")]
pub fn choose_display(progress: Option<String>, has_listener: bool) -> Option<&'static str> {
    let is_terminal = stderr().is_terminal();
    match progress.as_deref() {
        None if has_listener || !is_terminal => None,
        None | Some("auto") => {
            let is_dumb = Environment::of_process().term.as_deref() == Some("dumb");
            Some(if is_terminal && !is_dumb {
                "tty"
            } else {
                "plain"
            })
        }
        // Bars need a cursor to move.
        Some("tty") => Some(if is_terminal { "tty" } else { "plain" }),
        Some("plain") => Some("plain"),
        Some("json") => Some("json"),
        Some(_) => None,
    }
}

/// The sink of one call.
pub(crate) struct Progress {
    mailbox: Option<Mailbox>,
    display: Option<Display>,
}

enum Display {
    Terminal(Terminal),
    Plain(Plain<Stderr>),
    Json(JsonLines<Stderr>),
}

impl Progress {
    /// Makes the sink of a call that shows `display`, and its listener callable.
    pub(crate) fn new(
        display: Option<&str>,
        function: Option<&ListenerFunction<'_>>,
    ) -> Result<(Arc<Self>, Option<Listener>)> {
        let display = match display {
            Some("tty") => {
                let has_colours = !Environment::of_process().no_color;
                Some(Display::Terminal(Terminal::new(Screen::stderr(
                    has_colours,
                ))))
            }
            Some("plain") => Some(Display::Plain(Plain::new(stderr()))),
            Some("json") => Some(Display::Json(JsonLines::new(stderr()))),
            _ => None,
        };
        let listener = function.map(listener).transpose()?;
        let mailbox = listener.is_some().then(Mailbox::new);
        Ok((Arc::new(Self { mailbox, display }), listener))
    }

    /// Makes the sink of a call that has no events.
    pub(crate) fn none() -> Arc<Self> {
        Arc::new(Self {
            mailbox: None,
            display: None,
        })
    }

    pub(crate) fn mailbox(&self) -> Option<&Mailbox> {
        self.mailbox.as_ref()
    }

    /// Shows that the image is there.
    pub(crate) fn finish_pull(&self, reference: &str) {
        match &self.display {
            Some(Display::Terminal(terminal)) => terminal.finish_pull(reference),
            Some(Display::Plain(plain)) => plain.finish_pull(reference),
            Some(Display::Json(_)) | None => {}
        }
    }

    /// Shows that the image is built.
    pub(crate) fn finish_build(&self, image_id: &str) {
        match &self.display {
            Some(Display::Terminal(terminal)) => terminal.finish_build(image_id),
            Some(Display::Plain(plain)) => plain.finish_build(image_id),
            Some(Display::Json(_)) | None => {}
        }
    }

    /// Shows why there is no image.
    pub(crate) fn fail(&self, error: &Error) {
        match &self.display {
            Some(Display::Terminal(terminal)) => terminal.fail(error),
            Some(Display::Plain(plain)) => plain.fail(error),
            Some(Display::Json(_)) | None => {}
        }
    }

    /// Shows that the work was given up. A terminal clears itself when the sink is dropped.
    pub(crate) fn cancel(&self) {
        if let Some(Display::Plain(plain)) = &self.display {
            plain.cancel();
        }
    }

    /// Says that no event will follow.
    pub(crate) fn close(&self) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.close();
        }
    }
}

impl ProgressSink for Progress {
    fn emit(&self, event: &ProgressEvent) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.push(event.clone());
        }
        match &self.display {
            None => {}
            Some(Display::Terminal(display)) => display.emit(event),
            Some(Display::Plain(display)) => display.emit(event),
            Some(Display::Json(display)) => display.emit(event),
        }
    }
}
