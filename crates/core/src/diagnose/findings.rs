//! What is wrong or should be known, found in what was collected.

#[cfg(test)]
mod tests;

use super::{Diagnosis, EngineFacts, EngineName, Finding, Outcome, Problem, Severity};
use crate::engine::discover::Reason;
use crate::error::{Error, ErrorKind};
use crate::progress::Warning;
use crate::text::format_bytes;

/// Room below which a pull or a build of the opencode image may not fit.
const LOW_DISK: u64 = 2 << 30;

const CLASSIC: &str = "the classic builder builds: it knows no secrets, no ssh, no caches, no outputs and no named contexts";

/// Lists the findings, the gravest first. `complaints` are the answers of the engine that could not be had, `warnings` what
/// is wrong with the settings of `docker`.
pub(super) fn find(
    diagnosis: &Diagnosis,
    complaints: &[Error],
    warnings: &[Warning],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(problem) = &diagnosis.problem {
        findings.push(Finding {
            severity: Severity::Error,
            problem: problem.clone(),
        });
        findings.extend(engines_elsewhere(diagnosis));
    }
    for error in complaints {
        let is_fatal = diagnosis.engine.is_none();
        findings.push(Finding {
            severity: if is_fatal {
                Severity::Error
            } else {
                Severity::Warning
            },
            problem: Problem::from(error),
        });
    }
    findings.extend(overruled(diagnosis));
    if let Some(engine) = &diagnosis.engine {
        findings.extend(no_buildkit(engine));
        findings.extend(low_disk(engine));
        findings.extend(without_tls(diagnosis));
    }
    for warning in warnings {
        let hint = "correct the settings, or log in again with `docker login`";
        findings.push(finding(
            Severity::Warning,
            &warning.code,
            warning.message.clone(),
            hint,
        ));
    }
    let registries = diagnosis.registries.iter();
    let problems = registries.filter_map(|registry| registry.credentials.problem.clone());
    findings.extend(problems.map(|problem| Finding {
        severity: Severity::Warning,
        problem,
    }));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn finding(severity: Severity, code: &str, message: String, hint: &str) -> Finding {
    let problem = Problem {
        code: code.to_owned(),
        message,
        hint: Some(hint.to_owned()),
    };
    Finding { severity, problem }
}

/// An engine that would have been used if nobody had named another.
fn engines_elsewhere(diagnosis: &Diagnosis) -> Option<Finding> {
    let named = diagnosis.considered.first()?;
    let mut others = diagnosis.considered.iter();
    let other = others.find(|other| other.outcome == Outcome::Available)?;
    let address = other.address.as_deref()?;
    let message = format!(
        "an engine answers at `{address}` ({}), which is not used because of {}",
        other.reason.as_str(),
        by(named.reason)
    );
    let hint = match named.reason {
        Reason::Option => "leave the option `engine` out, or set it to this endpoint",
        Reason::DockerHost => "unset DOCKER_HOST, or set it to this endpoint",
        Reason::DockerContext => {
            "unset DOCKER_CONTEXT, or set it to the context of this endpoint: `docker context ls` lists what there is"
        }
        _ => {
            "`docker context use default` goes back to it; `docker context ls` lists what there is"
        }
    };
    Some(finding(
        Severity::Warning,
        "ENGINE_ELSEWHERE",
        message,
        hint,
    ))
}

fn by(reason: Reason) -> &'static str {
    match reason {
        Reason::Option => "the option `engine`",
        Reason::CurrentContext => "the current Docker context",
        reason => reason.as_str(),
    }
}

/// A context that somebody has chosen, and that counts for nothing beside `DOCKER_HOST`.
fn overruled(diagnosis: &Diagnosis) -> Option<Finding> {
    let decides = diagnosis.considered.first()?;
    let mut others = diagnosis.considered.iter();
    let other = others.find(|other| other.outcome == Outcome::Overruled)?;
    if decides.reason != Reason::DockerHost {
        return None;
    }
    let context = other.context.as_deref()?;
    let message = format!("DOCKER_HOST overrules the Docker context `{context}`");
    let hint = "unset DOCKER_HOST to use the context";
    Some(finding(Severity::Info, "CONTEXT_OVERRULED", message, hint))
}

fn no_buildkit(engine: &EngineFacts) -> Option<Finding> {
    if engine.build_kit.available {
        return None;
    }
    if let Some(problem) = engine.build_kit.problem.clone() {
        let severity = Severity::Warning;
        return Some(Finding { severity, problem });
    }
    let hint = match engine.name {
        EngineName::Podman => "use Docker where a build needs more",
        _ => "use Docker 18.09 or newer where a build needs more",
    };
    let message = format!("the engine has no BuildKit; {CLASSIC}");
    Some(finding(Severity::Info, "NO_BUILDKIT", message, hint))
}

fn low_disk(engine: &EngineFacts) -> Option<Finding> {
    let disk = &engine.disk;
    let free = disk.free_bytes.filter(|free| *free < LOW_DISK)?;
    let message = format!("{} are left on the disk of the engine", format_bytes(free));
    let hint = ErrorKind::EngineDiskFull.hint().unwrap_or_default();
    Some(finding(Severity::Warning, "ENGINE_DISK_LOW", message, hint))
}

/// Whoever reaches such an endpoint is root there
/// (<https://docs.docker.com/engine/security/protect-access/>).
fn without_tls(diagnosis: &Diagnosis) -> Option<Finding> {
    let address = diagnosis.endpoint.as_ref()?.address.as_deref()?;
    let host = address.strip_prefix("tcp://")?;
    let is_loopback = ["127.", "localhost:", "[::1]:"]
        .iter()
        .any(|own| host.starts_with(own));
    let hint = "use `ssh://`, or TLS (`https://`)";
    let message =
        "the engine is reached without TLS: whoever reads or changes what is sent is root there";
    (!is_loopback).then(|| {
        finding(
            Severity::Warning,
            "ENGINE_WITHOUT_TLS",
            message.to_owned(),
            hint,
        )
    })
}
