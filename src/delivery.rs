//! The way of the events from the mailbox to the JavaScript listener.

use std::time::Duration;

use napi::Status;
use napi::bindgen_prelude::{Function, Promise, Result};
use napi::threadsafe_function::{ThreadsafeFunction, UnknownReturnValue};
use shipway_core::{Error, ErrorKind};
use tokio::time::{Instant, sleep, sleep_until};

use crate::mailbox::Mailbox;

/// Shortest time between two batches.
const PACE: Duration = Duration::from_millis(50);

/// Most events in a batch. A batch blocks the event loop while it is parsed and handled: 256 events for about 1 ms.
const BATCH: usize = 256;

/// Longest wait for the promise of an asynchronous listener once the work has ended: a promise that never settles must
/// not keep the call from settling.
const GRACE: Duration = Duration::from_secs(5);

/// What the listener returns: nothing, or a promise when it is not done yet.
type Returned = Option<Promise<UnknownReturnValue>>;

/// The listener as JavaScript passes it; its argument is a batch as JSON text.
pub(crate) type ListenerFunction<'scope> = Function<'scope, String, Returned>;

/// The listener as any thread may call it. Weak: only the promise of the call keeps the process alive.
pub(crate) type Listener = ThreadsafeFunction<String, Returned, String, Status, false, true>;

/// Makes a listener that any thread may call.
pub(crate) fn listener(function: &ListenerFunction<'_>) -> Result<Listener> {
    function
        .build_threadsafe_function::<String>()
        .callee_handled::<false>()
        .weak::<true>()
        .build()
}

/// Delivers batches, one at a time and in order, until the mailbox is closed and empty. A slow listener delays only
/// itself: events keep arriving in the mailbox.
pub(crate) async fn deliver(mailbox: &Mailbox, listener: &Listener) -> shipway_core::Result<()> {
    let mut next = Instant::now();
    while mailbox.wait().await {
        tokio::select! {
            () = sleep_until(next) => {}
            () = mailbox.closed() => {}
        }
        let (batch, is_last) = mailbox.take(BATCH);
        let text = serde_json::to_string(&batch).map_err(undelivered)?;
        // A full mailbox is worth a batch without a pause: each is acknowledged, so the event loop turns in between.
        next = if is_last {
            Instant::now() + PACE
        } else {
            Instant::now()
        };
        if let Some(promise) = listener.call_async_catch(text).await.map_err(undelivered)? {
            tokio::select! {
                _ = promise => {}
                () = async { mailbox.closed().await; sleep(GRACE).await } => return Ok(()),
            }
        }
    }
    Ok(())
}

/// The face's listener does not throw: this is a fault of ours, or the environment is going away.
fn undelivered(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "cannot deliver the events").with_source(error)
}
