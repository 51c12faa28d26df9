//! What lies below an error.

use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

/// The first error of the kind `T`, wherever below `error` it is. An `io::Error` keeps one out of sight.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        if let Some(inner) = error.downcast_ref().and_then(io::Error::get_ref)
            && let Some(found) = find(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// An error of which only the words are left.
#[derive(Debug)]
struct Words {
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Words {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// `error`, or its words and those of all below it, where `hide` changes any of them.
pub(crate) fn hidden(
    error: Arc<dyn Error + Send + Sync>,
    hide: &dyn Fn(&mut String),
) -> Arc<dyn Error + Send + Sync> {
    if let Some(own) = error.downcast_ref::<crate::error::Error>() {
        // Others may have the same one, and see it as it is.
        let mut own = own.clone();
        own.hide(hide);
        return Arc::new(own);
    }
    let mut messages = Vec::new();
    let mut is_changed = false;
    let mut next: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(error) = next {
        // Its parts may be seen as well, where somebody looks at it with `Debug`.
        for (is_message, mut text) in [(true, error.to_string()), (false, format!("{error:?}"))] {
            let before = text.clone();
            hide(&mut text);
            is_changed |= text != before;
            if is_message {
                messages.push(text);
            }
        }
        next = error.source();
    }
    if !is_changed {
        return error;
    }
    let words = messages.into_iter().rev().fold(None, |source, message| {
        let words: Arc<dyn Error + Send + Sync> = Arc::new(Words { message, source });
        Some(words)
    });
    words.unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error as Own, ErrorKind};

    fn hide(text: &mut String) {
        *text = text.replace("hunter2", "***");
    }

    fn shown(error: &(dyn Error + 'static)) -> String {
        let below = error.source().map(shown).unwrap_or_default();
        format!("{error} {error:?} | {below}")
    }

    #[test]
    fn what_must_not_be_shown_is_hidden_in_all_that_lies_below() {
        let lowest = io::Error::other("it said hunter2");
        let middle = Own::new(ErrorKind::RegistryError, "no hunter2").with_source(lowest);
        let mut error = Own::new(ErrorKind::Deadline, "too late").with_source(middle);
        error.hide(&hide);
        let middle = error.source.as_ref().unwrap();
        assert!(middle.downcast_ref::<Own>().is_some(), "it keeps its code");
        let shown = shown(&error);
        assert!(
            shown.contains("it said ***") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn an_error_with_nothing_to_hide_stays_as_it_is() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        let mut error = Own::new(ErrorKind::Internal, "").with_source(source);
        error.hide(&hide);
        let source = error.source.as_ref().unwrap().downcast_ref::<io::Error>();
        assert_eq!(source.unwrap().kind(), io::ErrorKind::NotFound);
    }
}
