//! `moby.upload.v1.Upload`: gives the archive that is the context.

use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt as _, StreamExt as _};
use http::{Request, Response};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;

use super::grpc::stream;
use super::{BytesMessage, Service};
use crate::buildkit::archive::Archive;
use crate::buildkit::complaints::Complaints;

/// The one archive that the engine may fetch.
pub(crate) struct Upload {
    pub(crate) archive: Arc<Archive>,
    pub(crate) complaints: Arc<Complaints>,
}

impl Service for Upload {
    fn methods(&self) -> &'static [&'static str] {
        &["/moby.upload.v1.Upload/Pull"]
    }

    fn call(
        &self,
        _index: usize,
        request: Request<Incoming>,
    ) -> BoxFuture<'static, Response<Body>> {
        let path = request.headers().get("urlpath");
        let is_wanted = path
            .and_then(|path| path.to_str().ok())
            .is_some_and(|path| self.archive.is_at(path));
        let content = if is_wanted { self.archive.take() } else { None };
        let complaints = Arc::clone(&self.complaints);
        let response = match content {
            Some(content) => stream(content.map(move |piece| match piece {
                Ok(data) => Ok(BytesMessage { data }),
                Err(error) => {
                    let status = Status::unknown(error.message.clone());
                    complaints.complain(error);
                    Err(status)
                }
            })),
            None => Status::not_found("there is nothing at this address, or it was fetched before")
                .into_http(),
        };
        ready(response).boxed()
    }
}
