//! Streams of real engines, as `fixtures/README.md` describes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use tonic::{Code, Status};

use super::status::StatusResponse;

/// The engines of the recordings.
pub(super) const ENGINES: [&str; 3] = ["docker-20.10", "docker-28.5", "docker-28.5-containerd"];

/// What one engine said of one build.
pub(super) struct Recording {
    pub(super) messages: Vec<StatusResponse>,
    /// What `Solve` failed with.
    pub(super) failure: Option<Status>,
}

/// Reads `fixtures/buildkit/ENGINE-CASE.jsonl`.
pub(super) fn recording(engine: &str, case: &str) -> Recording {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/buildkit");
    let text = std::fs::read_to_string(format!("{folder}/{engine}-{case}.jsonl")).unwrap();
    let mut recording = Recording {
        messages: Vec::new(),
        failure: None,
    };
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let bytes = |value: &serde_json::Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        if let Some(message) = line.get("status") {
            let message = StatusResponse::decode(&bytes(message)[..]).unwrap();
            recording.messages.push(message);
        } else if let Some(failed) = line.get("failed") {
            let code = Code::from_i32(failed["code"].as_i64().unwrap().try_into().unwrap());
            let message = failed["message"].as_str().unwrap();
            let details = bytes(&failed["details"]).into();
            recording.failure = Some(Status::with_details(code, message, details));
        }
    }
    recording
}
