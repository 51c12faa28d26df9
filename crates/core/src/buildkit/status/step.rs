//! One step: a vertex of BuildKit's graph, or several that are one for a person.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::intervals::{Instant, Intervals, instant};
use super::message::{ProgressGroup, Vertex};
use super::name::StepName;
use super::output::Output;
use crate::progress::{Step, StepState};

/// How the engine ends the error of a vertex that it gave up
/// (<https://github.com/moby/buildkit/blob/v0.25.2/util/progress/progressui/display.go>).
const CANCELED: &[u8] = b"context canceled";

/// What is known of a step. Its name and its output are kept only while they are needed: a build may have 100,000 steps.
#[derive(Debug)]
pub(super) struct Known {
    id: Arc<str>,
    intervals: Intervals,
    parts: Parts,
    name: Option<Box<StepName>>,
    pub(super) output: Option<Box<Output>>,
    is_numbered: bool,
    told: Option<StepState>,
    /// How many intervals there were when the state was told.
    told_intervals: usize,
    /// Since when its end waits to be told.
    pub(super) held_since: Option<Duration>,
}

/// What a step is made of.
#[derive(Debug)]
enum Parts {
    One(Facts),
    /// A progress group, by the digests of its vertices.
    Group(HashMap<Arc<str>, Facts>),
}

/// The last that was said of a vertex.
#[derive(Debug, Clone, Copy, Default)]
struct Facts {
    has_started: bool,
    is_cached: bool,
    /// Whether it alone does not show its group.
    is_weak: bool,
    /// Its end, where it is not a good one.
    failure: Option<StepState>,
}

impl Known {
    /// A vertex by its digest.
    pub(super) fn new(digest: Arc<str>) -> Self {
        Self::of(digest, Parts::One(Facts::default()))
    }

    /// A group of vertices by its own name.
    pub(super) fn group(id: Arc<str>) -> Self {
        Self::of(id, Parts::Group(HashMap::new()))
    }

    fn of(id: Arc<str>, parts: Parts) -> Self {
        Self {
            id,
            intervals: Intervals::default(),
            parts,
            name: None,
            output: None,
            is_numbered: false,
            told: None,
            told_intervals: 0,
            held_since: None,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn shared_id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }

    /// Takes what the engine says of the vertex `digest`, which is the step or a part of it.
    pub(super) fn update(&mut self, digest: &Arc<str>, vertex: &Vertex) {
        let start = vertex.started.as_ref().or(vertex.completed.as_ref());
        if let Some(start) = start {
            let end = vertex.completed.as_ref().map(instant);
            self.intervals.record(instant(start), end);
        }
        let facts = Facts {
            has_started: start.is_some(),
            is_cached: vertex.cached,
            is_weak: vertex.progress_group.as_ref().is_some_and(|it| it.weak),
            failure: failure(vertex),
        };
        let known = match &mut self.parts {
            Parts::One(known) => known,
            Parts::Group(members) => members.entry(Arc::clone(digest)).or_default(),
        };
        // An announcement that comes again takes nothing back.
        if facts.has_started || !known.has_started {
            *known = facts;
        }
        let name = match &vertex.progress_group {
            Some(ProgressGroup { name, .. }) => name,
            None => &vertex.name,
        };
        let name = StepName::parse(name);
        self.is_numbered |= name.position.is_some();
        if start.is_some() {
            self.name = Some(Box::new(name));
        }
    }

    /// Where it stands; absent before it has begun, and while nothing is to be said of it.
    pub(super) fn state(&self) -> Option<StepState> {
        let facts = self.facts();
        let is_hidden = match &self.parts {
            Parts::One(_) => false,
            Parts::Group(members) => !members
                .values()
                .any(|it| it.has_started && !it.is_weak || it.failure.is_some()),
        };
        match facts.failure {
            _ if !facts.has_started || is_hidden => None,
            // What is loaded from the cache is told when it is there.
            _ if self.intervals.is_open() => (!facts.is_cached).then_some(StepState::Running),
            Some(failure) => Some(failure),
            None if facts.is_cached => Some(StepState::Cached),
            None => Some(StepState::Done),
        }
    }

    /// Its parts together: cached where all are, failed where one is.
    fn facts(&self) -> Facts {
        match &self.parts {
            Parts::One(facts) => *facts,
            Parts::Group(members) => Facts {
                has_started: members.values().any(|it| it.has_started),
                is_cached: members.values().all(|it| it.is_cached),
                is_weak: false,
                failure: [StepState::Failed, StepState::Canceled]
                    .into_iter()
                    .find(|state| members.values().any(|it| it.failure == Some(*state))),
            },
        }
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.parts, Parts::Group(_))
    }

    /// Whether it is an instruction of the Dockerfile.
    pub(super) fn is_numbered(&self) -> bool {
        self.is_numbered
    }

    /// What was told last.
    pub(super) fn told(&self) -> Option<StepState> {
        self.told
    }

    /// Whether `state` has been told, with all the work of which it is the end.
    pub(super) fn has_told(&self, state: StepState) -> bool {
        let is_end_of_work = !matches!(state, StepState::Running | StepState::Cached);
        let is_all = self.told_intervals == self.intervals.len();
        self.told == Some(state) && (is_all || !is_end_of_work)
    }

    /// Its name, while it is at work and where it has failed.
    pub(super) fn name(&self) -> Option<&StepName> {
        self.name.as_deref()
    }

    /// The end of its output, while it is at work and where it has failed.
    pub(super) fn log_tail(&self) -> Vec<String> {
        let output = self.output.as_deref();
        output.map_or_else(Vec::new, |output| output.tail().cloned().collect())
    }

    /// Lets go of what nobody asks for after `state`: only of a failed step is more to be said.
    pub(super) fn forget(&mut self, state: StepState) {
        if !matches!(state, StepState::Running | StepState::Failed) {
            self.name = None;
            self.output = None;
        }
    }

    /// The event that tells `state`. What is at work although the build is over was so until `over_at`.
    pub(super) fn tell(&mut self, state: StepState, over_at: Option<Instant>) -> Step {
        self.told = Some(state);
        self.told_intervals = self.intervals.len();
        self.held_since = None;
        let name = self.name.as_deref().cloned().unwrap_or_default();
        self.forget(state);
        Step {
            id: self.id.to_string(),
            name: name.name,
            index: name.position.map(|(index, _)| index),
            of: name.position.map(|(_, of)| of),
            state,
            stage: name.stage,
            platform: name.platform,
            duration_ms: (state != StepState::Running).then(|| self.intervals.total_ms(over_at)),
        }
    }
}

/// A bad end of a vertex.
pub(super) fn failure(vertex: &Vertex) -> Option<StepState> {
    match &vertex.error[..] {
        [] => None,
        error if error.ends_with(CANCELED) => Some(StepState::Canceled),
        _ => Some(StepState::Failed),
    }
}
