//! Templates and texts for a width.

use std::time::Duration;

use console::{Style, measure_text_width, truncate_str};
use indicatif::{ProgressState, ProgressStyle};

use super::rows::{Content, Line, Row};
use crate::progress::words::seconds;
use crate::text::{clean_line, format_bytes};

/// A layer whose size is known, where there is room for it.
const BAR_TEMPLATE: &str =
    "{spinner:.green} [{bar:40.cyan/blue}] {bytes}/{total_bytes} ({eta}) {msg}";
/// The same without room for a bar.
const COUNT_TEMPLATE: &str = "{spinner:.green} {bytes}/{total_bytes} ({eta}) {msg}";
/// The same without room for sizes.
const PERCENT_TEMPLATE: &str = "{spinner:.green} {percent:>3}% {msg}";
const SPINNER_TEMPLATE: &str = "{spinner:.green} {msg}";
const TEXT_TEMPLATE: &str = "  {msg}";

const TICKS: &[&str] = &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "✓"];
const FINISHED_TICKS: &[&str] = &["✓", "✓"];

/// The template's columns besides bar and message, with sizes of ten columns and three for the time.
const BAR_COLUMNS: usize = 33;
const COUNT_COLUMNS: usize = 30;
const PERCENT_COLUMNS: usize = 7;
/// A short identifier and the longest state.
const MESSAGE_COLUMNS: usize = 24;
const LONGEST_BAR: usize = 40;
/// A shorter bar tells nothing.
const SHORTEST_BAR: usize = 8;

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// A spinner and a text.
    Spinner,
    /// A tick and a text.
    Finished,
    /// A text alone.
    Text,
    /// A bar of so many columns, with sizes.
    Bar(usize),
    /// Sizes without a bar.
    Count,
    /// A percentage.
    Percent,
}

impl Look {
    /// The look of a line at a width.
    pub(super) fn of(line: &Line<'_>, width: usize) -> Self {
        match line {
            Line::Row(Row {
                is_finished: true, ..
            }) => Self::Finished,
            Line::Row(Row {
                content: Content::Layer {
                    total: Some(1..), ..
                },
                ..
            }) => Self::of_bar(width),
            Line::Row(_) => Self::Spinner,
            Line::Detail { .. } | Line::Folded { .. } | Line::Footer(_) => Self::Text,
        }
    }

    fn of_bar(width: usize) -> Self {
        let bar = width.saturating_sub(BAR_COLUMNS + MESSAGE_COLUMNS);
        if bar >= SHORTEST_BAR {
            Self::Bar(bar.min(LONGEST_BAR))
        } else if width >= COUNT_COLUMNS + MESSAGE_COLUMNS {
            Self::Count
        } else if width >= PERCENT_COLUMNS + 4 {
            Self::Percent
        } else {
            Self::Spinner
        }
    }

    /// Columns that are left for the message.
    fn message_width(self, width: usize) -> usize {
        width.saturating_sub(match self {
            Self::Spinner | Self::Finished | Self::Text => 2,
            Self::Bar(bar) => BAR_COLUMNS + bar,
            Self::Count => COUNT_COLUMNS,
            Self::Percent => PERCENT_COLUMNS,
        })
    }

    fn template(self) -> String {
        match self {
            Self::Spinner | Self::Finished => SPINNER_TEMPLATE.to_owned(),
            Self::Text => TEXT_TEMPLATE.to_owned(),
            Self::Bar(bar) => BAR_TEMPLATE.replace("bar:40", &format!("bar:{bar}")),
            Self::Count => COUNT_TEMPLATE.to_owned(),
            Self::Percent => PERCENT_TEMPLATE.to_owned(),
        }
    }

    /// The style for indicatif, sizes and times in columns of one width.
    pub(super) fn style(self, has_colours: bool) -> ProgressStyle {
        let mut template = self.template();
        if !has_colours {
            template = template.replace(".green", "").replace(".cyan/blue", "");
        }
        let ticks = if self == Self::Finished {
            FINISHED_TICKS
        } else {
            TICKS
        };
        ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .tick_strings(ticks)
            .with_key(
                "bytes",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:>10}", format_bytes(state.pos()));
                },
            )
            .with_key(
                "total_bytes",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:<10}", format_bytes(state.len().unwrap_or(0)));
                },
            )
            .with_key(
                "eta",
                |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:>3}", short_time(state.eta()));
                },
            )
    }
}

