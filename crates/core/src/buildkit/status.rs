//! What a build says while it runs.

use std::collections::HashMap;
use std::time::Duration;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1 as api;

use crate::progress::{Log, LogStream, ProgressEvent, Step, StepState, Warning};
use crate::text::LineAssembler;

/// Follows one build.
#[derive(Debug, Default)]
pub(crate) struct StatusDecoder {
    vertexes: HashMap<String, Vertex>,
    warnings: Vec<Warning>,
}

#[derive(Debug, Default)]
struct Vertex {
    name: String,
    state: Option<StepState>,
    stdout: LineAssembler,
    stderr: LineAssembler,
}

impl StatusDecoder {
    /// A build of which nothing has been heard.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes the next message.
    pub(crate) fn decode(&mut self, message: api::StatusResponse) -> Vec<ProgressEvent> {
        let mut events = Vec::new();
        for vertex in message.vertexes {
            let known = self.vertexes.entry(vertex.digest.clone()).or_default();
            known.name.clone_from(&vertex.name);
            let state = match (&vertex.started, &vertex.completed) {
                _ if vertex.cached => StepState::Cached,
                (None, _) => continue,
                (Some(_), None) => StepState::Running,
                (Some(_), Some(_)) if !vertex.error.is_empty() => StepState::Failed,
                (Some(_), Some(_)) => StepState::Done,
            };
            if known.state == Some(state) {
                continue;
            }
            known.state = Some(state);
            let duration = vertex.completed.as_ref().zip(vertex.started.as_ref());
            events.push(ProgressEvent::Step(Step {
                id: vertex.digest,
                name: vertex.name,
                index: None,
                of: None,
                state,
                stage: None,
                duration_ms: duration.map(|(end, start)| millis(end).saturating_sub(millis(start))),
            }));
        }
        for log in message.logs {
            let vertex = self.vertexes.entry(log.vertex.clone()).or_default();
            let (assembler, stream) = match log.stream {
                2 => (&mut vertex.stderr, LogStream::Stderr),
                _ => (&mut vertex.stdout, LogStream::Stdout),
            };
            assembler.push(&log.msg, &mut |text| {
                events.push(ProgressEvent::Log(Log {
                    step: Some(log.vertex.clone()),
                    stream,
                    text,
                }));
            });
        }
        events
    }

    /// What is left to tell at the end.
    pub(crate) fn finish(&mut self, _now: Duration) -> Vec<ProgressEvent> {
        Vec::new()
    }

    /// Instructions of the Dockerfile.
    pub(crate) fn steps_total(&self) -> u32 {
        0
    }

    /// Those whose result came from the cache.
    pub(crate) fn steps_cached(&self) -> u32 {
        0
    }

    /// What should be known although the build succeeded.
    pub(crate) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

fn millis(time: &Timestamp) -> u64 {
    let seconds = u64::try_from(time.seconds).unwrap_or_default();
    seconds * 1000 + u64::try_from(time.nanos).unwrap_or_default() / 1_000_000
}
