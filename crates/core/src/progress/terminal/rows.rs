//! Which rows exist, and which of them a terminal of some height shows.

use std::collections::VecDeque;
use std::time::Duration;

/// Lines below a row that are shown at most.
pub(super) const DETAILS: usize = 4;

/// All rows, in the order in which they were added. The first one is the main row.
#[derive(Debug, Default)]
pub(super) struct Rows {
    all: Vec<Row>,
    footer: Vec<String>,
    /// The time by which the rows are shown.
    pub(super) now: Duration,
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
    /// Work whose time is shown, with the last lines that it said.
    Timed {
        text: String,
        started: Duration,
        details: VecDeque<String>,
    },
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
    /// A line below a row, with its place among the shown ones.
    Detail {
        row: &'a Row,
        index: usize,
        text: &'a str,
    },
    /// Rows for which there is no room.
    Folded {
        layers: usize,
        steps: usize,
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

    fn is_layer(&self) -> bool {
        matches!(self.content, Content::Layer { .. })
    }

    fn details(&self) -> Option<&VecDeque<String>> {
        match &self.content {
            Content::Timed { details, .. } => Some(details),
            _ => None,
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

    /// Adds a row whose time begins now, or gives an existing one another text.
    pub(super) fn time(&mut self, id: &str, new: &str) {
        let known = self.all.iter_mut().find(|row| row.id == id);
        if let Some(Content::Timed { text, .. }) = known.map(|row| &mut row.content) {
            new.clone_into(text);
            return;
        }
        let content = Content::Timed {
            text: new.to_owned(),
            started: self.now,
            details: VecDeque::new(),
        };
        self.set(id, content);
    }

    /// Adds a line below a row, in the place of the line `before` where that is there. Returns whether there is such a
    /// row.
    pub(super) fn detail(&mut self, id: &str, line: &str, before: Option<&str>) -> bool {
        let row = self.all.iter_mut().find(|row| row.id == id);
        let Some(Content::Timed { details, .. }) = row.map(|row| &mut row.content) else {
            return false;
        };
        let known = details
            .iter_mut()
            .find(|known| before == Some(known.as_str()));
        if let Some(known) = known {
            line.clone_into(known);
            return true;
        }
        if details.len() == DETAILS {
            details.pop_front();
        }
        details.push_back(line.to_owned());
        true
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

    /// Removes a row.
    pub(super) fn remove(&mut self, id: &str) {
        self.all.retain(|row| row.id != id);
    }

    /// Removes all rows but the main one.
    pub(super) fn remove_others(&mut self) {
        self.all.truncate(1);
        self.footer.clear();
    }

    /// Removes the layers that are finished, and their sum with the last of them.
    pub(super) fn remove_finished_layers(&mut self) {
        self.all.retain(|row| !(row.is_layer() && row.is_finished));
        if !self.all.iter().any(Row::is_layer) {
            self.footer.clear();
        }
    }

    pub(super) fn set_footer(&mut self, parts: Vec<String>) {
        self.footer = parts;
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.footer.clear();
    }

    /// Whether a row changes by time alone.
    pub(super) fn has_times(&self) -> bool {
        self.all.iter().any(|row| row.details().is_some())
    }

    /// The lines for a terminal of `height` rows. One row stays free, for the cursor of whoever writes next.
    pub(super) fn lines(&self, height: usize) -> Vec<Line<'_>> {
        let mut room = height.saturating_sub(1).max(1);
        let Some((main, others)) = self.all.split_first() else {
            return Vec::new();
        };
        room -= 1;
        let has_footer = !self.footer.is_empty() && room > 0;
        room -= usize::from(has_footer);

        // Layers come last: they come and go below the steps that pull them.
        let (layers, steps): (Vec<&Row>, Vec<&Row>) = others.iter().partition(|row| row.is_layer());
        let others = [steps, layers].concat();
        let available = details_of(main) + others.iter().map(|row| details_of(row)).sum::<usize>();
        // What is said takes a third where there is no room for everything.
        let reserved = if others.len() + available <= room {
            available
        } else {
            available.min(room / 3)
        };
        let (shown, folded) = fold(&others, room - reserved);
        let rows: Vec<&Row> = std::iter::once(main).chain(shown).collect();
        let used = rows.len() - 1 + usize::from(folded.is_some());
        let counts = share_out(&rows, room.saturating_sub(used));

        let mut lines = Vec::new();
        for (row, count) in rows.into_iter().zip(counts) {
            lines.push(Line::Row(row));
            let details = row.details().into_iter().flatten();
            let last = details.skip(details_of(row) - count).enumerate();
            lines.extend(last.map(|(index, text)| Line::Detail { row, index, text }));
        }
        lines.extend(folded);
        if has_footer {
            lines.push(Line::Footer(&self.footer));
        }
        lines
    }
}

fn details_of(row: &Row) -> usize {
    row.details().map_or(0, VecDeque::len)
}

/// The rows that are shown in `room` lines, and the line that stands for the others.
fn fold<'a>(rows: &[&'a Row], room: usize) -> (Vec<&'a Row>, Option<Line<'a>>) {
    if rows.len() <= room {
        return (rows.to_vec(), None);
    }
    let Some(kept) = room.checked_sub(1) else {
        return (Vec::new(), None);
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|index| rows[*index].rank());
    let (shown, folded) = order.split_at_mut(kept);
    shown.sort_unstable();
    let folded = || folded.iter().map(|index| rows[*index]);
    let layers = folded().filter(|row| row.is_layer()).count();
    let line = Line::Folded {
        layers,
        steps: folded().count() - layers,
        finished: folded().filter(|row| row.is_finished).count(),
    };
    (shown.iter().map(|index| rows[*index]).collect(), Some(line))
}

/// How many lines each row gets below it, one after the other, of `room`.
fn share_out(rows: &[&Row], mut room: usize) -> Vec<usize> {
    let mut counts = vec![0; rows.len()];
    for round in 0..DETAILS {
        for (row, count) in rows.iter().zip(&mut counts) {
            if room > 0 && details_of(row) > round {
                *count += 1;
                room -= 1;
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests;
