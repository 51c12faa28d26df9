//! Tokens from the token server that a registry names.
//!
//! <https://distribution.github.io/distribution/spec/auth/token/>,
//! <https://distribution.github.io/distribution/spec/auth/oauth/>

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard_buildkit_proto::moby::filesync::v1::{FetchTokenRequest, FetchTokenResponse};
use http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use tokio::time::timeout;

use super::issued_at;
use crate::credentials::{Credentials, Registry};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::text::encode_pairs;
use crate::tls::TlsFailure;
use crate::web::{Answer, Request, Url, Web, WebError};

/// Longest wait for a token. The engine gives up after 60 s, and has less to say about it
/// (<https://github.com/moby/buildkit/blob/v0.25.2/session/auth/auth.go>, `sessionAuthTimeout`).
const LIMIT: Duration = Duration::from_secs(55);

/// What a token server knows clients like this one by; BuildKit's own name for them.
const CLIENT_ID: &str = "buildkit-client";

/// How long a token lasts where its server does not say so, in seconds.
const DEFAULT_EXPIRY: i64 = 60;

/// What can help where the token server cannot be reached from here.
const NO_CLIENT_TOKEN: &str = "where only the engine reaches this server, set BUILDKIT_NO_CLIENT_TOKEN=1: the engine then gets the credentials, and logs in itself";

/// Gets the token that `asked` is about, with `credentials` or for anybody.
pub(super) async fn fetch(
    web: &Web,
    asked: &FetchTokenRequest,
    credentials: Option<&Credentials>,
) -> Result<FetchTokenResponse> {
    if let Some(Credentials::RegistryToken(token)) = credentials {
        return Ok(FetchTokenResponse {
            token: token.reveal().to_owned(),
            expires_in: DEFAULT_EXPIRY,
            issued_at: 0,
        });
    }
    let Some(realm) = Url::parse(&asked.realm) else {
        let reason = "the registry names no URL of its token server";
        return Err(failed(asked, None, ErrorKind::RegistryError, reason));
    };
    let login = credentials.and_then(Credentials::login);
    let work = exchange(web, asked, &realm, login);
    let Ok(answer) = timeout(LIMIT, work).await else {
        let reason = format!("it did not answer within {} s", LIMIT.as_secs());
        return Err(
            failed(asked, Some(&realm), ErrorKind::Timeout, &reason).with_hint(NO_CLIENT_TOKEN)
        );
    };
    let answer = answer.map_err(|error| not_answered(asked, &realm, error))?;
    if !answer.status.is_success() {
        return Err(refused(asked, &realm, answer.status, login.is_some()));
    }
    read(&answer.body).ok_or_else(|| {
        let reason = "there is no token in its answer";
        failed(asked, Some(&realm), ErrorKind::RegistryError, reason)
    })
}

/// Asks in the way of OAuth with a login, and in the old way without one, or where the server does not know OAuth
/// (<https://github.com/moby/buildkit/blob/v0.25.2/session/auth/authprovider/authprovider.go>, `FetchToken`).
async fn exchange(
    web: &Web,
    asked: &FetchTokenRequest,
    realm: &Url,
    login: Option<(&str, &Secret)>,
) -> Result<Answer, WebError> {
    if let Some((username, secret)) = login {
        let answer = web.send(oauth(asked, realm, username, secret)).await?;
        let is_foreign = match answer.status {
            StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED => true,
            StatusCode::METHOD_NOT_ALLOWED => !username.is_empty(),
            _ => false,
        };
        if !is_foreign {
            return Ok(answer);
        }
    }
    web.send(plain(asked, realm, login)).await
}

fn oauth(asked: &FetchTokenRequest, realm: &Url, username: &str, secret: &Secret) -> Request {
    let scopes = asked.scopes.join(" ");
    let mut pairs = vec![
        ("client_id", CLIENT_ID),
        ("service", asked.service.as_str()),
    ];
    if !scopes.is_empty() {
        pairs.push(("scope", &scopes));
    }
    if username.is_empty() {
        pairs.extend([
            ("grant_type", "refresh_token"),
            ("refresh_token", secret.reveal()),
        ]);
    } else {
        pairs.extend([
            ("grant_type", "password"),
            ("username", username),
            ("password", secret.reveal()),
        ]);
    }
    Request {
        method: Method::POST,
        url: realm.clone(),
        authorization: None,
        form: Some(Secret::new(encode_pairs(pairs))),
    }
}

