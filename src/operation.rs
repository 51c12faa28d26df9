//! One call: the work, the delivery of its events, and the handle that cancels both.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use napi::bindgen_prelude::{Env, Result};
use napi_derive::napi;
use shipway_core::{Error, ErrorKind};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::delivery::{Listener, deliver};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::teardown;

/// Longest wait for whoever reads what is shown once the work has ended: as long as for a listener. A pipe that nobody
/// reads must not keep the call from settling.
const GRACE: Duration = Duration::from_secs(5);

/// The same, and for the listener, after a cancellation, and for what is shown once the time of the call is over: enough
/// for the last events where somebody takes them, and not noticed where nobody does.
const SHORT_GRACE: Duration = Duration::from_millis(250);

/// The handle of one call.
#[napi]
pub struct Operation {
    token: CancellationToken,
}

#[napi]
impl Operation {
    /// Makes the handle of a call that has not begun.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env) -> Result<Self> {
        Ok(Self {
            token: teardown::token(env)?,
        })
    }

    /// Gives the call up: its promise resolves to an outcome with neither `ok` nor `error`, as soon as the last events are
    /// taken and after 250 ms at most.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

impl Operation {
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}

/// Runs `work` until it ends or `token` is cancelled; dropping it is what cancels it at the engine. Returns the result, or
/// the failure, or neither after a cancellation.
///
/// The listener has had every event and the display shows them before this resolves, unless they are too slow for it.
pub(crate) async fn run<T>(
    token: CancellationToken,
    progress: Arc<Progress>,
    listener: Option<Listener>,
    work: BoxFuture<'static, shipway_core::Result<T>>,
) -> (Option<T>, Option<Failure>) {
    let work = async {
        let result = until_cancelled(&token, work).await;
        let grace = match &result {
            None => {
                progress.cancel();
                SHORT_GRACE
            }
            Some(Err(error)) => {
                progress.fail(error);
                match error.kind {
                    ErrorKind::Deadline => SHORT_GRACE,
                    _ => GRACE,
                }
            }
            Some(Ok(_)) => GRACE,
        };
        progress.close();
        tokio::select! {
            () = progress.drawn() => {}
            () = sleep(grace) => {}
            () = long_cancelled(&token) => {}
        }
        progress.leave();
        result
    };
    // A task of its own: work that decodes many lines at once lets nobody else in meanwhile.
    let delivery = listener.map(|listener| {
        let (progress, token) = (Arc::clone(&progress), token.clone());
        AbortOnDropHandle::new(tokio::spawn(async move {
            let Some(mailbox) = progress.mailbox() else {
                return Ok(());
            };
            tokio::select! {
                delivered = deliver(mailbox, &listener) => delivered,
                () = long_cancelled(&token) => Ok(()),
            }
        }))
    });
    let delivery = async {
        match delivery {
            None => Ok(()),
            Some(delivery) => delivery.await.unwrap_or_else(|failure| {
                Err(match failure.try_into_panic() {
                    Ok(panic) => internal(&*panic),
                    Err(failure) => Error::new(ErrorKind::Internal, "the delivery was ended")
                        .with_source(failure),
                })
            }),
        }
    };
    match tokio::join!(work, delivery) {
        _ if token.is_cancelled() => (None, None),
        (Some(Ok(value)), Ok(())) => (Some(value), None),
        (Some(Err(error)), _) | (_, Err(error)) => (None, Some(Failure::from(error))),
        (None, Ok(())) => (None, None),
    }
}

/// Runs `work`; `None` after a cancellation. What the end of the work has to tell is told when this resolves.
async fn until_cancelled<T>(
    token: &CancellationToken,
    work: BoxFuture<'static, shipway_core::Result<T>>,
) -> Option<shipway_core::Result<T>> {
    tokio::select! {
        biased;
        () = token.cancelled() => None,
        result = AssertUnwindSafe(work).catch_unwind() => {
            Some(result.unwrap_or_else(|panic| Err(internal(&*panic))))
        }
    }
}

/// Resolves when nobody is to be waited for any longer after a cancellation.
async fn long_cancelled(token: &CancellationToken) {
    token.cancelled().await;
    sleep(SHORT_GRACE).await;
}

fn internal(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(ErrorKind::Internal, format!("the library panicked: {text}"))
}
