//! What BuildKit puts before an instruction: `[linux/amd64 build 2/5] RUN make`.
//!
//! Source: `prefixCommand` of
//! <https://github.com/moby/buildkit/blob/v0.25.2/frontend/dockerfile/dockerfile2llb/convert.go>.

use super::message::shown;

/// The name of a vertex, in its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StepName {
    pub(super) platform: Option<String>,
    pub(super) stage: Option<String>,
    /// Position of the instruction in its stage, from 1, and the number of instructions there.
    pub(super) position: Option<(u32, u32)>,
    /// The instruction; the whole name where no position is before it.
    pub(super) name: String,
}

impl StepName {
    /// Reads a name, whatever bytes it has.
    pub(super) fn parse(name: &[u8]) -> Self {
        let name = shown(name);
        Self::parse_prefix(&name).unwrap_or(Self {
            name,
            ..Self::default()
        })
    }

    fn parse_prefix(text: &str) -> Option<Self> {
        let (prefix, name) = text.strip_prefix('[')?.split_once("] ")?;
        // The index is padded to the width of the number of steps.
        let mut words: Vec<&str> = prefix.split_whitespace().collect();
        let (index, of) = words.pop()?.split_once('/')?;
        let (index, of) = (index.parse().ok()?, of.parse().ok()?);
        let (platform, stage) = match words[..] {
            [] => (None, None),
            // The name of a stage has no slash.
            [word] if word.contains('/') => (Some(word), None),
            [word] => (None, Some(word)),
            [platform, stage] => (Some(platform), Some(stage)),
            _ => return None,
        };
        ((1..=of).contains(&index)).then(|| Self {
            platform: platform.map(str::to_owned),
            stage: stage.map(str::to_owned),
            position: Some((index, of)),
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Platform, stage, position and name, in one line.
    fn parts(name: &str) -> String {
        let StepName {
            platform,
            stage,
            position,
            name,
        } = StepName::parse(name.as_bytes());
        let (platform, stage) = (platform.unwrap_or_default(), stage.unwrap_or_default());
        let position = position.map(|(index, of)| format!("{index} of {of}"));
        format!("{platform}|{stage}|{}|{name}", position.unwrap_or_default())
    }

    #[test]
    fn positions_are_read_and_other_brackets_stay() {
        let table = [
            ("[2/5] RUN make", "||2 of 5|RUN make"),
            ("[build 2/5] RUN make", "|build|2 of 5|RUN make"),
            ("[stage-1  2/10] COPY . .", "|stage-1|2 of 10|COPY . ."),
            ("[ 2/10] RUN [ -e x ] y", "||2 of 10|RUN [ -e x ] y"),
            (
                "[linux/amd64 build 2/5] RUN x",
                "linux/amd64|build|2 of 5|RUN x",
            ),
            (
                "[linux/arm/v7->amd64 1/1] FROM a",
                "linux/arm/v7->amd64||1 of 1|FROM a",
            ),
            ("[auth 1/2] ONBUILD RUN x", "|auth|1 of 2|ONBUILD RUN x"),
            (
                "[internal] load .dockerignore",
                "|||[internal] load .dockerignore",
            ),
            (
                "[auth] a/b:pull token for c",
                "|||[auth] a/b:pull token for c",
            ),
            ("[context a/b] load c", "|||[context a/b] load c"),
            ("exporting to image", "|||exporting to image"),
            ("[0/5] RUN x", "|||[0/5] RUN x"),
            ("[6/5] RUN x", "|||[6/5] RUN x"),
            ("[a b c 1/5] RUN x", "|||[a b c 1/5] RUN x"),
            ("[1/5]", "|||[1/5]"),
            ("[1/99999999999] RUN x", "|||[1/99999999999] RUN x"),
            ("", "|||"),
        ];
        for (name, expected) in table {
            assert_eq!(parts(name), expected, "{name}");
        }
    }
}
