//! `moby.filesync.v1.Auth`: logs in to registries for the engine.
//!
//! Where the engine takes tokens from us, they are all that it gets: a password goes to the token server that the registry
//! names, from here (<https://github.com/moby/buildkit/blob/v0.25.2/session/auth/authprovider/authprovider.go>). Registries
//! that want the password itself are asked by the engine, which then gets it.

mod authority;
mod issued_at;
mod seed;
#[cfg(test)]
mod tests;
mod token;

use std::future::Future;
use std::sync::Arc;

use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use prost::Message;
use tonic::Status;
use tonic::body::Body;

use self::authority::Authority;
use self::seed::Seeds;
use super::Service;
use super::grpc::unary;
use crate::buildkit::complaints::Complaints;
use crate::credentials::{Keychain, Registry, Trouble, refuses_login};
use crate::error::Error;
use crate::web::Web;

/// Credentials and tokens, for the registry that asks and for no other.
pub(crate) struct Auth(Arc<Logins>);

/// What the calls have in common.
struct Logins {
    keychain: Keychain,
    complaints: Arc<Complaints>,
    web: Web,
    seeds: Seeds,
}

impl Auth {
    /// Logs in with `keychain`, and tells `complaints` why it could not.
    pub(crate) fn new(keychain: Keychain, complaints: Arc<Complaints>) -> Self {
        Self(Arc::new(Logins {
            web: Web::new(keychain.environment()),
            seeds: Seeds::default(),
            keychain,
            complaints,
        }))
    }

    /// Answers one call, with what `work` makes of its message.
    async fn answer<M1, M2, F, Fut>(self, request: Request<Incoming>, work: F) -> Response<Body>
    where
        M1: Message + Default + 'static,
        M2: Message + 'static,
        F: Fn(Arc<Logins>, M1) -> Fut + Copy + Send + 'static,
        Fut: Future<Output = Result<M2, Status>> + Send + 'static,
    {
        let logins = self.0;
        unary(request, move |asked: tonic::Request<M1>| {
            work(Arc::clone(&logins), asked.into_inner())
        })
        .await
    }
}

impl Service for Auth {
    fn methods(&self) -> &'static [&'static str] {
        &[
            "/moby.filesync.v1.Auth/Credentials",
            "/moby.filesync.v1.Auth/FetchToken",
            "/moby.filesync.v1.Auth/GetTokenAuthority",
            "/moby.filesync.v1.Auth/VerifyTokenAuthority",
        ]
    }

    fn call(&self, index: usize, request: Request<Incoming>) -> BoxFuture<'static, Response<Body>> {
        let auth = Self(Arc::clone(&self.0));
        async move {
            match index {
                0 => auth.answer(request, credentials).await,
                1 => auth.answer(request, fetch_token).await,
                2 => auth.answer(request, token_authority).await,
                _ => auth.answer(request, verify_token_authority).await,
            }
        }
        .boxed()
    }
}

/// User name and password for an engine that logs in by itself. Nobody is no failure.
async fn credentials(
    logins: Arc<Logins>,
    asked: CredentialsRequest,
) -> Result<CredentialsResponse, Status> {
    let found = logins.keychain.find(&Registry::at(&asked.host)).await;
    let login = found.as_ref().and_then(|found| found.credentials.login());
    let (username, secret) = login
        .map(|(username, secret)| (username.to_owned(), secret.reveal().to_owned()))
        .unwrap_or_default();
    Ok(CredentialsResponse { username, secret })
}

/// A token for some scopes.
async fn fetch_token(
    logins: Arc<Logins>,
    asked: FetchTokenRequest,
) -> Result<FetchTokenResponse, Status> {
    let registry = Registry::at(&asked.host);
    let found = match repository(&asked.scopes) {
        Some(repository) => logins.keychain.find_for(&registry, repository).await,
        None => logins.keychain.find(&registry).await,
    };
    let credentials = found.as_ref().map(|found| &found.credentials);
    let fetched = token::fetch(&logins.web, &asked, credentials).await;
    match (fetched, found) {
        // The image may be one for everybody, which credentials of old hide.
        (Err(error), Some(found)) if refuses_login(error.kind) && only_pulls(&asked.scopes) => {
            let for_anybody = token::fetch(&logins.web, &asked, None).await;
            if let Ok(token) = &for_anybody {
                logins.keychain.remember([token.token.clone()]);
                let trouble = Trouble::refused(&registry, &found, &error);
                logins.keychain.complain(trouble);
            }
            for_anybody.map_err(|_| logins.complain(error))
        }
        (Ok(token), _) => {
            // A registry may repeat it.
            logins.keychain.remember([token.token.clone()]);
            Ok(token)
        }
        (Err(error), _) => Err(logins.complain(error)),
    }
}

/// The key by which the engine knows again who has got a token.
async fn token_authority(
    logins: Arc<Logins>,
    asked: GetTokenAuthorityRequest,
) -> Result<GetTokenAuthorityResponse, Status> {
    let authority = logins.authority(&asked.host, &asked.salt).await?;
    Ok(GetTokenAuthorityResponse {
        public_key: authority.public_key(),
    })
}

/// The proof that the key is here.
async fn verify_token_authority(
    logins: Arc<Logins>,
    asked: VerifyTokenAuthorityRequest,
) -> Result<VerifyTokenAuthorityResponse, Status> {
    let authority = logins.authority(&asked.host, &asked.salt).await?;
    Ok(VerifyTokenAuthorityResponse {
        signed: authority.sign(&asked.payload),
    })
}

/// The repository that a token is for
/// (<https://distribution.github.io/distribution/spec/auth/scope/>).
fn repository(scopes: &[String]) -> Option<&str> {
    let mut scopes = scopes.iter();
    scopes.find_map(|scope| {
        let (resource, _actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
        Some(resource)
    })
}

/// Whether a token for these scopes changes nothing in the registry.
fn only_pulls(scopes: &[String]) -> bool {
    scopes.iter().all(|scope| scope.ends_with(":pull"))
}

impl Logins {
    /// The authority for `host`. There is one for those without credentials as well: a login of theirs that the engine made
    /// by itself would make it ask the next one for a password
    /// (<https://github.com/moby/buildkit/blob/v0.25.2/util/resolver/authorizer.go>, `get`).
    async fn authority(&self, host: &str, salt: &[u8]) -> Result<Authority, Status> {
        let environment = self.keychain.environment();
        if environment.buildkit_no_client_token {
            // In answer to this, the engine asks for the credentials.
            return Err(Status::unavailable("tokens are not fetched by this client"));
        }
        let found = self.keychain.find_all(&Registry::at(host)).await;
        let folder = environment.docker_folder();
        let seed = self.seeds.of(host, &found, folder.as_deref());
        let seed = seed.await.map_err(|error| self.complain(error))?;
        Authority::new(salt, &seed).map_err(|error| self.complain(error))
    }

    /// Keeps `error`, in case that the build fails with it, and makes what the engine is told.
    fn complain(&self, error: Error) -> Status {
        let status = Status::unknown(error.message.clone());
        self.complaints.complain_when_repeated(error);
        status
    }
}
