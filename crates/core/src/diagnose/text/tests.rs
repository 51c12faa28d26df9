use super::*;
use crate::diagnose::{Problem, RegistryFacts, Shipway};

fn diagnosis() -> Diagnosis {
    let problem = Problem {
        code: "ENGINE_UNREACHABLE".to_owned(),
        message: "cannot reach the engine at `unix:///gone.sock`: there is no such socket"
            .to_owned(),
        hint: Some(
            "check that the engine is running and that DOCKER_HOST names its endpoint".to_owned(),
        ),
    };
    Diagnosis {
        shipway: Shipway {
            version: "1.0.0".to_owned(),
            platform: "linux/amd64".to_owned(),
            node: Some("20.20.2".to_owned()),
            variables: vec!["DOCKER_HOST".to_owned()],
        },
        endpoint: None,
        considered: vec![Considered {
            address: Some("unix:///gone.sock".to_owned()),
            reason: Reason::DockerHost,
            context: None,
            outcome: Outcome::NotFound,
            problem: Some(problem.clone()),
        }],
        engine: None,
        problem: Some(problem.clone()),
        registries: vec![RegistryFacts {
            registry: "registry.of-a-very-long.example:5000".to_owned(),
            images: Vec::new(),
            credentials: Credentials {
                origin: CredentialOrigin::Helper,
                helper: Some("docker-credential-pass".to_owned()),
                file: None,
                problem: Some(problem.clone()),
            },
        }],
        findings: vec![Finding {
            severity: Severity::Error,
            problem,
        }],
        text: String::new(),
    }
}

#[test]
fn a_report_says_what_was_tried_what_is_wrong_and_what_to_do() {
    let wanted = "\
shipway 1.0.0 on linux/amd64, Node.js 20.20.2
  set             DOCKER_HOST

✗ no engine
  no socket       unix:///gone.sock (DOCKER_HOST)

registries: where credentials would come from
  registry.of-a-very-long.example:5000  ✗ docker-credential-pass (not asked)

✗ ENGINE_UNREACHABLE: cannot reach the engine at `unix:///gone.sock`: there is
  no such socket
  → check that the engine is running and that DOCKER_HOST names its endpoint";
    assert_eq!(render(&diagnosis()), wanted);
}

#[test]
fn only_what_cannot_be_broken_is_wider_than_a_terminal() {
    let mut diagnosis = diagnosis();
    let path = format!("unix:///{}", "a".repeat(100));
    diagnosis.considered[0].address = Some(path.clone());
    let text = render(&diagnosis);
    for line in text.lines() {
        assert!(
            line.chars().count() <= WIDTH || line.contains(&path),
            "{line}"
        );
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn what_is_in_order_is_said_as_well() {
    let diagnosis = Diagnosis {
        engine: Some(EngineFacts::default()),
        findings: Vec::new(),
        ..diagnosis()
    };
    let text = render(&diagnosis);
    assert!(text.contains("✓ Docker Engine\n"), "{text}");
    assert!(text.ends_with("✓ nothing is wrong"), "{text}");
}
