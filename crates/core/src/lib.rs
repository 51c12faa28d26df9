//! Gets a container image ready: finds it, pulls it from the first registry that has it, or builds it, and tells the
//! caller everything while it waits.
//!
//! The verbs are [`ensure_image()`], [`image_exists()`], [`inspect_image`], [`pull_image()`], [`build_image()`] and
//! [`check_build()`]. Each takes an
//! [`Engine`](engine::Engine), a request and a [`ProgressSink`](progress::ProgressSink); dropping its future cancels
//! the work at the engine. [`diagnose()`] says what there is to work with. Nothing here prints, and only [`environment`] reads environment variables.

pub mod attempt;
pub mod build_context;
pub mod build_image;
pub mod build_options;
pub mod check_build;
pub mod credentials;
pub mod diagnose;
pub mod engine;
pub mod ensure_image;
pub mod environment;
pub mod error;
pub mod fallback;
pub mod image_exists;
pub mod opencode;
pub mod platform;
pub mod progress;
pub mod pull_image;
pub mod reference;
pub mod retry;
pub mod secret;
pub mod text;
pub mod timeouts;

mod buildkit;
mod source;
mod tls;
mod web;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;

pub use attempt::Attempt;
pub use build_image::{BuildRequest, BuildSource, BuiltImage, build_image};
pub use build_options::BuildOptions;
pub use check_build::{BuildCheck, CheckWarning, check_build};
pub use credentials::{CredentialSources, Credentials};
pub use diagnose::{DiagnoseRequest, Diagnosis, diagnose};
pub use engine::ContextCompression;
pub use engine::docker::DockerEngine;
pub use ensure_image::{
    EnsureBuild, EnsurePolicy, EnsureRequest, InFlight, Origin, ReadyImage, ensure_image,
};
pub use environment::Environment;
pub use error::{DockerfilePlace, Error, ErrorKind, Operation, Result};
pub use image_exists::{image_exists, inspect_image};
pub use platform::Platform;
pub use pull_image::{PullRequest, PulledImage, pull_image};
pub use reference::Reference;
pub use retry::RetryPolicy;
pub use timeouts::Timeouts;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