fn plain(asked: &FetchTokenRequest, realm: &Url, login: Option<(&str, &Secret)>) -> Request {
    let service = (!asked.service.is_empty()).then_some(("service", asked.service.as_str()));
    let scopes = asked.scopes.iter().map(|scope| ("scope", scope.as_str()));
    let authorization = login.and_then(|(username, secret)| {
        let login = STANDARD.encode(format!("{username}:{}", secret.reveal()));
        let mut value = HeaderValue::try_from(format!("Basic {login}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    });
    Request {
        method: Method::GET,
        url: realm
            .clone()
            .with_query(&encode_pairs(service.into_iter().chain(scopes))),
        authorization,
        form: None,
    }
}

/// Reads an answer in either way's words.
fn read(body: &[u8]) -> Option<FetchTokenResponse> {
    #[derive(Deserialize)]
    struct Answered {
        access_token: Option<String>,
        token: Option<String>,
        expires_in: Option<serde_json::Value>,
        issued_at: Option<String>,
    }
    let answered: Answered = serde_json::from_slice(body).ok()?;
    let expires_in = answered.expires_in.and_then(|value| value.as_i64());
    let token = answered.access_token.filter(|token| !token.is_empty());
    let token = token.or(answered.token).filter(|token| !token.is_empty())?;
    Some(FetchTokenResponse {
        token,
        expires_in: expires_in
            .filter(|value| *value > 0)
            .unwrap_or(DEFAULT_EXPIRY),
        issued_at: answered
            .issued_at
            .and_then(|text| issued_at::seconds(&text))
            .unwrap_or(0),
    })
}

/// A server may say in its answer what it was asked: of that, only the status is shown.
fn refused(asked: &FetchTokenRequest, realm: &Url, status: StatusCode, has_login: bool) -> Error {
    let kind = match status.as_u16() {
        401 => ErrorKind::AuthRequired,
        403 => ErrorKind::AccessDenied,
        429 => ErrorKind::RateLimited,
        _ => ErrorKind::RegistryError,
    };
    let reason = format!("it answered {}", status.as_u16());
    let error = failed(asked, Some(realm), kind, &reason);
    if kind == ErrorKind::AuthRequired && has_login {
        return error.with_hint("the credentials are not accepted: log in again with `docker login REGISTRY`, or correct the option `credentials`");
    }
    error
}

fn not_answered(asked: &FetchTokenRequest, realm: &Url, error: WebError) -> Error {
    let kind = match &error {
        WebError::Name(_) => ErrorKind::RegistryDns,
        WebError::Connect(cause) if TlsFailure::below(cause).is_some() => ErrorKind::RegistryTls,
        WebError::Connect(_) | WebError::Proxy | WebError::ProxyRefused(_) => {
            ErrorKind::RegistryUnreachable
        }
        WebError::ConnectLimit => ErrorKind::Timeout,
        WebError::Exchange(_) => ErrorKind::RegistryConnectionLost,
        WebError::TooLong | WebError::Redirected(_) => ErrorKind::RegistryError,
    };
    let failure = failed(asked, Some(realm), kind, &error.to_string());
    let is_away = !matches!(error, WebError::TooLong | WebError::Redirected(_));
    let failure = failure.with_source(error);
    if is_away {
        return failure.with_hint(NO_CLIENT_TOKEN);
    }
    failure
}

fn failed(asked: &FetchTokenRequest, realm: Option<&Url>, kind: ErrorKind, reason: &str) -> Error {
    let registry = Registry::at(&asked.host).to_string();
    let message = match realm {
        Some(realm) => {
            format!("cannot get a token for `{registry}` from `{realm}`: {reason}")
        }
        None => format!("cannot get a token for `{registry}`: {reason}"),
    };
    let mut error = Error::new(kind, message);
    error.registry = Some(registry);
    error
}

#[cfg(test)]
mod tests;
