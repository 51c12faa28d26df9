//! Reaching a BuildKit, in the ways that engines offer.

#[cfg(test)]
#[cfg(unix)]
mod tests;

use std::error::Error as _;
use std::future::Future;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use http::Request;
use http::header::{CONNECTION, UPGRADE};
use http_body_util::Empty;
use tonic::{Code, Status};

use super::channel::Channel;
use super::control::Control;
use super::session::{Session, serve, tunnel, upgrade_request};
use super::tasks::Tasks;
use crate::engine::classify;
use crate::engine::http::{Exchange, Http, HttpError};
use crate::error::{Error, ErrorKind};
use crate::tls::Protocol;

/// Longest wait for each first answer, once there is a connection. It comes at once, save from an engine under load, or
/// from something before the engine that waits for more of a request which it does not understand.
const FIRST_ANSWER: Duration = Duration::from_secs(30);

/// A BuildKit that answers. Dropping it ends every connection to it, and with them what it does for us.
pub(crate) struct Daemon {
    http: Http,
    control: Control,
    route: Route,
    tasks: Tasks,
    pub(crate) worker: Worker,
}

/// How calls come to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    /// gRPC on the API's socket: engines from API 1.53 on
    /// (<https://github.com/moby/moby/blob/docker-v29.2.0/api/docs/CHANGELOG.md>).
    Direct,
    /// A connection of the API that is taken over, which newer engines will not offer any more.
    Upgrade,
}

/// What is known of the worker that builds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Worker {
    /// The newest API of its engine, major and minor.
    pub(crate) api_version: (u32, u32),
    /// Whether images are kept by containerd, so that the engine can export whatever BuildKit can.
    pub(crate) has_containerd_store: bool,
    /// Whether it makes several outputs of one build.
    pub(crate) takes_many_outputs: bool,
    /// Address of the engine's machine as its containers see it.
    pub(crate) host_gateway: Option<String>,
}

/// The first API with whose engines BuildKit is 0.13 or newer, so that it makes several outputs of one build: Docker
/// 26. The version that BuildKit itself tells is unknown in engines that distributions build.
const MANY_OUTPUTS: (u32, u32) = (1, 45);

/// Why no BuildKit answers.
pub(crate) enum Unreachable {
    /// The engine has none, and says so by this answer.
    Absent(Box<Exchange>),
    /// Its connection broke.
    Http(HttpError),
    /// It was reached, and its connection broke.
    Failed(Status),
    /// It was reached, and said no.
    Refused(Error),
}

impl Unreachable {
    /// What became of a call.
    fn by(status: Status) -> Self {
        // A status that the engine sent has no cause.
        if status.source().is_some() {
            return Self::Failed(status);
        }
        let kind = match status.code() {
            Code::Unimplemented => ErrorKind::UnsupportedByEngine,
            Code::PermissionDenied => ErrorKind::EnginePermissionDenied,
            _ => ErrorKind::EngineError,
        };
        Self::Refused(Error::new(kind, classify::readable(status.message())))
    }
}

impl Daemon {
    /// Reaches the BuildKit of an engine that speaks an API of `version` (major and minor).
    pub(crate) async fn reach(http: &Http, version: (u32, u32)) -> Result<Self, Unreachable> {
        // What lies between may understand less than the engine: a proxy may speak HTTP/1.1 alone.
        if version >= (1, 53)
            && let Ok(daemon) = Self::connect(http, version, Route::Direct).await
        {
            return Ok(daemon);
        }
        Self::connect(http, version, Route::Upgrade).await
    }

    async fn connect(http: &Http, version: (u32, u32), route: Route) -> Result<Self, Unreachable> {
        let tasks = Tasks::default();
        let (control, worker) = in_time(http, async {
            let control = Control::new(open(http, route, &tasks).await?);
            let workers = control.list_workers().await.map_err(Unreachable::by)?;
            Ok((control, Worker::of(&workers, version)))
        })
        .await?;
        Ok(Self {
            http: http.clone(),
            control,
            route,
            tasks,
            worker,
        })
    }

