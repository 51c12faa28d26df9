//! Shows a pull and a build on the terminal, from events made up here: `cargo run --example progress_demo --features
//! terminal -- [pull|build|fail] [milliseconds between two moments]`.

#![expect(
    clippy::disallowed_methods,
    reason = "an example is a program: it waits and reads its environment"
)]

use std::thread;
use std::time::{Duration, Instant};

use shipway_core::progress::terminal::{Screen, Terminal};
use shipway_core::progress::throttle::Throttle;
use shipway_core::progress::{
    AttemptPhase, Attempted, Context, Layer, LayerState, Log, LogStream, ProgressEvent,
    ProgressSink, Status, Step, StepState, Warning,
};
use shipway_core::{DockerfilePlace, Error, ErrorKind};

const REFERENCE: &str = "docker.io/acme/app:1.4";
const MIB: u64 = 1024 * 1024;
const SIZES: [u64; 12] = [28, 3, 41, 1, 17, 66, 5, 9, 120, 2, 14, 33];
/// What an engine downloads at a time.
const AT_ONCE: usize = 3;

/// The sink behind the throttle, as the library has it.
struct Stage {
    terminal: Terminal,
    throttle: Throttle,
    start: Instant,
    moment: Duration,
}

impl Stage {
    fn tell(&mut self, event: ProgressEvent) {
        let Self {
            terminal,
            throttle,
            start,
            ..
        } = self;
        throttle.admit(event, start.elapsed(), &mut |event| terminal.emit(&event));
    }

    fn wait(&mut self) {
        thread::sleep(self.moment);
        let Self {
            terminal,
            throttle,
            start,
            ..
        } = self;
        throttle.due(start.elapsed(), &mut |event| terminal.emit(&event));
    }

    fn attempt(&mut self, registry: &str, attempt: u32, phase: AttemptPhase) {
        let has_failed = phase != AttemptPhase::Starting;
        self.tell(ProgressEvent::Attempt(Attempted {
            reference: REFERENCE.to_owned(),
            registry: registry.to_owned(),
            attempt,
            attempts: 3,
            phase,
            delay_ms: (phase == AttemptPhase::Retrying).then_some(1000),
            code: has_failed.then_some(ErrorKind::RegistryError),
            message: has_failed.then(|| "registry answered 503 Service Unavailable".to_owned()),
        }));
    }

    fn layer(&mut self, index: usize, state: LayerState, current: Option<u64>) {
        let layer = Layer::new(
            format!("{:012x}", 0x00a1_b2c3_d4e5_u64 + index as u64 * 0x1111_1111),
            state,
        );
        self.tell(ProgressEvent::Layer(Layer {
            current_bytes: current,
            total_bytes: current.map(|_| SIZES[index] * MIB),
            ..layer
        }));
    }

    fn step(&mut self, index: u32, name: &str, state: StepState) {
        self.tell(ProgressEvent::Step(Step {
            id: index.to_string(),
            name: name.to_owned(),
            index: Some(index),
            of: Some(5),
            state,
            stage: None,
            platform: None,
            duration_ms: (state != StepState::Running).then_some(1234),
        }));
    }

