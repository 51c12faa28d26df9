//! Which rows exist, and which of them a terminal of some height shows.

use std::collections::VecDeque;

/// Lines of a log that are shown at most.
pub(super) const LOG_LINES: usize = 4;

/// All rows, in the order in which they were added. The first one is the main row.
#[derive(Debug, Default)]
pub(super) struct Rows {
    all: Vec<Row>,
    log: VecDeque<String>,
    footer: Vec<String>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) content: Content,
    pub(super) is_finished: bool,
}

/// What a row shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Spinner(String),
    Layer {
        current: u64,
        total: Option<u64>,
        status: String,
    },
}

/// One line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Row(&'a Row),
    /// A line of the log, with its place among the shown ones.
    Log(usize, &'a str),
    /// Rows for which there is no room.
    Folded {
        count: usize,
        finished: usize,
    },
    Footer(&'a [String]),
}

impl Row {
    /// What is left out first when there is no room: rows at work come before those that wait, and these before
    /// finished ones.
    fn rank(&self) -> u8 {
        match &self.content {
            _ if self.is_finished => 2,
            Content::Layer {
                current: 0,
                total: None,
                ..
            } => 1,
            _ => 0,
        }
    }
}

impl Rows {
    /// Adds a row, or gives an existing one another content and sets it to work again.
    pub(super) fn set(&mut self, id: &str, content: Content) {
        match self.all.iter_mut().find(|row| row.id == id) {
            Some(row) => {
                row.content = content;
                row.is_finished = false;
            }
            None => self.all.push(Row {
                id: id.to_owned(),
                content,
                is_finished: false,
            }),
        }
    }

    /// Marks a row as finished, with its last words.
    pub(super) fn finish(&mut self, id: &str, message: &str) {
        let message = message.to_owned();
        let known = self.all.iter().find(|row| row.id == id);
        let content = match known.map(|row| &row.content) {
            Some(Content::Spinner(_)) => Content::Spinner(message),
            _ => Content::Layer {
                current: 0,
                total: None,
                status: message,
            },
        };
        self.set(id, content);
        if let Some(row) = self.all.iter_mut().find(|row| row.id == id) {
            row.is_finished = true;
        }
    }

    /// Removes the layers, all of them or the finished ones.
    pub(super) fn remove_layers(&mut self, finished_only: bool) {
        self.all.retain(|row| {
            matches!(row.content, Content::Spinner(_)) || (finished_only && !row.is_finished)
        });
    }

    pub(super) fn has_layers(&self) -> bool {
        self.all
            .iter()
            .any(|row| matches!(row.content, Content::Layer { .. }))
    }

    pub(super) fn push_log(&mut self, line: String) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    pub(super) fn clear_log(&mut self) {
        self.log.clear();
    }

    pub(super) fn set_footer(&mut self, parts: Vec<String>) {
        self.footer = parts;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The lines for a terminal of `height` rows. One row stays free, for the cursor of whoever writes next.
    pub(super) fn lines(&self, height: usize) -> Vec<Line<'_>> {
        let mut room = height.saturating_sub(1).max(1);
        let mut lines = Vec::new();
        let Some((main, others)) = self.all.split_first() else {
            return lines;
        };
        lines.push(Line::Row(main));
        room -= 1;
        let has_footer = !self.footer.is_empty() && room > 0;
        room -= usize::from(has_footer);

        let log_room = if others.is_empty() { room } else { room / 3 };
        let log_lines = self.log.len().min(log_room);
        let log = self.log.iter().skip(self.log.len() - log_lines);
        lines.extend(log.enumerate().map(|(index, line)| Line::Log(index, line)));
        room -= log_lines;

        push_others(&mut lines, others, room);
        if has_footer {
            lines.push(Line::Footer(&self.footer));
        }
        lines
    }
}

fn push_others<'a>(lines: &mut Vec<Line<'a>>, rows: &'a [Row], room: usize) {
    if rows.len() <= room {
        lines.extend(rows.iter().map(Line::Row));
        return;
    }
    let Some(kept) = room.checked_sub(1) else {
        return;
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|index| rows[*index].rank());
    let (shown, folded) = order.split_at_mut(kept);
    shown.sort_unstable();
    lines.extend(shown.iter().map(|index| Line::Row(&rows[*index])));
    let finished = folded
        .iter()
        .filter(|index| rows[**index].is_finished)
        .count();
    lines.push(Line::Folded {
        count: folded.len(),
        finished,
    });
}

#[cfg(test)]
mod tests;
