//! Vertices that failed although the build did not.

use std::sync::Arc;

use super::message::{Vertex, shown};
use super::step::failure;
use crate::engine::classify;
use crate::progress::{StepState, Warning};

/// How the name of the vertex begins that looks for a cache. No build fails because of it
/// (<https://github.com/moby/buildkit/blob/v0.25.2/solver/llbsolver/bridge.go>, `loadCache`).
const IMPORT: &str = "importing cache manifest from ";

/// Failures that are told once it is known that they are no more than that.
#[derive(Debug, Default)]
pub(super) struct Failures(Vec<Failed>);

#[derive(Debug)]
struct Failed {
    digest: Arc<str>,
    warning: Warning,
}

impl Failures {
    /// Takes what the engine says of a vertex.
    pub(super) fn update(&mut self, vertex: &Vertex) {
        let digest = String::from_utf8_lossy(&vertex.digest);
        let known = self.0.iter().position(|it| *it.digest == *digest);
        if failure(vertex) != Some(StepState::Failed) {
            // It begins anew, or nobody waits for it any more.
            if let Some(place) = known {
                self.0.remove(place);
            }
            return;
        }
        if known.is_none() {
            let (digest, warning) = (Arc::from(&*digest), warning(vertex));
            self.0.push(Failed { digest, warning });
        }
    }

    /// Takes those of which it is known before the end of the build that they do not fail it.
    pub(super) fn take_harmless(&mut self) -> Vec<Warning> {
        self.take(|warning| warning.code == Warning::CACHE_NOT_FOUND)
    }

    /// Takes what is left when the build has succeeded.
    pub(super) fn take_all(&mut self) -> Vec<Warning> {
        self.take(|_| true)
    }

    fn take(&mut self, is_wanted: impl Fn(&Warning) -> bool) -> Vec<Warning> {
        let wanted = self.0.extract_if(.., |it| is_wanted(&it.warning));
        wanted.map(|it| it.warning).collect()
    }
}

/// Whether a step of that name fails no build.
pub(super) fn is_harmless(name: &str) -> bool {
    name.starts_with(IMPORT)
}

fn warning(vertex: &Vertex) -> Warning {
    let name = shown(&vertex.name);
    let reason = classify::readable(&String::from_utf8_lossy(&vertex.error));
    match name.strip_prefix(IMPORT) {
        Some(cache) => {
            let message = format!("the cache `{cache}` is not used: {reason}");
            Warning::new(Warning::CACHE_NOT_FOUND, message)
        }
        None => {
            let message = format!("the step `{name}` failed, and the build went on: {reason}");
            Warning::new(Warning::STEP_FAILED, message)
        }
    }
}
