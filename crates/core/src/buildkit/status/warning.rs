//! Warnings of the frontend.

use super::message::{VertexWarning, shown};
use crate::progress::Warning;

/// The warning, whose text begins with the name of the rule where one was broken
/// (<https://docs.docker.com/reference/build-checks/>); `None` where it says nothing.
pub(super) fn warning(warning: &VertexWarning) -> Option<Warning> {
    let short = shown(&warning.short);
    let positions = warning
        .ranges
        .iter()
        .flat_map(|range| [range.start, range.end])
        .flatten();
    let lines = positions.filter_map(|position| u32::try_from(position.line).ok());
    let lines: Vec<u32> = lines.filter(|line| *line > 0).collect();
    let (start_line, end_line) = (lines.iter().min().copied(), lines.iter().max().copied());
    // The lint says the line in its text as well.
    let place = start_line.map(|line| format!(" (line {line})"));
    let message = place
        .and_then(|place| short.strip_suffix(place.as_str()))
        .unwrap_or(&short);
    if message.is_empty() {
        return None;
    }
    Some(Warning {
        url: Some(shown(&warning.url)).filter(|url| !url.is_empty()),
        start_line,
        end_line,
        ..Warning::new(Warning::BUILD, message)
    })
}
