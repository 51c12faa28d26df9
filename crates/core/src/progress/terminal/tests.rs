mod build;

use indicatif::InMemoryTerm;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::progress::{
    AttemptPhase, Attempted, Context, Layer, LayerState, Log, LogStream, ProgressEvent,
    ProgressSink, Status, Step, StepState, Total, Warning,
};

const MIB: u64 = 1024 * 1024;
const REFERENCE: &str = "docker.io/acme/app:1.4";

fn screen(rows: u16, columns: u16) -> (InMemoryTerm, Screen) {
    let term = InMemoryTerm::new(rows, columns);
    let screen = Screen::device(term.clone(), false).still();
    (term, screen)
}

/// What the terminal shows, without the phase of the spinners.
fn shown(term: &InMemoryTerm) -> String {
    let ticks = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
    term.contents().replace(ticks, "*")
}

fn reporter(rows: u16, columns: u16) -> (InMemoryTerm, ProgressReporter) {
    let (term, screen) = screen(rows, columns);
    (term, ProgressReporter::new(screen))
}

fn terminal(rows: u16, columns: u16) -> (InMemoryTerm, Terminal) {
    let (term, screen) = screen(rows, columns);
    (term, Terminal::new(screen))
}

fn attempt(registry: &str, attempt: u32, phase: AttemptPhase) -> ProgressEvent {
    let has_failed = phase != AttemptPhase::Starting;
    ProgressEvent::Attempt(Attempted {
        reference: REFERENCE.to_owned(),
        registry: registry.to_owned(),
        attempt,
        attempts: 3,
        phase,
        delay_ms: (phase == AttemptPhase::Retrying).then_some(2000),
        code: has_failed.then_some(ErrorKind::RegistryError),
        message: has_failed.then(|| "registry answered 503".to_owned()),
    })
}

fn layer(id: &str, state: LayerState, current: Option<u64>, total: Option<u64>) -> ProgressEvent {
    let layer = Layer::new(id, state);
    ProgressEvent::Layer(Layer {
        current_bytes: current,
        total_bytes: total,
        ..layer
    })
}

fn step(id: &str, index: u32, state: StepState) -> ProgressEvent {
    ProgressEvent::Step(Step {
        id: id.to_owned(),
        name: format!("RUN make part{index}"),
        index: Some(index),
        of: Some(9),
        state,
        stage: None,
        platform: None,
        duration_ms: (state != StepState::Running).then_some(1500),
    })
}

fn log(step: &str, text: &str) -> ProgressEvent {
    ProgressEvent::Log(Log {
        step: Some(step.to_owned()),
        stream: LogStream::Stdout,
        text: text.to_owned(),
    })
}

/// A pull of 12 layers in its middle: one was there, two are complete, one is unpacked, three arrive, five wait.
fn half_way(terminal: &Terminal) {
    terminal.emit(&attempt("docker.io", 1, AttemptPhase::Starting));
    for index in 0..12_u64 {
        let id = format!("a1b2c3d4e5{index:02x}");
        let size = Some((index + 1) * 10 * MIB);
        terminal.emit(&match index {
            0 => layer(&id, LayerState::Exists, None, None),
            1 | 2 => layer(&id, LayerState::Complete, None, None),
            3 => layer(&id, LayerState::Extracting, Some(20 * MIB), size),
            4..=6 => layer(&id, LayerState::Downloading, Some(index * MIB), size),
            _ => layer(&id, LayerState::Waiting, None, None),
        });
    }
    terminal.emit(&ProgressEvent::Total(Total {
        layers_done: 3,
        layers_total: 12,
        current_bytes: 105 * MIB,
        total_bytes: 780 * MIB,
        total_is_final: true,
        bytes_per_second: Some(13 * MIB),
        eta_ms: Some(51_900),
    }));
}

