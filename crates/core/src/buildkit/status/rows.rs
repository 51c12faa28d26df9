//! The parts of a step's work that are no layers, such as `exporting layers` and `naming to docker.io/acme/app:1`.

use std::collections::HashMap;
use std::time::Duration;

use super::intervals::{instant, millis_between};
use super::message::{VertexStatus, shown};
use crate::text::format_duration;

/// The transfer of the context and of the Dockerfile, of which `context` events tell more
/// (<https://github.com/moby/buildkit/blob/v0.25.2/source/local/source.go>).
const TRANSFERS: &[&str] = &["transferring context:", "transferring dockerfile:"];

/// Which rows have been told, by step and name: `true` where their end has.
#[derive(Debug, Default)]
pub(super) struct Rows(HashMap<(usize, String), bool>);

impl Rows {
    /// Takes a row of the step at `place`: what is to be told of it, which is its beginning and its end.
    pub(super) fn update(&mut self, place: usize, row: &VertexStatus) -> Option<String> {
        let name = shown(&row.id);
        if name.is_empty() || TRANSFERS.contains(&name.as_str()) {
            return None;
        }
        let has_ended = row.completed.is_some();
        let key = (place, name);
        match self.0.get_mut(&key) {
            Some(end_told) if *end_told || !has_ended => return None,
            Some(end_told) => *end_told = true,
            None => drop(self.0.insert(key.clone(), has_ended)),
        }
        let name = key.1.trim_end_matches(':');
        Some(match (&row.started, &row.completed) {
            (_, None) => name.to_owned(),
            (None, Some(_)) => format!("{name}: done"),
            (Some(start), Some(end)) => {
                let millis = millis_between(instant(start), instant(end));
                let time = format_duration(Duration::from_millis(millis));
                format!("{name}: done after {time}")
            }
        })
    }
}
