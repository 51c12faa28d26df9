//! Texts of an engine that want to write on a terminal, or that hold secrets.

use std::fmt::Write as _;

use serde_json::{Value, json};
use shipway_core::progress::ProgressEvent;
use shipway_core::{
    DockerEngine, Environment, Error, ErrorKind, Reference, build_image, pull_image,
};
use tokio::time::Duration;

use super::engine::{Act, Engine, Seen, answer, chunk, image, open_stream, stream};
use super::watching::{Events, builds_folder, folder_of, one_try};

const SECRET: &str = "s3cret-9d1e";

/// Parts of which hostile texts are made.
const PARTS: [&str; 34] = [
    "\u{1b}",
    "\u{1b}[2J",
    "\u{1b}[31m",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]8;;",
    "\u{1b}P",
    "\u{1b}\\",
    "[",
    "]",
    ";",
    "m",
    "\u{7}",
    "\u{8}",
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{9b}31m",
    "\u{9c}",
    "\u{9d}",
    "\u{202e}",
    "\u{2066}",
    "\u{2028}",
    "a",
    " ",
    "é",
    "{\"",
    "\\",
    "WARNING: ",
    "Digest: ",
    "Retrying in 5 seconds",
    " https://u:s3cret-9d1e@registry.example/v2/?token=s3cret-9d1e ",
];

/// The same texts each time.
fn hostile(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    let length = next() % 12 + 1;
    (0..length).map(|_| PARTS[next() % PARTS.len()]).collect()
}

/// Whether a terminal would do something else than show this.
fn is_harmful(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn check_text(text: &str, what: &str) {
    assert!(!text.contains(is_harmful), "{what}: {text:?}");
}

/// Checks every text in a JSON value.
fn check_texts(value: &Value, what: &str) {
    match value {
        Value::String(text) => check_text(text, what),
        Value::Array(values) => values.iter().for_each(|value| check_texts(value, what)),
        Value::Object(fields) => fields.values().for_each(|value| check_texts(value, what)),
        _ => {}
    }
}

fn check_events(events: &[ProgressEvent], what: &str) {
    for event in events {
        let shown = serde_json::to_value(event).unwrap();
        check_texts(&shown, what);
        // What a build step prints is the user's own text.
        if !matches!(event, ProgressEvent::Log(_) | ProgressEvent::Step(_)) {
            assert!(!shown.to_string().contains(SECRET), "{what}: {shown}");
        }
    }
}

fn check_error(error: &Error, what: &str) {
    let mut texts = error.message.clone();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        write!(texts, " {error}").unwrap();
        cause = error.source();
    }
    for attempt in &error.attempts {
        write!(texts, " {:?}", attempt.message).unwrap();
        check_text(attempt.message.as_deref().unwrap_or_default(), what);
    }
    check_text(&texts, what);
    assert!(!texts.contains(SECRET), "{what}: {texts}");
    for line in error.step.iter().chain(&error.log_tail) {
        check_text(line, what);
    }
}

#[tokio::test]
async fn what_an_engine_says_while_it_pulls_harms_no_terminal() {
    for seed in 0..100 {
        let texts: Vec<String> = (0..8).map(|text| hostile(seed * 8 + text)).collect();
        let frames = [
            json!({ "status": texts[0] }),
            json!({ "status": texts[1], "id": texts[2] }),
            json!({ "status": "Downloading", "id": texts[3], "progressDetail": { "current": 1, "total": 2 } }),
            json!({ "status": texts[4], "id": texts[5], "progressDetail": { "current": 1, "total": 2, "units": texts[6] } }),
            json!({ "status": format!("WARNING: {}", texts[6]) }),
            json!({ "status": format!("Digest: {}", texts[7]) }),
            json!({ "status": "Status: Downloaded newer image" }),
        ];
        let frames = frames.map(|frame| frame.to_string());
        let failure = json!({ "error": texts[6], "errorDetail": { "message": texts[7] } });
        let frames_failing = [&frames[..5], &[failure.to_string()]].concat();
        for frames in [frames.to_vec(), frames_failing] {
            let server = Engine::start(move |request: &Seen| {
                if request.is_pull() {
                    stream(&frames)
                } else {
                    image()
                }
            });
            let events = Events::new();
            let what = format!("{texts:?}");
            match pull_image(&server.client(), &one_try("a/b:1"), &events).await {
                Ok(pulled) => {
                    for warning in &pulled.warnings {
                        check_text(&warning.message, &what);
                    }
                    check_text(pulled.digest.as_deref().unwrap_or_default(), &what);
                }
                Err(error) => check_error(&error, &what),
            }
            check_events(&events.all(), &what);
        }
    }
}

