//! A build by whichever builder the engine has.

use super::{Call, DockerEngine, classic_build};
use crate::build_options::Builder;
use crate::buildkit::{self, Daemon, Failure, Unreachable};
use crate::engine::{EngineBuild, EngineBuilt};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::ProgressSink;

/// The first API with whose engines BuildKit is the default, so that one that says otherwise was told to
/// (<https://docs.docker.com/engine/release-notes/23.0/>).
const BUILDKIT_IS_DEFAULT: (u32, u32) = (1, 42);

pub(super) async fn build(
    engine: &DockerEngine,
    build: &EngineBuild,
    progress: &dyn ProgressSink,
) -> Result<EngineBuilt> {
    let subject = build.options.tags.first().map(ToString::to_string);
    let call = Call::build(engine, subject.as_deref());
    let is_forced = build.options.builder == Builder::BuildKit;
    if build.options.builder == Builder::Classic {
        return classic_build::build(engine, build, progress).await;
    }
    let facts = engine.facts().await?;
    if !is_forced && facts.buildkit == Some(false) && facts.api_version >= BUILDKIT_IS_DEFAULT {
        return classic_build::build(engine, build, progress).await;
    }
    let daemon = match Daemon::reach(&engine.http, facts.api_version).await {
        Ok(daemon) => daemon,
        Err(Unreachable::Absent(_)) if !is_forced => {
            return classic_build::build(engine, build, progress).await;
        }
        Err(Unreachable::Absent(exchange)) => {
            let status = exchange.response.status().as_u16();
            let message = format!("the engine has no BuildKit: it answered {status}");
            return Err(call.name(Error::new(ErrorKind::UnsupportedByEngine, message)));
        }
        Err(unreachable) => return Err(lost(&call, unreachable).await),
    };
    match buildkit::build(daemon, build, &engine.node, progress).await {
        Ok(built) => Ok(built),
        Err(Failure::Error(error) | Failure::Deadline(error)) => Err(call.name(error)),
        Err(Failure::Connection(unreachable)) => Err(lost(&call, unreachable).await),
    }
}

async fn lost(call: &Call<'_>, unreachable: Unreachable) -> Error {
    match unreachable {
        Unreachable::Absent(exchange) => match call.accept(Ok(*exchange)).await {
            Err(error) => error,
            Ok(_) => call.name(Error::new(
                ErrorKind::EngineProtocol,
                "the engine does not hand its connection over",
            )),
        },
        Unreachable::Http(error) => call.not_sent(error),
        Unreachable::Failed(status) => call.connection_failed(status),
        Unreachable::Refused(error) => call.name(error),
    }
}
