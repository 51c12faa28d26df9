use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::error::DockerfilePlace;

/// A terminal whose time is moved by hand.
fn timed(rows: u16, columns: u16) -> (InMemoryTerm, Terminal, Arc<AtomicU64>) {
    let term = InMemoryTerm::new(rows, columns);
    let millis = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&millis);
    let screen = Screen::device(term.clone(), false)
        .still()
        .with_clock(move || Duration::from_millis(clock.load(Ordering::Relaxed)));
    (term, Terminal::new(screen), millis)
}

fn step_of(id: &str, stage: &str, state: StepState, duration_ms: u64) -> ProgressEvent {
    ProgressEvent::Step(Step {
        id: id.to_owned(),
        name: format!("RUN make {id} && make install && make a name that is long"),
        index: Some(2),
        of: Some(5),
        state,
        stage: Some(stage.to_owned()),
        platform: None,
        duration_ms: (state != StepState::Running).then_some(duration_ms),
    })
}

/// Two stages at work after one step of each kind has ended.
fn two_stages(terminal: &Terminal, millis: &AtomicU64) {
    terminal.emit(&ProgressEvent::Context(Context {
        files_sent: 12,
        bytes_sent: MIB,
        files_total: Some(140),
        done: false,
    }));
    terminal.emit(&step_of("1", "base", StepState::Cached, 0));
    terminal.emit(&step_of("2", "base", StepState::Running, 0));
    terminal.emit(&step_of("2", "base", StepState::Done, 340));
    millis.store(1500, Ordering::Relaxed);
    terminal.emit(&step_of("build", "build", StepState::Running, 0));
    millis.store(2000, Ordering::Relaxed);
    terminal.emit(&step_of("test", "test", StepState::Running, 0));
    for line in 0..6 {
        terminal.emit(&log(
            "build",
            &format!("cc \u{1b}[91mfile{line}.c\u{1b}[0m"),
        ));
        terminal.emit(&log("build", "  "));
    }
    terminal.emit(&ProgressEvent::Status(Status {
        step: Some("test".to_owned()),
        message: "resolving".to_owned(),
    }));
    millis.store(12_340, Ordering::Relaxed);
    terminal.emit(&layer(
        "a1b2c3d4e5f6",
        LayerState::Downloading,
        Some(5 * MIB),
        None,
    ));
}

#[test]
fn build_shows_every_step_at_work_with_its_time_and_its_last_lines() {
    let (term, terminal, millis) = timed(24, 80);
    two_stages(&terminal, &millis);
    let expected = "\
✓ [base 2/5] RUN make 1 && make install && make a name that is long      cached
✓ [base 2/5] RUN make 2 && make install && make a name that is long        0.3s
* Building: 2 steps done, 1 cached                                        12.3s
* Sending build context: 12 of 140 files, 1.0 MiB                         12.3s
* [build 2/5] RUN make build && make install && make a name that is long  10.8s
  cc file2.c
  cc file3.c
  cc file4.c
  cc file5.c
* [test 2/5] RUN make test && make install && make a name that is long    10.3s
  resolving
* a1b2c3d4e5f6 downloading 5.0 MiB";
    assert_eq!(shown(&term), expected);
}

#[test]
fn build_on_a_small_terminal_keeps_its_steps_and_some_lines() {
    let (term, terminal, millis) = timed(10, 40);
    two_stages(&terminal, &millis);
    let expected = "\
✓ [base 2/5] RUN make 2 && make i… 0.3s
* Building: 2 steps done, 1 cach… 12.3s
* Sending build context: 12 of 1… 12.3s
* [build 2/5] RUN make build && … 10.8s
  cc file3.c
  cc file4.c
  cc file5.c
* [test 2/5] RUN make test && ma… 10.3s
  resolving
* a1b2c3d4e5f6 downloading 5.0 MiB";
    assert_eq!(shown(&term), expected);
}

#[test]
fn a_failed_build_leaves_its_steps_the_log_and_the_lines_of_the_dockerfile() {
    let (term, terminal) = terminal(24, 60);
    terminal.emit(&step("1", 2, StepState::Running));
    terminal.emit(&log("1", "of the step"));
    terminal.emit(&ProgressEvent::Warning(Warning {
        start_line: Some(1),
        ..Warning::new(Warning::BUILD, "FromAsCasing: casing")
    }));
    terminal.emit(&ProgressEvent::Warning(Warning::new("W", "at once")));
    terminal.emit(&step("1", 2, StepState::Failed));
    terminal.emit(&step("2", 3, StepState::Canceled));
    let mut failure = Error::new(ErrorKind::BuildFailed, "cannot build `a:1`: exit code: 2");
    failure.step = Some("RUN make part2".to_owned());
    failure.log_tail = vec!["of the step".to_owned()];
    failure.dockerfile = Some(DockerfilePlace {
        excerpt: Some("Dockerfile:2\n----\n   2 | >>> RUN make part2\n----".to_owned()),
        ..DockerfilePlace::line(2)
    });
    terminal.fail(&failure);
    assert_eq!(
        term.contents(),
        "warning: at once
✗ [2/9] RUN make part2                          failed 1.5s
– [3/9] RUN make part3                        canceled 1.5s
warning: FromAsCasing: casing (Dockerfile line 1)
last lines of `RUN make part2`:
    of the step
Dockerfile:2
----
   2 | >>> RUN make part2
----
error: cannot build `a:1`: exit code: 2"
    );
}

#[test]
fn a_build_that_was_given_up_ends_with_its_steps_and_says_so() {
    let (term, terminal) = terminal(24, 60);
    terminal.emit(&step("1", 1, StepState::Running));
    terminal.emit(&step("2", 2, StepState::Running));
    terminal.emit(&step("1", 1, StepState::Done));
    terminal.emit(&ProgressEvent::Warning(Warning::new(Warning::BUILD, "w")));
    terminal.emit(&step("2", 2, StepState::Canceled));
    terminal.cancel();
    assert_eq!(
        term.contents(),
        "\
✓ [1/9] RUN make part1                                 1.5s
– [2/9] RUN make part2                        canceled 1.5s
warning: w
canceled"
    );
}

#[test]
fn a_context_that_has_been_sent_is_told_once_and_stays() {
    let (term, terminal) = terminal(24, 60);
    for (bytes_sent, done) in [(0, false), (MIB, true)] {
        terminal.emit(&ProgressEvent::Context(Context {
            files_sent: 3,
            bytes_sent,
            files_total: Some(3),
            done,
        }));
    }
    assert_eq!(
        shown(&term),
        "✓ Sent build context: 3 files, 1.0 MiB\n* Building                                             0.0s"
    );
}

#[test]
fn times_move_while_nothing_happens() {
    let (term, terminal, millis) = timed(24, 60);
    terminal.emit(&step("1", 2, StepState::Running));
    millis.store(61_000, Ordering::Relaxed);
    terminal.tick();
    assert!(
        shown(&term).ends_with("* [2/9] RUN make part2                               1m 01s"),
        "{}",
        shown(&term)
    );
}

#[test]
fn no_size_breaks_the_screen_of_a_build() {
    // A terminal of one row is beyond the one of the tests, which cannot scroll it.
    for rows in 2..16 {
        for columns in (1..100).step_by(3) {
            let (term, terminal, millis) = timed(rows, columns);
            two_stages(&terminal, &millis);
            let lines = shown(&term).lines().count();
            assert!(
                columns < 4 || lines <= usize::from(rows.max(2)),
                "{rows}×{columns}: {}",
                shown(&term)
            );
        }
    }
}
