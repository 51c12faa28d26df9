//! How a session comes to the engine: over a connection that is taken over.

use bytes::Bytes;
use http::Request;
use http::header::{CONNECTION, UPGRADE};
use http_body_util::Empty;

use super::Session;

/// The request that makes a session of its connection
/// (<https://github.com/moby/buildkit/blob/v0.25.2/session/manager.go>, `HandleHTTPRequest`).
pub(crate) fn upgrade_request(session: &Session) -> http::Result<Request<Empty<Bytes>>> {
    let mut request = Request::post("/session")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "h2c");
    for (name, value) in headers(session) {
        request = request.header(name, value);
    }
    request.body(Empty::new())
}

/// What the engine is told of a session before it may use it.
pub(crate) fn headers(session: &Session) -> impl Iterator<Item = (&'static str, &str)> {
    let methods = session
        .methods()
        .map(|method| ("x-docker-expose-session-grpc-method", method));
    [
        ("x-docker-expose-session-uuid", session.id.as_str()),
        (
            "x-docker-expose-session-sharedkey",
            session.shared_key.as_str(),
        ),
    ]
    .into_iter()
    .chain(methods)
}
