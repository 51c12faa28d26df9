use super::*;
use crate::web::server::{Server, answer};

/// A password with what base64, forms and headers care about.
const PASSWORD: &str = "pä~?>+ &=:%";

fn asked(realm: &str) -> FetchTokenRequest {
    FetchTokenRequest {
        client_id: "buildkit-client".to_owned(),
        host: "r.example:5000".to_owned(),
        realm: realm.to_owned(),
        service: "r.example".to_owned(),
        scopes: vec![
            "repository:a/b:pull".to_owned(),
            "repository:c:pull".to_owned(),
        ],
    }
}

/// What comes of asking a server that answers so.
async fn ask(
    credentials: Option<Credentials>,
    answer: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (Result<FetchTokenResponse>, Vec<String>) {
    let server = Server::start(answer).await;
    let asked = asked(&server.url("/token"));
    let fetched = fetch(&Web::default(), &asked, credentials.as_ref()).await;
    (fetched, server.requests())
}

fn token(text: &str) -> String {
    answer(
        200,
        &format!(r#"{{"access_token":"{text}","expires_in":300}}"#),
    )
}

#[tokio::test]
async fn a_password_is_posted_and_the_token_is_taken() {
    let credentials = Credentials::password("ada", PASSWORD);
    let (fetched, requests) = ask(Some(credentials), |_| token("t")).await;
    let fetched = fetched.unwrap();
    assert_eq!(
        (
            fetched.token.as_str(),
            fetched.expires_in,
            fetched.issued_at
        ),
        ("t", 300, 0)
    );
    let [request] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
    assert!(!request.contains("authorization"), "{request}");
    let form = "client_id=buildkit-client&service=r.example&scope=repository%3Aa%2Fb%3Apull%20repository%3Ac%3Apull\
                &grant_type=password&username=ada&password=p%C3%A4~%3F%3E%2B%20%26%3D%3A%25";
    assert!(request.ends_with(&format!("\r\n\r\n{form}")), "{request}");
}

#[tokio::test]
async fn an_identity_token_is_exchanged_as_a_refresh_token() {
    let credentials = Credentials::IdentityToken(Secret::new("refresh"));
    let (fetched, requests) = ask(Some(credentials), |_| token("t")).await;
    assert_eq!(fetched.unwrap().token, "t");
    let form = "&grant_type=refresh_token&refresh_token=refresh";
    assert!(requests[0].ends_with(form), "{requests:?}");
    assert!(!requests[0].contains("username"), "{requests:?}");
}

#[tokio::test]
async fn a_registry_token_passes_as_it_is() {
    let credentials = Credentials::RegistryToken(Secret::new("r"));
    let (fetched, requests) = ask(Some(credentials), |_| token("t")).await;
    assert_eq!(fetched.unwrap().token, "r");
    assert!(requests.is_empty());
}

#[tokio::test]
async fn anybody_asks_in_the_old_way() {
    let (fetched, requests) = ask(None, |_| answer(200, r#"{"token":"t"}"#)).await;
    let fetched = fetched.unwrap();
    assert_eq!((fetched.token.as_str(), fetched.expires_in), ("t", 60));
    let line = "GET /token?service=r.example&scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ac%3Apull HTTP/1.1\r\n";
    assert!(requests[0].starts_with(line), "{requests:?}");
    assert!(!requests[0].contains("authorization"), "{requests:?}");
}

#[tokio::test]
async fn a_server_that_does_not_know_oauth_is_asked_in_the_old_way() {
    for status in [401, 404, 405] {
        let credentials = Credentials::password("ada", PASSWORD);
        let (fetched, requests) = ask(Some(credentials), move |request| {
            let is_post = request.starts_with("POST");
            if is_post {
                answer(status, "")
            } else {
                token("t")
            }
        })
        .await;
        assert_eq!(fetched.unwrap().token, "t", "{status}");
        let login = STANDARD.encode(format!("ada:{PASSWORD}"));
        let header = format!("authorization: Basic {login}\r\n");
        assert!(requests[1].contains(&header), "{requests:?}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_not_asked_again_where_the_method_is_refused() {
    let credentials = Credentials::IdentityToken(Secret::new("refresh"));
    let (fetched, requests) = ask(Some(credentials), |_| answer(405, "")).await;
    assert_eq!(fetched.unwrap_err().kind, ErrorKind::RegistryError);
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn what_a_server_refuses_is_told_by_its_status_alone() {
    for (status, kind) in [
        (401, ErrorKind::AuthRequired),
        (403, ErrorKind::AccessDenied),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::RegistryError),
        (200, ErrorKind::RegistryError),
    ] {
        let credentials = Credentials::password("ada", "hunter2");
        // It says what it was asked.
        let echo = move |request: &str| answer(status, &format!("you said {request}"));
        let (fetched, _) = ask(Some(credentials), echo).await;
        let error = fetched.unwrap_err();
        assert_eq!(error.kind, kind, "{status}");
        assert_eq!(error.registry.as_deref(), Some("r.example:5000"));
        let shown = format!("{error:?}");
        assert!(shown.contains("/token`"), "{shown}");
        for secret in ["hunter2", &STANDARD.encode("ada:hunter2")] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_realm_that_is_no_url_is_told() {
    for realm in ["", "token", "file:///etc/passwd"] {
        let error = fetch(&Web::default(), &asked(realm), None)
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::RegistryError, "{realm}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_what_can_help() {
    let asked = asked("http://127.0.0.1:1/token");
    let error = fetch(&Web::default(), &asked, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RegistryUnreachable);
    assert!(
        error.hint().unwrap().contains("BUILDKIT_NO_CLIENT_TOKEN"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let port = crate::web::server::listen(|stream| async move {
        tokio::time::pause();
        std::future::pending::<()>().await;
        drop(stream);
        Ok(())
    });
    let asked = asked(&format!("http://127.0.0.1:{}/token", port.await));
    let error = fetch(&Web::default(), &asked, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(
        error.message.ends_with("it did not answer within 55 s"),
        "{error}"
    );
}

#[test]
fn an_answer_is_read_leniently() {
    for (body, wanted) in [
        (r#"{"access_token":"a","token":"b"}"#, Some(("a", 60, 0))),
        (
            r#"{"access_token":"","token":"b","expires_in":0}"#,
            Some(("b", 60, 0)),
        ),
        (r#"{"token":"b","expires_in":-1}"#, Some(("b", 60, 0))),
        (
            r#"{"token":"b","expires_in":120,"issued_at":"2009-11-10T23:00:00Z"}"#,
            Some(("b", 120, 1_257_894_000)),
        ),
        (
            r#"{"token":"b","issued_at":"0001-01-01T00:00:00Z"}"#,
            Some(("b", 60, 0)),
        ),
        (
            r#"{"token":"b","expires_in":"soon","more":[]}"#,
            Some(("b", 60, 0)),
        ),
        ("{}", None),
        ("", None),
        (r#"{"token":1}"#, None),
    ] {
        let read = read(body.as_bytes());
        let read = read.as_ref();
        let told = read.map(|read| (read.token.as_str(), read.expires_in, read.issued_at));
        assert_eq!(told, wanted, "{body}");
    }
}
