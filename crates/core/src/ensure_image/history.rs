//! What a caller that comes late is told first: where everything stands.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::Attempt;
use crate::progress::{AttemptPhase, Attempted, ProgressEvent, Step, StepState};

/// Most lines that are kept, and most warnings: those that came last.
const LINES: usize = 200;

/// Most lines of a step that an error carries.
const LOG_TAIL: usize = 20;

/// The events of a work, without those that later ones have made old. What is left is in its first order: a step's
/// beginning before its lines, and those before its end.
#[derive(Default)]
pub(super) struct History {
    events: BTreeMap<u64, ProgressEvent>,
    places: HashMap<Key, u64>,
    lines: VecDeque<u64>,
    warnings: VecDeque<u64>,
    recorded: u64,
    attempts: Vec<Attempt>,
    /// The try under way, and when it began.
    current: Option<(Attempted, Instant)>,
}

/// What an event is the last word on.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Attempt(String, u32),
    Layer(String),
    Total,
    Context,
    Begun(String),
    Ended(String),
}

impl History {
    /// Takes one event in.
    pub(super) fn record(&mut self, event: &ProgressEvent, now: Instant) {
        match event {
            ProgressEvent::Attempt(attempted) => {
                self.attempt(attempted, now);
                let key = Key::Attempt(attempted.reference.clone(), attempted.attempt);
                self.put(key, event);
            }
            ProgressEvent::Layer(layer) => self.put(Key::Layer(layer.id.clone()), event),
            ProgressEvent::Total(_) => {
                // After the layers that it adds up.
                self.remove(&Key::Total);
                self.put(Key::Total, event);
            }
            ProgressEvent::Context(_) => self.put(Key::Context, event),
            ProgressEvent::Step(step) if step.state == StepState::Running => {
                self.remove(&Key::Ended(step.id.clone()));
                self.put(Key::Begun(step.id.clone()), event);
            }
            ProgressEvent::Step(step) => self.put(Key::Ended(step.id.clone()), event),
            ProgressEvent::Log(_) | ProgressEvent::Status(_) => {
                let place = self.append(event);
                keep(&mut self.lines, &mut self.events, place);
            }
            ProgressEvent::Warning(_) => {
                let place = self.append(event);
                keep(&mut self.warnings, &mut self.events, place);
            }
        }
    }

    /// The pull has failed: its layers are of no interest to a build.
    pub(super) fn begin_build(&mut self) {
        self.current = None;
        self.forget(|key| matches!(key, Key::Layer(_) | Key::Total));
    }

    /// Everything that is left, in order.
    pub(super) fn replay(&self) -> impl Iterator<Item = ProgressEvent> {
        self.events.values().cloned()
    }

    /// The tries that have failed.
    pub(super) fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// The try under way as far as it has come, and how many are allowed at its source.
    pub(super) fn current(&self, now: Instant) -> Option<(u32, Attempt)> {
        let (attempted, began) = self.current.as_ref()?;
        Some((attempted.attempts, finished(attempted, now - *began)))
    }

    /// The steps at work.
    pub(super) fn running(&self) -> Vec<Step> {
        let of = |event: &ProgressEvent| match event {
            ProgressEvent::Step(step) if self.is_running(step) => Some(step.clone()),
            _ => None,
        };
        self.events.values().filter_map(of).collect()
    }

    /// The instruction that began last of those at work, and the last lines that it has printed.
    pub(super) fn at_work(&self) -> Option<(String, Vec<String>)> {
        let running = self.running();
        let step = running.iter().rev().find(|step| step.index.is_some())?;
        let of_step = |event: &ProgressEvent| match event {
            ProgressEvent::Log(log) if log.step.as_ref() == Some(&step.id) => {
                Some(log.text.clone())
            }
            _ => None,
        };
        let latest = self.events.values().rev().filter_map(of_step);
        let mut log_tail: Vec<String> = latest.take(LOG_TAIL).collect();
        log_tail.reverse();
        Some((step.name.clone(), log_tail))
    }

    fn is_running(&self, step: &Step) -> bool {
        let is_ended = self.places.contains_key(&Key::Ended(step.id.clone()));
        step.state == StepState::Running && !is_ended
    }

    fn attempt(&mut self, attempted: &Attempted, now: Instant) {
        if attempted.phase == AttemptPhase::Starting {
            // The engine starts over with its layers.
            self.forget(|key| matches!(key, Key::Layer(_) | Key::Total));
            self.current = Some((attempted.clone(), now));
        } else if let Some((_, began)) = self.current.take() {
            self.attempts.push(finished(attempted, now - began));
        }
    }

    fn put(&mut self, key: Key, event: &ProgressEvent) {
        match self.places.get(&key) {
            Some(place) => {
                self.events.insert(*place, event.clone());
            }
            None => {
                let place = self.append(event);
                self.places.insert(key, place);
            }
        }
    }

    fn append(&mut self, event: &ProgressEvent) -> u64 {
        self.recorded += 1;
        self.events.insert(self.recorded, event.clone());
        self.recorded
    }

    fn remove(&mut self, key: &Key) {
        if let Some(place) = self.places.remove(key) {
            self.events.remove(&place);
        }
    }

    fn forget(&mut self, is_old: impl Fn(&Key) -> bool) {
        let events = &mut self.events;
        self.places.retain(|key, place| {
            let is_old = is_old(key);
            if is_old {
                events.remove(place);
            }
            !is_old
        });
    }
}

/// Keeps the last events of a kind of which there is no end.
fn keep(places: &mut VecDeque<u64>, events: &mut BTreeMap<u64, ProgressEvent>, place: u64) {
    places.push_back(place);
    if places.len() > LINES
        && let Some(oldest) = places.pop_front()
    {
        events.remove(&oldest);
    }
}

fn finished(attempted: &Attempted, duration: Duration) -> Attempt {
    Attempt {
        reference: attempted.reference.clone(),
        registry: attempted.registry.clone(),
        attempt: attempted.attempt,
        code: attempted.code,
        message: attempted.message.clone(),
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        delay_ms: attempted.delay_ms,
    }
}
