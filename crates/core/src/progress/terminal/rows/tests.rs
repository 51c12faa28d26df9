use super::*;

fn layer(current: u64) -> Content {
    Content::Layer {
        current,
        total: None,
        status: String::new(),
    }
}

/// Identifiers of the rows that a height shows, and what is folded.
fn shown(rows: &Rows, height: usize) -> String {
    let lines = rows.lines(height).into_iter().map(|line| match line {
        Line::Row(row) => row.id.clone(),
        Line::Detail { text, .. } => text.to_owned(),
        Line::Folded {
            layers,
            steps: 0,
            finished,
        } => format!("+{layers}/{finished}"),
        Line::Folded {
            layers,
            steps,
            finished,
        } => format!("+{steps}+{layers}/{finished}"),
        Line::Footer(_) => "sum".to_owned(),
    });
    lines.collect::<Vec<_>>().join(" ")
}

/// Six layers: two finished, two at work, two that wait.
fn six() -> Rows {
    let mut rows = Rows::default();
    rows.set("main", Content::Spinner(String::new()));
    for (id, current) in [("a", 1), ("b", 1), ("c", 1), ("d", 0), ("e", 1), ("f", 0)] {
        rows.set(id, layer(current));
    }
    rows.finish("a", "complete");
    rows.finish("b", "complete");
    rows.set_footer(vec!["sum".to_owned()]);
    rows
}

#[test]
fn rows_at_work_stay_longest() {
    let rows = six();
    let table = [
        (9, "main a b c d e f sum"),
        (8, "main c d e f +2/2 sum"),
        (7, "main c d e +3/2 sum"),
        (6, "main c e +4/2 sum"),
        (5, "main c +5/2 sum"),
        (4, "main +6/2 sum"),
        (3, "main sum"),
        (2, "main"),
        (1, "main"),
        (0, "main"),
    ];
    for (height, expected) in table {
        assert_eq!(shown(&rows, height), expected, "{height}");
    }
}

/// Two steps at work, which have said five lines and two.
fn two_steps() -> Rows {
    let mut rows = Rows::default();
    rows.time("main", "Building");
    rows.time("s", "RUN make");
    rows.time("t", "RUN npm test");
    for line in ["s1", "s2", "s3", "s4", "s5"] {
        rows.detail("s", line, None);
    }
    for line in ["t1", "t2"] {
        rows.detail("t", line, None);
    }
    rows
}

#[test]
fn each_step_has_its_last_lines_below_it() {
    let rows = two_steps();
    let table = [
        (24, "main s s2 s3 s4 s5 t t1 t2"),
        (9, "main s s3 s4 s5 t t1 t2"),
        (7, "main s s4 s5 t t2"),
        (5, "main s s5 t"),
        (4, "main s t"),
        (3, "main +2+0/0"),
        (2, "main"),
    ];
    for (height, expected) in table {
        assert_eq!(shown(&rows, height), expected, "{height}");
    }
}

#[test]
fn lines_take_a_third_beside_layers_and_give_back_what_is_free() {
    let mut rows = two_steps();
    for id in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        rows.set(id, layer(1));
    }
    rows.set_footer(vec!["sum".to_owned()]);
    assert_eq!(shown(&rows, 14), "main s s4 s5 t t2 a b c d e +3/0 sum");
    assert_eq!(
        shown(&rows, 24),
        "main s s2 s3 s4 s5 t t1 t2 a b c d e f g h sum"
    );
}

#[test]
fn the_end_of_a_work_takes_the_place_of_its_beginning() {
    let mut rows = two_steps();
    rows.detail("t", "t1: done", Some("t1"));
    rows.detail("t", "t9: done", Some("t9"));
    assert_eq!(
        shown(&rows, 24),
        "main s s2 s3 s4 s5 t t1: done t2 t9: done"
    );
}

#[test]
fn steps_come_before_the_layers_that_they_pull() {
    let mut rows = Rows::default();
    rows.time("main", "Building");
    rows.set("a", layer(1));
    rows.time("s", "RUN make");
    assert_eq!(shown(&rows, 24), "main s a");
}

#[test]
fn a_line_of_a_row_that_is_not_there_has_no_place() {
    let mut rows = two_steps();
    rows.remove("s");
    assert!(!rows.detail("s", "late", None));
    assert_eq!(shown(&rows, 24), "main t t1 t2");
}

#[test]
fn finished_row_works_again_when_it_changes() {
    let mut rows = six();
    rows.set("a", layer(1));
    assert_eq!(shown(&rows, 5), "main a +5/1 sum");
}

#[test]
fn finished_layers_can_go_alone_and_the_last_takes_the_sum_with_it() {
    let mut rows = six();
    rows.remove_finished_layers();
    assert_eq!(shown(&rows, 24), "main c d e f sum");
    for id in ["c", "d", "e", "f"] {
        rows.finish(id, "complete");
    }
    rows.remove_finished_layers();
    assert_eq!(shown(&rows, 24), "main");
}
