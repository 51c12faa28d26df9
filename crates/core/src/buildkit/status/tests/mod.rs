mod details;
mod recorded;
mod states;

use std::sync::Mutex;
use std::time::Duration;

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bytes::Bytes;

use super::message::{Vertex, VertexLog};
use super::{StatusDecoder, StatusResponse};
use crate::progress::{Log, LogStream, ProgressEvent, ProgressSink};

const START: Duration = Duration::ZERO;

/// What a decoder tells, as a list.
impl StatusDecoder {
    pub(in crate::buildkit) fn decoded(
        &mut self,
        message: &StatusResponse,
        now: Duration,
    ) -> Vec<ProgressEvent> {
        collected(|progress| self.decode(message, now, progress))
    }

    fn settled(&mut self, now: Duration) -> Vec<ProgressEvent> {
        collected(|progress| self.settle(now, progress))
    }

    fn finished(&mut self, has_succeeded: bool, now: Duration) -> Vec<ProgressEvent> {
        collected(|progress| self.finish(has_succeeded, now, progress))
    }
}

fn collected(tell: impl FnOnce(&dyn ProgressSink)) -> Vec<ProgressEvent> {
    let events = Mutex::new(Vec::new());
    tell(&|event: &ProgressEvent| events.lock().unwrap().push(event.clone()));
    events.into_inner().unwrap()
}

/// The event on one line, without what differs from run to run.
fn told(event: &ProgressEvent) -> String {
    match event {
        ProgressEvent::Step(step) => {
            let position = step.index.zip(step.of);
            let position = position.map(|(index, of)| format!("{index}/{of}"));
            let words = [step.platform.clone(), step.stage.clone(), position];
            let words: Vec<String> = words.into_iter().flatten().collect();
            let name = step.name.split('@').next().unwrap_or_default();
            let state = format!("{:?}", step.state).to_lowercase();
            match &words[..] {
                [] => format!("{name}: {state}"),
                words => format!("{} {name}: {state}", words.join(" ")),
            }
        }
        ProgressEvent::Layer(layer) => format!("{} {:?}", layer.id, layer.state).to_lowercase(),
        ProgressEvent::Log(Log {
            stream: LogStream::Stdout,
            text,
            ..
        }) => format!("1> {text}"),
        ProgressEvent::Log(log) => format!("2> {}", log.text),
        ProgressEvent::Status(status) => format!("* {}", status.message),
        ProgressEvent::Warning(warning) => format!("! {}", warning.message),
        other => format!("{other:?}"),
    }
}

fn told_all(events: &[ProgressEvent]) -> Vec<String> {
    events.iter().map(told).collect()
}

/// A point in time by the engine's clock.
fn at(millis: i64) -> Timestamp {
    Timestamp {
        seconds: millis / 1000,
        nanos: i32::try_from(millis % 1000 * 1_000_000).unwrap(),
    }
}

fn vertex(digest: &str, name: &str, started: Option<i64>, completed: Option<i64>) -> Vertex {
    Vertex {
        digest: Bytes::copy_from_slice(digest.as_bytes()),
        name: Bytes::copy_from_slice(name.as_bytes()),
        started: started.map(at),
        completed: completed.map(at),
        // With an input it is no source, and its end is told at once.
        inputs: vec![Bytes::from_static(b"input")],
        ..Vertex::default()
    }
}

fn source(digest: &str, started: Option<i64>, completed: Option<i64>) -> Vertex {
    Vertex {
        inputs: Vec::new(),
        ..vertex(digest, digest, started, completed)
    }
}

fn log(digest: &str, stream: i64, msg: &[u8]) -> VertexLog {
    VertexLog {
        vertex: Bytes::copy_from_slice(digest.as_bytes()),
        stream,
        msg: Bytes::copy_from_slice(msg),
    }
}

fn of_vertexes(vertexes: Vec<Vertex>) -> StatusResponse {
    StatusResponse {
        vertexes,
        ..StatusResponse::default()
    }
}

fn of_logs(logs: Vec<VertexLog>) -> StatusResponse {
    StatusResponse {
        logs,
        ..StatusResponse::default()
    }
}

fn durations(events: &[ProgressEvent]) -> Vec<Option<u64>> {
    let steps = events.iter().filter_map(|event| match event {
        ProgressEvent::Step(step) => Some(step.duration_ms),
        _ => None,
    });
    steps.collect()
}
