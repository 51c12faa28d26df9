//! Whether an image is there, and what it is.

use crate::engine::{Engine, ImageDetails};
use crate::error::{Operation, Result};
use crate::platform::Platform;
use crate::reference::ImageName;

/// Returns whether `name` is a local image: by reference, digest or ID. With `platform`, an image of another platform is
/// not there; one whose platform the engine does not know is.
///
/// Only a "not found" of the engine is `false`; every other failure is an error.
pub async fn image_exists(
    engine: &dyn Engine,
    name: &str,
    platform: Option<&Platform>,
) -> Result<bool> {
    Ok(inspect_image(engine, name, platform).await?.is_some())
}

/// Returns the details of the local image `name`, or `None` when it is not there. What is known to be no container image,
/// such as a chart, is not there.
pub async fn inspect_image(
    engine: &dyn Engine,
    name: &str,
    platform: Option<&Platform>,
) -> Result<Option<ImageDetails>> {
    let look_up = async { engine.inspect(&ImageName::parse(name)?, platform).await };
    look_up
        .await
        .map(|found| found.filter(|details| !details.is_artifact))
        .map_err(|error| error.with_operation(Operation::InspectImage))
}
