//! Finds what is wrong with a Dockerfile, without building it.

use std::collections::BTreeMap;

use crate::build_image::{BuildRequest, Hidden, prepare};
use crate::build_options::BuildOptions;
use crate::credentials::Keychain;
use crate::engine::Engine;
use crate::error::{Operation, Result};
use crate::timeouts::Deadline;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildCheck {
    /// Every finding, in the order of the Dockerfile frontend.
    pub warnings: Vec<CheckWarning>,
}

/// One thing that a rule of the Dockerfile frontend finds fault with
/// (<https://docs.docker.com/reference/build-checks/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckWarning {
    /// Name of the rule, such as `StageNameCasing`.
    pub rule: String,
    /// What was found, in one line.
    pub message: String,
    /// What the rule asks for, in one line.
    pub description: String,
    /// Page that explains the rule.
    pub url: Option<String>,
    /// First line of the Dockerfile that it is about, from 1.
    pub start_line: Option<u32>,
    /// Last line of the Dockerfile that it is about, from 1.
    pub end_line: Option<u32>,
}

/// Asks the Dockerfile frontend what it finds fault with in a build, without running it. Options that concern only the run and
/// what is made are ignored.
///
/// What does not parse is `DOCKERFILE_INVALID`; an engine without BuildKit, or with one that cannot check, is
/// `UNSUPPORTED_BY_ENGINE`. Dropping the future gives the check up.
pub async fn check_build(engine: &dyn Engine, request: &BuildRequest) -> Result<BuildCheck> {
    let request = &BuildRequest {
        options: checked(&request.options),
        ..request.clone()
    };
    let deadline = request.timeouts.total.map(Deadline::after);
    let keychain = Keychain::new(request.credentials.clone());
    // A check is given no secret; its arguments it may repeat.
    let hidden = Hidden::of(request, &BTreeMap::new(), &keychain).await;
    let checked = match prepare(request, deadline, &keychain) {
        Ok(build) => engine.check(&build).await,
        Err(error) => Err(error),
    };
    match checked {
        Ok(mut warnings) => {
            let messages = warnings.iter_mut().map(|warning| &mut warning.message);
            messages.for_each(|message| hidden.text(message));
            Ok(BuildCheck { warnings })
        }
        Err(error) => {
            let error = hidden.error(error).with_operation(Operation::CheckBuild);
            Err(keychain.explain(error))
        }
    }
}

/// What of the options says something of the Dockerfile: the rest may be wrong, or be more than the engine can.
fn checked(options: &BuildOptions) -> BuildOptions {
    BuildOptions {
        builder: options.builder,
        build_args: options.build_args.clone(),
        target: options.target.clone(),
        // The rules find the same for each.
        platforms: options.platforms.first().cloned().into_iter().collect(),
        contexts: options.contexts.clone(),
        pull: options.pull,
        ..BuildOptions::default()
    }
}
