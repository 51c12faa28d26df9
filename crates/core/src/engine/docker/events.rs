//! The engine's event stream: frames out of the body of an answer.

use crate::engine::decode::Message;
use crate::engine::frame::Framer;
use crate::engine::http::Exchange;
use crate::error::Result;

use super::Call;

/// Yields one message after the other until the answer ends properly.
pub(super) struct Events<'a> {
    call: Call<'a>,
    exchange: Exchange,
    framer: Framer,
    ended: bool,
}

impl<'a> Events<'a> {
    pub(super) fn new(call: Call<'a>, exchange: Exchange) -> Self {
        Self {
            call,
            exchange,
            framer: Framer::new(),
            ended: false,
        }
    }

    /// The call that these events answer.
    pub(super) fn call(&self) -> Call<'a> {
        self.call
    }

    /// Waits for the next message; `None` after the last one. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some(frame) = self
                .framer
                .next_frame()
                .map_err(|error| self.call.name(error))?
            {
                return Message::parse(&frame)
                    .map(Some)
                    .map_err(|error| self.call.name(error));
            }
            if self.ended {
                return Ok(None);
            }
            match self.exchange.next_bytes().await {
                Some(Ok(bytes)) => self.framer.push(&bytes),
                Some(Err(error)) => return Err(self.call.connection_failed(error)),
                None => {
                    self.ended = true;
                    self.framer
                        .finish()
                        .map_err(|error| self.call.name(error))?;
                }
            }
        }
    }
}
