use super::*;
use crate::engine::http::Http;
use crate::secret::Secret;

async fn of(variable: Option<&str>, config: Option<&str>) -> Result<CustomHeaders> {
    let folder = tempfile::tempdir().unwrap();
    if let Some(config) = config {
        std::fs::write(folder.path().join("config.json"), config).unwrap();
    }
    let environment = Environment {
        docker_custom_headers: variable.map(Secret::new),
        docker_config: Some(folder.path().to_owned()),
        ..Environment::default()
    };
    CustomHeaders::of(&environment).await
}

async fn shown(variable: Option<&str>, config: Option<&str>) -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    of(variable, config).await.unwrap().add_to(&mut headers);
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let pairs = headers.iter();
    let mut pairs: Vec<_> = pairs
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    pairs.sort();
    pairs
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    expected.iter().map(pair).collect()
}

#[tokio::test]
async fn the_variable_is_read_as_docker_documents_it() {
    let text = r#"one=one-value,"two=two,value","three= a value with whitespace  ",four=,Five=five=one,fiVe=five-two"#;
    let expected = pairs(&[
        ("five", "five-two"),
        ("four", ""),
        ("one", "one-value"),
        ("three", " a value with whitespace  "),
        ("two", "two,value"),
    ]);
    assert_eq!(shown(Some(text), None).await, expected);
}

#[tokio::test]
async fn the_variable_stands_for_all_of_the_settings() {
    let config = r#"{"HttpHeaders":{"X-One":"1","X-Two":null}}"#;
    assert_eq!(
        shown(None, Some(config)).await,
        pairs(&[("x-one", "1"), ("x-two", "")])
    );
    assert_eq!(
        shown(Some("X-Three=3"), Some(config)).await,
        pairs(&[("x-three", "3")])
    );
}

#[tokio::test]
async fn settings_that_name_no_headers_have_none() {
    for config in [None, Some("{}"), Some(r#"{"HttpHeaders":null}"#), Some("{")] {
        assert!(shown(None, config).await.is_empty(), "{config:?}");
    }
}

#[tokio::test]
async fn what_is_ours_and_what_is_the_connections_cannot_be_set() {
    let text = "user-agent=x,Host=evil,Content-Length=7,Transfer-Encoding=chunked,Connection=close,Upgrade=x,X-Own=1";
    assert_eq!(shown(Some(text), None).await, pairs(&[("x-own", "1")]));
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("ours"));
    let custom = of(Some("Content-Type=theirs"), None).await.unwrap();
    custom.add_to(&mut headers);
    assert_eq!(headers["content-type"], "ours");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_and_not_quoted() {
    for (variable, config, reason) in [
        (Some("hunter2"), None, "header 1 has no `=`"),
        (Some("a=b,Bearer: hunter2=c"), None, "the name of header 2"),
        (Some("=hunter2"), None, "the name of header 1"),
        (
            Some("\"a=hunter2\r\nX-Evil: 1\""),
            None,
            "the value of header 1 has",
        ),
        (Some("a=\u{7f}hunter2"), None, "the value of header 1 has"),
        (Some("a=\"hunter2"), None, "with commas between"),
        (
            None,
            Some(r#"{"HttpHeaders":"hunter2"}"#),
            "it is not an object",
        ),
        (
            None,
            Some(r#"{"HttpHeaders":{"a":["hunter2"]}}"#),
            "is not a text",
        ),
        (
            None,
            Some(r#"{"HttpHeaders":{"a":"hunter2\nX-Evil: 1"}}"#),
            "has characters",
        ),
        (
            None,
            Some(r#"{"HttpHeaders":{"hunter2:":"b"}}"#),
            "the name of header 1",
        ),
        (
            None,
            Some(r#"{"httpHeaders":{"a":"hunter2","A":"b"}}"#),
            "the name of another",
        ),
    ] {
        let error = of(variable, config).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidOption, "{error}");
        assert!(error.message.contains(reason), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn values_are_shown_by_nothing() {
    let headers = of(Some("Authorization=Bearer hunter2"), None)
        .await
        .unwrap();
    let mut request = HeaderMap::new();
    headers.add_to(&mut request);
    let endpoint = crate::engine::endpoint::Endpoint::platform_default();
    let http = Http::new(endpoint, std::time::Duration::ZERO).with_headers(headers.clone());
    let shown = format!("{request:?} {headers:?} {http:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let echoed = Error::new(ErrorKind::EngineError, "who sent `hunter2`?");
    assert!(!headers.hide(echoed).message.contains("hunter2"));
}
