//! What one step prints.

use std::collections::VecDeque;

use crate::progress::LogStream;
use crate::text::LineAssembler;

/// Lines that an error shows.
const TAIL_LINES: usize = 20;

/// Lines of which the ends have not come, and the last whole ones.
#[derive(Debug, Default)]
pub(super) struct Output {
    stdout: LineAssembler,
    stderr: LineAssembler,
    tail: VecDeque<String>,
}

impl Output {
    /// Takes a fragment and gives every line that it completes to `emit`.
    pub(super) fn push(
        &mut self,
        stream: LogStream,
        fragment: &[u8],
        emit: &mut impl FnMut(LogStream, String),
    ) {
        let Self {
            stdout,
            stderr,
            tail,
        } = self;
        let assembler = match stream {
            LogStream::Stdout => stdout,
            LogStream::Stderr => stderr,
        };
        assembler.push(fragment, &mut |line| {
            remember(tail, &line);
            emit(stream, line);
        });
    }

    /// Gives what is left without a line end to `emit`.
    pub(super) fn flush(&mut self, emit: &mut impl FnMut(LogStream, String)) {
        let Self {
            stdout,
            stderr,
            tail,
        } = self;
        for (assembler, stream) in [(stdout, LogStream::Stdout), (stderr, LogStream::Stderr)] {
            assembler.flush(&mut |line| {
                remember(tail, &line);
                emit(stream, line);
            });
        }
    }

    /// The last lines that are not blank, oldest first.
    pub(super) fn tail(&self) -> impl Iterator<Item = &String> {
        self.tail.iter()
    }
}

fn remember(tail: &mut VecDeque<String>, line: &str) {
    if line.trim().is_empty() {
        return;
    }
    if tail.len() == TAIL_LINES {
        tail.pop_front();
    }
    tail.push_back(line.to_owned());
}
