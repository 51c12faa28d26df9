//! Whether a failed try is repeated at the same source, and after which wait. Decides only: the caller waits.
//!
//! By default a source gets 3 tries with waits of 1 s and 2 s, each shortened by up to half at random: many clients
//! that lost the same registry at the same moment must not come back at the same moment. Engines retry layers by
//! themselves, five or six times over 50 to 75 s (moby `distribution/xfer/download.go`), so a failure after such
//! retries counts as two tries here; otherwise one dead layer would be asked for eighteen times.

use std::time::Duration;

use tokio_retry::strategy::ExponentialBackoff;

use crate::error::{Error, ErrorKind, RetryRule};

/// Wait before a quick second try, when nothing answered at all.
const QUICK: Duration = Duration::from_millis(500);

/// Wait before the late try at a registry that limits its rate and does not say for how long.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(15);

/// How often, and with which waits, a source is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries at one source, the first included; at least 1.
    pub attempts: u32,
    /// Wait after the first failed try; doubled after each further one.
    pub initial_delay: Duration,
    /// Longest wait.
    pub max_delay: Duration,
    /// Whether each wait is shortened by up to half at random.
    pub jitter: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(30),
            jitter: true,
        }
    }
}

/// The tries at one source, counted.
#[derive(Debug)]
pub struct Tries {
    policy: RetryPolicy,
    used: u32,
    backoff: std::iter::Take<ExponentialBackoff>,
    single_used: bool,
    /// Whether the engine was there, and went away.
    was_lost: bool,
}

impl Tries {
    /// No try made yet.
    pub fn new(policy: RetryPolicy) -> Self {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        // `from_millis(2).factor(f)` yields 2f, 4f, 8f…; halved in `next_delay`, so that odd milliseconds survive.
        let backoff = ExponentialBackoff::from_millis(2)
            .factor(millis(policy.initial_delay))
            .max_delay(policy.max_delay.saturating_mul(2))
            .take(usize::try_from(policy.attempts.saturating_sub(1)).unwrap_or(usize::MAX));
        Self {
            policy,
            used: 0,
            backoff,
            single_used: false,
            was_lost: false,
        }
    }

    /// Counts one failed try and says how long to wait before the next one at the same source; `None` ends them.
    ///
    /// `last_source` tells that nobody else is left to ask. `jitter` shortens a duration at random, to nothing at worst.
    pub fn next_delay(
        &mut self,
        error: &Error,
        last_source: bool,
        jitter: impl FnOnce(Duration) -> Duration,
    ) -> Option<Duration> {
        self.used += if error.engine_retried { 2 } else { 1 };
        let once = !self.single_used;
        self.was_lost |= error.kind == ErrorKind::EngineDisconnected;
        let rule = match error.kind {
            // It may be on its way back, which takes longer than a moment.
            ErrorKind::EngineUnreachable if self.was_lost => RetryRule::Attempts,
            kind => kind.retry(),
        };
        self.single_used |= is_single(rule);
        if self.used >= self.policy.attempts {
            return None;
        }
        let backoff = self.backoff.next().map(|delay| delay / 2);
        let delay = match rule {
            RetryRule::Never => return None,
            RetryRule::OnceQuickly => once.then_some(QUICK.min(self.policy.initial_delay)),
            RetryRule::Once => backoff.filter(|_| once),
            RetryRule::Attempts => backoff,
            // Neither the wait the registry asked for nor the default is shortened: earlier would be in vain.
            RetryRule::WhenLast => {
                let wanted = error.retry_after.unwrap_or(RATE_LIMIT_WAIT);
                return (once && last_source && wanted <= self.policy.max_delay).then_some(wanted);
            }
        }?;
        let delay = delay
            .max(error.retry_after.unwrap_or_default())
            .min(self.policy.max_delay);
        Some(if self.policy.jitter {
            delay / 2 + jitter(delay / 2)
        } else {
            delay
        })
    }
}

