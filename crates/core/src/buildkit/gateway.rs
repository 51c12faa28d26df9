//! The calls of a frontend, made from here: what a build is asked instead of being run.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/frontend/gateway/pb/gateway.proto>

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::time::Duration;

use bollard_buildkit_proto::google::rpc;
use bollard_buildkit_proto::moby::buildkit::v1 as api;
use bollard_buildkit_proto::moby::buildkit::v1::frontend as gateway;
use tokio::time::timeout;
use tonic::Status;

use super::control::Control;

/// Longest wait for the end of the open build once the question is answered.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What a frontend answers to a request, by the names that the request defines.
pub(crate) type Answer = HashMap<String, Vec<u8>>;

/// Asks the Dockerfile frontend for `request` about a build instead of building it.
///
/// `build` has the session and the attributes of the build, and no frontend: an open build, which this side fills.
pub(crate) async fn ask(
    control: &Control,
    build: api::SolveRequest,
    request: &str,
    attributes: BTreeMap<String, String>,
) -> Result<Answer, Status> {
    let reference = build.r#ref.clone();
    let mut options: HashMap<String, String> = attributes.into_iter().collect();
    options.insert("requestid".to_owned(), request.to_owned());
    let caps = options.entry("frontend.caps".to_owned()).or_default();
    if !caps.is_empty() {
        caps.push(',');
    }
    caps.push_str("moby.buildkit.frontend.subrequests+forward");
    let asked = async {
        let solve = gateway::SolveRequest {
            frontend: "dockerfile.v0".to_owned(),
            frontend_opt: options,
            allow_result_return: true,
            allow_result_array_ref: true,
            ..gateway::SolveRequest::default()
        };
        let answer = control.gateway_solve(&reference, solve).await;
        // The open build ends with what is returned to it.
        let returned = match &answer {
            Ok(answer) => gateway::ReturnRequest {
                result: answer
                    .result
                    .clone()
                    .or_else(|| Some(gateway::Result::default())),
                error: None,
            },
            Err(status) => gateway::ReturnRequest {
                result: None,
                error: Some(rpc::Status {
                    code: status.code().into(),
                    message: status.message().to_owned(),
                    details: Vec::new(),
                }),
            },
        };
        let ended = control.gateway_return(&reference, returned).await;
        let answer = answer?;
        ended?;
        Ok(answer
            .result
            .map(|result| result.metadata)
            .unwrap_or_default())
    };
    let mut opened = pin!(control.solve(build));
    let mut asked = pin!(asked);
    tokio::select! {
        biased;
        // An open build that ends by itself was refused.
        ended = &mut opened => {
            ended?;
            asked.await
        }
        // What the frontend says of a failure is told by its own call; the open build repeats it.
        answer = &mut asked => {
            // Where the engine has lost the open build, or never had it, that would not end by itself.
            if answer.is_ok() {
                let _ = timeout(LAST_WORDS, opened).await;
            }
            answer
        }
    }
}