#[test]
fn pull_fits_a_usual_terminal() {
    let (term, terminal) = terminal(24, 80);
    half_way(&terminal);
    let expected = "\
* Pulling docker.io/acme/app:1.4
✓ a1b2c3d4e500 already exists
✓ a1b2c3d4e501 complete
✓ a1b2c3d4e502 complete
* [███████████░░░░░░░░░░░]   20.0 MiB/40.0 MiB   ( --) a1b2c3d4e503 extracting
* [█░░░░░░░░░░░░░░░░░░░░░]    4.0 MiB/50.0 MiB   ( --) a1b2c3d4e504 downloading
* [█░░░░░░░░░░░░░░░░░░░░░]    5.0 MiB/60.0 MiB   ( --) a1b2c3d4e505 downloading
* [█░░░░░░░░░░░░░░░░░░░░░]    6.0 MiB/70.0 MiB   ( --) a1b2c3d4e506 downloading
* a1b2c3d4e507 waiting
* a1b2c3d4e508 waiting
* a1b2c3d4e509 waiting
* a1b2c3d4e50a waiting
* a1b2c3d4e50b waiting
  3/12 layers · 105.0 MiB of 780.0 MiB · 52s left · 13.0 MiB/s";
    assert_eq!(without_times(&shown(&term)), expected);
}