    fn log(&mut self, step: u32, text: String) {
        self.tell(ProgressEvent::Log(Log {
            step: Some(step.to_string()),
            stream: LogStream::Stdout,
            text,
        }));
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let scene = arguments.next().unwrap_or_else(|| "pull".to_owned());
    let millis = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(40);
    let has_colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut stage = Stage {
        terminal: Terminal::new(Screen::stderr(has_colours)),
        throttle: Throttle::new(),
        start: Instant::now(),
        moment: Duration::from_millis(millis),
    };
    match scene.as_str() {
        "build" => build(&mut stage),
        "fail" => fail(&mut stage),
        _ => pull(&mut stage),
    }
}

fn pull(stage: &mut Stage) {
    stage.attempt("docker.io", 1, AttemptPhase::Starting);
    for index in 0..SIZES.len() {
        stage.layer(index, LayerState::Waiting, None);
    }
    for moved in 1..15 {
        stage.layer(0, LayerState::Downloading, Some(moved * MIB));
        stage.wait();
    }
    stage.attempt("docker.io", 1, AttemptPhase::Retrying);
    (0..25).for_each(|_| stage.wait());
    stage.attempt("docker.io", 2, AttemptPhase::Starting);
    stage.wait();
    stage.attempt("docker.io", 2, AttemptPhase::FallingBack);
    stage.attempt("ghcr.io", 1, AttemptPhase::Starting);
    transfer(stage);
    let message = "Status: Downloaded newer image for acme/app:1.4".to_owned();
    stage.tell(ProgressEvent::Status(Status {
        step: None,
        message,
    }));
    stage.wait();
    let Stage {
        terminal,
        throttle,
        start,
        ..
    } = stage;
    throttle.complete_all(start.elapsed(), &mut |event| terminal.emit(&event));
    terminal.finish_pull(REFERENCE);
}

/// All layers arrive, three at a time, and are unpacked in their order.
fn transfer(stage: &mut Stage) {
    let mut moved = [0; SIZES.len()];
    let mut unpacked = [0; SIZES.len()];
    stage.layer(0, LayerState::Exists, None);
    moved[0] = SIZES[0];
    unpacked[0] = SIZES[0];
    for index in 1..SIZES.len() {
        stage.layer(index, LayerState::Waiting, None);
    }
    while unpacked != SIZES {
        let arriving = (0..SIZES.len()).filter(|index| moved[*index] < SIZES[*index]);
        for index in arriving.take(AT_ONCE).collect::<Vec<_>>() {
            moved[index] += 1;
            stage.layer(index, LayerState::Downloading, Some(moved[index] * MIB));
            if moved[index] == SIZES[index] {
                stage.layer(index, LayerState::Downloaded, None);
            }
        }
        let next = (0..SIZES.len()).find(|index| unpacked[*index] < SIZES[*index]);
        if let Some(index) = next.filter(|index| moved[*index] == SIZES[*index]) {
            unpacked[index] = SIZES[index].min(unpacked[index] + 4);
            stage.layer(index, LayerState::Extracting, Some(unpacked[index] * MIB));
            if unpacked[index] == SIZES[index] {
                stage.layer(index, LayerState::Complete, None);
            }
        }
        stage.wait();
    }
}

fn build(stage: &mut Stage) {
    for sent in 0..20 {
        stage.tell(ProgressEvent::Context(Context {
            files_sent: sent * 7,
            bytes_sent: sent * MIB / 3,
            files_total: (sent > 10).then_some(140),
            done: sent == 19,
        }));
        stage.wait();
    }
    stage.tell(ProgressEvent::Warning(Warning {
        url: Some("https://docs.docker.com/go/dockerfile/rule/from-as-casing/".to_owned()),
        start_line: Some(1),
        ..Warning::new(
            Warning::BUILD,
            "FromAsCasing: 'as' and 'FROM' keywords' casing do not match",
        )
    }));
    stage.step(
        1,
        "FROM docker.io/library/debian:bookworm-slim",
        StepState::Cached,
    );
    let steps = [
        "RUN apt-get update && apt-get install -y --no-install-recommends git 镜像 ripgrep tini",
        "COPY . .",
    ];
    for (name, index) in steps.into_iter().zip(2..) {
        stage.step(index, name, StepState::Running);
        for line in 0..40 {
            stage.log(index, format!("\u{1b}[32mGet:{line}\u{1b}[0m http://mirror.example/debian bookworm/main amd64 package{line} all 1.{line}-1 [{line} kB]"));
            stage.wait();
        }
        stage.step(index, name, StepState::Done);
    }
    stage.terminal.finish_build("sha256:8f1c0a4be0d9");
}

fn fail(stage: &mut Stage) {
    stage.step(4, "RUN make test", StepState::Running);
    for line in 0..40 {
        stage.log(4, format!("test number {line} ... ok"));
        stage.wait();
    }
    stage.step(4, "RUN make test", StepState::Failed);
    let mut error = Error::new(
        ErrorKind::BuildFailed,
        "cannot build `acme/app:1.4`: process \"/bin/sh -c make test\" did not complete successfully: exit code: 2",
    );
    error.step = Some("RUN make test".to_owned());
    error.log_tail = (35..40)
        .map(|line| format!("test number {line} ... ok"))
        .collect();
    error.dockerfile = Some(DockerfilePlace {
        excerpt: Some("Dockerfile:4\n--------------------\n   3 |     COPY . .\n   4 | >>> RUN make test\n--------------------".to_owned()),
        ..DockerfilePlace::line(4)
    });
    stage.terminal.fail(&error);
}
