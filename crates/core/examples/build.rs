//! Builds a folder, or the embedded Dockerfile, and prints every event as a line of JSON.
//!
//! ```text
//! cargo run -p shipway-core --example build -- FOLDER TAG
//! cargo run -p shipway-core --example build             # the opencode image
//! CA_FILE=extra.pem NETWORK=host cargo run …            # behind a proxy that signs with its own CA
//! ```

#![expect(clippy::print_stdout, reason = "an example prints")]
#![expect(
    clippy::disallowed_methods,
    reason = "an example is a program: it reads its environment"
)]

use std::error::Error;
use std::io::stderr;

use shipway_core::build_context::DockerfileSource;
use shipway_core::opencode::{CaCertificate, OpencodeBuild};
use shipway_core::progress::json::JsonLines;
use shipway_core::{
    BuildRequest, BuildSource, CredentialSources, DockerEngine, Environment, Reference, build_image,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut request = match arguments.as_slice() {
        [] => {
            let mut opencode = OpencodeBuild::default();
            if let Ok(file) = std::env::var("CA_FILE") {
                opencode.ca_certificates =
                    CaCertificate::parse_all(&std::fs::read_to_string(file)?)?;
            }
            BuildRequest::new(BuildSource::Opencode(opencode))
        }
        [folder, tags @ ..] => {
            let source = BuildSource::directory(folder, DockerfileSource::default());
            let tags = tags.iter().map(|tag| Reference::parse(tag));
            let mut request = BuildRequest::new(source);
            request.options.tags = tags.collect::<Result<_, _>>()?;
            request
        }
    };
    request.options.network = std::env::var("NETWORK").ok();

    let environment = Environment::of_process();
    request.credentials = CredentialSources::of(&environment);
    let engine = DockerEngine::connect(None, &environment, request.timeouts.connect).await?;
    let built = build_image(&engine, &request, &JsonLines::new(stderr())).await?;
    println!(
        "{:?} {:?}, {} steps",
        built.image_id, built.tags, built.steps_total
    );
    Ok(())
}
