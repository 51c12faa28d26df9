use super::*;
use crate::diagnose::{BuildKit, Considered, Disk, Shipway};

fn considered(address: &str, reason: Reason, outcome: Outcome) -> Considered {
    Considered {
        address: Some(address.to_owned()),
        reason,
        context: None,
        outcome,
        problem: None,
    }
}

fn with(engine: Option<EngineFacts>, considered: Vec<Considered>) -> Diagnosis {
    let mut all = considered.iter();
    let endpoint = all.find(|one| one.outcome == Outcome::Used).cloned();
    Diagnosis {
        shipway: Shipway {
            version: "1.0.0".to_owned(),
            platform: "linux/amd64".to_owned(),
            node: None,
            variables: Vec::new(),
        },
        endpoint,
        problem: engine.is_none().then(|| Problem {
            code: "ENGINE_UNREACHABLE".to_owned(),
            message: "nothing listens there".to_owned(),
            hint: None,
        }),
        considered,
        engine,
        registries: Vec::new(),
        findings: Vec::new(),
        text: String::new(),
    }
}

fn healthy() -> EngineFacts {
    EngineFacts {
        build_kit: BuildKit {
            available: true,
            ..BuildKit::default()
        },
        ..EngineFacts::default()
    }
}

fn codes(diagnosis: &Diagnosis) -> Vec<String> {
    let findings = find(diagnosis, &[], &[]).into_iter();
    findings.map(|finding| finding.problem.code).collect()
}

#[test]
fn a_healthy_engine_has_no_findings() {
    let used = considered("unix:///x", Reason::Usual("default"), Outcome::Used);
    assert!(codes(&with(Some(healthy()), vec![used])).is_empty());
}

#[test]
fn an_engine_that_answers_elsewhere_is_told_with_what_keeps_it_from_being_used() {
    for (reason, words) in [
        (Reason::DockerHost, "unset DOCKER_HOST"),
        (Reason::Option, "the option `engine`"),
        (Reason::CurrentContext, "docker context use default"),
    ] {
        let named = considered("unix:///gone", reason, Outcome::NotFound);
        let other = considered(
            "unix:///there",
            Reason::Usual("default"),
            Outcome::Available,
        );
        let findings = find(&with(None, vec![named, other]), &[], &[]);
        assert_eq!(findings[0].severity, Severity::Error);
        let elsewhere = &findings[1].problem;
        assert_eq!(elsewhere.code, "ENGINE_ELSEWHERE");
        assert!(elsewhere.message.contains("unix:///there"));
        assert!(
            elsewhere.hint.as_ref().unwrap().contains(words),
            "{reason:?}"
        );
    }
}

#[test]
fn a_context_counts_for_nothing_beside_docker_host() {
    let used = considered("unix:///x", Reason::DockerHost, Outcome::Used);
    let overruled = Considered {
        context: Some("lab".to_owned()),
        ..considered("", Reason::CurrentContext, Outcome::Overruled)
    };
    let diagnosis = with(Some(healthy()), vec![used, overruled]);
    assert_eq!(codes(&diagnosis), ["CONTEXT_OVERRULED"]);
}

#[test]
fn a_full_disk_and_a_missing_buildkit_are_told() {
    let engine = EngineFacts {
        disk: Disk {
            free_bytes: Some(1 << 30),
            ..Disk::default()
        },
        ..EngineFacts::default()
    };
    let used = considered("unix:///x", Reason::Usual("default"), Outcome::Used);
    let mut diagnosis = with(Some(engine), vec![used]);
    assert_eq!(codes(&diagnosis), ["ENGINE_DISK_LOW", "NO_BUILDKIT"]);
    // What could not be asked is not said to be missing.
    let late = Error::new(ErrorKind::Timeout, "late");
    let engine = diagnosis.engine.as_mut().unwrap();
    engine.build_kit.problem = Some(Problem::from(&late));
    assert_eq!(codes(&diagnosis), ["TIMEOUT", "ENGINE_DISK_LOW"]);
}

#[test]
fn an_engine_over_plain_tcp_is_told_where_others_may_listen() {
    for (address, is_told) in [
        ("tcp://build.example:2375", true),
        ("tcp://127.0.0.1:2375", false),
        ("tcp://[::1]:2375", false),
        ("https://build.example:2376", false),
    ] {
        let used = considered(address, Reason::DockerHost, Outcome::Used);
        let codes = codes(&with(Some(healthy()), vec![used]));
        assert_eq!(codes == ["ENGINE_WITHOUT_TLS"], is_told, "{address}");
    }
}

#[test]
fn an_engine_that_says_nothing_is_an_error_and_a_silent_part_a_warning() {
    let late = || {
        Error::new(
            ErrorKind::Timeout,
            "cannot ask the engine for `/info`: late",
        )
    };
    let used = || {
        vec![considered(
            "unix:///x",
            Reason::Usual("default"),
            Outcome::Used,
        )]
    };
    let part = find(&with(Some(healthy()), used()), &[late()], &[]);
    assert_eq!(part[0].severity, Severity::Warning);
    let mut silent = with(None, used());
    silent.problem = None;
    assert_eq!(find(&silent, &[late()], &[])[0].severity, Severity::Error);
}
