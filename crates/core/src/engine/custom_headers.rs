//! Headers that somebody has told `docker` to send to every engine: what stands before the engine may want them.
//!
//! <https://github.com/docker/cli/blob/v28.5.2/cli/command/cli_options.go>, `withCustomHeadersFromEnv`

mod csv;
#[cfg(test)]
mod tests;

use std::fmt;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::context_store::{ContextStore, get};
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Operation, Result};
use crate::progress::ProgressEvent;
use crate::text::Mask;

/// What nobody may set: it is ours (<https://github.com/moby/moby/blob/docker-v29.2.0/client/request.go>, `addHeaders`), or
/// the connection's, which Go leaves out (<https://github.com/golang/go/blob/go1.24.0/src/net/http/request.go>,
/// `reqWriteExcludeHeader`).
const OURS: &[&str] = &[
    "user-agent",
    "host",
    "content-length",
    "transfer-encoding",
    "trailer",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "upgrade",
];

/// Names and values, which may be secrets: neither `Debug` nor an error shows them.
#[derive(Clone, Default)]
pub(crate) struct CustomHeaders {
    headers: HeaderMap,
    mask: Mask,
}

impl CustomHeaders {
    /// Reads `DOCKER_CUSTOM_HEADERS`, or else `HttpHeaders` of `docker`'s settings. Errors: `INVALID_OPTION`.
    pub(crate) async fn of(environment: &Environment) -> Result<Self> {
        if let Some(text) = &environment.docker_custom_headers {
            return Self::parse_variable(text.reveal())
                .map_err(|reason| refused("DOCKER_CUSTOM_HEADERS", &reason));
        }
        let Some(folder) = environment.docker_folder() else {
            return Ok(Self::default());
        };
        let config = ContextStore::new(folder).config().await;
        match config
            .as_ref()
            .and_then(|config| get(config, "HttpHeaders"))
        {
            Some(headers) => Self::of_config(headers)
                .map_err(|reason| refused("`HttpHeaders` in the `config.json` of docker", &reason)),
            None => Ok(Self::default()),
        }
    }

    /// A repeated name has its last value.
    fn parse_variable(text: &str) -> Result<Self, String> {
        let fields = csv::first_record(text)
            .ok_or("it is not a line of `name=value` with commas between them")?;
        let mut headers = Self::default();
        for (index, field) in fields.iter().enumerate() {
            let place = format!("header {}", index + 1);
            let (name, value) = field
                .split_once('=')
                .ok_or_else(|| format!("{place} has no `=`"))?;
            headers.insert(&place, name.trim(), value)?;
        }
        Ok(headers.masked())
    }

    fn of_config(headers: &Value) -> Result<Self, String> {
        let Some(pairs) = headers.as_object() else {
            let is_none = headers.is_null();
            let nothing = is_none.then(Self::default);
            return nothing.ok_or_else(|| "it is not an object".to_owned());
        };
        let mut headers = Self::default();
        for (index, (name, value)) in pairs.iter().enumerate() {
            let place = format!("header {}", index + 1);
            let value = match value {
                Value::String(value) => value,
                Value::Null => "",
                _ => return Err(format!("the value of {place} is not a text")),
            };
            if headers.insert(&place, name, value)?.is_some() {
                // Which of them docker sends is a matter of luck, until it refuses.
                return Err(format!("{place} has the name of another"));
            }
        }
        Ok(headers.masked())
    }

    /// Keeps a header, and returns the one of the same name. What is wrong is told without quoting: a malformed name may
    /// have a secret in it.
    fn insert(
        &mut self,
        place: &str,
        name: &str,
        value: &str,
    ) -> Result<Option<HeaderValue>, String> {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("the name of {place} is none of a header"))?;
        let mut value: HeaderValue = value
            .parse()
            .map_err(|_| format!("the value of {place} has characters that no header may have"))?;
        value.set_sensitive(true);
        if OURS.contains(&name.as_str()) {
            return Ok(None);
        }
        Ok(self.headers.insert(name, value))
    }

    fn masked(mut self) -> Self {
        let values = self.headers.values();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        // Of `Bearer TOKEN` the token alone is as much of a secret.
        let parts = values.flat_map(|value| {
            let credential = value.split_once(' ').map(|(_, rest)| rest.to_owned());
            [Some(value), credential].into_iter().flatten()
        });
        let parts: Vec<String> = parts.collect();
        self.mask.add(parts);
        self
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// Adds them to a request, whose own come first.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }

    /// The error without the values, should an engine or something before it have repeated one.
    pub(crate) fn hide(&self, mut error: Error) -> Error {
        error.hide(&|text| self.mask.hide(text));
        error
    }

    /// The event without the values. What a step prints is not the engine's, and stays.
    pub(crate) fn event(&self, event: &ProgressEvent) -> ProgressEvent {
        let mut event = event.clone();
        match &mut event {
            ProgressEvent::Status(status) => self.mask.hide(&mut status.message),
            ProgressEvent::Warning(warning) => self.mask.hide(&mut warning.message),
            _ => {}
        }
        event
    }
}

impl fmt::Debug for CustomHeaders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} headers", self.headers.len())
    }
}

fn refused(place: &str, reason: &str) -> Error {
    let message = format!("cannot use {place}: {reason}");
    Error::new(ErrorKind::InvalidOption, message)
        .with_operation(Operation::Connect)
        .with_hint("correct it: they are the headers that docker sends to every engine")
}