    /// Its control API.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Whether gRPC is spoken on the API's own endpoint.
    pub(crate) fn is_direct(&self) -> bool {
        self.route == Route::Direct
    }

    /// Starts tasks that end with this daemon.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Offers `session` to the engine, for as long as the daemon lives.
    pub(crate) async fn attach(&self, session: &Session) -> Result<(), Unreachable> {
        in_time(&self.http, self.offer(session)).await
    }

    async fn offer(&self, session: &Session) -> Result<(), Unreachable> {
        let spawner = self.tasks.spawner();
        let refusal = match self.route {
            Route::Direct => None,
            Route::Upgrade => {
                let request = upgrade_request(session).unwrap_or_default();
                let taken = self.http.upgrade(request).await;
                match taken.map_err(Unreachable::Http)? {
                    Ok(io) => {
                        spawner.spawn(serve(io, session.clone(), spawner.clone()));
                        return Ok(());
                    }
                    Err(exchange) => Some(exchange),
                }
            }
        };
        match (tunnel(&self.control, session).await, refusal) {
            (Ok(io), _) => {
                spawner.spawn(serve(io, session.clone(), spawner.clone()));
                Ok(())
            }
            (Err(status), Some(exchange)) if status.code() == Code::Unimplemented => {
                Err(Unreachable::Absent(Box::new(exchange)))
            }
            (Err(status), _) => Err(Unreachable::by(status)),
        }
    }

    /// Ends every connection, and waits until they have ended.
    pub(crate) async fn close(self) {
        self.tasks.close().await;
    }
}

/// Opens a connection that takes gRPC calls.
async fn open(http: &Http, route: Route, tasks: &Tasks) -> Result<Channel, Unreachable> {
    let broken = |error| Unreachable::Http(HttpError::Exchange(error));
    match route {
        Route::Direct => {
            let io = http
                .connect(Protocol::Http2)
                .await
                .map_err(Unreachable::Http)?;
            let channel = Channel::over(io, tasks.spawner()).await.map_err(broken)?;
            // These calls are requests to the engine themselves.
            Ok(channel.with_headers(|headers| http.custom_headers().add_to(headers)))
        }
        Route::Upgrade => {
            let request = Request::post("/grpc")
                .header(CONNECTION, "Upgrade")
                .header(UPGRADE, "h2c")
                .body(Empty::new())
                .unwrap_or_default();
            let io = http.upgrade(request).await.map_err(Unreachable::Http)?;
            let io = io.map_err(|exchange| Unreachable::Absent(Box::new(exchange)))?;
            Channel::over(io, tasks.spawner()).await.map_err(broken)
        }
    }
}

/// Waits for an answer, but not for ever.
async fn in_time<T>(
    http: &Http,
    answer: impl Future<Output = Result<T, Unreachable>>,
) -> Result<T, Unreachable> {
    let limit = http.connect_timeout.saturating_add(FIRST_ANSWER);
    tokio::time::timeout(limit, answer)
        .await
        .unwrap_or_else(|_| {
            let message = format!("BuildKit did not answer within {} s", limit.as_secs_f64());
            Err(Unreachable::Refused(Error::new(
                ErrorKind::Timeout,
                message,
            )))
        })
}

impl Worker {
    fn of(workers: &api::ListWorkersResponse, api_version: (u32, u32)) -> Self {
        let label = |name: &str| {
            let name = format!("org.mobyproject.buildkit.worker.{name}");
            let mut labels = workers.record.iter().map(|worker| &worker.labels);
            labels.find_map(|labels| labels.get(&name)).cloned()
        };
        Self {
            api_version,
            has_containerd_store: label("snapshotter").is_some(),
            takes_many_outputs: api_version >= MANY_OUTPUTS,
            host_gateway: label("moby.host-gateway-ip").filter(|address| !address.is_empty()),
        }
    }
}
