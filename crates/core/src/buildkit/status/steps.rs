//! The steps of a build, and when their states are told.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::failures::is_harmless;
use super::intervals::Instant;
use super::message::{Vertex, VertexLog};
use super::step::Known;
use crate::progress::{Log, LogStream, ProgressEvent, ProgressSink, StepState};

/// How long the end of a step that may go on is held back.
///
/// A source of files is asked for what it is, then for what it has, and goes on for each layer that is unpacked; every
/// time looks like an end. The gaps that were seen are 12 ms at most.
const HOLD: Duration = Duration::from_millis(200);

/// Every step that the engine has spoken of.
#[derive(Debug, Default)]
pub(super) struct Steps {
    all: Vec<Known>,
    /// Place in `all` of each vertex and of each group.
    places: HashMap<Arc<str>, usize>,
    /// Steps whose ends are held back, the longest first.
    held: VecDeque<usize>,
    /// Steps that failed, in order.
    failed: Vec<usize>,
    /// When the build was over, by the engine's clock.
    over_at: Option<Instant>,
}

/// A step that did not come to a good end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// As the Dockerfile has it.
    pub(crate) name: String,
    /// Whether it is an instruction of the Dockerfile.
    pub(crate) is_numbered: bool,
    /// The last lines that it printed, oldest first.
    pub(crate) log_tail: Vec<String>,
}

impl Steps {
    /// Takes what the engine says of a vertex, and gives the place of its step.
    pub(super) fn update(&mut self, vertex: &Vertex, progress: &dyn ProgressSink) -> usize {
        let digest: Arc<str> = Arc::from(String::from_utf8_lossy(&vertex.digest));
        let place = match &vertex.progress_group {
            None => self.place(&vertex.digest),
            Some(group) => {
                let id: Arc<str> = Arc::from(String::from_utf8_lossy(&group.id));
                let known = self.places.get(&id).copied();
                let place = known.unwrap_or_else(|| self.add(Known::group(id)));
                self.places.insert(Arc::clone(&digest), place);
                place
            }
        };
        self.all[place].update(&digest, vertex);
        if vertex.started.is_some() {
            // What it works with is complete.
            for input in &vertex.inputs {
                let input = String::from_utf8_lossy(input);
                let input = self.places.get(&*input).copied();
                if let Some(input) = input.filter(|input| *input != place) {
                    self.release(input, progress);
                }
            }
        }
        place
    }

    /// Whether a step has come to an end that has not been told.
    pub(super) fn has_ended(&self, place: usize) -> bool {
        let step = &self.all[place];
        let state = step.state();
        state.is_some_and(|state| state != StepState::Running && !step.has_told(state))
    }

    /// Tells that a step is at work, unless that is known.
    pub(super) fn tell_beginning(&mut self, place: usize, progress: &dyn ProgressSink) {
        let step = &self.all[place];
        if let Some(state) = step.state().filter(|state| !step.has_told(*state)) {
            self.begin(place, state, progress);
        }
    }

    /// Tells the end of a step, unless that is known, or is a good one and may not last.
    pub(super) fn tell_end(
        &mut self,
        place: usize,
        may_go_on: bool,
        now: Duration,
        progress: &dyn ProgressSink,
    ) {
        let step = &mut self.all[place];
        match step.state() {
            None => {}
            Some(StepState::Running) => step.held_since = None,
            Some(state) if step.has_told(state) => step.forget(state),
            Some(StepState::Done | StepState::Cached) if may_go_on || step.is_group() => {
                self.hold(place, now);
            }
            Some(state) => {
                step.held_since = None;
                if state == StepState::Failed {
                    // What has ended before is told before.
                    self.release_all(progress);
                }
                self.end(place, state, progress);
            }
        }
    }

    /// Takes a piece of a step's output.
    pub(super) fn log(&mut self, log: &VertexLog, progress: &dyn ProgressSink) {
        let place = self.place(&log.vertex);
        let step = &mut self.all[place];
        let mut output = step.output.take().unwrap_or_default();
        let stream = match log.stream {
            2 => LogStream::Stderr,
            _ => LogStream::Stdout,
        };
        output.push(stream, &log.msg, &mut |stream, text| {
            progress.emit(&line(step.id(), stream, text));
        });
        step.output = Some(output);
    }

    /// Tells the ends that have been held back for long enough.
    pub(super) fn settle(&mut self, now: Duration, progress: &dyn ProgressSink) {
        while let Some(&place) = self.held.front() {
            let since = self.all[place].held_since;
            if since.is_some_and(|since| now < since + HOLD) {
                break;
            }
            self.held.pop_front();
            self.release(place, progress);
        }
    }

    /// Tells what is left when the build is over, by the engine's clock at `over_at`.
    pub(super) fn finish(
        &mut self,
        has_succeeded: bool,
        over_at: Option<Instant>,
        progress: &dyn ProgressSink,
    ) {
        self.over_at = over_at;
        self.release_all(progress);
        for place in 0..self.all.len() {
            let step = &self.all[place];
            let is_at_work = step.told() == Some(StepState::Running);
            let state = match step.state() {
                // The engine says nothing of a step that it gives up with the whole build.
                None | Some(StepState::Running) if is_at_work && !has_succeeded => {
                    Some(StepState::Canceled)
                }
                None | Some(StepState::Running) => is_at_work.then_some(StepState::Done),
                state => state.filter(|state| !step.has_told(*state)),
            };
            match state {
                Some(state) => self.end(place, state, progress),
                None => self.flush(place, progress),
            }
        }
    }

