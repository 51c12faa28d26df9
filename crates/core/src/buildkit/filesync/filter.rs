//! Which entries of a folder are sent.
//!
//! The outcome is that of <https://github.com/tonistiigi/fsutil/blob/586307ad452f/filter.go>. Folders in which nothing
//! can be wanted are passed over by a rule of our own, which passes over more of them: an excluding pattern that cannot be
//! compiled fails for what is included, and not for all that Go's side looks at on the way.
//!
//! A file that is described has its content. Go's side judges it anew when it is asked for, by a rule that differs where
//! something was taken back and a folder above it excluded after that, and sends an empty file then.

use super::follow::{follow, without_nested};
use super::request::SyncRequest;
use super::tree::Tree;
use crate::build_context::failure::unreadable;
use crate::build_context::ignore::{Hits, IgnoreRules};
use crate::error::Result;

/// The patterns that were asked for.
#[derive(Debug, Default)]
pub(super) struct Filter {
    include: Option<IgnoreRules>,
    exclude: Option<IgnoreRules>,
}

/// What was found for a folder; the default is that of the context folder.
#[derive(Debug, Default)]
pub(super) struct FolderHits {
    include: Hits,
    exclude: Hits,
}

/// What is done with an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is sent.
    Sent,
    /// It is sent only if something below it is.
    Held,
    /// It is not sent, and nothing below it is.
    Dropped,
}

impl Filter {
    /// Reads the patterns. Empty lists let everything pass.
    pub(super) fn new(tree: &dyn Tree, wanted: SyncRequest) -> Result<Self> {
        let mut include = wanted.include;
        if !wanted.follow.is_empty() {
            let followed = follow(tree, &wanted.follow)
                .map_err(|error| unreadable(&tree.shown(b""), error))?;
            if let Some(followed) = followed {
                include.extend(followed);
                include = without_nested(include).unwrap_or_default();
            }
        }
        let place = tree.shown(b"");
        let read = |patterns: Vec<Vec<u8>>| {
            let is_given = !patterns.is_empty();
            let rules = IgnoreRules::of_patterns(patterns, &place)?;
            Ok(is_given.then_some(rules))
        };
        let (include, exclude) = (read(include)?, read(wanted.exclude)?);
        Ok(Self { include, exclude })
    }

    /// Judges an entry of a folder for which `parent` was found.
    pub(super) fn judge(
        &self,
        path: &[u8],
        is_folder: bool,
        parent: &FolderHits,
    ) -> Result<(Fate, FolderHits)> {
        let mut hits = FolderHits::default();
        let mut is_wanted = true;
        if let Some(rules) = &self.include {
            let verdict = rules.judge(path, is_folder, &parent.include)?;
            hits.include = verdict.hits;
            if !verdict.excluded {
                is_wanted = false;
                if !is_folder || !rules.may_match_below(path) {
                    return Ok((Fate::Dropped, hits));
                }
            }
        }
        if let Some(rules) = &self.exclude {
            let verdict = rules.judge(path, is_folder, &parent.exclude)?;
            hits.exclude = verdict.hits;
            if verdict.excluded {
                is_wanted = false;
                if !is_folder || !rules.may_send_below(path) {
                    return Ok((Fate::Dropped, hits));
                }
            }
        }
        let fate = if is_wanted { Fate::Sent } else { Fate::Held };
        Ok((fate, hits))
    }
}