fn is_single(rule: RetryRule) -> bool {
    matches!(
        rule,
        RetryRule::OnceQuickly | RetryRule::Once | RetryRule::WhenLast
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(
        policy: RetryPolicy,
        errors: impl IntoIterator<Item = Error>,
        last: bool,
    ) -> Vec<u128> {
        let mut tries = Tries::new(policy);
        errors
            .into_iter()
            .map_while(|error| tries.next_delay(&error, last, |half| half))
            .map(|delay| delay.as_millis())
            .collect()
    }

    fn always(kind: ErrorKind) -> impl Iterator<Item = Error> {
        std::iter::repeat_with(move || Error::new(kind, "x")).take(20)
    }

    #[test]
    fn the_default_schedule_is_one_and_two_seconds() {
        assert_eq!(
            schedule(
                RetryPolicy::default(),
                always(ErrorKind::RegistryError),
                false
            ),
            [1000, 2000]
        );
    }

    #[test]
    fn an_engine_that_was_lost_may_take_its_time_to_come_back() {
        let gone = || always(ErrorKind::EngineUnreachable);
        assert_eq!(schedule(RetryPolicy::default(), gone(), true), [500]);
        let lost = std::iter::once(Error::new(ErrorKind::EngineDisconnected, "x"));
        let policy = RetryPolicy {
            attempts: 5,
            ..RetryPolicy::default()
        };
        assert_eq!(
            schedule(policy, lost.chain(gone()), true),
            [1000, 2000, 4000, 8000]
        );
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = RetryPolicy {
            attempts: 8,
            ..RetryPolicy::default()
        };
        assert_eq!(
            schedule(policy, always(ErrorKind::Timeout), false),
            [1000, 2000, 4000, 8000, 16000, 30000, 30000]
        );
    }

    #[test]
    fn odd_milliseconds_survive() {
        let policy = RetryPolicy {
            initial_delay: Duration::from_millis(1),
            ..RetryPolicy::default()
        };
        assert_eq!(schedule(policy, always(ErrorKind::Timeout), false), [1, 2]);
    }

    #[test]
    fn no_kind_is_tried_more_often_than_its_rule_allows() {
        let policy = RetryPolicy {
            attempts: 5,
            ..RetryPolicy::default()
        };
        for kind in ErrorKind::ALL {
            let (first, last) = (
                schedule(policy, always(*kind), false),
                schedule(policy, always(*kind), true),
            );
            let expected = match kind.retry() {
                RetryRule::Never => (0, 0),
                RetryRule::OnceQuickly | RetryRule::Once => (1, 1),
                RetryRule::Attempts => (4, 4),
                RetryRule::WhenLast => (0, 1),
            };
            assert_eq!((first.len(), last.len()), expected, "{kind}");
        }
    }

    #[test]
    fn one_attempt_means_no_second_one() {
        let policy = RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        };
        for kind in ErrorKind::ALL {
            assert_eq!(schedule(policy, always(*kind), true), [0_u128; 0], "{kind}");
        }
    }

    #[test]
    fn a_failure_that_the_engine_retried_by_itself_counts_twice() {
        let retried = || {
            let mut error = Error::new(ErrorKind::RegistryConnectionLost, "x");
            error.engine_retried = true;
            error
        };
        assert_eq!(
            schedule(
                RetryPolicy::default(),
                std::iter::repeat_with(retried).take(9),
                false
            ),
            [1000]
        );
    }

    #[test]
    fn a_rate_limit_waits_as_long_as_the_registry_asks_or_not_at_all() {
        let limited = |seconds| {
            let mut error = Error::new(ErrorKind::RateLimited, "x");
            error.retry_after = seconds;
            [error]
        };
        let policy = RetryPolicy::default();
        assert_eq!(
            schedule(policy, limited(Some(Duration::from_secs(3))), true),
            [3000]
        );
        assert_eq!(schedule(policy, limited(None), true), [15000]);
        assert_eq!(
            schedule(policy, limited(Some(Duration::from_secs(3600))), true),
            [0_u128; 0]
        );
    }

    #[test]
    fn jitter_shortens_a_wait_by_half_at_most() {
        let error = Error::new(ErrorKind::RegistryError, "x");
        for (random, expected) in [(0.0, 500), (0.5, 750), (1.0, 1000)] {
            let jitter = |half: Duration| half.mul_f64(random);
            let delay = Tries::new(RetryPolicy::default()).next_delay(&error, false, jitter);
            assert_eq!(delay, Some(Duration::from_millis(expected)));
        }
    }
}
