//! What must not be shown of a build, wherever its engine or its steps repeat it.

use std::collections::BTreeMap;

use super::{BuildRequest, BuildSource, build_args};
use crate::build_context::ContextSource;
use crate::build_options::{NamedContext, SecretValue};
use crate::credentials::Keychain;
use crate::error::Error;
use crate::progress::ProgressEvent;
use crate::text::Mask;

/// Values of one build: what its steps are given, and what its registries are shown.
pub(crate) struct Hidden<'a> {
    mask: Mask,
    keychain: &'a Keychain,
}

impl<'a> Hidden<'a> {
    /// What `request` says, `docker`'s settings add, and `secrets` are.
    pub(crate) async fn of(
        request: &BuildRequest,
        secrets: &BTreeMap<String, SecretValue>,
        keychain: &'a Keychain,
    ) -> Self {
        let (docker, _) = keychain.docker_config().await;
        let arguments = build_args(request);
        let arguments = arguments
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let mask = Mask::of_build_args(arguments.chain(docker.proxies.all()))
            .and_secrets(secrets.values().map(SecretValue::reveal));
        let mask = urls(request).fold(mask, Mask::and_url);
        Self { mask, keychain }
    }

    /// The event without them.
    pub(crate) fn event(&self, event: &ProgressEvent) -> ProgressEvent {
        let mut event = event.clone();
        match &mut event {
            ProgressEvent::Step(step) => self.mask.hide(&mut step.name),
            ProgressEvent::Log(log) => self.mask.hide(&mut log.text),
            ProgressEvent::Status(status) => self.text(&mut status.message),
            ProgressEvent::Warning(warning) => self.text(&mut warning.message),
            ProgressEvent::Attempt(_)
            | ProgressEvent::Layer(_)
            | ProgressEvent::Total(_)
            | ProgressEvent::Context(_) => {}
        }
        event
    }

    /// The error without them.
    pub(crate) fn error(&self, mut error: Error) -> Error {
        error.hide(&|text| self.text(text));
        error
    }

    /// Takes them out of a text. What the engine itself says may repeat what a registry was shown, and what a step was given.
    pub(crate) fn text(&self, text: &mut String) {
        self.mask.hide(text);
        self.keychain.hide(text);
    }
}

/// The URLs that the engine fetches contexts from.
fn urls(request: &BuildRequest) -> impl Iterator<Item = &str> {
    let main = match &request.source {
        BuildSource::Context(ContextSource::Url { url, .. }) => Some(url.as_str()),
        _ => None,
    };
    let named = request.options.contexts.values();
    let named = named.filter_map(|context| match context {
        NamedContext::Url(url) => Some(url.as_str()),
        _ => None,
    });
    main.into_iter().chain(named)
}
