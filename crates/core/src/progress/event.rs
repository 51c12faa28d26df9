//! The events: one schema for pulls and for builds of every kind.

use serde::Serialize;

use crate::error::ErrorKind;

/// A fact about the work, complete without the events before it.
///
/// Serialised as a flat object with a `type` field and camelCase names: the JSON lines and the JavaScript events.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ProgressEvent {
    /// A try at a source begins, fails, will be repeated, or gives way to the next source.
    Attempt(Attempted),
    /// One layer of an image changed its state or moved bytes.
    Layer(Layer),
    /// All layers together.
    Total(Total),
    /// The build context on its way to the engine.
    Context(Context),
    /// One step of a build changed its state.
    Step(Step),
    /// One whole line that a build step printed.
    Log(Log),
    /// A message of the engine that belongs to no layer.
    Status(Status),
    /// Something that does not stop the work but should be known.
    Warning(Warning),
}

/// One try at one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempted {
    /// Canonical reference that is asked for.
    pub reference: String,
    /// Registry host, with the port where one was given.
    pub registry: String,
    /// Number of this try at this source, from 1.
    pub attempt: u32,
    /// Tries that are allowed at this source.
    pub attempts: u32,
    /// What is happening.
    pub phase: AttemptPhase,
    /// Wait before the next try, in milliseconds; only with `retrying`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Why it failed; absent with `starting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorKind>,
    /// What happened; absent with `starting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Phase of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AttemptPhase {
    /// The engine is asked.
    Starting,
    /// The try failed and nothing follows it.
    Failed,
    /// The try failed; the same source is asked again after `delay_ms`.
    Retrying,
    /// The try failed; the same source is asked again at once, without the credentials that it did not accept.
    RetryingAnonymously,
    /// The try failed; the next source is asked.
    FallingBack,
}

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Short identifier, as the engine names the layer.
    pub id: String,
    /// Where it stands.
    pub state: LayerState,
    /// Bytes downloaded, or extracted in the state `extracting`; absent where the engine does not count bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_bytes: Option<u64>,
    /// Size of the layer as it is transferred (compressed); absent while unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Time spent extracting, in milliseconds, where the engine counts time and not bytes (containerd image store).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<u64>,
    /// Time until the engine tries this layer again, in milliseconds; only with `retrying`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
}

impl Layer {
    /// A layer in `state` of which nothing else is known.
    pub fn new(id: impl Into<String>, state: LayerState) -> Self {
        Self {
            id: id.into(),
            state,
            current_bytes: None,
            total_bytes: None,
            elapsed_ms: None,
            retry_in_ms: None,
        }
    }
}

/// State of a layer. The order is the usual one; engines skip states, and a retry goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LayerState {
    /// Known, not yet transferred.
    Waiting,
    /// Bytes are arriving at the engine.
    Downloading,
    /// A transfer failed; the engine will repeat it by itself.
    Retrying,
    /// The engine compares the content with its digest.
    Verifying,
    /// Transferred.
    Downloaded,
    /// Being unpacked.
    Extracting,
    /// Transferred and unpacked in this pull.
    Complete,
    /// Was there before.
    Exists,
}

impl LayerState {
    /// Whether nothing more is expected of the layer.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Complete | Self::Exists)
    }
}

/// All layers together. `current_bytes` never goes back within one source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Total {
    /// Layers that are complete or were there.
    pub layers_done: u32,
    /// Layers known so far.
    pub layers_total: u32,
    /// Bytes downloaded.
    pub current_bytes: u64,
    /// Sum of the known layer sizes.
    pub total_bytes: u64,
    /// Whether the size of every layer is known, so that `total_bytes` does not grow any more.
    pub total_is_final: bool,
    /// Download rate over the last seconds, in bytes per second; absent while unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<u64>,
    /// Time until the download ends at this rate, in milliseconds; absent while unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_ms: Option<u64>,
}

/// The build context on its way to the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// Files sent so far. With BuildKit those whose content the engine does not have from an earlier build; with the
    /// classic builder all, folders and links included.
    pub files_sent: u64,
    /// Bytes sent so far, as they are transferred (compressed where compression is on).
    pub bytes_sent: u64,
    /// All files of the context, folders and links included; absent until the walk has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_total: Option<u64>,
    /// Whether the whole context has been sent.
    pub done: bool,
}

/// One step of a build: a Dockerfile instruction, or work around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Identifier, unique within the build.
    pub id: String,
    /// The instruction, or what else is done, in the engine's words; without its position, which the fields below say.
    pub name: String,
    /// Position from 1; absent for work that no instruction asked for. BuildKit counts in each stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Number of steps; absent where `index` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// Where it stands.
    pub state: StepState,
    /// Build stage, where the engine names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Platform that it is for, in a build for several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Time that it took, in milliseconds, by the engine's clock; absent with `running`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// State of a build step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// At work.
    Running,
    /// Its result was taken from the cache.
    Cached,
    /// Ended well.
    Done,
    /// Ended with an error.
    Failed,
    /// Given up because the build was.
    Canceled,
}

/// One line of a build's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// Step that printed it; absent before the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Where it was printed.
    pub stream: LogStream,
    /// One whole line without its end, valid UTF-8, control sequences made harmless.
    pub text: String,
}

/// Output stream of a build step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A message of the engine that belongs to no layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Step that it is about; absent where it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// One line, control sequences made harmless.
    pub message: String,
}

/// Something that does not stop the work but should be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// Stable name in `SCREAMING_SNAKE` case.
    pub code: String,
    /// One line.
    pub message: String,
    /// Page that explains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// First line of the Dockerfile that it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_line: Option<u32>,
    /// Last line of the Dockerfile that it is about, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
}

impl Warning {
    /// Code of what a builder has to say of the Dockerfile, in its words.
    pub const BUILD: &str = "BUILD_WARNING";

    /// Code of a cache that is not used.
    pub const CACHE_NOT_FOUND: &str = "CACHE_NOT_FOUND";

    /// Code of an image that is used although its registry may have another one.
    pub const NOT_UPDATED: &str = "NOT_UPDATED";

    /// Code of lines that a slow receiver was not told.
    pub const LOG_LINES_DROPPED: &str = "LOG_LINES_DROPPED";

    /// Code of a step that failed without failing the build.
    pub const STEP_FAILED: &str = "STEP_FAILED";

    /// A warning that points at no line.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            url: None,
            start_line: None,
            end_line: None,
        }
    }
}
