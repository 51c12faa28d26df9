//! The rows as indicatif's bars.

use std::time::Duration;

use console::measure_text_width;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use super::canvas::Canvas;
use super::layout::{Look, fit_to_end, message, wrap};
use super::rows::{Content, Line, Row, Rows};
use super::screen::{Clock, Device};

/// Shows rows on a terminal.
#[derive(Debug)]
pub(super) struct Board {
    rows: Rows,
    multi: MultiProgress,
    canvas: Canvas,
    /// One for each line that is shown, from the top.
    bars: Vec<Shown>,
    size: (usize, usize),
    has_colours: bool,
    clock: Clock,
}

#[derive(Debug)]
struct Shown {
    key: Key,
    look: Option<Look>,
    message: String,
    /// Bytes moved, and all of them.
    bytes: (u64, u64),
    bar: ProgressBar,
}

impl Shown {
    fn new(key: Key, bar: ProgressBar) -> Self {
        Self {
            key,
            look: None,
            message: String::new(),
            bytes: (0, 0),
            bar,
        }
    }
}

/// What a line is, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Row(String),
    Detail(String, usize),
    Folded,
    Footer,
}

impl Key {
    fn of(line: &Line<'_>) -> Self {
        match line {
            Line::Row(row) => Self::Row(row.id.clone()),
            Line::Detail { row, index, .. } => Self::Detail(row.id.clone(), *index),
            Line::Folded { .. } => Self::Folded,
            Line::Footer(_) => Self::Footer,
        }
    }
}

impl Board {
    pub(super) fn new(device: Device, has_colours: bool) -> Self {
        let Device {
            term,
            clock,
            is_left,
        } = device;
        let canvas = Canvas::new(term, is_left);
        // The canvas paints when told, so it may take every frame.
        let target = ProgressDrawTarget::term_like(Box::new(canvas.clone()));
        Self {
            rows: Rows::default(),
            multi: MultiProgress::with_draw_target(target),
            size: canvas.size(),
            canvas,
            bars: Vec::new(),
            has_colours,
            clock,
        }
    }

    /// Changes the rows, and brings the bars in line with them.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Rows)) {
        self.rows.now = self.clock.now();
        change(&mut self.rows);
        self.update();
    }

    fn update(&mut self) {
        self.size = self.canvas.size();
        let (height, columns) = self.size;
        // The last column stays free: some terminals wrap as soon as it is written.
        let width = columns.saturating_sub(1).max(1);
        let now = self.rows.now;
        let lines = self.rows.lines(height);

        let keys: Vec<Key> = lines.iter().map(Key::of).collect();
        self.bars.retain(|shown| {
            let stays = keys.contains(&shown.key);
            if !stays {
                self.multi.remove(&shown.bar);
            }
            stays
        });
        for (index, (line, key)) in lines.iter().zip(keys).enumerate() {
            if self.bars.get(index).is_none_or(|shown| shown.key != key) {
                let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
                let bar = self.multi.insert(index, bar);
                self.bars.insert(index, Shown::new(key, bar));
            }
            if let Some(shown) = self.bars.get_mut(index) {
                shown.fill(line, width, self.has_colours, now);
            }
        }
        if self.bars.is_empty() {
            let _ = self.multi.clear();
        }
    }

    pub(super) fn has_colours(&self) -> bool {
        self.has_colours
    }

    /// Moves the spinners and the times, and follows the terminal's size.
    pub(super) fn tick(&mut self) {
        if self.rows.has_times() || self.size != self.canvas.size() {
            self.change(|_| {});
        }
        for shown in &self.bars {
            shown.bar.tick();
        }
        self.paint();
    }

    /// Writes a text that stays above the bars, wrapped between words.
    pub(super) fn print(&self, text: &str) {
        let (_, columns) = self.canvas.size();
        self.print_as_it_is(&wrap(text, columns));
    }

    /// Writes a line that stays above the bars: a mark, a text that is cut to the width, and its end on the right.
    pub(super) fn print_fitted(&self, mark: &str, text: &str, end: &str) {
        let (_, columns) = self.canvas.size();
        let room = columns.saturating_sub(1 + measure_text_width(mark) + 1);
        self.print_as_it_is(&format!("{mark} {}", fit_to_end(text, end, room)));
    }

    /// Writes lines that stay above the bars, and leaves it to the terminal where they are too long.
    pub(super) fn print_as_it_is(&self, text: &str) {
        let _ = self.multi.println(text);
        // The next frame tells the canvas that the lines stay.
        match self.bars.first() {
            Some(shown) => shown.bar.tick(),
            None => drop(self.multi.clear()),
        }
    }

    pub(super) fn paint(&self) {
        self.canvas.paint();
    }
}

impl Shown {
    /// Gives the bar what the line says. What it knows already would only turn its spinner.
    fn fill(&mut self, line: &Line<'_>, width: usize, has_colours: bool, now: Duration) {
        let look = Look::of(line, width);
        if self.look != Some(look) {
            self.look = Some(look);
            self.message.clear();
            self.bar.set_style(look.style(has_colours));
        }
        if let Line::Row(Row {
            content:
                Content::Layer {
                    current,
                    total: Some(total),
                    ..
                },
            ..
        }) = line
        {
            // An engine may count more than it announced.
            let bytes = (*current, (*total).max(*current));
            if self.bytes != bytes {
                self.bytes = bytes;
                self.bar.set_length(bytes.1);
                self.bar.set_position(bytes.0);
            }
        }
        let message = message(line, look, width, has_colours, now);
        if self.message != message {
            self.message.clone_from(&message);
            self.bar.set_message(message);
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.change(Rows::clear);
        self.paint();
    }
}
