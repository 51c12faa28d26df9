//! The lines of a Dockerfile at which a build failed.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};

use crate::error::DockerfilePlace;
use crate::text::{clean_line, redact_urls};

/// Longest excerpt in bytes: an instruction may have a whole script in it.
const LIMIT: usize = 64 * 1024;

/// `errdefs.Source`: a file, and places in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Source {
    info: File,
    ranges: Vec<Range>,
}

/// `pb.SourceInfo`: a file and its text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    filename: String,
    #[serde(deserialize_with = "text_of_base64")]
    data: String,
}

/// Where it is, from its first line to its last.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Range {
    start: Position,
    end: Position,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Position {
    line: usize,
}

/// Go writes bytes in base64.
fn text_of_base64<'de, D: Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    let text = String::deserialize(json)?;
    let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Range {
    fn last(&self) -> usize {
        self.end.line.max(self.start.line)
    }
}

impl Source {
    pub(crate) fn new(info: File, ranges: Vec<Range>) -> Self {
        Self { info, ranges }
    }

    /// The lines in a file that is not known.
    pub(crate) fn place_of(ranges: &[Range]) -> Option<DockerfilePlace> {
        let start = ranges.iter().map(|range| range.start.line).min()?;
        let end = ranges.iter().map(Range::last).max()?;
        let line = u32::try_from(start).ok().filter(|line| *line > 0)?;
        Some(DockerfilePlace {
            end_line: u32::try_from(end).ok()?,
            ..DockerfilePlace::line(line)
        })
    }

    /// The lines without their excerpt.
    pub(super) fn place(&self) -> Option<DockerfilePlace> {
        let (start, end) = self.span()?;
        Some(DockerfilePlace {
            end_line: u32::try_from(end).ok()?,
            ..DockerfilePlace::line(u32::try_from(start).ok()?)
        })
    }

    /// The text of the lines, on one line.
    pub(super) fn instruction(&self) -> Option<String> {
        let (start, end) = self.span()?;
        let lines = self.lines().skip(start - 1).take(end + 1 - start);
        let words = lines.map(|line| {
            let line = line.trim();
            let line = line.strip_suffix('\\').unwrap_or(line);
            shown(line.trim())
        });
        let words = words.collect::<Vec<_>>().join(" ");
        Some(words).filter(|words| !words.is_empty())
    }

    /// First and last line, from 1, where the file has them.
    fn span(&self) -> Option<(usize, usize)> {
        let start = self.ranges.iter().map(|range| range.start.line).min()?;
        let end = self.ranges.iter().map(Range::last).max()?;
        let count = self.lines().count();
        (1..=count)
            .contains(&start)
            .then(|| (start, end.min(count)))
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.info.data.split('\n')
    }

    /// What `Source.Print` prints, without the last line's end
    /// (<https://github.com/moby/buildkit/blob/v0.25.2/solver/errdefs/source.go>).
    pub(crate) fn print(&self) -> Option<String> {
        let (first, last) = self.span()?;
        let (start, end) = self.with_surroundings(first, last);
        let rule = "--------------------";
        let mut text = format!("{}:{first}\n{rule}\n", shown(&self.info.filename));
        let lines = (1..).zip(self.lines());
        for (number, line) in lines.skip(start - 1).take(end + 1 - start) {
            if text.len() > LIMIT {
                text.push_str("     | …\n");
                break;
            }
            let is_at_fault = |range: &Range| (range.start.line..=range.last()).contains(&number);
            let mark = if self.ranges.iter().any(is_at_fault) {
                ">>>"
            } else {
                "   "
            };
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, " {number:3} | {mark} {}", shown(line));
        }
        text.push_str(rule);
        Some(text)
    }

    /// Some lines more on both sides: at a single line, or towards the end of the file, as docker has them.
    fn with_surroundings(&self, first: usize, last: usize) -> (usize, usize) {
        let (mut start, mut end) = (first, last);
        let count = self.lines().count();
        let wanted = if first == last { 4 } else { 2 };
        let mut added = 0;
        while added < wanted {
            if start > 1 {
                start -= 1;
                added += 1;
            }
            if end != count {
                end += 1;
                added += 1;
            }
            added += 1;
        }
        (start, end)
    }
}

/// The excerpts of all, one after the other.
pub(super) fn of_all(sources: &[Source]) -> Option<String> {
    let excerpts: Vec<String> = sources.iter().filter_map(Source::print).collect();
    (!excerpts.is_empty()).then(|| excerpts.join("\n"))
}

/// A line without control sequences and credentials.
fn shown(line: &str) -> String {
    redact_urls(&clean_line(line)).into_owned()
}
