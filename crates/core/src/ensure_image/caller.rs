//! One caller of a work that others may share: its events, its time, its end.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::history::History;
use super::in_flight::Seat;
use super::{EnsureRequest, ReadyImage};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{AttemptPhase, Attempted, ProgressEvent, ProgressSink, Step, StepState};

/// Tells `progress` what happens until the work ends or the caller's time is over. Dropping the future leaves.
pub(super) async fn wait(
    seat: Seat,
    request: &EnsureRequest,
    progress: &dyn ProgressSink,
) -> Result<ReadyImage> {
    let started = Instant::now();
    let mut caller = Caller {
        seat,
        progress,
        is_over: false,
    };
    loop {
        let news = caller.seat.news();
        for event in &news.events {
            progress.emit(event);
        }
        if let Some(outcome) = news.outcome {
            caller.is_over = true;
            return outcome.map(|image| ReadyImage {
                duration_ms: millis(started.elapsed()),
                ..image
            });
        }
        let whole = request.timeouts.total;
        let whole = whole.map(|total| (started + total, total, "make"));
        let build = news.build_began.zip(request.build_timeout);
        let build = build.map(|(began, total)| (began + total, total, "build"));
        let first = whole.into_iter().chain(build).min_by_key(|(at, ..)| *at);
        let Some((at, total, doing)) = first else {
            caller.seat.woken().await;
            continue;
        };
        tokio::select! {
            // In this order: events without end must not put the end off.
            biased;
            () = sleep_until(at) => return Err(caller.out_of_time(request, total, doing)),
            () = caller.seat.woken() => {}
        }
    }
}

/// Told at its end, whatever that is.
struct Caller<'a> {
    seat: Seat,
    progress: &'a dyn ProgressSink,
    is_over: bool,
}

impl Caller<'_> {
    /// The error of a caller whose time is over; a try under way counts as one that failed.
    fn out_of_time(&self, request: &EnsureRequest, total: Duration, doing: &str) -> Error {
        let (reference, total) = (&request.reference, total.as_secs_f64());
        let message = match doing {
            "build" => format!("cannot build `{reference}` within {total} s"),
            _ => format!("cannot make `{reference}` ready within {total} s"),
        };
        let mut error = Error::new(ErrorKind::Deadline, message);
        let now = Instant::now();
        let (attempts, current, at_work) = self.seat.history(|history| {
            (
                history.attempts().to_vec(),
                history.current(now),
                history.at_work(),
            )
        });
        let mut latest = attempts.iter().rev();
        let cause =
            latest.find_map(|attempt| Some(Error::new(attempt.code?, attempt.message.clone()?)));
        error.attempts = attempts;
        if let Some((attempts, mut attempt)) = current {
            attempt.code = Some(error.kind);
            attempt.message = Some(error.message.clone());
            self.progress.emit(&ProgressEvent::Attempt(Attempted {
                reference: attempt.reference.clone(),
                registry: attempt.registry.clone(),
                attempt: attempt.attempt,
                attempts,
                phase: AttemptPhase::Failed,
                delay_ms: None,
                code: attempt.code,
                message: attempt.message.clone(),
            }));
            error.attempts.push(attempt);
        }
        if let Some((step, log_tail)) = at_work {
            error.step = Some(step);
            error.log_tail = log_tail;
        }
        match cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }
}

impl Drop for Caller<'_> {
    /// A caller that leaves is told that its steps are given up, as in a build of its own.
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        for step in self.seat.history(History::running) {
            self.progress.emit(&ProgressEvent::Step(Step {
                state: StepState::Canceled,
                ..step
            }));
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
