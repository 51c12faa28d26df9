//! The folders of a build on their way to the engine, watched.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::filesync::{Counts, SyncCounters};
use super::inputs::CONTEXT;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Context, ProgressEvent};

/// What was last seen of each folder.
pub(crate) struct Transfers {
    folders: Vec<Watched>,
    stall: Option<Duration>,
}

struct Watched {
    name: String,
    counters: Arc<SyncCounters>,
    seen: Counts,
    moved: Instant,
}

impl Transfers {
    /// Watches `folders` by their names; one that has begun and does not move for `stall` fails the build.
    pub(crate) fn of<'a>(
        folders: impl Iterator<Item = (&'a str, &'a Arc<SyncCounters>)>,
        stall: Option<Duration>,
    ) -> Self {
        let watched = folders.map(|(name, counters)| Watched {
            name: name.to_owned(),
            counters: Arc::clone(counters),
            seen: Counts::default(),
            moved: Instant::now(),
        });
        Self {
            folders: watched.collect(),
            stall,
        }
    }

    /// An entry that some engines do not take, because something of it is not UTF-8.
    pub(crate) fn not_unicode(&self) -> Option<&PathBuf> {
        let mut folders = self.folders.iter();
        folders.find_map(|folder| folder.counters.not_unicode())
    }

    /// What has changed since the last look, and whether something stalls.
    pub(crate) fn look(&mut self, now: Instant) -> (Vec<ProgressEvent>, Result<()>) {
        let mut events = Vec::new();
        let mut result = Ok(());
        for folder in &mut self.folders {
            let warnings = folder.counters.take_warnings();
            events.extend(warnings.into_iter().map(ProgressEvent::Warning));
            let counts = folder.counters.get();
            if counts != folder.seen {
                let (old, new) = (context(folder.seen), context(counts));
                folder.seen = counts;
                folder.moved = now;
                if folder.name == CONTEXT && new != old {
                    events.push(ProgressEvent::Context(new));
                }
            } else if let Some(stall) = self.stall
                && counts.has_begun
                && !counts.done
                && now.saturating_duration_since(folder.moved) >= stall
            {
                let message = format!(
                    "the engine read nothing of the context for {} s",
                    stall.as_secs_f64()
                );
                result = Err(Error::new(ErrorKind::Stalled, message));
            }
        }
        (events, result)
    }
}

fn context(counts: Counts) -> Context {
    Context {
        files_sent: counts.files_sent,
        bytes_sent: counts.bytes_sent,
        files_total: counts.walk_ended.then_some(counts.entries),
        done: counts.done,
    }
}
