use ring::signature::{ED25519, UnparsedPublicKey};
use tonic::Code;

use super::*;
use crate::credentials::{CredentialSources, Credentials};
use crate::environment::Environment;
use crate::secret::Secret;
use crate::web::server::{Server, answer};

fn logins(change: impl Fn(&mut CredentialSources)) -> Arc<Logins> {
    let mut sources = CredentialSources::default();
    change(&mut sources);
    let complaints = Arc::new(Complaints::default());
    Auth::new(Keychain::new(sources), complaints).0
}

/// A password for Docker Hub, and a token for another registry.
fn known() -> Arc<Logins> {
    logins(|sources| {
        let password = Credentials::password("ada", "hunter2");
        sources.give("docker.io", password).unwrap();
        let token = Credentials::IdentityToken(Secret::new("refresh"));
        sources.give("r.example:5000", token).unwrap();
    })
}

async fn ask_credentials(host: &str) -> (String, String) {
    let host = host.to_owned();
    let answer = credentials(known(), CredentialsRequest { host }).await;
    let answer = answer.unwrap();
    (answer.username, answer.secret)
}

#[tokio::test]
async fn a_registry_gets_its_own_credentials_and_an_unknown_one_gets_none() {
    for (host, username, secret) in [
        ("registry-1.docker.io", "ada", "hunter2"),
        ("r.example:5000", "", "refresh"),
        ("r.example", "", ""),
        ("evil.example", "", ""),
    ] {
        let wanted = (username.to_owned(), secret.to_owned());
        assert_eq!(ask_credentials(host).await, wanted, "{host}");
    }
}

async fn public_key(logins: &Arc<Logins>, host: &str) -> Result<Vec<u8>, Status> {
    let asked = GetTokenAuthorityRequest {
        host: host.to_owned(),
        salt: vec![1; 32],
    };
    let answer = token_authority(Arc::clone(logins), asked).await?;
    Ok(answer.public_key)
}

#[tokio::test]
async fn an_authority_proves_that_it_is_the_same_in_another_session() {
    for host in ["registry-1.docker.io", "unknown.example"] {
        let key = public_key(&known(), host).await.unwrap();
        let asked = VerifyTokenAuthorityRequest {
            host: host.to_owned(),
            payload: b"payload".to_vec(),
            salt: vec![1; 32],
        };
        let answer = verify_token_authority(known(), asked).await.unwrap();
        let (signature, payload) = answer.signed.split_at(64);
        assert_eq!(payload, b"payload");
        let key = UnparsedPublicKey::new(&ED25519, key);
        assert!(key.verify(payload, signature).is_ok(), "{host}");
    }
}

#[tokio::test]
async fn those_who_have_other_credentials_are_another_authority() {
    let other = logins(|sources| {
        let password = Credentials::password("bob", "hunter2");
        sources.give("docker.io", password).unwrap();
    });
    let host = "registry-1.docker.io";
    let keys = [
        public_key(&known(), host).await.unwrap(),
        public_key(&other, host).await.unwrap(),
        public_key(&logins(|_| {}), host).await.unwrap(),
    ];
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
}

#[tokio::test]
async fn an_engine_is_left_to_log_in_where_the_environment_says_so() {
    let no_token =
        Environment::read(|name| (name == "BUILDKIT_NO_CLIENT_TOKEN").then(|| "1".into()));
    let logins = logins(|sources| *sources = CredentialSources::of(&no_token));
    let status = public_key(&logins, "registry-1.docker.io")
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_token_is_fetched_with_the_credentials_of_the_registry_that_asks() {
    let server = Server::start(|_| answer(200, r#"{"token":"t"}"#)).await;
    for (host, secret) in [
        ("registry-1.docker.io", Some("password=hunter2")),
        ("r.example:5000", Some("refresh_token=refresh")),
        ("evil.example", None),
    ] {
        let asked = FetchTokenRequest {
            host: host.to_owned(),
            realm: server.url("/token"),
            ..FetchTokenRequest::default()
        };
        let fetched = fetch_token(known(), asked).await.unwrap();
        assert_eq!(fetched.token, "t");
        let request = server.requests().pop().unwrap();
        match secret {
            Some(secret) => assert!(request.ends_with(secret), "{request}"),
            None => assert!(request.starts_with("GET"), "{request}"),
        }
    }
}

#[tokio::test]
async fn a_failure_is_kept_for_the_build_that_fails_with_it() {
    let logins = known();
    let asked = FetchTokenRequest {
        host: "registry-1.docker.io".to_owned(),
        realm: "http://127.0.0.1:1/token".to_owned(),
        ..FetchTokenRequest::default()
    };
    let status = fetch_token(Arc::clone(&logins), asked).await.unwrap_err();
    let said = format!("failed to authorize: rpc error: {}", status.message());
    let error = logins.complaints.take(&said).unwrap();
    assert_eq!(error.registry.as_deref(), Some("docker.io"));
    assert!(!said.contains("hunter2"), "{said}");
}