#[tokio::test]
async fn what_an_engine_says_while_it_builds_harms_no_terminal() {
    let folder = folder_of(1);
    let mut request = builds_folder(folder.path());
    request.options.tags = vec![Reference::parse("a/b:1").unwrap()];
    for seed in 0..100 {
        let texts: Vec<String> = (0..9).map(|text| hostile(seed * 9 + text)).collect();
        let frames = [
            json!({ "stream": texts[0] }),
            json!({ "stream": format!("Step 1/2 : {}", texts[1]) }),
            json!({ "stream": texts[2] }),
            json!({ "stream": format!("\u{1b}[91m{}\u{1b}[0m", texts[3]) }),
            json!({ "status": texts[4], "id": texts[5], "progressDetail": {} }),
            json!({ "stream": format!("[Warning] {}", texts[6]) }),
            json!({ "stream": format!("Successfully tagged {}", texts[7]) }),
            json!({ "error": texts[8] }),
        ];
        let frames = frames.map(|frame| frame.to_string());
        let server = Engine::start(move |_: &Seen| [vec![Act::TakeBody], stream(&frames)].concat());
        let events = Events::new();
        let what = format!("{texts:?}");
        let result = build_image(&server.client(), &request, &events).await;
        check_error(&result.err().unwrap(), &what);
        check_events(&events.all(), &what);
    }
}

#[tokio::test]
async fn a_refusal_harms_no_terminal_and_keeps_secrets() {
    let folder = folder_of(1);
    for seed in 0..60 {
        let text = hostile(seed);
        let plain = text.clone();
        let json = json!({ "message": text, "cause": text }).to_string();
        for body in [plain, json] {
            let refusal = body.clone();
            let server = Engine::start(move |request: &Seen| {
                if request.is_build() {
                    [vec![Act::TakeBody], answer(500, &refusal)].concat()
                } else {
                    answer(500, &refusal)
                }
            });
            let (client, events) = (server.client(), Events::new());
            let error = pull_image(&client, &one_try("a/b:1"), &events).await;
            check_error(&error.unwrap_err(), &body);
            let error = build_image(&client, &builds_folder(folder.path()), &events).await;
            check_error(&error.err().unwrap(), &body);
            let shown = server.endpoint.to_string();
            let environment = Environment::default();
            let limit = Duration::from_secs(10);
            let error = DockerEngine::connect(Some(&shown), &environment, limit).await;
            check_error(&error.unwrap_err(), &body);
            check_events(&events.all(), &body);
        }
    }
}

#[tokio::test]
async fn an_inspection_and_a_tagging_that_fail_harm_no_terminal_and_keep_secrets() {
    for seed in 0..40 {
        for refuses in ["/json", "/tag"] {
            let text = hostile(seed);
            let refusal = json!({ "message": text }).to_string();
            let server = Engine::start(move |request: &Seen| {
                if request.target.contains("fromImage=docker.io") {
                    answer(404, r#"{"message":"manifest unknown"}"#)
                } else if request.is_pull() {
                    stream([r#"{"status":"Status: Image is up to date"}"#])
                } else if request.target.contains(refuses) {
                    answer(500, &refusal)
                } else {
                    image()
                }
            });
            let mut request = one_try("a/b:1");
            request.fallbacks = Some(vec![Reference::parse("ghcr.io/a/b:1").unwrap()]);
            let events = Events::new();
            let error = pull_image(&server.client(), &request, &events).await;
            check_error(&error.unwrap_err(), &text);
            check_events(&events.all(), &text);
        }
    }
}

#[tokio::test]
async fn what_is_no_json_harms_no_terminal_and_keeps_secrets() {
    for seed in 0..100 {
        let text = hostile(seed);
        for cut in [1, 7, 1000] {
            let body = format!("{text} https://u:{SECRET}@h/ {text}");
            let mut bytes = open_stream([""; 0]);
            for part in body.as_bytes().chunks(cut) {
                bytes.extend_from_slice(&chunk(part));
            }
            let server = Engine::start(move |_: &Seen| vec![Act::Send(bytes.clone())]);
            let events = Events::new();
            let error = pull_image(&server.client(), &one_try("a/b:1"), &events).await;
            check_error(&error.unwrap_err(), &text);
            check_events(&events.all(), &text);
        }
    }
}

/// The limit of a message may fall anywhere in a URL.
#[tokio::test]
async fn a_secret_that_a_long_message_is_cut_in_is_kept() {
    let url = format!("https://user:{SECRET}@registry.example/v2/?token={SECRET}");
    for before in 1960..2060 {
        let text = format!("{} {url} and more", "x".repeat(before));
        let refusal = json!({ "message": text }).to_string();
        let server = Engine::start(move |_: &Seen| answer(500, &refusal));
        let client = server.client();
        let error = pull_image(&client, &one_try("a/b:1"), &Events::new()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::EngineError);
        assert!(
            !error.message.contains("s3cret") && !error.message.contains("user:"),
            "{before}: {error}"
        );
    }
}

#[tokio::test]
async fn a_secret_that_the_excerpt_of_garbage_is_cut_in_is_kept() {
    for before in 0..80 {
        let body = format!("{}https://user:{SECRET}@h/", "x".repeat(before));
        let server = Engine::start(move |_: &Seen| answer(200, &body));
        let client = server.client();
        let error = pull_image(&client, &one_try("a/b:1"), &Events::new()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::EngineProtocol);
        assert!(!error.message.contains("user"), "{before}: {error}");
    }
}
