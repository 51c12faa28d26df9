//! Where the events of a call go: to the listener, to standard error, to both or nowhere.

#![expect(
    clippy::needless_pass_by_value,
    reason = "napi hands over owned values"
)]

use std::io::{IsTerminal, stderr};
use std::sync::Arc;

use napi::bindgen_prelude::Result;
use napi_derive::napi;
use shipway_core::progress::{ProgressEvent, ProgressSink};
use shipway_core::{Environment, Error};

use crate::delivery::{Listener, ListenerFunction, listener};
use crate::display::{Display, LastWord};
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

impl Progress {
    /// Makes the sink of a call that shows `display`, and its listener callable.
    pub(crate) fn new(
        display: Option<&str>,
        function: Option<&ListenerFunction<'_>>,
    ) -> Result<(Arc<Self>, Option<Listener>)> {
        let listener = function.map(listener).transpose()?;
        let mailbox = listener.is_some().then(Mailbox::new);
        let display = display.and_then(Display::start);
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

    /// Shows that the image was there.
    pub(crate) fn finish_look(&self, reference: &str) {
        self.end(|| LastWord::Present(reference.to_owned()));
    }

    /// Shows that the image is there.
    pub(crate) fn finish_pull(&self, reference: &str) {
        self.end(|| LastWord::Pulled(reference.to_owned()));
    }

    /// Shows that the image is built.
    pub(crate) fn finish_build(&self, image_id: &str) {
        self.end(|| LastWord::Built(image_id.to_owned()));
    }

    /// Shows why there is no image.
    pub(crate) fn fail(&self, error: &Error) {
        self.end(|| LastWord::Failed(without_source(error)));
    }

    /// Shows that the work was given up.
    pub(crate) fn cancel(&self) {
        self.end(|| LastWord::Canceled);
    }

    /// Says that no event will follow.
    pub(crate) fn close(&self) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.close();
        }
        if let Some(display) = &self.display {
            display.close();
        }
    }

    /// Resolves once everything is drawn, after the closing.
    pub(crate) async fn drawn(&self) {
        if let Some(display) = &self.display {
            display.drawn().await;
        }
    }

    /// Draws nothing more.
    pub(crate) fn leave(&self) {
        if let Some(display) = &self.display {
            display.leave();
        }
    }

    fn end(&self, word: impl FnOnce() -> LastWord) {
        if let Some(display) = &self.display {
            display.end(word());
        }
    }
}

impl ProgressSink for Progress {
    fn emit(&self, event: &ProgressEvent) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.push(event.clone());
        }
        if let Some(display) = &self.display {
            display.push(event.clone());
        }
    }
}

/// What is shown of an error. What lay below it is not, and cannot be cloned.
fn without_source(error: &Error) -> Error {
    let mut shown = Error::new(error.kind, error.message.clone());
    shown.step.clone_from(&error.step);
    shown.log_tail.clone_from(&error.log_tail);
    shown.dockerfile.clone_from(&error.dockerfile);
    shown
}
