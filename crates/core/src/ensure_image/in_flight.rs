//! Work that is under way, and who waits for it.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::ReadyImage;
use super::history::History;
use super::work::Work;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{ProgressEvent, ProgressSink, Warning};

/// Most events that wait for one caller. More wait only for one that does not run: it is then told where all stands.
const INBOX: usize = 10_000;

/// The images that are being made ready. Calls that are given the same one, or copies of it, share their work.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<Vec<Arc<Flight>>>>);

/// One work under way.
pub(super) struct Flight {
    work: Work,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    history: History,
    callers: BTreeMap<u64, Inbox>,
    /// Callers so far.
    joined: u64,
    build_began: Option<Instant>,
    outcome: Option<Result<ReadyImage>>,
    task: Option<AbortHandle>,
}

/// What waits for one caller.
struct Inbox {
    events: VecDeque<ProgressEvent>,
    woken: Arc<Notify>,
}

/// The place of one caller. Dropping it leaves the work.
pub(super) struct Seat {
    in_flight: InFlight,
    flight: Arc<Flight>,
    number: u64,
    woken: Arc<Notify>,
}

/// What a caller is told.
pub(super) struct News {
    pub(super) events: VecDeque<ProgressEvent>,
    pub(super) build_began: Option<Instant>,
    pub(super) outcome: Option<Result<ReadyImage>>,
}

impl InFlight {
    /// Takes a place in the same work where that is under way, else begins it with `engine`.
    pub(super) fn join(&self, work: Work, engine: Arc<dyn Engine>) -> Seat {
        let mut flights = self.lock();
        let known = flights.iter().find(|flight| flight.work == work).cloned();
        let is_new = known.is_none();
        let flight = known.unwrap_or_else(|| {
            let state = Mutex::default();
            Arc::new(Flight { work, state })
        });
        let mut state = flight.lock();
        state.joined += 1;
        let number = state.joined;
        let woken = Arc::new(Notify::new());
        let inbox = Inbox {
            events: state.history.replay().collect(),
            woken: woken.clone(),
        };
        state.callers.insert(number, inbox);
        if is_new {
            // It waits for the locks before it can end.
            let task = tokio::spawn(self.clone().carry_out(flight.clone(), engine));
            state.task = Some(task.abort_handle());
            flights.push(flight.clone());
        }
        drop(state);
        Seat {
            in_flight: self.clone(),
            flight,
            number,
            woken,
        }
    }

    /// Does the work of a flight. A task of its own: no caller's end is its end.
    async fn carry_out(self, flight: Arc<Flight>, engine: Arc<dyn Engine>) {
        let ending = Ending {
            in_flight: self,
            flight,
        };
        let flight = &ending.flight;
        let work = AssertUnwindSafe(flight.work.run(&*engine, flight)).catch_unwind();
        let outcome = work.await.unwrap_or_else(|panic| Err(panicked(&*panic)));
        ending.in_flight.end(flight, outcome);
    }

    /// Who comes now begins anew.
    fn end(&self, flight: &Arc<Flight>, outcome: Result<ReadyImage>) {
        let mut flights = self.lock();
        flights.retain(|known| !Arc::ptr_eq(known, flight));
        let mut state = flight.lock();
        state.outcome.get_or_insert(outcome);
        state.wake();
    }

    /// The last one to leave ends the work.
    fn leave(&self, flight: &Arc<Flight>, number: u64) {
        let task = {
            let mut flights = self.lock();
            let mut state = flight.lock();
            state.callers.remove(&number);
            if !state.callers.is_empty() || state.outcome.is_some() {
                return;
            }
            flights.retain(|known| !Arc::ptr_eq(known, flight));
            state.task.take()
        };
        if let Some(task) = task {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Flight>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InFlight")
            .field("flights", &self.lock().len())
            .finish()
    }
}

impl Flight {
    /// Says that the image is built from now on.
    pub(super) fn begin_build(&self, now: Instant) {
        let mut state = self.lock();
        state.history.begin_build();
        state.build_began = Some(now);
        state.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProgressSink for Flight {
    fn emit(&self, event: &ProgressEvent) {
        let mut state = self.lock();
        let State {
            history, callers, ..
        } = &mut *state;
        history.record(event, Instant::now());
        for inbox in callers.values_mut() {
            if inbox.events.len() >= INBOX {
                inbox.events = history.replay().collect();
                let lost = Warning::new(
                    Warning::LOG_LINES_DROPPED,
                    "the caller is slower than the engine: lines are missing here",
                );
                inbox.events.push_back(ProgressEvent::Warning(lost));
            } else {
                inbox.events.push_back(event.clone());
            }
            inbox.woken.notify_one();
        }
    }
}

impl State {
    fn wake(&self) {
        for inbox in self.callers.values() {
            inbox.woken.notify_one();
        }
    }
}

impl Seat {
    /// Takes what has come since the last time.
    pub(super) fn news(&self) -> News {
        let mut state = self.flight.lock();
        let inbox = state.callers.get_mut(&self.number);
        News {
            events: inbox
                .map(|inbox| std::mem::take(&mut inbox.events))
                .unwrap_or_default(),
            build_began: state.build_began,
            outcome: state.outcome.clone(),
        }
    }

    /// Resolves when there may be news.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// What has been told of the work so far.
    pub(super) fn history<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&self.flight.lock().history)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.in_flight.leave(&self.flight, self.number);
    }
}

/// Ends a work that did not come to its end: its runtime is gone, and its callers may be of another.
struct Ending {
    in_flight: InFlight,
    flight: Arc<Flight>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let message = "the work was given up with the runtime that did it";
        let outcome = Err(Error::new(ErrorKind::Internal, message));
        self.in_flight.end(&self.flight, outcome);
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(ErrorKind::Internal, format!("the library panicked: {text}"))
}
