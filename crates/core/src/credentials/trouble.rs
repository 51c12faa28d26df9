//! Why a registry is asked without credentials, although somebody has some for it.

use super::helper::BrokenHelper;
use super::{Found, Registry};
use crate::error::{Error, ErrorKind};
use crate::progress::Warning;

/// The code of warnings about credentials that a registry does not accept.
const REFUSED: &str = "CREDENTIALS_REFUSED";

/// Trouble with the credentials for one registry.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(super) registry: Registry,
    warning: Warning,
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

impl Trouble {
    /// A helper gave no answer.
    pub(super) fn broken(helper: &BrokenHelper) -> Self {
        let message = helper.message.clone();
        let told = format!("{message}; the registry is asked without credentials");
        Self {
            registry: helper.registry.clone(),
            warning: Warning::new(ErrorKind::CredentialHelper.code(), told),
            kind: ErrorKind::CredentialHelper,
            message,
            hint: None,
        }
    }

    /// `registry`, or its token server, refused `found` with `error`, and gave what was wanted to somebody without them.
    pub(crate) fn refused(registry: &Registry, found: &Found, error: &Error) -> Self {
        let origin = &found.origin;
        let told = format!(
            "`{registry}` refused the credentials from {origin}, and was asked without them: log in again, or out"
        );
        Self {
            registry: registry.clone(),
            warning: Warning::new(REFUSED, told),
            kind: error.kind,
            message: error.message.clone(),
            hint: error.hint().map(str::to_owned),
        }
    }

    /// What should be known although the work goes on.
    pub(crate) fn warning(&self) -> Warning {
        self.warning.clone()
    }

    /// The error of a registry that then gives nothing to somebody without credentials, but answers `answer`. Other failures
    /// have other reasons.
    pub(super) fn explain(&self, answer: Error) -> Error {
        let mut error = answer.clone();
        error.kind = self.kind;
        error.message.clone_from(&self.message);
        error.registry = Some(self.registry.to_string());
        error.hint.clone_from(&self.hint);
        error.with_source(answer)
    }
}

/// Whether a registry says this, or may say this, for want of a login.
pub(crate) fn wants_login(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::AuthRequired | ErrorKind::AccessDenied | ErrorKind::ImageNotFound
    )
}

/// Whether a registry says this of credentials that it does not accept.
pub(crate) fn refuses_login(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::AuthRequired | ErrorKind::AccessDenied)
}
