//! The endpoints that come into question, and which of them answers.

use std::io;
use std::time::Duration;

use futures_util::future::join_all;

use super::{Considered, Outcome, Problem};
use crate::engine::discover::{self, Candidate, Reason};
use crate::engine::docker::{self, DockerEngine, Manners};
use crate::engine::endpoint::Endpoint;
use crate::environment::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::source;
use crate::text::{clean_line, redact_urls};

/// What was found.
pub(super) struct Found {
    pub(super) engine: Option<DockerEngine>,
    pub(super) endpoint: Option<Considered>,
    pub(super) considered: Vec<Considered>,
    pub(super) problem: Option<Problem>,
}

/// Asks every endpoint that comes into question, all at once. Which is used is decided as in every other call.
///
/// Errors: `INVALID_OPTION` where `option` is an endpoint that does not parse.
pub(super) async fn find(
    option: Option<&str>,
    environment: &Environment,
    limit: Duration,
) -> Result<Found> {
    let (named, candidates, manners) = tokio::join!(
        discover::named(option, environment),
        discover::candidates(option, environment),
        Manners::of(environment),
    );
    let mut considered = Vec::new();
    let decides = match &candidates {
        Ok(candidates) => candidates.first().map(|candidate| candidate.reason),
        Err(_) => named.first().map(|(reason, _)| *reason),
    };
    let context = named.iter().find(|(reason, name)| {
        Some(*reason) == decides
            && match reason {
                Reason::DockerContext | Reason::CurrentContext => true,
                Reason::Option => discover::is_context(name),
                Reason::DockerHost | Reason::Usual(_) => false,
            }
    });
    let context = context.map(|(_, name)| shown(name));
    let (mut engine, mut problem) = (None, None);
    match candidates {
        Ok(candidates) => {
            let answers = ask_all(&candidates, &manners, limit).await;
            if let Err(error) = &manners {
                problem = Some(Problem::from(error));
            } else if answers.iter().all(|(_, answer)| answer.is_err()) {
                problem = Some(Problem::from(&docker::not_reached(failures(&answers))));
            }
            for (candidate, answer) in answers {
                let outcome = match &answer {
                    Ok(_) if engine.is_none() => Outcome::Used,
                    Ok(_) => Outcome::Available,
                    Err(error) => outcome(error),
                };
                considered.push(Considered {
                    context: context.clone(),
                    ..of(candidate, outcome, answer.as_ref().err())
                });
                engine = engine.or(answer.ok());
            }
        }
        Err(error) => {
            if option.is_some_and(|option| !discover::is_context(option)) {
                return Err(error);
            }
            considered.push(Considered {
                address: None,
                reason: decides.unwrap_or(Reason::Usual("default")),
                context,
                outcome: Outcome::Invalid,
                problem: Some(Problem::from(&error)),
            });
            problem = Some(Problem::from(&error));
        }
    }
    let endpoint = considered.iter().find(|one| one.outcome == Outcome::Used);
    let endpoint = endpoint.cloned();
    considered.extend(overruled(&named, decides));
    if engine.is_none() {
        // What could be used if nobody had named another.
        let usual = discover::usual(environment, cfg!(windows));
        let known = |candidate: &Candidate| {
            let address = Some(address(&candidate.endpoint));
            considered.iter().any(|one| one.address == address)
        };
        let others: Vec<Candidate> = usual.into_iter().filter(|one| !known(one)).collect();
        let answers = ask_all(&others, &manners, limit).await;
        considered.extend(answers.into_iter().map(|(candidate, answer)| match answer {
            Ok(_) => of(candidate, Outcome::Available, None),
            Err(error) => of(candidate, outcome(&error), Some(&error)),
        }));
    }
    Ok(Found {
        engine,
        endpoint,
        considered,
        problem,
    })
}

type Answer<'a> = (&'a Candidate, Result<DockerEngine>);

async fn ask_all<'a>(
    candidates: &'a [Candidate],
    manners: &Result<Manners>,
    limit: Duration,
) -> Vec<Answer<'a>> {
    let ask = |candidate| async move {
        let answer = match manners {
            Ok(manners) => DockerEngine::greet(candidate, manners, limit).await,
            Err(error) => Err(copy(error)),
        };
        (candidate, answer)
    };
    let mut answers = join_all(candidates.iter().map(ask)).await;
    let is_none = answers.iter().all(|(_, answer)| answer.is_err());
    let may_return = |(candidate, answer): &Answer<'_>| {
        answer
            .as_ref()
            .is_err_and(|error| docker::may_return(candidate, error))
    };
    if is_none && answers.iter().any(may_return) {
        tokio::time::sleep(docker::SECOND_PING).await;
        answers = join_all(candidates.iter().map(ask)).await;
    }
    answers
}

fn failures<'a>(answers: &[Answer<'a>]) -> Vec<(&'a Candidate, Error)> {
    let failures = answers
        .iter()
        .filter_map(|(candidate, answer)| Some((*candidate, copy(answer.as_ref().err()?))));
    failures.collect()
}

fn copy(error: &Error) -> Error {
    let mut copy = Error::new(error.kind, error.message.clone());
    copy.hint.clone_from(&error.hint);
    copy
}

fn overruled(
    named: &[(Reason, String)],
    decides: Option<Reason>,
) -> impl Iterator<Item = Considered> {
    let others = named
        .iter()
        .filter(move |(reason, _)| Some(*reason) != decides);
    others.map(|(reason, name)| {
        let is_endpoint = match reason {
            Reason::DockerHost => true,
            Reason::Option => !discover::is_context(name),
            _ => false,
        };
        let name = shown(name);
        Considered {
            address: is_endpoint.then(|| name.clone()),
            reason: *reason,
            context: (!is_endpoint).then_some(name),
            outcome: Outcome::Overruled,
            problem: None,
        }
    })
}

fn of(candidate: &Candidate, outcome: Outcome, error: Option<&Error>) -> Considered {
    Considered {
        address: Some(address(&candidate.endpoint)),
        reason: candidate.reason,
        context: None,
        outcome,
        problem: error.map(Problem::from),
    }
}

fn outcome(error: &Error) -> Outcome {
    let below = error
        .source
        .as_deref()
        .and_then(|below| source::find::<io::Error>(below))
        .map(io::Error::kind);
    match (error.kind, below) {
        (ErrorKind::EnginePermissionDenied, _) => Outcome::Forbidden,
        (ErrorKind::EngineUnreachable, Some(io::ErrorKind::NotFound)) => Outcome::NotFound,
        (ErrorKind::EngineUnreachable, Some(io::ErrorKind::ConnectionRefused)) => Outcome::Refused,
        (ErrorKind::EngineUnreachable, Some(io::ErrorKind::TimedOut)) => Outcome::TimedOut,
        _ => Outcome::Failed,
    }
}

fn address(endpoint: &Endpoint) -> String {
    clean_line(&endpoint.to_string()).into_owned()
}

/// What somebody has named, made harmless.
fn shown(name: &str) -> String {
    let name = clean_line(name);
    redact_urls(&name).chars().take(300).collect()
}
