mod history;
mod policies;
mod sharing;

use std::sync::Arc;

use super::*;
use crate::engine::double::{DoubleEngine, image};
use crate::progress::NoProgress;

const HUB: &str = "docker.io/acme/app:1";
const GHCR: &str = "ghcr.io/acme/app:1";
const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

/// `acme/app:1`, also at GHCR.
fn request(policy: EnsurePolicy) -> EnsureRequest {
    EnsureRequest {
        policy,
        fallbacks: Some(vec![reference(GHCR)]),
        retry: RetryPolicy {
            jitter: false,
            ..RetryPolicy::default()
        },
        ..EnsureRequest::new(reference(HUB))
    }
}

/// The same, built where no source has it.
fn buildable(policy: EnsurePolicy) -> EnsureRequest {
    EnsureRequest {
        build: Some(EnsureBuild::new(BuildSource::dockerfile("FROM scratch\n"))),
        ..request(policy)
    }
}

/// An image that its registry knows by [`DIGEST`].
fn pulled(digit: char) -> crate::engine::ImageDetails {
    crate::engine::ImageDetails {
        repo_digests: vec![format!("acme/app@{DIGEST}")],
        ..image(digit)
    }
}

async fn ensure(engine: &Arc<DoubleEngine>, request: &EnsureRequest) -> Result<ReadyImage> {
    let in_flight = InFlight::default();
    let ready = ensure_image(engine.clone(), request, &in_flight, &NoProgress).await;
    assert_eq!(format!("{in_flight:?}"), "InFlight { flights: 0 }");
    ready
}
