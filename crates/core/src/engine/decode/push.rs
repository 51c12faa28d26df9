//! What an engine says while it pushes.
//!
//! <https://github.com/moby/moby/blob/v28.5.2/distribution/push_v2.go>

use super::{Decoded, Failure, Message, told};
use crate::progress::{ProgressEvent, Status};

/// Follows one push.
#[derive(Debug, Default)]
pub struct PushDecoder {
    last: Option<Message>,
    digest: Option<String>,
}

impl PushDecoder {
    /// A push of which nothing has been heard.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next message. A layer is told of once it is in the registry.
    pub fn decode(&mut self, message: &Message) -> Result<Decoded, Failure> {
        if let Some(failure) = &message.failure {
            return Err(failure.clone());
        }
        let moved = self.last.as_ref() != Some(message);
        self.last = Some(message.clone());
        let Some(status) = message.status.as_deref().filter(|_| moved) else {
            return Ok(Decoded {
                events: Vec::new(),
                moved,
            });
        };
        if let Some(digest) = digest(status) {
            self.digest = Some(digest.to_owned());
        }
        let told_of = match &message.id {
            Some(id) if is_there(status) => Some(format!("{id}: {status}")),
            Some(_) => None,
            None => Some(status.to_owned()),
        };
        let events = told_of.map(|text| {
            ProgressEvent::Status(Status {
                step: None,
                message: told(&text),
            })
        });
        Ok(Decoded {
            events: events.into_iter().collect(),
            moved,
        })
    }

    /// Digest of the manifest in the registry, `sha256:` + 64 hex digits: the engine says it last.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

/// Whether a layer needs no more.
fn is_there(status: &str) -> bool {
    let words = ["Pushed", "Layer already exists", "Mounted from "];
    words.iter().any(|words| status.starts_with(words))
}

/// The digest in `TAG: digest: DIGEST size: BYTES`.
fn digest(status: &str) -> Option<&str> {
    let (_, rest) = status.split_once(": digest: ")?;
    let (digest, _) = rest.split_once(" size: ")?;
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(decoder: &mut PushDecoder, frame: &str) -> (Vec<String>, bool) {
        let message = Message::parse(frame.as_bytes()).unwrap();
        let decoded = decoder.decode(&message).unwrap();
        let texts = decoded.events.into_iter().map(|event| match event {
            ProgressEvent::Status(status) => status.message,
            other => panic!("{other:?}"),
        });
        (texts.collect(), decoded.moved)
    }

    /// Messages of Docker 28.5.2 (graph driver), `POST /images/…/push`.
    #[test]
    fn a_push_tells_of_its_layers_and_of_its_digest() {
        let mut decoder = PushDecoder::new();
        let digest = format!("sha256:{}", "a".repeat(64));
        for (frame, texts, moved) in [
            (
                r#"{"status":"The push refers to repository [127.0.0.1:5000/app]"}"#.to_owned(),
                vec!["The push refers to repository [127.0.0.1:5000/app]".to_owned()],
                true,
            ),
            (
                r#"{"status":"Preparing","progressDetail":{},"id":"5f70"}"#.to_owned(),
                vec![],
                true,
            ),
            (
                r#"{"status":"Preparing","progressDetail":{},"id":"5f70"}"#.to_owned(),
                vec![],
                false,
            ),
            (
                r#"{"status":"Pushing","progressDetail":{"current":512,"total":1024},"id":"5f70"}"#
                    .to_owned(),
                vec![],
                true,
            ),
            (
                r#"{"status":"Pushed","progressDetail":{},"id":"5f70"}"#.to_owned(),
                vec!["5f70: Pushed".to_owned()],
                true,
            ),
            (
                format!(r#"{{"status":"1: digest: {digest} size: 527"}}"#),
                vec![format!("1: digest: {digest} size: 527")],
                true,
            ),
            (
                format!(r#"{{"progressDetail":{{}},"aux":{{"Tag":"1","Digest":"{digest}"}}}}"#),
                vec![],
                true,
            ),
        ] {
            assert_eq!(decode(&mut decoder, &frame), (texts, moved), "{frame}");
        }
        assert_eq!(decoder.digest(), Some(&*digest));
    }

    #[test]
    fn a_failure_ends_a_push() {
        let frame = br#"{"errorDetail":{"message":"denied"},"error":"denied"}"#;
        let failed = PushDecoder::new().decode(&Message::parse(frame).unwrap());
        assert_eq!(failed.unwrap_err().message, "denied");
    }
}
