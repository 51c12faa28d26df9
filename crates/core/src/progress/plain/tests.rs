use std::io;

use super::*;
use crate::progress::{AttemptPhase, Log, LogStream, Status, Warning};
use crate::{DockerfilePlace, ErrorKind};

fn written(feed: impl FnOnce(&Plain<&mut Vec<u8>>)) -> String {
    let mut bytes = Vec::new();
    feed(&Plain::new(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn attempt(registry: &str, phase: AttemptPhase) -> ProgressEvent {
    let has_failed = phase != AttemptPhase::Starting;
    ProgressEvent::Attempt(Attempted {
        reference: "docker.io/acme/app:1.4".to_owned(),
        registry: registry.to_owned(),
        attempt: 1,
        attempts: 3,
        phase,
        delay_ms: (phase == AttemptPhase::Retrying).then_some(2000),
        code: has_failed.then_some(ErrorKind::RegistryError),
        message: has_failed.then(|| "registry answered 503".to_owned()),
    })
}

fn layer(state: LayerState, current: Option<u64>, total: Option<u64>) -> ProgressEvent {
    let layer = Layer::new("a1b2c3d4e5f6", state);
    ProgressEvent::Layer(Layer {
        current_bytes: current,
        total_bytes: total,
        ..layer
    })
}

fn total(layers_done: u32, current_bytes: u64) -> ProgressEvent {
    ProgressEvent::Total(Total {
        layers_done,
        layers_total: 1,
        current_bytes,
        total_bytes: 13_002_342,
        total_is_final: true,
        bytes_per_second: None,
        eta_ms: None,
    })
}

fn step(state: StepState, duration_ms: Option<u64>) -> ProgressEvent {
    ProgressEvent::Step(Step {
        id: "sha256:3".to_owned(),
        name: "RUN make".to_owned(),
        index: Some(3),
        of: Some(9),
        state,
        stage: None,
        platform: None,
        duration_ms,
    })
}

fn error(message: &str) -> Error {
    Error::new(ErrorKind::RegistryError, message)
}

fn log(text: &str) -> ProgressEvent {
    ProgressEvent::Log(Log {
        step: Some("sha256:3".to_owned()),
        stream: LogStream::Stdout,
        text: text.to_owned(),
    })
}

#[test]
fn pull_is_told_by_its_changes() {
    let lines = written(|plain| {
        plain.emit(&attempt("docker.io", AttemptPhase::Starting));
        plain.emit(&layer(LayerState::Waiting, None, None));
        for bytes in [0, 5_000_000, 13_002_342] {
            plain.emit(&layer(
                LayerState::Downloading,
                Some(bytes),
                Some(13_002_342),
            ));
            plain.emit(&total(0, bytes));
        }
        plain.emit(&layer(LayerState::Downloaded, None, None));
        plain.emit(&layer(LayerState::Extracting, Some(1), Some(13_002_342)));
        plain.emit(&layer(LayerState::Complete, None, None));
        plain.emit(&total(1, 13_002_342));
        plain.finish_pull("docker.io/acme/app:1.4");
    });
    assert_eq!(
        lines,
        "docker.io/acme/app:1.4: attempt 1 of 3\n\
         a1b2c3d4e5f6: waiting\n\
         a1b2c3d4e5f6: downloading 12.4 MiB\n\
         a1b2c3d4e5f6: downloaded\n\
         a1b2c3d4e5f6: extracting 12.4 MiB\n\
         a1b2c3d4e5f6: complete\n\
         1 of 1 layers ready, 12.4 MiB downloaded\n\
         Pull complete: docker.io/acme/app:1.4\n"
    );
}

#[test]
fn waits_are_told_with_reason_and_delay() {
    let lines = written(|plain| {
        plain.emit(&attempt("docker.io", AttemptPhase::Retrying));
        plain.emit(&attempt("docker.io", AttemptPhase::FallingBack));
        plain.emit(&attempt("ghcr.io", AttemptPhase::Starting));
        for seconds in (1..=5).rev() {
            let layer = Layer::new("a1b2c3d4e5f6", LayerState::Retrying);
            let retry_in_ms = Some(seconds * 1000);
            plain.emit(&ProgressEvent::Layer(Layer {
                retry_in_ms,
                ..layer
            }));
        }
        plain.fail(&error("cannot pull `docker.io/acme/app:1.4`"));
    });
    assert_eq!(
        lines,
        "docker.io: attempt 1 of 3 failed: registry answered 503; trying again in 2s\n\
         docker.io: attempt 1 of 3 failed: registry answered 503; going to the next source\n\
         docker.io/acme/app:1.4: attempt 1 of 3 at ghcr.io\n\
         a1b2c3d4e5f6: download failed, the engine tries again in 5s\n\
         error: cannot pull `docker.io/acme/app:1.4`\n"
    );
}

#[test]
fn build_is_told_by_steps_and_log() {
    let context = |bytes_sent, done| {
        ProgressEvent::Context(Context {
            files_sent: 7,
            bytes_sent,
            files_total: None,
            done,
        })
    };
    let lines = written(|plain| {
        plain.emit(&context(0, false));
        plain.emit(&context(1000, false));
        plain.emit(&context(2048, true));
        plain.emit(&step(StepState::Running, None));
        plain.emit(&log("cc main.c"));
        plain.emit(&log("cc main.c"));
        plain.emit(&ProgressEvent::Warning(Warning {
            url: Some("https://docs.example/w".to_owned()),
            start_line: Some(4),
            ..Warning::new(
                Warning::BUILD,
                "StageNameCasing: stage name is not in lower case",
            )
        }));
        plain.emit(&ProgressEvent::Status(Status {
            step: Some("sha256:3".to_owned()),
            message: "fetching".to_owned(),
        }));
        plain.emit(&step(StepState::Done, Some(1500)));
        plain.finish_build("sha256:0123");
    });
    assert_eq!(
        lines,
        "build context: sending\n\
         build context: sent 7 files, 2.0 KiB\n\
         [3/9] RUN make\n\
         [3/9]     cc main.c\n\
         [3/9]     cc main.c\n\
         [3/9] fetching\n\
         [3/9] done after 1.5s\n\
         warning: StageNameCasing: stage name is not in lower case (Dockerfile line 4), see https://docs.example/w\n\
         Build complete: sha256:0123\n"
    );
}

#[test]
fn a_build_that_was_given_up_says_so_last() {
    let lines = written(|plain| {
        plain.emit(&step(StepState::Running, None));
        plain.emit(&ProgressEvent::Warning(Warning::new(Warning::BUILD, "w")));
        plain.emit(&step(StepState::Canceled, Some(1500)));
        plain.cancel();
    });
    assert_eq!(
        lines,
        "[3/9] RUN make\n\
         [3/9] canceled after 1.5s\n\
         warning: w\n\
         canceled\n"
    );
}

#[test]
fn one_file_is_no_files() {
    let lines = written(|plain| {
        plain.emit(&ProgressEvent::Context(Context {
            files_sent: 1,
            bytes_sent: 5,
            files_total: None,
            done: true,
        }));
    });
    assert_eq!(lines, "build context: sent 1 file, 5 B\n");
}

fn step_of(id: &str, stage: Option<&str>, position: Option<(u32, u32)>, name: &str) -> Step {
    Step {
        id: id.to_owned(),
        name: name.to_owned(),
        index: position.map(|(index, _)| index),
        of: position.map(|(_, of)| of),
        state: StepState::Running,
        stage: stage.map(str::to_owned),
        platform: None,
        duration_ms: None,
    }
}

#[test]
fn a_line_says_which_of_the_steps_at_work_it_belongs_to() {
    let build = step_of("b", Some("build"), Some((2, 5)), "RUN make");
    let test = step_of("t", Some("test"), Some((2, 3)), "RUN npm test");
    let arm = Step {
        platform: Some("linux/arm64".to_owned()),
        ..step_of("a", None, Some((1, 1)), "COPY . .")
    };
    let export = step_of("e", None, None, "exporting to image");
    let ends = |step: &Step, state| Step {
        state,
        duration_ms: Some(340),
        ..step.clone()
    };
    let says = |step: &Step, text: &str| {
        ProgressEvent::Log(Log {
            step: Some(step.id.clone()),
            stream: LogStream::Stdout,
            text: text.to_owned(),
        })
    };
    let lines = written(|plain| {
        for event in [
            ProgressEvent::Step(build.clone()),
            ProgressEvent::Step(test.clone()),
            says(&build, "cc main.c"),
            says(&test, "ok 1"),
            says(&build, "cc other.c"),
            ProgressEvent::Step(ends(&build, StepState::Done)),
            ProgressEvent::Step(ends(&test, StepState::Failed)),
            ProgressEvent::Step(ends(&arm, StepState::Cached)),
            ProgressEvent::Step(export.clone()),
            ProgressEvent::Status(Status {
                step: Some("e".to_owned()),
                message: "exporting layers".to_owned(),
            }),
            ProgressEvent::Step(ends(&export, StepState::Canceled)),
        ] {
            plain.emit(&event);
        }
    });
    assert_eq!(
        lines,
        "[build 2/5] RUN make\n\
         [test 2/3] RUN npm test\n\
         [build 2/5]     cc main.c\n\
         [test 2/3]     ok 1\n\
         [build 2/5]     cc other.c\n\
         [build 2/5] done after 0.3s\n\
         [test 2/3] RUN npm test: failed after 0.3s\n\
         [linux/arm64 1/1] COPY . .: cached\n\
         exporting to image\n\
         exporting to image: exporting layers\n\
         exporting to image: canceled after 0.3s\n"
    );
}

#[test]
fn a_failed_build_ends_with_the_steps_log_and_the_lines_of_the_dockerfile() {
    let mut failure = Error::new(ErrorKind::BuildFailed, "cannot build `a:1`: exit code: 7");
    failure.step = Some("RUN make &&     make test".to_owned());
    failure.log_tail = vec!["one".to_owned(), "two\u{7}".to_owned()];
    failure.dockerfile = Some(DockerfilePlace {
        excerpt: Some("Dockerfile:2\n-----\n   2 | >>> RUN make\n-----".to_owned()),
        ..DockerfilePlace::line(2)
    });
    let lines = written(|plain| {
        plain.emit(&ProgressEvent::Warning(Warning::new(Warning::BUILD, "w")));
        plain.fail(&failure);
    });
    assert_eq!(
        lines,
        "warning: w\n\
         last lines of `RUN make && make test`:\n\
         \x20   one\n\
         \x20   two\n\
         Dockerfile:2\n\
         -----\n\
         \x20  2 | >>> RUN make\n\
         -----\n\
         error: cannot build `a:1`: exit code: 7\n"
    );
}

#[test]
fn same_line_is_not_repeated() {
    let lines = written(|plain| {
        for _ in 0..3 {
            let message = "Pulling from acme/app".to_owned();
            plain.emit(&ProgressEvent::Status(Status {
                step: None,
                message,
            }));
        }
    });
    assert_eq!(lines, "Pulling from acme/app\n");
}

#[test]
fn lines_carry_no_control_sequences() {
    let lines = written(|plain| {
        plain.emit(&log("\u{1b}[91mred\u{1b}[0m\u{7}"));
        plain.finish_pull("x\u{1b}]0;title\u{7}\ny");
    });
    assert_eq!(lines, "    red\nPull complete: x y\n");
}

#[test]
fn an_image_that_was_there_is_told_in_one_line() {
    let lines = written(|plain| plain.finish_look("docker.io/acme/app:1.4"));
    assert_eq!(lines, "Image is there: docker.io/acme/app:1.4\n");
}

#[test]
fn layers_of_a_failed_attempt_are_forgotten() {
    let lines = written(|plain| {
        plain.emit(&layer(LayerState::Waiting, None, None));
        plain.emit(&attempt("docker.io", AttemptPhase::Starting));
        plain.emit(&layer(LayerState::Waiting, None, None));
    });
    assert_eq!(lines.matches("a1b2c3d4e5f6: waiting").count(), 2);
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn closed_output_silences_it() {
    let plain = Plain::new(Closed);
    plain.emit(&log("x"));
    assert!(plain.state().writer.is_none());
}