    /// The step with the given digest, or else the first that failed, instructions before the work around them.
    pub(super) fn failed(&self, digest: Option<&str>) -> Option<Unfinished> {
        let named = digest.and_then(|digest| self.places.get(digest)).copied();
        let mut failed = self.failed.iter().copied();
        let numbered = failed.clone().find(|place| self.all[*place].is_numbered());
        let named = named.and_then(|place| self.unfinished(place));
        named.or_else(|| self.unfinished(numbered.or_else(|| failed.next())?))
    }

    /// The last step to begin of those at work, instructions before the work around them.
    pub(super) fn running(&self) -> Option<Unfinished> {
        let places = (0..self.all.len()).rev();
        let mut running =
            places.filter(|place| self.all[*place].told() == Some(StepState::Running));
        let numbered = running.clone().find(|place| self.all[*place].is_numbered());
        self.unfinished(numbered.or_else(|| running.next())?)
    }

    /// Instructions of the Dockerfile.
    pub(super) fn total(&self) -> u32 {
        self.count(|_| true)
    }

    /// Those whose result came from the cache.
    pub(super) fn cached(&self) -> u32 {
        self.count(|step| step.state() == Some(StepState::Cached))
    }

    /// The step of a vertex, which may be unknown.
    pub(super) fn place(&mut self, digest: &[u8]) -> usize {
        let digest = String::from_utf8_lossy(digest);
        match self.places.get(&*digest) {
            Some(place) => *place,
            None => self.add(Known::new(Arc::from(&*digest))),
        }
    }

    #[cfg(test)]
    pub(super) fn remembered_texts(&self) -> usize {
        let texts =
            |step: &Known| usize::from(step.name().is_some()) + usize::from(step.output.is_some());
        self.all.iter().map(texts).sum()
    }

    /// What a step is known by.
    pub(super) fn id(&self, place: usize) -> &str {
        self.all[place].id()
    }

    fn add(&mut self, step: Known) -> usize {
        let place = self.all.len();
        self.places.insert(step.shared_id(), place);
        self.all.push(step);
        place
    }

    /// Holds an end back.
    fn hold(&mut self, place: usize, now: Duration) {
        let step = &mut self.all[place];
        if step.held_since.is_none() {
            step.held_since = Some(now);
            self.held.push_back(place);
        }
    }

    /// Tells an end that is held back.
    fn release(&mut self, place: usize, progress: &dyn ProgressSink) {
        let step = &mut self.all[place];
        if step.held_since.take().is_some()
            && let Some(state) = step.state().filter(|state| *state != StepState::Running)
        {
            self.end(place, state, progress);
        }
    }

    fn release_all(&mut self, progress: &dyn ProgressSink) {
        for place in std::mem::take(&mut self.held) {
            self.release(place, progress);
        }
    }

    /// Tells that a step was at work before it came to `state`, even where the engine tells of both at once.
    fn begin(&mut self, place: usize, state: StepState, progress: &dyn ProgressSink) {
        let step = &mut self.all[place];
        if state != StepState::Cached && step.told() != Some(StepState::Running) {
            progress.emit(&ProgressEvent::Step(step.tell(StepState::Running, None)));
        }
    }

    fn end(&mut self, place: usize, state: StepState, progress: &dyn ProgressSink) {
        self.begin(place, state, progress);
        self.flush(place, progress);
        let step = &self.all[place];
        let is_harmless = || step.name().is_some_and(|name| is_harmless(&name.name));
        if state == StepState::Failed && !is_harmless() {
            self.failed.push(place);
        }
        let step = self.all[place].tell(state, self.over_at);
        progress.emit(&ProgressEvent::Step(step));
    }

    /// Tells what a step has printed without a line end.
    fn flush(&mut self, place: usize, progress: &dyn ProgressSink) {
        let step = &mut self.all[place];
        if let Some(mut output) = step.output.take() {
            output.flush(&mut |stream, text| progress.emit(&line(step.id(), stream, text)));
            step.output = Some(output);
        }
    }

    fn unfinished(&self, place: usize) -> Option<Unfinished> {
        let step = self.all.get(place)?;
        Some(Unfinished {
            name: step.name()?.name.clone(),
            is_numbered: step.is_numbered(),
            log_tail: step.log_tail(),
        })
    }

    fn count(&self, is_counted: impl Fn(&Known) -> bool) -> u32 {
        let counted = self.all.iter().filter(|step| step.is_numbered());
        let counted = counted.filter(|step| is_counted(step)).count();
        u32::try_from(counted).unwrap_or(u32::MAX)
    }
}

fn line(step: &str, stream: LogStream, text: String) -> ProgressEvent {
    ProgressEvent::Log(Log {
        step: Some(step.to_owned()),
        stream,
        text,
    })
}
