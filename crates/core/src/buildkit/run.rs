//! What is told while the engine works at one build, and why it says that it failed.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use tokio::time::{Instant, interval, timeout};
use tonic::Status;

use super::broken::{is_broken, is_broken_off};
use super::build::Failure;
use super::daemon::{Daemon, Unreachable};
use super::failure::{broken_off, out_of_time, solve_failed, unexplained};
use super::status::{StatusDecoder, StatusResponse};
use super::transfers::Transfers;
use crate::build_context::failure::not_unicode;
use crate::engine::classify;
use crate::error::{Error, Result};
use crate::progress::{ProgressEvent, ProgressSink, Warning};

/// How often the transfer of the context is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Longest silence of the call that tells about a build, once the build has ended
/// (<https://github.com/moby/buildkit/blob/v0.25.2/client/solve.go>, `statusInactivityTimeout`).
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The same for a build that was refused before anything was told: the engine would wait for it to begin, as long as this
/// and longer.
const NO_WORDS: Duration = Duration::from_millis(500);

/// One build at the engine. Dropped before its end, it tells that the steps at work were given up.
pub(super) struct Run<'a> {
    started: Instant,
    pub(super) decoder: StatusDecoder,
    /// Whether the engine has told anything.
    was_told: bool,
    /// Why the engine stopped telling what it does, where it did so by itself.
    silence: Option<Status>,
    /// The Dockerfile, where it is not UTF-8.
    pub(super) odd_dockerfile: Option<PathBuf>,
    transfers: Transfers,
    warnings: Vec<Warning>,
    progress: &'a dyn ProgressSink,
}

impl<'a> Run<'a> {
    pub(super) fn new(transfers: Transfers, progress: &'a dyn ProgressSink) -> Self {
        Self {
            started: Instant::now(),
            decoder: StatusDecoder::new(),
            was_told: false,
            silence: None,
            odd_dockerfile: None,
            transfers,
            warnings: Vec::new(),
            progress,
        }
    }

    /// Builds, and tells what happens meanwhile.
    pub(super) async fn follow(
        &mut self,
        daemon: &Daemon,
        request: api::SolveRequest,
    ) -> Result<api::SolveResponse, Failure> {
        let reference = request.r#ref.clone();
        let mut solve = pin!(daemon.control().solve(request));
        let mut told = pin!(tell(daemon, &reference));
        let mut looks = interval(LOOK);
        let (sender, mut messages) = tokio::sync::mpsc::channel::<StatusResponse>(64);
        let mut relay = pin!(async {
            let mut stream = told.as_mut().await?;
            while let Some(message) = stream.message().await? {
                if sender.send(message).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        let mut relaying = true;
        let result = loop {
            tokio::select! {
                biased;
                result = &mut solve => break result,
                Some(message) = messages.recv() => self.take(&message),
                ended = &mut relay, if relaying => {
                    relaying = false;
                    self.end_of_telling(ended, true);
                }
                _ = looks.tick() => if let Err(error) = self.look() {
                    self.finish(false);
                    return Err(Failure::Error(error));
                }
            }
        };
        // The last words come after the end.
        let patience = match result {
            Err(_) if !self.was_told => NO_WORDS,
            _ => LAST_WORDS,
        };
        while relaying {
            let next = async {
                tokio::select! {
                    biased;
                    Some(message) = messages.recv() => Ok(message),
                    ended = &mut relay => Err(ended),
                }
            };
            match timeout(patience, next).await {
                Ok(Ok(message)) => self.take(&message),
                Ok(Err(ended)) => {
                    relaying = false;
                    self.end_of_telling(ended, false);
                }
                Err(_) => relaying = false,
            }
        }
        while let Ok(message) = messages.try_recv() {
            self.take(&message);
        }
        let look = self.look().map_err(Failure::Error);
        let result = result.map_err(|status| self.failed(status));
        self.finish(result.is_ok());
        look.and(result)
    }

    fn take(&mut self, message: &StatusResponse) {
        self.was_told = true;
        let now = self.started.elapsed();
        self.decoder.decode(message, now, self.progress);
    }

    fn finish(&mut self, has_succeeded: bool) {
        let now = self.started.elapsed();
        self.decoder.finish(has_succeeded, now, self.progress);
    }

    /// Takes the end of the call that tells what happens, while the build goes on or after it.
    fn end_of_telling(&mut self, ended: Result<(), Status>, goes_on: bool) {
        // Where the connection or the call broke, the build says so.
        let is_told = |status: &Status| !is_broken(status) && !is_broken_off(status);
        let Some(status) = ended.err().filter(is_told) else {
            return;
        };
        if goes_on {
            let reason = classify::readable(status.message());
            let message = format!("the engine tells no more of this build: {reason}");
            let warning = Warning::new("PROGRESS_LOST", message);
            self.progress.emit(&ProgressEvent::Warning(warning.clone()));
            self.warnings.push(warning);
        }
        self.silence = Some(status);
    }

    fn look(&mut self) -> Result<()> {
        self.decoder.settle(self.started.elapsed(), self.progress);
        let (events, result) = self.transfers.look(Instant::now());
        for event in events {
            if let ProgressEvent::Warning(warning) = &event {
                self.warnings.push(warning.clone());
            }
            self.progress.emit(&event);
        }
        result
    }

    /// Tells a warning, and keeps it for the result.
    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning.clone());
        self.progress.emit(&ProgressEvent::Warning(warning));
    }

    fn failed(&self, status: Status) -> Failure {
        let is_broken_off = is_broken_off(&status);
        match &self.silence {
            _ if !is_broken_off && !is_broken(&status) => Failure::Error(self.refused(status)),
            // What it cannot say in one call it cannot say in the other.
            Some(silence) => Failure::Error(unexplained(silence, &self.decoder)),
            None if is_broken_off => {
                let dockerfile = self.odd_dockerfile.as_deref();
                Failure::Error(broken_off(dockerfile, &self.decoder))
            }
            None => Failure::Connection(Unreachable::Failed(status)),
        }
    }

    /// Why the engine says that the build failed.
    fn refused(&self, status: Status) -> Error {
        if classify::is_not_unicode(status.message())
            && let Some(path) = self.transfers.not_unicode()
        {
            return not_unicode(path).with_source(status);
        }
        solve_failed(&status, &self.decoder)
    }

    /// Ends what was told, and says how far the build has come.
    pub(super) fn out_of_time(&mut self, total: Duration) -> Error {
        let error = out_of_time(total, &self.decoder);
        self.finish(false);
        error
    }

    /// Everything that should be known although the build succeeded.
    pub(super) fn take_warnings(&mut self) -> Vec<Warning> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend_from_slice(self.decoder.warnings());
        warnings
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // What a panic has left is not to be looked at: another one would end the program.
        if !std::thread::panicking() {
            self.finish(false);
        }
    }
}

async fn tell(
    daemon: &Daemon,
    reference: &str,
) -> Result<tonic::Streaming<StatusResponse>, Status> {
    daemon.control().status(reference).await
}
