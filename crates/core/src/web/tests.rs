use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_rustls::TlsAcceptor;

use super::server::{Seen, Server, answer, listen, serve};
use super::*;
use crate::tls::authority::{Authority, VERSIONS};

fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        url: Url::parse(url).unwrap(),
        authorization: Some(HeaderValue::from_static("Basic eA==")),
        form: None,
    }
}

fn through(proxy: &str) -> Web {
    let proxy = Some(Secret::new(proxy));
    Web::new(&Environment {
        http_proxy: proxy.clone(),
        https_proxy: proxy,
        ..Environment::default()
    })
}

#[tokio::test]
async fn a_form_is_sent_and_its_answer_read() {
    let server = Server::start(|_| answer(200, "hello")).await;
    let web = Web::default();
    let answer = web.send(Request {
        method: Method::POST,
        form: Some(Secret::new("a=b")),
        authorization: None,
        ..get(&server.url("/token?x=y"))
    });
    let answer = answer.await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.body[..]),
        (200, &b"hello"[..])
    );
    let request = server.requests().join("");
    assert!(
        request.starts_with("POST /token?x=y HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("host: 127.0.0.1:{}\r\n", server.port)),
        "{request}"
    );
    assert!(
        request.contains("content-type: application/x-www-form-urlencoded"),
        "{request}"
    );
    assert!(request.ends_with("\r\n\r\na=b"), "{request}");
}

#[tokio::test]
async fn a_redirect_is_followed_but_not_for_ever() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(|_| redirect.to_owned()).await;
    let error = Web::default()
        .send(get(&server.url("/")))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error, WebError::Redirected(Refused::TooOften)),
        "{error:?}"
    );
    assert_eq!(server.requests().len(), 11);
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let port = listen(|stream| async {
        let mut stream = BufReader::new(stream);
        stream.read_line(&mut String::new()).await?;
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
            .await?;
        loop {
            stream.get_mut().write_all(&[b'x'; 4096]).await?;
        }
    });
    let url = format!("http://127.0.0.1:{}/", port.await);
    let error = Web::default().send(get(&url)).await.err().unwrap();
    assert!(matches!(error, WebError::TooLong), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_in_words() {
    let error = Web::default().send(get("http://127.0.0.1:1/")).await;
    assert_eq!(error.err().unwrap().to_string(), "nothing listens there");
}

#[tokio::test]
async fn a_server_that_hangs_up_broke_the_connection() {
    let port = listen(|stream| async {
        drop(stream);
        Ok(())
    });
    let url = format!("http://127.0.0.1:{}/", port.await);
    let error = Web::default().send(get(&url)).await.err().unwrap();
    assert_eq!(error.to_string(), "the connection broke");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_request() {
    let authority = Authority::new();
    let own = authority.sign("127.0.0.1");
    let acceptor = TlsAcceptor::from(Authority::server(&own, None, VERSIONS[1]));
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let port = listen(move |stream| {
        let (accept, seen) = (acceptor.accept(stream), Arc::clone(&kept));
        async move { serve(accept.await?, &seen, |_| answer(200, "")).await }
    });
    let url = format!("https://127.0.0.1:{}/", port.await);
    let error = Web::default().send(get(&url)).await.err().unwrap();
    let WebError::Connect(error) = error else {
        panic!("{error:?}")
    };
    assert!(crate::tls::TlsFailure::below(&error).is_some(), "{error:?}");
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_gets_the_whole_url_and_its_own_password() {
    let proxy = Server::start(|_| answer(200, "by proxy")).await;
    let web = through(&format!("ada:pw@127.0.0.1:{}", proxy.port));
    let answer = web.send(get("http://token.example/t?x=y")).await.unwrap();
    assert_eq!(answer.body, b"by proxy");
    let request = proxy.requests().join("");
    let line = "GET http://token.example/t?x=y HTTP/1.1\r\n";
    assert!(request.starts_with(line), "{request}");
    assert!(request.contains("host: token.example\r\n"), "{request}");
    assert!(
        request.contains("proxy-authorization: Basic YWRhOnB3\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn tls_goes_through_a_proxy_that_sees_neither_path_nor_secret() {
    let authority = Authority::new();
    let own = authority.sign("token.example");
    let acceptor = TlsAcceptor::from(Authority::server(&own, None, VERSIONS[1]));
    let (outer, inner) = (Seen::default(), Seen::default());
    let kept = (Arc::clone(&outer), Arc::clone(&inner));
    let port = listen(move |mut stream| {
        let (outer, inner) = (Arc::clone(&kept.0), Arc::clone(&kept.1));
        let acceptor = acceptor.clone();
        async move {
            let connected = "HTTP/1.1 200 Connected\r\n\r\n";
            serve(&mut stream, &outer, |_| connected.to_owned()).await?;
            let stream = acceptor.accept(stream).await?;
            serve(stream, &inner, |_| answer(200, "inside")).await
        }
    });
    let web = through(&format!("http://127.0.0.1:{}", port.await));
    let client = TlsClient::new(authority.roots(), None).unwrap();
    web.tls.set(client).unwrap();
    let answer = web.send(get("https://token.example/t")).await.unwrap();
    assert_eq!(answer.body, b"inside");
    let outer = outer.lock().unwrap().join("");
    assert!(
        outer.starts_with("CONNECT token.example:443 HTTP/1.1\r\n"),
        "{outer}"
    );
    assert!(!outer.contains("Basic"), "{outer}");
    let inner = inner.lock().unwrap().join("");
    assert!(inner.starts_with("GET /t HTTP/1.1\r\n"), "{inner}");
    assert!(inner.contains("authorization: Basic eA==\r\n"), "{inner}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told() {
    let proxy = Server::start(|_| answer(407, "")).await;
    let web = through(&proxy.url("/"));
    let error = web
        .send(get("https://token.example/t"))
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "the proxy of the environment answered 407"
    );
}
