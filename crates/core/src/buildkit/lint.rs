//! What the Dockerfile frontend finds fault with, without building.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/frontend/subrequests/lint/lint.go>

use serde::{Deserialize, Deserializer};

use super::failure::{Range, Source, SourceFile};
use super::gateway::Answer;
use crate::check_build::CheckWarning;
use crate::engine::classify;
use crate::error::{Error, ErrorKind, Result};
use crate::text::clean_line;

/// The request that a frontend answers with its findings.
pub(crate) const REQUEST: &str = "frontend.lint";

/// Reads a frontend's findings.
pub(crate) fn read(answer: &Answer) -> Result<Vec<CheckWarning>> {
    let text = answer
        .get("result.json")
        .map(Vec::as_slice)
        .unwrap_or_default();
    let findings: Findings = serde_json::from_slice(text).map_err(|error| {
        let message = "what the engine says of the Dockerfile cannot be read";
        Error::new(ErrorKind::EngineProtocol, message).with_source(error)
    })?;
    match findings.build_error {
        // With `# check=error=true` the findings themselves are an error.
        Some(error) if !classify::is_lint_violation(&error.message) => {
            Err(error.into_error(findings.sources))
        }
        _ => Ok(findings
            .warnings
            .into_iter()
            .map(Warning::into_warning)
            .collect()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    #[serde(default, deserialize_with = "null_is_empty")]
    warnings: Vec<Warning>,
    #[serde(default)]
    build_error: Option<BuildError>,
    #[serde(default, deserialize_with = "null_is_empty")]
    sources: Vec<SourceFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Warning {
    rule_name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    location: Location,
}

#[derive(Deserialize)]
struct BuildError {
    message: String,
    #[serde(default)]
    location: Location,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    /// Which of the sources, from 0.
    #[serde(default)]
    source_index: usize,
    #[serde(default, deserialize_with = "null_is_empty")]
    ranges: Vec<Range>,
}

impl Location {
    /// The first and the last line.
    fn lines(&self) -> Option<(u32, u32)> {
        let place = Source::place_of(&self.ranges)?;
        Some((place.start_line, place.end_line))
    }
}

impl BuildError {
    fn into_error(self, mut sources: Vec<SourceFile>) -> Error {
        let message = classify::readable(&self.message);
        let mut error = Error::new(ErrorKind::DockerfileInvalid, message);
        let Location {
            source_index,
            ranges,
        } = self.location;
        error.dockerfile = Source::place_of(&ranges);
        if let Some(place) = &mut error.dockerfile
            && source_index < sources.len()
        {
            let source = Source::new(sources.swap_remove(source_index), ranges);
            place.excerpt = source.print();
        }
        error
    }
}

impl Warning {
    fn into_warning(self) -> CheckWarning {
        let lines = self.location.lines();
        CheckWarning {
            rule: clean_line(&self.rule_name).into_owned(),
            message: clean_line(&self.detail).into_owned(),
            description: clean_line(&self.description).into_owned(),
            url: Some(clean_line(&self.url).into_owned()).filter(|url| !url.is_empty()),
            start_line: lines.map(|(start, _)| start),
            end_line: lines.map(|(_, end)| end),
        }
    }
}

/// Go writes `null` for a list that was never made.
fn null_is_empty<'de, D, T>(deserializer: D) -> std::result::Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DockerfilePlace;

    fn answer(json: &str) -> Answer {
        Answer::from([("result.json".to_owned(), json.as_bytes().to_vec())])
    }

    #[test]
    fn a_finding_has_its_rule_and_its_lines() {
        let json = r#"{"warnings":[{"ruleName":"FromAsCasing","description":"d","url":"https://u","detail":"m",
            "location":{"ranges":[{"start":{"line":3},"end":{"line":4}}]}}],"sources":[]}"#;
        let warnings = read(&answer(json)).unwrap();
        assert_eq!(
            warnings,
            [CheckWarning {
                rule: "FromAsCasing".to_owned(),
                message: "m".to_owned(),
                description: "d".to_owned(),
                url: Some("https://u".to_owned()),
                start_line: Some(3),
                end_line: Some(4),
            }]
        );
    }

    #[test]
    fn a_dockerfile_that_does_not_parse_is_an_error_with_its_line() {
        let json = r#"{"warnings":null,"buildError":{"message":"unknown instruction: NONSENSE",
            "location":{"ranges":[{"start":{"line":2},"end":{"line":2}}]}}}"#;
        let error = read(&answer(json)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::DockerfileInvalid);
        assert_eq!(error.dockerfile, Some(DockerfilePlace::line(2)));
    }

    #[test]
    fn a_dockerfile_that_does_not_parse_has_its_lines_where_the_answer_has_its_text() {
        // Docker 28.5.2, `FROM scratch as Up` and `NONSENSE`.
        let json = r#"{"warnings":[{"ruleName":"FromAsCasing"}],
            "sources":[{"filename":"Dockerfile","language":"Dockerfile","data":"RlJPTSBzY3JhdGNoIGFzIFVwCk5PTlNFTlNFCg=="}],
            "buildError":{"message":"dockerfile parse error on line 2: unknown instruction: NONSENSE",
            "location":{"ranges":[{"start":{"line":2},"end":{"line":2}}]}}}"#;
        let error = read(&answer(json)).unwrap_err();
        let excerpt = error.dockerfile.as_ref().unwrap().excerpt.clone().unwrap();
        assert!(excerpt.contains(">>> NONSENSE"), "{excerpt}");
    }

    #[test]
    fn findings_that_are_told_to_be_errors_are_findings() {
        let json = r#"{"warnings":[{"ruleName":"FromAsCasing"}],
            "buildError":{"message":"lint violation found for rules: FromAsCasing"}}"#;
        assert_eq!(read(&answer(json)).unwrap()[0].rule, "FromAsCasing");
    }

    #[test]
    fn an_answer_that_is_none_is_a_fault_of_the_engine() {
        assert_eq!(
            read(&Answer::new()).unwrap_err().kind,
            ErrorKind::EngineProtocol
        );
    }
}
