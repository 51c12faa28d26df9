//! One build: the session, the call that builds, and the call that tells about it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use tokio::time::{Instant, interval, timeout, timeout_at};
use tonic::Status;

use super::attributes::frontend_attributes;
use super::complaints::Complaints;
use super::daemon::{Daemon, Unreachable};
use super::failure::{out_of_time, solve_failed, unexplained};
use super::identity::new_id;
use super::offer::{entitlements, offer};
use super::prepared::Prepared;
use super::status::{StatusDecoder, StatusResponse};
use super::transfers::Transfers;
use crate::build_context::failure::not_unicode;
use crate::build_options::Builder;
use crate::engine::{EngineBuild, EngineBuilt, classify};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::{ProgressEvent, ProgressSink, Warning};

/// How often the transfer of the context is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Longest silence of the call that tells about a build, once the build has ended
/// (<https://github.com/moby/buildkit/blob/v0.25.2/client/solve.go>, `statusInactivityTimeout`).
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The same for a build that was refused before anything was told: the engine would wait for it to begin, as long as this
/// and longer.
const NO_WORDS: Duration = Duration::from_millis(500);

/// Why a build failed, as far as it is not known better elsewhere.
pub(crate) enum Failure {
    /// The error is whole.
    Error(Error),
    /// The connection broke.
    Connection(Unreachable),
    /// The time for the whole call is over.
    Deadline(Error),
}

/// Builds with `daemon`, and ends every connection to it. `proxies` are build arguments beside those of the options.
pub(crate) async fn build(
    daemon: Daemon,
    build: &EngineBuild,
    node: &str,
    proxies: BTreeMap<String, String>,
    progress: &dyn ProgressSink,
) -> Result<EngineBuilt, Failure> {
    let mut prepared = Prepared::look(build, &daemon.worker, node)
        .await
        .map_err(Failure::Error)?;
    let proxies = proxies.into_iter();
    let proxies = proxies.map(|(name, value)| (format!("build-arg:{name}"), value));
    prepared.inputs.attributes.extend(proxies);
    let complaints = Arc::new(Complaints::default());
    let mut run = Run {
        started: Instant::now(),
        decoder: StatusDecoder::new(),
        was_told: false,
        silence: None,
        transfers: Transfers::of(prepared.inputs.counters(), build.stall),
        warnings: Vec::new(),
        progress,
    };
    let work = run.solve(&daemon, build, prepared, &complaints);
    let result = match build.deadline {
        None => work.await,
        Some(deadline) => match timeout_at(deadline.at, work).await {
            Ok(result) => result,
            // Without a wait for the end of the connections: the time is over for whoever waits as well.
            Err(_) => return Err(Failure::Deadline(run.out_of_time(deadline.total))),
        },
    };
    daemon.close().await;
    result.map_err(|failure| failure.explained_by(&complaints))
}

impl Failure {
    /// The failure, or what a service of the session knows better about it.
    pub(super) fn explained_by(self, complaints: &Complaints) -> Self {
        match complaints.take(self.message()) {
            Some(complaint) => Self::Error(complaint),
            None => self,
        }
    }

    /// What is known of it in words.
    fn message(&self) -> &str {
        match self {
            Self::Error(error) | Self::Deadline(error) => &error.message,
            Self::Connection(_) => "",
        }
    }
}

/// Why the engine refused a check.
pub(super) fn refused(status: &Status) -> Failure {
    if is_broken(status) {
        return Failure::Connection(Unreachable::Failed(status.clone()));
    }
    Failure::Error(solve_failed(status, &StatusDecoder::new()))
}

struct Run<'a> {
    started: Instant,
    decoder: StatusDecoder,
    /// Whether the engine has told anything.
    was_told: bool,
    /// Why the engine stopped telling what it does, where it did so by itself.
    silence: Option<Status>,
    transfers: Transfers,
    warnings: Vec<Warning>,
    progress: &'a dyn ProgressSink,
}

