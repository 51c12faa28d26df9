//! One build: the session, the call that builds, and the call that tells about it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bollard_buildkit_proto::moby::buildkit::v1 as api;
use tokio::time::{Instant, interval, timeout, timeout_at};
use tonic::Status;

use super::attributes::frontend_attributes;
use super::complaints::Complaints;
use super::daemon::{Daemon, Unreachable};
use super::failure::solve_failed;
use super::identity::new_id;
use super::inputs::Inputs;
use super::outputs::Exporters;
use super::session::{FileSync, Health, Service, Session};
use super::status::StatusDecoder;
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

/// Why a build failed, as far as it is not known better elsewhere.
pub(crate) enum Failure {
    /// The error is whole.
    Error(Error),
    /// The connection broke.
    Connection(Unreachable),
    /// The time for the whole call is over.
    Deadline(Error),
}

/// Builds with `daemon`, and ends every connection to it.
pub(crate) async fn build(
    daemon: Daemon,
    build: &EngineBuild,
    node: &str,
    progress: &dyn ProgressSink,
) -> Result<EngineBuilt, Failure> {
    let inputs = prepare_inputs(build, node).await.map_err(Failure::Error)?;
    let complaints = Arc::new(Complaints::default());
    let mut run = Run {
        decoder: StatusDecoder::new(),
        transfers: Transfers::of(&inputs.folders, build.stall),
        warnings: Vec::new(),
        progress,
    };
    let work = run.solve(&daemon, build, inputs, &complaints);
    let result = match build.deadline {
        None => work.await,
        Some(deadline) => match timeout_at(deadline.at, work).await {
            Ok(result) => result,
            Err(_) => {
                let message = format!("the time of {} s is over", deadline.total.as_secs_f64());
                Err(Failure::Deadline(Error::new(ErrorKind::Deadline, message)))
            }
        },
    };
    daemon.close().await;
    match (result, complaints.take()) {
        (Err(_), Some(complaint)) => Err(Failure::Error(complaint)),
        (result, _) => result,
    }
}

async fn prepare_inputs(build: &EngineBuild, node: &str) -> Result<Inputs> {
    let (source, contexts) = (build.source.clone(), build.options.contexts.clone());
    let node = node.to_owned();
    let work = move || Inputs::prepare(&source, &contexts, &node);
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            let message = "cannot look at the build context";
            Err(Error::new(ErrorKind::Internal, message).with_source(error))
        })
}

struct Run<'a> {
    decoder: StatusDecoder,
    transfers: Transfers,
    warnings: Vec<Warning>,
    progress: &'a dyn ProgressSink,
}

impl Run<'_> {
    async fn solve(
        &mut self,
        daemon: &Daemon,
        build: &EngineBuild,
        inputs: Inputs,
        complaints: &Arc<Complaints>,
    ) -> Result<EngineBuilt, Failure> {
        let exporters = Exporters::of(&build.options, &daemon.worker).map_err(Failure::Error)?;
        let mut attributes =
            frontend_attributes(&build.options, &daemon.worker).map_err(Failure::Error)?;
        attributes.extend(inputs.attributes);
        let services: Vec<Box<dyn Service>> = vec![
            Box::new(Health),
            Box::new(FileSync {
                folders: inputs.folders,
                complaints: Arc::clone(complaints),
                spawner: daemon.tasks().spawner(),
            }),
        ];
        let session = Session {
            id: new_id().map_err(Failure::Error)?,
            shared_key: inputs.shared_key,
            services: services.into(),
        };
        daemon.attach(&session).await.map_err(Failure::Connection)?;
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
            exporters: exporters.list,
            // Engines before BuildKit 0.13 know only these.
            exporter_deprecated: exporter,
            exporter_attrs_deprecated: exporter_attributes,
            ..api::SolveRequest::default()
        };
        let response = self.follow(daemon, request).await?;
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
        let (sender, mut messages) = tokio::sync::mpsc::channel::<api::StatusResponse>(64);
        let mut relay = pin!(async {
            let Ok(mut stream) = told.as_mut().await else {
                return;
            };
            while let Ok(Some(message)) = stream.message().await {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        let mut relaying = true;
        let result = loop {
            tokio::select! {
                biased;
                result = &mut solve => break result,
                Some(message) = messages.recv() => self.take(message),
                () = &mut relay, if relaying => relaying = false,
                _ = looks.tick() => self.look().map_err(Failure::Error)?,
            }
        };
        // The last words come after the end.
        while relaying {
            let next = async {
                tokio::select! {
                    biased;
                    Some(message) = messages.recv() => Some(message),
                    () = &mut relay => None,
                }
            };
            match timeout(LAST_WORDS, next).await {
                Ok(Some(message)) => self.take(message),
                Ok(None) | Err(_) => relaying = false,
            }
        }
        while let Ok(message) = messages.try_recv() {
            self.take(message);
        }
        self.look().map_err(Failure::Error)?;
        for event in self.decoder.finish(Duration::ZERO) {
            self.progress.emit(&event);
        }
        result.map_err(|status| self.failed(status))
    }

    fn take(&mut self, message: api::StatusResponse) {
        for event in self.decoder.decode(message) {
            self.progress.emit(&event);
        }
    }

    fn look(&mut self) -> Result<()> {
        let (events, result) = self.transfers.look(Instant::now());
        for event in events {
            if let ProgressEvent::Warning(warning) = &event {
                self.warnings.push(warning.clone());
            }
            self.progress.emit(&event);
        }
        result
    }

    fn failed(&self, status: Status) -> Failure {
        // A status that the engine sent has no cause.
        if std::error::Error::source(&status).is_some() {
            return Failure::Connection(Unreachable::Failed(status));
        }
        if classify::is_not_unicode(status.message())
            && let Some(path) = self.transfers.not_unicode()
        {
            return Failure::Error(not_unicode(path).with_source(status));
        }
        Failure::Error(solve_failed(&status, &self.decoder))
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

async fn tell(
    daemon: &Daemon,
    reference: &str,
) -> Result<tonic::Streaming<api::StatusResponse>, Status> {
    daemon.control().status(reference).await
}

/// What steps may do beyond the usual; the network of the machine is asked for by the option alone.
fn entitlements(build: &EngineBuild) -> Vec<String> {
    let mut allowed = build.options.allow.clone();
    let host = "network.host";
    if build.options.network.as_deref() == Some("host") && !allowed.iter().any(|name| name == host)
    {
        allowed.push(host.to_owned());
    }
    allowed
}
