//! One call: the work, the delivery of its events, and the handle that cancels both.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use napi::bindgen_prelude::{Env, Result};
use napi_derive::napi;
use shipway_core::{Error, ErrorKind};
use tokio_util::sync::CancellationToken;

use crate::delivery::{Listener, deliver};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::teardown;

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

    /// Gives the call up: its promise resolves at once to an outcome with neither `ok` nor `error`.
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
/// The listener has had every event before this resolves, except after a cancellation, which waits for nobody.
pub(crate) async fn run<T>(
    token: CancellationToken,
    progress: Arc<Progress>,
    listener: Option<Listener>,
    work: BoxFuture<'static, shipway_core::Result<T>>,
) -> (Option<T>, Option<Failure>) {
    let work = async {
        let result = AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| Err(internal(&*panic)));
        if let Err(error) = &result {
            progress.fail(error);
        }
        progress.close();
        result
    };
    let delivery = async {
        match (progress.mailbox(), &listener) {
            (Some(mailbox), Some(listener)) => deliver(mailbox, listener).await,
            _ => Ok(()),
        }
    };
    tokio::select! {
        biased;
        () = token.cancelled() => {
            progress.cancel();
            (None, None)
        }
        (result, delivered) = async { tokio::join!(work, delivery) } => match result.and_then(|value| delivered.map(|()| value)) {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(Failure::from(error))),
        },
    }
}

fn internal(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(ErrorKind::Internal, format!("the library panicked: {text}"))
}