impl Run<'_> {
    async fn solve(
        &mut self,
        daemon: &Daemon,
        build: &EngineBuild,
        prepared: Prepared,
        complaints: &Arc<Complaints>,
    ) -> Result<EngineBuilt, Failure> {
        let Prepared {
            mut inputs,
            exporters,
            destinations,
            mut cache,
            stores,
        } = prepared;
        for warning in std::mem::take(&mut cache.warnings) {
            self.warn(warning);
        }
        let mut attributes =
            frontend_attributes(&build.options, &daemon.worker).map_err(Failure::Error)?;
        attributes.extend(std::mem::take(&mut inputs.attributes));
        let offered = offer(daemon, build, inputs, &destinations, &stores, complaints);
        let session = offered.await?;
        let (exporter, exporter_attributes) = match exporters.list.first() {
            Some(first) => (first.r#type.clone(), first.attrs.clone()),
            None => Default::default(),
        };
        let request = api::SolveRequest {
            r#ref: new_id().map_err(Failure::Error)?,
            session: session.id.clone(),
            frontend: "dockerfile.v0".to_owned(),
            frontend_attrs: attributes.into_iter().collect(),
            entitlements: entitlements(build),
            cache: Some(cache.options.clone()),
            exporters: exporters.list,
            // Engines before BuildKit 0.13 know only these.
            exporter_deprecated: exporter,
            exporter_attrs_deprecated: exporter_attributes,
            ..api::SolveRequest::default()
        };
        let response = self.follow(daemon, request).await?;
        let kept = cache.commit(&response.exporter_response).await;
        kept.and_then(|()| destinations.commit())
            .map_err(Failure::Error)?;
        self.built(response, exporters.has_image)
    }

    /// Builds, and tells what happens meanwhile.
    async fn follow(
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
        let events = self.decoder.decode(message, self.started.elapsed());
        self.tell(&events);
    }

    fn finish(&mut self, has_succeeded: bool) {
        let events = self.decoder.finish(has_succeeded);
        self.tell(&events);
    }

    fn tell(&self, events: &[ProgressEvent]) {
        for event in events {
            self.progress.emit(event);
        }
    }

    /// Takes the end of the call that tells what happens, while the build goes on or after it.
    fn end_of_telling(&mut self, ended: Result<(), Status>, goes_on: bool) {
        // Where the connection broke, the build says so.
        let Some(status) = ended.err().filter(|status| !is_broken(status)) else {
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
        let settled = self.decoder.settle(self.started.elapsed());
        self.tell(&settled);
        let (events, result) = self.transfers.look(Instant::now());
        for event in events {
            if let ProgressEvent::Warning(warning) = &event {
                self.warnings.push(warning.clone());
            }
            self.progress.emit(&event);
        }
        result
    }

    fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning.clone());
        self.progress.emit(&ProgressEvent::Warning(warning));
    }

    fn failed(&self, status: Status) -> Failure {
        match &self.silence {
            _ if !is_broken(&status) => Failure::Error(self.refused(status)),
            // What it cannot say in one call it cannot say in the other.
            Some(silence) => Failure::Error(unexplained(silence, &self.decoder)),
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

    fn out_of_time(&mut self, total: Duration) -> Error {
        let error = out_of_time(total, &self.decoder);
        self.finish(false);
        error
    }

    fn built(
        &mut self,
        response: api::SolveResponse,
        has_image: bool,
    ) -> Result<EngineBuilt, Failure> {
        let said = |key: &str| response.exporter_response.get(key).cloned();
        let digest = said("containerimage.digest");
        let config_digest = said("containerimage.config.digest");
        // A graph driver names an image by its configuration, and knows no manifest.
        let has_manifest = said("containerimage.descriptor").is_some();
        let image_id = digest.clone().filter(|_| has_image);
        if has_image && image_id.is_none() {
            let message = "the engine's answer names no image";
            return Err(Failure::Error(Error::new(
                ErrorKind::EngineProtocol,
                message,
            )));
        }
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend_from_slice(self.decoder.warnings());
        Ok(EngineBuilt {
            builder: Builder::BuildKit,
            image_id,
            config_digest,
            digest: digest.filter(|_| has_manifest),
            exporter_response: response.exporter_response.into_iter().collect(),
            steps_total: self.decoder.steps_total(),
            steps_cached: self.decoder.steps_cached(),
            warnings,
        })
    }
}

/// Whether a call broke: a status that the engine sent has no cause.
fn is_broken(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

async fn tell(
    daemon: &Daemon,
    reference: &str,
) -> Result<tonic::Streaming<StatusResponse>, Status> {
    daemon.control().status(reference).await
}
