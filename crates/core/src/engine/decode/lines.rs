//! The builder's own lines among the output of the steps.

/// A line of the builder itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BuilderLine<'a> {
    /// A step begins.
    Step { index: u32, of: u32, name: &'a str },
    /// The step's result comes from the cache.
    Cached,
    /// The step has its result.
    StepDone,
    /// The image is there.
    Built(&'a str),
    /// Something to know.
    Warning(&'a str),
    /// Something that belongs to no step.
    Status(&'a str),
    /// Nothing that anybody needs: containers come and go.
    Noise,
}

/// Reads a fragment that begins a line; `None` for output of a step.
///
/// A program could print the same words. So a step counts only when it is the one that comes next, and the words count
/// only when they stand alone in their message, as the builder sends them.
pub(super) fn parse(fragment: &str, next: u32) -> Option<BuilderLine<'_>> {
    let line = fragment.strip_suffix('\n').unwrap_or(fragment);
    if line.is_empty() {
        // Docker ends the line of a step in a message of its own.
        return Some(BuilderLine::Noise);
    }
    if let Some(step) = step(line, next) {
        return Some(step);
    }
    if line.contains('\n') {
        return None;
    }
    if let Some(rest) = line
        .strip_prefix(" ---> ")
        .or_else(|| line.strip_prefix("--> "))
    {
        return arrow(rest);
    }
    if let Some(id) = line.strip_prefix("Successfully built ") {
        return is_hex(id).then_some(BuilderLine::Built(id));
    }
    if line.starts_with("Successfully tagged ") || line.starts_with("COMMIT ") {
        return Some(BuilderLine::Status(line));
    }
    if let Some(container) = line.strip_prefix("Removing intermediate container ") {
        return is_hex(container).then_some(BuilderLine::Noise);
    }
    if let Some(text) = line.strip_prefix("[Warning] ") {
        return Some(BuilderLine::Warning(text));
    }
    // Podman ends with the bare ID.
    (line.len() == 64 && is_hex(line)).then_some(BuilderLine::Built(line))
}

/// `Step 3/9 : RUN x` of Docker, `STEP 3/9: RUN x` of Podman. An instruction may span lines.
fn step(line: &str, next: u32) -> Option<BuilderLine<'_>> {
    let (counts, name) = match line.strip_prefix("Step ") {
        Some(rest) => rest.split_once(" : ")?,
        None => line.strip_prefix("STEP ")?.split_once(": ")?,
    };
    let (index, of) = counts.split_once('/')?;
    let (index, of) = (index.parse().ok()?, of.parse().ok()?);
    (index == next && index <= of).then_some(BuilderLine::Step { index, of, name })
}

fn arrow(rest: &str) -> Option<BuilderLine<'_>> {
    if rest == "Using cache" {
        return Some(BuilderLine::Cached);
    }
    if let Some(id) = rest.strip_prefix("Using cache ") {
        return is_hex(id).then_some(BuilderLine::Cached);
    }
    // `FROM scratch` has no ID.
    if rest.is_empty() || is_hex(rest) {
        return Some(BuilderLine::StepDone);
    }
    let container = rest
        .strip_prefix("Running in ")
        .or_else(|| rest.strip_prefix("Removed intermediate container "));
    if container.is_some_and(is_hex) {
        return Some(BuilderLine::Noise);
    }
    rest.strip_prefix("[Warning] ").map(BuilderLine::Warning)
}

fn is_hex(text: &str) -> bool {
    text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
