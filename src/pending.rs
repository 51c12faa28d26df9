//! What waits for the listener or to be drawn, and what of it gives way.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use shipway_core::progress::{LayerState, ProgressEvent, Warning};

/// Most lines that wait. Beyond that the oldest are dropped, and the last event says how many.
const MAX_LINES: usize = 10_000;

/// Most bytes of text in the lines that wait.
const MAX_LINE_BYTES: usize = 8 << 20;

/// Two queues whose entries carry their number, so that lines can be dropped without moving the rest.
#[derive(Default)]
pub(crate) struct Pending {
    next_number: u64,
    facts: VecDeque<(u64, ProgressEvent)>,
    facts_taken: usize,
    lines: VecDeque<(u64, ProgressEvent)>,
    line_bytes: usize,
    lines_dropped: u64,
    /// Place in `facts`, counted from the first ever, of the newest fact about a thing.
    newest: HashMap<Subject, (usize, State)>,
}

/// What a byte count is about.
#[derive(PartialEq, Eq, Hash)]
enum Subject {
    Layer(String),
    Total,
    Context,
}

/// The part of a byte count that is a fact of its own; a newer one with another state does not replace it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Layer(LayerState),
    Counting { done: bool },
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.lines.is_empty()
    }

    pub(crate) fn has_mail(&self, is_closed: bool) -> bool {
        !self.is_empty() || (is_closed && self.lines_dropped > 0)
    }

    pub(crate) fn push(&mut self, event: ProgressEvent) {
        match &event {
            ProgressEvent::Log(_) | ProgressEvent::Status(_) => return self.push_line(event),
            // What follows is about another try: totals start again there.
            ProgressEvent::Attempt(_) => self.newest.clear(),
            _ => {}
        }
        let place = self.facts_taken + self.facts.len();
        if let Some((subject, state)) = byte_count(&event) {
            let known = self
                .newest
                .get(&subject)
                .filter(|(_, known)| *known == state);
            let waiting = known.and_then(|(place, _)| place.checked_sub(self.facts_taken));
            if let Some((_, older)) = waiting.and_then(|index| self.facts.get_mut(index)) {
                *older = event;
                return;
            }
            self.newest.insert(subject, (place, state));
        }
        let number = self.number();
        self.facts.push_back((number, event));
    }

    fn push_line(&mut self, event: ProgressEvent) {
        self.line_bytes += text_length(&event);
        let number = self.number();
        self.lines.push_back((number, event));
        while self.lines.len() > MAX_LINES
            || (self.line_bytes > MAX_LINE_BYTES && self.lines.len() > 1)
        {
            let Some((_, oldest)) = self.lines.pop_front() else {
                return;
            };
            self.line_bytes -= text_length(&oldest);
            self.lines_dropped += 1;
        }
    }

    pub(crate) fn pop(&mut self) -> Option<ProgressEvent> {
        let fact = self.facts.front().map(|(number, _)| *number);
        let line = self.lines.front().map(|(number, _)| *number);
        if fact.is_some_and(|fact| line.is_none_or(|line| fact < line)) {
            self.facts_taken += 1;
            return self.facts.pop_front().map(|(_, event)| event);
        }
        let (_, event) = self.lines.pop_front()?;
        self.line_bytes -= text_length(&event);
        Some(event)
    }

    /// The lines that were dropped, told once: `taker` was too slow.
    pub(crate) fn loss(&mut self, taker: &str) -> Option<ProgressEvent> {
        let count = std::mem::take(&mut self.lines_dropped);
        let message =
            format!("{count} lines of log were dropped: {taker} is slower than the engine");
        (count > 0).then(|| ProgressEvent::Warning(Warning::new("LOG_LINES_DROPPED", message)))
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

fn byte_count(event: &ProgressEvent) -> Option<(Subject, State)> {
    match event {
        ProgressEvent::Layer(layer) => {
            Some((Subject::Layer(layer.id.clone()), State::Layer(layer.state)))
        }
        ProgressEvent::Total(_) => Some((Subject::Total, State::Counting { done: false })),
        ProgressEvent::Context(context) => {
            Some((Subject::Context, State::Counting { done: context.done }))
        }
        _ => None,
    }
}

fn text_length(event: &ProgressEvent) -> usize {
    match event {
        ProgressEvent::Log(log) => log.text.len(),
        ProgressEvent::Status(status) => status.message.len(),
        _ => 0,
    }
}
