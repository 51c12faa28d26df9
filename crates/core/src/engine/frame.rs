//! Splits a byte stream into JSON objects, at any chunking.
//!
//! Docker ends each with `\r\n`, Podman with `\n`, and some arrive glued together; what separates them is where the
//! braces balance. Every byte is looked at once.

use std::collections::VecDeque;

use crate::error::{Error, ErrorKind, Result};
use crate::text::clean_line;

/// Longest frame. The largest ones seen are 39 KB from the classic builder and 230 KB from BuildKit.
pub const FRAME_LIMIT: usize = 16 * 1024 * 1024;

/// Deepest nesting; the parser's own limit is 128.
const DEPTH_LIMIT: u32 = 100;

/// Longest part of something that is no frame in a message.
const EXCERPT_LIMIT: usize = 80;

/// Takes bytes and gives frames.
#[derive(Debug, Default)]
pub struct Framer {
    frames: VecDeque<Vec<u8>>,
    /// The frame that has begun.
    current: Vec<u8>,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Bytes taken so far.
    offset: u64,
    failure: Option<(u64, String)>,
}

impl Framer {
    /// A framer that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        let mut start = (self.depth > 0).then_some(0);
        for (at, &byte) in bytes.iter().enumerate() {
            if self.depth == 0 {
                match byte {
                    b'{' => {
                        start = Some(at);
                        self.depth = 1;
                    }
                    b' ' | b'\t' | b'\r' | b'\n' => {}
                    _ => {
                        return self.fail(
                            at,
                            &format!("`{}` is no JSON object", excerpt(&bytes[at..])),
                        );
                    }
                }
            } else if self.step(byte) {
                let from = start.take().unwrap_or(0);
                self.current.extend_from_slice(&bytes[from..=at]);
                self.frames.push_back(std::mem::take(&mut self.current));
            } else if self.depth > DEPTH_LIMIT {
                return self.fail(at, "a frame is nested too deeply");
            } else if self.current.len() + (at - start.unwrap_or(0)) >= FRAME_LIMIT {
                return self.fail(at, "a frame is longer than 16 MiB");
            }
        }
        if let Some(start) = start {
            self.current.extend_from_slice(&bytes[start..]);
        }
        self.offset += bytes.len() as u64;
    }

    /// Gives the next whole frame. Errors: `ENGINE_PROTOCOL`, after the frames before the fault.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Ok(Some(frame));
        }
        match &self.failure {
            Some((at, what)) => Err(protocol(*at, what)),
            None => Ok(None),
        }
    }

    /// Checks that the stream did not end inside a frame. Errors: `ENGINE_DISCONNECTED`.
    pub fn finish(&self) -> Result<()> {
        if self.failure.is_none() && self.depth > 0 {
            let message = format!(
                "the engine's answer was cut in the middle of a frame at byte {}",
                self.offset
            );
            return Err(Error::new(ErrorKind::EngineDisconnected, message));
        }
        Ok(())
    }

    /// Takes one byte of a frame and tells whether it ends there.
    fn step(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    fn fail(&mut self, at: usize, what: &str) {
        self.failure = Some((self.offset + at as u64, what.to_owned()));
        self.current = Vec::new();
    }
}

/// An answer that is not what an engine says.
pub(super) fn protocol(at: u64, what: &str) -> Error {
    Error::new(
        ErrorKind::EngineProtocol,
        format!("the engine's answer cannot be understood at byte {at}: {what}"),
    )
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT_LIMIT)]);
    let line = clean_line(text.lines().next().unwrap_or_default()).into_owned();
    // A URL may hold a secret, and its end may lie beyond the excerpt.
    match line.split_once("://") {
        Some((before, _)) => format!("{before}://…"),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        "\r\n{\"a\":\"}{\\\"\"}\r\n{\"b\":[1,{\"c\":null}]}{\"d\":\"é\\\\\"}\n\n  {}\n";

    fn frames(chunks: &[&[u8]]) -> Vec<String> {
        let mut framer = Framer::new();
        let mut frames = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(frame) = framer.next_frame().unwrap() {
                frames.push(String::from_utf8(frame).unwrap());
            }
        }
        framer.finish().unwrap();
        frames
    }

    #[test]
    fn frames_end_where_their_braces_balance() {
        let expected = [
            "{\"a\":\"}{\\\"\"}",
            "{\"b\":[1,{\"c\":null}]}",
            "{\"d\":\"é\\\\\"}",
            "{}",
        ];
        assert_eq!(frames(&[STREAM.as_bytes()]), expected);
    }

    #[test]
    fn any_chunking_gives_the_same_frames() {
        let whole = frames(&[STREAM.as_bytes()]);
        let bytes = STREAM.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(frames(&chunks), whole, "cut at {first} and {second}");
            }
        }
        assert_eq!(frames(&bytes.chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_was_cut() {
        for end in 1..STREAM.len() {
            let Some(part) = STREAM.get(..end) else {
                continue;
            };
            let mut framer = Framer::new();
            framer.push(part.as_bytes());
            let opened = part.matches('{').count();
            while framer.next_frame().unwrap().is_some() {}
            let inside = framer.depth > 0;
            assert_eq!(framer.finish().is_err(), inside, "cut at {end}");
            assert!(opened > 0 || !inside);
        }
    }

    #[test]
    fn garbage_is_named_with_its_place_after_the_frames_before_it() {
        let mut framer = Framer::new();
        framer.push(b"{}\r\n<html>\x1b[2J");
        assert!(framer.next_frame().unwrap().is_some());
        let error = framer.next_frame().unwrap_err();
        assert_eq!(error.kind, ErrorKind::EngineProtocol);
        assert!(
            error.message.contains("at byte 4") && error.message.contains("<html>"),
            "{error}"
        );
        assert!(!error.message.contains('\x1b'));
    }

    #[test]
    fn a_frame_without_end_is_refused_at_the_limit() {
        let mut framer = Framer::new();
        framer.push(b"{\"a\":\"");
        let chunk = vec![b'x'; 1024 * 1024];
        for _ in 0..17 {
            framer.push(&chunk);
        }
        assert_eq!(
            framer.next_frame().unwrap_err().kind,
            ErrorKind::EngineProtocol
        );
        assert_eq!(framer.current.capacity(), 0);
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let mut framer = Framer::new();
        framer.push(format!("{{\"a\":{}", "[".repeat(100_000)).as_bytes());
        assert_eq!(
            framer.next_frame().unwrap_err().kind,
            ErrorKind::EngineProtocol
        );
    }
}
