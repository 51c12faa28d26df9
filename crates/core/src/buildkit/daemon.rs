//! Reaching a BuildKit, in the ways that engines offer.

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use http::Request;
use http::header::{CONNECTION, UPGRADE};
use http_body_util::Empty;

use super::channel::Channel;
use super::control::Control;
use super::session::{Session, serve, tunnel, upgrade_request};
use super::tasks::Tasks;
use crate::engine::http::{Exchange, Http, HttpError};
use crate::tls::Protocol;

/// A BuildKit that answers. Dropping it ends every connection to it, and with them what it does for us.
pub(crate) struct Daemon {
    http: Http,
    control: Control,
    route: Route,
    tasks: Tasks,
    pub(crate) worker: Worker,
}

/// How calls, and the session, come to the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    /// gRPC on the API's socket, and the session inside a call: engines from API 1.53 on
    /// (<https://github.com/moby/moby/blob/docker-v29.2.0/api/docs/CHANGELOG.md>).
    Direct,
    /// Connections of the API that are taken over, which newer engines will not offer any more.
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
    /// It was reached, and failed.
    Failed(tonic::Status),
}

impl Daemon {
    /// Reaches the BuildKit of an engine that speaks an API of `version` (major and minor).
    pub(crate) async fn reach(http: &Http, version: (u32, u32)) -> Result<Self, Unreachable> {
        if version >= (1, 53)
            && let Ok(daemon) = Self::connect(http, version, Route::Direct).await
        {
            return Ok(daemon);
        }
        Self::connect(http, version, Route::Upgrade).await
    }

    async fn connect(http: &Http, version: (u32, u32), route: Route) -> Result<Self, Unreachable> {
        let tasks = Tasks::default();
        let spawner = tasks.spawner();
        let broken = |error| Unreachable::Http(HttpError::Exchange(error));
        let channel = match route {
            Route::Direct => {
                let io = http.connect(Protocol::Http2).await;
                let io = io.map_err(Unreachable::Http)?;
                Channel::over(io, spawner).await.map_err(broken)?
            }
            Route::Upgrade => {
                let request = Request::post("/grpc")
                    .header(CONNECTION, "Upgrade")
                    .header(UPGRADE, "h2c")
                    .body(Empty::new())
                    .unwrap_or_default();
                let io = http.upgrade(request).await.map_err(Unreachable::Http)?;
                let io = io.map_err(|exchange| Unreachable::Absent(Box::new(exchange)))?;
                Channel::over(io, spawner).await.map_err(broken)?
            }
        };
        let control = Control::new(channel);
        let workers = control.list_workers().await.map_err(Unreachable::Failed)?;
        Ok(Self {
            http: http.clone(),
            control,
            route,
            tasks,
            worker: Worker::of(&workers, version),
        })
    }

    /// Its control API.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Starts tasks that end with this daemon.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Offers `session` to the engine, for as long as the daemon lives.
    pub(crate) async fn attach(&self, session: &Session) -> Result<(), Unreachable> {
        let spawner = self.tasks.spawner();
        match self.route {
            Route::Direct => {
                let io = tunnel(&self.control, session).await;
                let io = io.map_err(Unreachable::Failed)?;
                spawner.spawn(serve(io, session.clone(), spawner.clone()));
            }
            Route::Upgrade => {
                let request = upgrade_request(session).unwrap_or_default();
                let io = self
                    .http
                    .upgrade(request)
                    .await
                    .map_err(Unreachable::Http)?;
                let io = io.map_err(|exchange| Unreachable::Absent(Box::new(exchange)))?;
                spawner.spawn(serve(io, session.clone(), spawner.clone()));
            }
        }
        Ok(())
    }

    /// Ends every connection, and waits until they have ended.
    pub(crate) async fn close(self) {
        self.tasks.close().await;
    }
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
