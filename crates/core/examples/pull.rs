//! Pulls an image and prints every event as a line of JSON.
//!
//! ```text
//! cargo run -p shipway-core --example pull -- acme/app:1.4 ghcr.io/acme/app:1.4
//! ```

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::io::stderr;

use shipway_core::progress::json::JsonLines;
use shipway_core::{
    CredentialSources, DockerEngine, Environment, PullRequest, Reference, Result, pull_image,
};

#[tokio::main]
async fn main() -> Result<()> {
    let mut references = std::env::args().skip(1).map(|text| Reference::parse(&text));
    let image = references
        .next()
        .unwrap_or_else(|| Reference::parse("hello-world"))?;
    let mut request = PullRequest::new(image);
    let fallbacks = references.collect::<Result<Vec<_>>>()?;
    if !fallbacks.is_empty() {
        request.fallbacks = Some(fallbacks);
    }

    let environment = Environment::of_process();
    request.credentials = CredentialSources::of(&environment);
    let engine = DockerEngine::connect(None, &environment, request.timeouts.connect).await?;
    let pulled = pull_image(&engine, &request, &JsonLines::new(stderr())).await?;
    println!(
        "{} is {} from {}",
        pulled.reference, pulled.image_id, pulled.source
    );
    Ok(())
}
