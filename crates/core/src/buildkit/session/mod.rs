//! The session: the services that the engine calls while it builds. All of them run on tokio alone.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/session/session.go>

mod attach;
mod auth;
mod content;
mod files;
mod grpc;
mod health;
mod secrets;
mod send;
mod serve;
mod ssh;
#[cfg(test)]
mod tests;
mod tunnel;
mod upload;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::body::Body;

pub(crate) use attach::{headers, upgrade_request};
pub(crate) use auth::Auth;
pub(crate) use content::Content;
pub(crate) use files::FileSync;
pub(crate) use health::Health;
pub(crate) use secrets::Secrets;
pub(crate) use send::FileSend;
pub(crate) use serve::serve;
pub(crate) use ssh::Ssh;
pub(crate) use tunnel::{BytesMessage, tunnel};
pub(crate) use upload::Upload;

/// One service of a session.
pub(crate) trait Service: Send + Sync {
    /// Every method that it answers, such as `/grpc.health.v1.Health/Check`.
    fn methods(&self) -> &'static [&'static str];

    /// Answers a call of the method at `index`.
    fn call(&self, index: usize, request: Request<Incoming>) -> BoxFuture<'static, Response<Body>>;
}

/// What one build offers to the engine.
#[derive(Clone)]
pub(crate) struct Session {
    /// Unique among all sessions of the engine.
    pub(crate) id: String,
    /// What the engine recognises the folders by that it knows from earlier builds.
    pub(crate) shared_key: String,
    pub(crate) services: Arc<[Box<dyn Service>]>,
}

impl Session {
    /// Every method of every service.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &'static str> {
        self.services
            .iter()
            .flat_map(|service| service.methods())
            .copied()
    }
}
