//! The builder's own lines among the output of the steps.

/// A line of the builder itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BuilderLine<'a> {
    /// A step begins. Podman counts the steps of each stage by themselves, and numbers the stages.
    Step {
        stage: Option<u32>,
        index: u32,
        of: u32,
        name: &'a str,
    },
    /// A container, by its ID, runs the step: what follows is its output.
    ContainerStarted(&'a str),
    /// The container is gone.
    ContainerRemoved(&'a str),
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
    /// What Podman's builder logs of an instruction that it does not know: a structure, with all variables of the step.
    Dump,
}

/// Where a build stands, as far as it decides what the builder can say next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// Stage of the last step that began.
    pub(super) stage: Option<u32>,
    /// Index of the last step that began; 0 before the first.
    pub(super) index: u32,
    /// Whether that step has not ended.
    pub(super) step_open: bool,
    /// ID of the container of Docker's builder that runs. Podman names none.
    pub(super) container: Option<&'a str>,
}

/// Reads a fragment; `None` for output of a step.
///
/// A program could print the same words. So they count only when they stand alone in their message, as the builder
/// sends them; a step only when it is one that can come next; and while a container runs, only that it is removed, which
/// is asked for with every build.
pub(super) fn parse<'a>(fragment: &'a str, place: Place<'_>) -> Option<BuilderLine<'a>> {
    let line = fragment.strip_suffix('\n').unwrap_or(fragment);
    let found = builder_line(line, place)?;
    let counts = match (place.container, found) {
        (None, _) => true,
        (Some(container), BuilderLine::ContainerRemoved(removed)) => container == removed,
        (Some(_), _) => false,
    };
    counts.then_some(found)
}

fn builder_line<'a>(line: &'a str, place: Place<'_>) -> Option<BuilderLine<'a>> {
    if let Some(step) = step(line, place) {
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
    if line.starts_with("time=") && line.contains("(UNHANDLED LOGLEVEL) &imagebuilder.Step{") {
        return Some(BuilderLine::Dump);
    }
    // Podman names the image only where it has a name.
    let is_commit = line == "COMMIT" || line.starts_with("COMMIT ");
    if is_commit || line.starts_with("Successfully tagged ") {
        return Some(BuilderLine::Status(line));
    }
    if let Some(container) = line.strip_prefix("Removing intermediate container ") {
        return is_hex(container).then_some(BuilderLine::ContainerRemoved(container));
    }
    if let Some(text) = line.strip_prefix("[Warning] ") {
        let is_builders =
            !place.step_open || text.to_ascii_lowercase().starts_with("one or more build");
        return is_builders.then_some(BuilderLine::Warning(text));
    }
    // Podman ends with the bare ID; the output of a step may be a checksum.
    (!place.step_open && line.len() == 64 && is_hex(line)).then_some(BuilderLine::Built(line))
}

/// `Step 3/9 : RUN x` of Docker; `STEP 3/9: RUN x` of Podman, with `[1/2] ` before it where there are several stages,
/// and without `/9` after more steps than Podman has counted. An instruction may span lines.
fn step<'a>(line: &'a str, place: Place<'_>) -> Option<BuilderLine<'a>> {
    let (stage, line) = match line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((counts, rest)) => (Some(counts.split_once('/')?.0.parse().ok()?), rest),
        None => (None, line),
    };
    let (counts, name) = match line.strip_prefix("Step ") {
        Some(rest) => rest.split_once(" : ")?,
        None => line.strip_prefix("STEP ")?.split_once(": ")?,
    };
    let (index, of) = counts.split_once('/').unwrap_or((counts, counts));
    let (index, of) = (index.parse().ok()?, of.parse().ok()?);
    let is_next = index == place.index + 1 && stage == place.stage;
    let begins_stage = index == 1 && stage > place.stage;
    ((is_next || begins_stage || place.index == 0 && index == 1) && index <= of).then_some(
        BuilderLine::Step {
            stage,
            index,
            of,
            name,
        },
    )
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
    if let Some(container) = rest.strip_prefix("Running in ") {
        return is_hex(container).then_some(BuilderLine::ContainerStarted(container));
    }
    if let Some(container) = rest.strip_prefix("Removed intermediate container ") {
        return is_hex(container).then_some(BuilderLine::ContainerRemoved(container));
    }
    rest.strip_prefix("[Warning] ").map(BuilderLine::Warning)
}

fn is_hex(text: &str) -> bool {
    text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
