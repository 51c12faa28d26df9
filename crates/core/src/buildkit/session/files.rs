//! `moby.filesync.v1.FileSync`: gives the engine the folders of the build.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;

use super::Service;
use super::grpc::messages;
use crate::buildkit::complaints::Complaints;
use crate::buildkit::filesync::{SyncCounters, SyncRequest, Transfer, Tree, answer};
use crate::buildkit::tasks::Spawner;

/// The folders that the engine may ask for, by name.
pub(crate) struct FileSync {
    pub(crate) folders: BTreeMap<String, (Arc<dyn Tree>, Arc<SyncCounters>)>,
    pub(crate) complaints: Arc<Complaints>,
    pub(crate) spawner: Spawner,
}

impl Service for FileSync {
    fn methods(&self) -> &'static [&'static str] {
        &["/moby.filesync.v1.FileSync/DiffCopy"]
    }

    fn call(
        &self,
        _index: usize,
        request: Request<Incoming>,
    ) -> BoxFuture<'static, Response<Body>> {
        std::future::ready(self.diff_copy(request)).boxed()
    }
}

impl FileSync {
    fn diff_copy(&self, request: Request<Incoming>) -> Response<Body> {
        let wanted = SyncRequest::read(request.headers());
        let Some((tree, counters)) = self.folders.get(&wanted.name) else {
            let message = format!("no access allowed to dir {:?}", wanted.name);
            return Status::not_found(message).into_http();
        };
        let counters = if wanted.is_for_ignore_file() {
            Arc::default()
        } else {
            Arc::clone(counters)
        };
        let transfer = Transfer {
            tree: Arc::clone(tree),
            wanted,
            counters,
            complaints: Arc::clone(&self.complaints),
        };
        answer(transfer, messages(request), &self.spawner)
    }
}
