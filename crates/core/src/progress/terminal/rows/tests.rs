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
        Line::Log(_, text) => text.to_owned(),
        Line::Folded { count, finished } => format!("+{count}/{finished}"),
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

#[test]
fn log_takes_a_third_beside_layers_and_all_room_alone() {
    let mut rows = six();
    for line in ["1", "2", "3", "4", "5"] {
        rows.push_log(line.to_owned());
    }
    assert_eq!(shown(&rows, 11), "main 4 5 a b c d e f sum");
    rows.remove_layers(false);
    assert_eq!(shown(&rows, 24), "main 2 3 4 5 sum");
    assert_eq!(shown(&rows, 5), "main 4 5 sum");
}

#[test]
fn finished_row_works_again_when_it_changes() {
    let mut rows = six();
    rows.set("a", layer(1));
    assert_eq!(shown(&rows, 5), "main a +5/1 sum");
}

#[test]
fn finished_layers_can_go_alone() {
    let mut rows = six();
    rows.remove_layers(true);
    assert_eq!(shown(&rows, 24), "main c d e f sum");
}