/// The times of indicatif's bars come from the clock.
fn without_times(shown: &str) -> String {
    let lines = shown
        .lines()
        .map(|line| match (line.find(" ("), line.find(") a1")) {
            (Some(start), Some(end)) => format!("{} ( --{}", &line[..start], &line[end..]),
            _ => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn bar_has_its_forty_columns_where_there_is_room() {
    let (term, terminal) = terminal(50, 200);
    half_way(&terminal);
    let shown = shown(&term);
    let bar = shown
        .lines()
        .find(|line| line.contains('█'))
        .unwrap_or_default();
    assert_eq!(
        bar.chars().filter(|it| "█░".contains(*it)).count(),
        40,
        "{shown}"
    );
}

#[test]
fn rows_that_do_not_fit_are_folded() {
    let (term, terminal) = terminal(10, 60);
    half_way(&terminal);
    let expected = "\
* Pulling docker.io/acme/app:1.4
*   20.0 MiB/40.0 MiB   ( --) a1b2c3d4e503 extracting
*    4.0 MiB/50.0 MiB   ( --) a1b2c3d4e504 downloading
*    5.0 MiB/60.0 MiB   ( --) a1b2c3d4e505 downloading
*    6.0 MiB/70.0 MiB   ( --) a1b2c3d4e506 downloading
* a1b2c3d4e507 waiting
* a1b2c3d4e508 waiting
  … and 6 more layers: 3 done
  3/12 layers · 105.0 MiB of 780.0 MiB · 52s left";
    assert_eq!(without_times(&shown(&term)), expected);
}

#[test]
fn smallest_terminal_shows_the_essence() {
    let (term, terminal) = terminal(5, 20);
    half_way(&terminal);
    let expected = "\
* Pulling docker.i…
*  50% a1b2c3d4e503
  … and 11 more la…
  3/12 layers";
    assert_eq!(shown(&term), expected);
}

#[test]
fn no_size_breaks_the_screen() {
    for rows in 1..30 {
        for columns in (1..120).step_by(3) {
            let (term, terminal) = terminal(rows, columns);
            half_way(&terminal);
            let lines = shown(&term).lines().count();
            assert!(
                columns < 4 || lines < usize::from(rows.max(2)),
                "{rows}×{columns}"
            );
            drop(terminal);
        }
    }
}

#[test]
fn layers_of_a_failed_attempt_disappear_and_its_reason_stays() {
    let (term, terminal) = terminal(24, 80);
    half_way(&terminal);
    terminal.emit(&attempt("docker.io", 1, AttemptPhase::Retrying));
    assert_eq!(
        shown(&term),
        "docker.io: attempt 1 of 3 failed: registry answered 503; trying again in 2s\n\
         * Waiting 2s before the next attempt at docker.io/acme/app:1.4"
    );
    terminal.emit(&attempt("docker.io", 2, AttemptPhase::Starting));
    terminal.emit(&attempt("docker.io", 2, AttemptPhase::FallingBack));
    terminal.emit(&attempt("ghcr.io", 1, AttemptPhase::Starting));
    terminal.emit(&layer("b1b2c3d4e5f6", LayerState::Waiting, None, None));
    assert_eq!(
        shown(&term),
        "docker.io: attempt 1 of 3 failed: registry answered 503; trying again in 2s\n\
         docker.io: attempt 2 of 3 failed: registry answered 503; going to the next\n\
         \x20 source\n\
         * Pulling docker.io/acme/app:1.4\n\
         * b1b2c3d4e5f6 waiting"
    );
}

#[test]
fn last_words_stand_alone() {
    let (term, terminal) = terminal(24, 80);
    half_way(&terminal);
    terminal.finish_pull(REFERENCE);
    drop(terminal);
    assert_eq!(term.contents(), "Pull complete: docker.io/acme/app:1.4");
    // The cursor stands at the start of the next line.
    let _ = term.write_str("$");
    assert_eq!(term.contents(), "Pull complete: docker.io/acme/app:1.4\n$");
}

#[test]
fn failure_is_told_once() {
    let (term, terminal) = terminal(24, 80);
    half_way(&terminal);
    terminal.fail(&Error::new(
        ErrorKind::RegistryError,
        "cannot pull `docker.io/acme/app:1.4`: registry answered 503 three times",
    ));
    drop(terminal);
    let _ = term.write_str("$");
    assert_eq!(
        term.contents(),
        "error: cannot pull `docker.io/acme/app:1.4`: registry answered 503 three times\n$"
    );
}

#[test]
fn dropped_sink_leaves_nothing() {
    let (term, terminal) = terminal(24, 80);
    half_way(&terminal);
    drop(terminal);
    let _ = term.write_str("$");
    assert_eq!(term.contents(), "$");
}

#[test]
fn lines_above_survive_a_full_screen() {
    let (term, terminal) = terminal(10, 40);
    half_way(&terminal);
    for index in 0..30 {
        terminal.emit(&ProgressEvent::Warning(Warning::new(
            "W",
            format!("number {index}"),
        )));
    }
    terminal.finish_pull(REFERENCE);
    assert_eq!(
        term.contents(),
        "warning: number 29\nPull complete: docker.io/acme/app:1.4"
    );
}

#[test]
fn status_without_a_layer_goes_to_the_main_row() {
    let (term, terminal) = terminal(24, 80);
    terminal.emit(&attempt("docker.io", 1, AttemptPhase::Starting));
    terminal.emit(&ProgressEvent::Status(Status {
        step: None,
        message: "Digest: sha256:0".to_owned(),
    }));
    assert_eq!(shown(&term), "* docker.io/acme/app:1.4: Digest: sha256:0");
}

#[test]
fn containerd_store_shows_seconds_of_unpacking() {
    let (term, terminal) = terminal(24, 80);
    terminal.emit(&attempt("docker.io", 1, AttemptPhase::Starting));
    let extracting = Layer::new("a1b2c3d4e5f6", LayerState::Extracting);
    terminal.emit(&ProgressEvent::Layer(Layer {
        elapsed_ms: Some(3000),
        ..extracting
    }));
    assert!(
        shown(&term).ends_with("* a1b2c3d4e5f6 extracting 3s"),
        "{}",
        shown(&term)
    );
}

#[test]
fn spinner_becomes_a_bar_when_the_size_is_known() {
    let (term, reporter) = reporter(24, 80);
    reporter.add_spinner("pull", "Pulling");
    reporter.update_layer("a1b2c3d4e5f6", 0, None, "Waiting");
    assert_eq!(shown(&term), "* Pulling\n* a1b2c3d4e5f6 Waiting");
    reporter.update_layer("a1b2c3d4e5f6", 5 * MIB, 10 * MIB, "Downloading");
    assert!(
        shown(&term).contains("[███████████░░░░░░░░░░░]    5.0 MiB/10.0 MiB"),
        "{}",
        shown(&term)
    );
}

#[test]
fn layer_that_exists_is_finished_at_once() {
    let (term, reporter) = reporter(24, 80);
    reporter.update_layer("a1b2c3d4e5f6", 0, None, "Already exists");
    assert_eq!(term.contents(), "✓ a1b2c3d4e5f6 Already exists");
}

#[test]
fn bars_and_spinners_end_with_one_message() {
    let (term, reporter) = reporter(24, 80);
    reporter.add_spinner("pull", "Pulling");
    reporter.add_bar("a1b2c3d4e5f6", 10 * MIB);
    reporter.update_spinner("pull", "Still pulling");
    reporter.finish("a1b2c3d4e5f6", "complete");
    assert_eq!(shown(&term), "* Still pulling\n✓ a1b2c3d4e5f6 complete");
    reporter.abandon_all("\u{1b}[2Jgave up");
    assert_eq!(term.contents(), "gave up");
}

#[test]
fn wide_characters_are_cut_by_their_width() {
    let (term, reporter) = reporter(5, 20);
    reporter.add_spinner("main", "镜像镜像镜像镜像镜像镜像\nmore");
    assert_eq!(shown(&term), "* 镜像镜像镜像镜像…");
}

#[test]
fn hidden_screen_is_silent_and_runs_no_thread() {
    let reporter = ProgressReporter::new(Screen::hidden());
    reporter.add_spinner("main", "Pulling");
    reporter.update_layer("a", 1, 2, "Downloading");
    reporter.finish_all("done");
    assert!(!reporter.is_ticking());
}

#[test]
fn thread_ends_with_the_last_message() {
    let term = InMemoryTerm::new(24, 80);
    let reporter = ProgressReporter::new(Screen::device(term, false));
    assert!(!reporter.is_ticking());
    reporter.add_spinner("main", "Pulling");
    assert!(reporter.is_ticking());
    reporter.finish_all("done");
    assert!(!reporter.is_ticking());
}

#[test]
fn colours_come_only_when_asked_for() {
    let term = InMemoryTerm::new(24, 80);
    let terminal = Terminal::new(Screen::device(term.clone(), true).still());
    terminal.emit(&attempt("docker.io", 1, AttemptPhase::Starting));
    let colours = String::from_utf8_lossy(&term.contents_formatted()).contains("\u{1b}[32m");
    assert!(colours);

    let (term, plain) = super::tests::terminal(24, 80);
    half_way(&plain);
    plain.emit(&attempt("docker.io", 1, AttemptPhase::Retrying));
    plain.fail(&Error::new(ErrorKind::RegistryError, "x"));
    let bytes = term.moves_since_last_check();
    assert!(
        !bytes.contains("32m") && !bytes.contains("33m") && !bytes.contains("[2m"),
        "{bytes}"
    );
}

#[test]
fn unchanged_lines_are_not_written_again() {
    let (term, terminal) = terminal(24, 80);
    half_way(&terminal);
    term.moves_since_last_check();
    terminal.emit(&layer(
        "a1b2c3d4e504",
        LayerState::Downloading,
        Some(45 * MIB),
        Some(50 * MIB),
    ));
    let bytes = term.moves_since_last_check();
    assert!(
        bytes.contains("a1b2c3d4e504") && !bytes.contains("a1b2c3d4e505"),
        "{bytes}"
    );
}

#[test]
fn texts_of_callers_carry_no_control_sequences() {
    let (term, reporter) = reporter(24, 80);
    reporter.add_spinner("main", "\u{1b}]0;title\u{7}Pulling\u{1b}[31m");
    reporter.finish_all("\u{1b}[2Jdone\u{7}");
    let written = term.moves_since_last_check();
    assert!(
        !written.contains("title") && !written.contains("[31m"),
        "{written}"
    );
    assert!(
        !written.contains("[2J") && !written.contains("u{7}"),
        "{written}"
    );
}
