//! A build by whichever builder the engine has.

use super::{Call, DockerEngine, classic_build, push};
use crate::build_options::{Builder, OutputKind};
use crate::buildkit::{self, BrokenCall, Daemon, Failure, Unreachable};
use crate::check_build::CheckWarning;
use crate::credentials::Spelling;
use crate::engine::{EngineBuild, EngineBuilt};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::ProgressSink;

/// What helps where the caller, or `DOCKER_BUILDKIT`, asked for the classic builder of an engine that has BuildKit.
const LEAVE_CLASSIC: &str =
    "unset DOCKER_BUILDKIT, or set the option `builder` to `buildkit` or `auto`";

pub(super) async fn build(
    engine: &DockerEngine,
    build: &EngineBuild,
    progress: &dyn ProgressSink,
) -> Result<EngineBuilt> {
    let built = build_with_either(engine, build, progress).await;
    built.map_err(|error| placed(error, build))
}

/// Names the Dockerfile as the caller does.
fn placed(mut error: Error, build: &EngineBuild) -> Error {
    if let Some(place) = &mut error.dockerfile {
        place.path = build.source.dockerfile_path();
    }
    error
}

async fn build_with_either(
    engine: &DockerEngine,
    build: &EngineBuild,
    progress: &dyn ProgressSink,
) -> Result<EngineBuilt> {
    let subject = build.options.tags.first().map(ToString::to_string);
    let call = Call::build(engine, subject.as_deref());
    let is_forced = build.options.builder == Builder::BuildKit;
    if build.options.builder == Builder::Classic {
        let error = match classic_build::build(engine, build, progress).await {
            Err(error) if error.kind == ErrorKind::UnsupportedByEngine => error,
            built => return built,
        };
        let facts = engine.facts().await;
        let has_buildkit = facts.is_ok_and(|facts| facts.buildkit != Some(false));
        return Err(if has_buildkit {
            error.with_hint(LEAVE_CLASSIC)
        } else {
            error
        });
    }
    let facts = engine.facts().await?;
    if !is_forced && !facts.prefers_buildkit() {
        return classic_build::build(engine, build, progress).await;
    }
    let daemon = match Daemon::reach(&engine.http, facts.api_version).await {
        Ok(daemon) => daemon,
        Err(Unreachable::Absent(_)) if !is_forced => {
            return classic_build::build(engine, build, progress).await;
        }
        Err(unreachable) => return Err(lost(&call, unreachable)),
    };
    let (docker, _) = build.credentials.docker_config().await;
    let endpoint = engine.endpoint().docker_host();
    let given = &build.options.build_args;
    let proxies = docker.proxies.missing(given, &endpoint, Spelling::Upper);
    // The containerd image store has all of an image, and BuildKit pushes it there; a graph driver pushes by itself.
    let pushes = !daemon.worker.has_containerd_store && wants_push(build);
    match buildkit::build(daemon, build, &engine.node, proxies, progress).await {
        Ok(mut built) => {
            if pushes {
                built.digest = push::push_all(engine, build, progress).await?;
            }
            Ok(built)
        }
        Err(Failure::Error(error) | Failure::Deadline(error)) => Err(call.name(error)),
        Err(Failure::Connection(unreachable)) => Err(lost(&call, unreachable)),
    }
}

fn wants_push(build: &EngineBuild) -> bool {
    let outputs = build.options.outputs.iter();
    outputs
        .map(|output| &output.kind)
        .any(|kind| *kind == OutputKind::Image { push: true })
}

/// Checks a build. Only BuildKit can.
pub(super) async fn check(engine: &DockerEngine, build: &EngineBuild) -> Result<Vec<CheckWarning>> {
    let call = Call::check(engine);
    let facts = engine.facts().await?;
    let daemon = match Daemon::reach(&engine.http, facts.api_version).await {
        Ok(daemon) => daemon,
        Err(unreachable) => return Err(lost(&call, unreachable)),
    };
    match buildkit::check(daemon, build, &engine.node).await {
        Ok(warnings) => Ok(warnings),
        Err(Failure::Error(error) | Failure::Deadline(error)) => {
            Err(placed(call.name(error), build))
        }
        Err(Failure::Connection(unreachable)) => Err(lost(&call, unreachable)),
    }
}

pub(super) fn lost(call: &Call<'_>, unreachable: Unreachable) -> Error {
    match unreachable {
        Unreachable::Absent(exchange) => {
            let status = exchange.response.status().as_u16();
            let message = format!("the engine has no BuildKit: it answered {status}");
            call.name(Error::new(ErrorKind::UnsupportedByEngine, message))
        }
        Unreachable::Http(error) => call.not_sent(error),
        Unreachable::Failed(status) => call.connection_failed(BrokenCall(status)),
        Unreachable::Refused(error) => call.name(error),
    }
}
