//! One message of the engine's stream, read leniently.

use serde_json::{Map, Value};

use super::Failure;
use crate::engine::frame::protocol;
use crate::error::Result;

/// A message. A field of an unexpected type counts as absent, and unknown fields are ignored: engines of tomorrow add
/// them, and a pull must not fail over them.
///
/// Fields: <https://github.com/moby/moby/blob/docker-v29.7.2/api/types/jsonstream/message.go>.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    /// Output of a build.
    pub stream: Option<String>,
    /// What is happening, to `id` where there is one.
    pub status: Option<String>,
    /// A layer, or the tag that is pulled.
    pub id: Option<String>,
    /// Whether the message is about something that makes progress, even if none is known.
    pub has_progress: bool,
    /// Bytes done, or the count of `units`.
    pub current: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
    /// What `current` counts, where it is not bytes.
    pub units: Option<String>,
    /// `aux.ID`: the image that a build made.
    pub image_id: Option<String>,
    /// The work failed.
    pub failure: Option<Failure>,
}

impl Message {
    /// Reads a frame that ends at byte `at` of the stream. Errors: `ENGINE_PROTOCOL`.
    pub fn parse(frame: &[u8]) -> Result<Self> {
        // Go replaces invalid UTF-8 in what it encodes; Podman passes some through.
        let text = String::from_utf8_lossy(frame);
        let object: Map<String, Value> = serde_json::from_str(&text)
            .map_err(|error| protocol(error.column() as u64, "a frame is no JSON object"))?;
        let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let progress = object.get("progressDetail").and_then(Value::as_object);
        let count = |key: &str| {
            progress
                .and_then(|progress| progress.get(key))
                .and_then(whole)
        };
        Ok(Self {
            stream: text("stream"),
            status: text("status"),
            id: text("id").or_else(|| {
                object
                    .get("id")
                    .and_then(Value::as_u64)
                    .map(|id| id.to_string())
            }),
            has_progress: progress.is_some(),
            current: count("current"),
            total: count("total").filter(|total| *total > 0),
            units: progress
                .and_then(|progress| progress.get("units"))
                .and_then(Value::as_str)
                .filter(|units| !units.is_empty())
                .map(str::to_owned),
            image_id: object
                .get("aux")
                .and_then(|aux| aux.get("ID"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            failure: failure(&object),
        })
    }
}

/// Largest count that is believed: 1 PiB of bytes. Sums of larger ones would overflow.
const LARGEST_COUNT: u64 = 1 << 50;

/// A count that is not negative; some engines count in floating point.
fn whole(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be a small positive number"
    )]
    let from_float = |number: f64| (0.0..1e18).contains(&number).then_some(number as u64);
    value
        .as_u64()
        .or_else(|| value.as_f64().and_then(from_float))
        .filter(|count| *count <= LARGEST_COUNT)
}

/// Docker writes `errorDetail` and, as a legacy, `error`; Podman 3 writes `error` alone. Either one is a failure.
fn failure(object: &Map<String, Value>) -> Option<Failure> {
    let present = |key: &str| object.get(key).filter(|value| !value.is_null());
    let (detail, legacy) = (present("errorDetail"), present("error"));
    if detail.is_none() && legacy.is_none() {
        return None;
    }
    let words = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let message = words(detail.and_then(|detail| detail.get("message")))
        .or_else(|| words(legacy))
        .or_else(|| words(detail))
        .unwrap_or_else(|| "the engine reported a failure without a reason".to_owned());
    let exit_code = detail
        .and_then(|detail| detail.get("code"))
        .and_then(Value::as_i64)
        .filter(|code| *code != 0);
    Some(Failure {
        message,
        exit_code,
        ..Failure::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(frame: &str) -> Message {
        Message::parse(frame.as_bytes()).unwrap()
    }

    #[test]
    fn a_field_of_a_wrong_type_counts_as_absent() {
        let message = parse(
            r#"{"status":7,"id":5,"progressDetail":{"current":5.5,"total":-1,"units":3},"stream":null,"aux":[1],"new":{}}"#,
        );
        assert_eq!(
            message,
            Message {
                id: Some("5".into()),
                has_progress: true,
                current: Some(5),
                ..Message::default()
            }
        );
        assert_eq!(parse(r#"{"progressDetail":null}"#), Message::default());
    }

    #[test]
    fn every_form_of_a_failure_is_one() {
        for (frame, message, exit_code) in [
            (
                r#"{"errorDetail":{"code":127,"message":"boom"},"error":"boom"}"#,
                "boom",
                Some(127),
            ),
            (r#"{"errorDetail":{"message":"boom"}}"#, "boom", None),
            (r#"{"error":"boom"}"#, "boom", None),
            (r#"{"errorDetail":"boom"}"#, "boom", None),
            (
                r#"{"errorDetail":{}}"#,
                "the engine reported a failure without a reason",
                None,
            ),
            (
                r#"{"error":""}"#,
                "the engine reported a failure without a reason",
                None,
            ),
            (
                r#"{"error":{"odd":1}}"#,
                "the engine reported a failure without a reason",
                None,
            ),
        ] {
            let failure = parse(frame).failure.unwrap();
            assert_eq!(
                (failure.message.as_str(), failure.exit_code),
                (message, exit_code),
                "{frame}"
            );
        }
        assert_eq!(parse(r#"{"error":null,"status":"x"}"#).failure, None);
    }

    #[test]
    fn invalid_utf8_does_not_end_a_stream() {
        assert_eq!(
            Message::parse(b"{\"stream\":\"\xff\"}")
                .unwrap()
                .stream
                .as_deref(),
            Some("\u{fffd}")
        );
    }
}