/// The message of a line at a time, cut to what its look leaves.
pub(super) fn message(
    line: &Line<'_>,
    look: Look,
    width: usize,
    has_colours: bool,
    now: Duration,
) -> String {
    let room = look.message_width(width);
    let text = match line {
        Line::Row(row) => row_text(row, room, now),
        // Below the text of its row.
        Line::Detail { text, .. } => fit(text, room),
        Line::Folded {
            layers,
            steps,
            finished,
        } => fit(&folded_text(*layers, *steps, *finished), room),
        Line::Footer(parts) => fit_parts(parts, room),
    };
    // A blank line would not be told apart from padding by the canvas.
    let text = if text.trim().is_empty() {
        "…".to_owned()
    } else {
        text
    };
    if has_colours && look == Look::Text {
        Style::new()
            .dim()
            .force_styling(true)
            .apply_to(text)
            .to_string()
    } else {
        text
    }
}

/// A layer's identifier is whole before there is any of its state.
fn row_text(row: &Row, room: usize, now: Duration) -> String {
    match &row.content {
        Content::Spinner(message) => fit(message, room),
        Content::Timed { text, started, .. } => {
            fit_to_end(text, &seconds(now.saturating_sub(*started)), room)
        }
        Content::Layer { status, .. } => {
            let text = fit(&format!("{} {status}", row.id), room);
            if text.starts_with(&row.id) {
                text
            } else {
                fit(&row.id, room)
            }
        }
    }
}

fn folded_text(layers: usize, steps: usize, finished: usize) -> String {
    let counted = [(steps, "step"), (layers, "layer")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} more {word}{}", if count == 1 { "" } else { "s" }));
    let counted = counted.collect::<Vec<_>>().join(" and ");
    match finished {
        0 => format!("… and {counted}"),
        _ => format!("… and {counted}: {finished} done"),
    }
}

/// A text on the left and its end on the right of one line of `width` columns.
pub(super) fn fit_to_end(text: &str, end: &str, width: usize) -> String {
    let room = width.checked_sub(measure_text_width(end) + 1);
    let Some(room) = room.filter(|_| !end.is_empty()) else {
        return fit(text, width);
    };
    let text = fit(text, room);
    let gap = room - measure_text_width(&text) + 1;
    format!("{text}{:gap$}{end}", "")
}

/// As many of the parts as fit, from the first.
fn fit_parts(parts: &[String], width: usize) -> String {
    (1..=parts.len())
        .rev()
        .map(|count| parts[..count].join(" · "))
        .find(|text| measure_text_width(text) <= width)
        .unwrap_or_else(|| fit(parts.first().map_or("", String::as_str), width))
}

/// A text on one line of at most `width` columns.
fn fit(text: &str, width: usize) -> String {
    // A tab has no width of its own, so no text with one can be cut to a width.
    let text = clean_line(text).replace('\t', " ");
    if width == 0 {
        String::new()
    } else {
        truncate_str(&text, width, "…").into_owned()
    }
}

/// A text in lines of at most `width` columns, cut between words and indented from the second on. A word that is
/// longer stands alone and is left to the terminal.
pub(super) fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split(' ') {
        let columns = measure_text_width(word);
        if column > 0 && column + 1 + columns > width {
            wrapped.push_str("\n  ");
            column = 2;
        } else if !wrapped.is_empty() {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += columns;
    }
    wrapped
}

/// At most three columns: `42s`, `12m`, `99h`; dashes while unknown.
fn short_time(time: Duration) -> String {
    match time.as_millis().div_ceil(1000) {
        0 => "--".to_owned(),
        seconds @ 1..100 => format!("{seconds}s"),
        seconds @ 100..6000 => format!("{}m", seconds / 60),
        seconds => format!("{}h", (seconds / 3600).min(99)),
    }
}
