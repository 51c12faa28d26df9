//! The images that a Dockerfile builds on, as far as its text says it.
//!
//! Read for what an engine needs before it reads the Dockerfile itself: what cannot be resolved here is left out.
//! <https://docs.docker.com/reference/dockerfile/>

use std::collections::{BTreeMap, BTreeSet};

use crate::reference::Reference;

/// Longest text that arguments are replaced in, or that this makes: no reference is as long.
const LONGEST: usize = 4096;

/// Deepest `${A:-${B:-…}}`.
const DEEPEST: usize = 16;

/// Arguments that some builders know by themselves. They have a value, whatever it is: who wants to know the registry of
/// `r.example/app-${TARGETARCH}` has its name.
const PREDEFINED: [&str; 8] = [
    "BUILDARCH",
    "BUILDOS",
    "BUILDPLATFORM",
    "BUILDVARIANT",
    "TARGETARCH",
    "TARGETOS",
    "TARGETPLATFORM",
    "TARGETVARIANT",
];

/// The images that `FROM`, `COPY --from` and `RUN --mount=from` name, in their order, each once. `build_args` are those of the
/// build.
pub(crate) fn base_images(
    dockerfile: &[u8],
    build_args: &BTreeMap<String, String>,
) -> Vec<Reference> {
    let text = String::from_utf8_lossy(dockerfile);
    let mut known = Known {
        build_args,
        arguments: BTreeMap::new(),
        stages: BTreeSet::new(),
        images: Vec::new(),
    };
    let mut is_before_stages = true;
    for instruction in instructions(text.trim_start_matches('\u{feff}')) {
        let (word, rest) = split_word(&instruction);
        match word.to_ascii_uppercase().as_str() {
            "ARG" if is_before_stages => known.argument(rest),
            "FROM" => {
                is_before_stages = false;
                known.stage(rest);
            }
            "COPY" | "RUN" => known.sources(rest),
            _ => {}
        }
    }
    known.images
}

struct Known<'a> {
    build_args: &'a BTreeMap<String, String>,
    /// Those that are declared before the first stage: only they count in `FROM`.
    arguments: BTreeMap<String, String>,
    /// Names, in lower case, and numbers.
    stages: BTreeSet<String>,
    images: Vec<Reference>,
}

impl Known<'_> {
    fn argument(&mut self, declarations: &str) {
        for declaration in declarations.split_whitespace() {
            let (name, default) = match declaration.split_once('=') {
                Some((name, default)) => (name, Some(self.expand(unquoted(default), 0))),
                None => (declaration, None),
            };
            if let Some(value) = self.build_args.get(name).cloned().or(default) {
                self.arguments.insert(name.to_owned(), value);
            }
        }
    }

    fn stage(&mut self, rest: &str) {
        let mut words = rest.split_whitespace();
        let Some(image) = words.find(|word| !word.starts_with("--")) else {
            return;
        };
        self.image(&self.expand(unquoted(image), 0));
        let number = self.stages.iter().filter(|name| is_number(name)).count();
        self.stages.insert(number.to_string());
        if words
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case("as"))
            && let Some(name) = words.next()
        {
            self.stages.insert(name.to_lowercase());
        }
    }

    /// The images in the flags of an instruction, which expand no arguments.
    fn sources(&mut self, rest: &str) {
        let flags = rest
            .split_whitespace()
            .map_while(|word| word.strip_prefix("--"));
        for flag in flags {
            let Some((name, value)) = flag.split_once('=') else {
                continue;
            };
            let image = match name {
                "from" => Some(value),
                "mount" => value.split(',').find_map(|part| part.strip_prefix("from=")),
                _ => None,
            };
            if let Some(image) = image {
                self.image(unquoted(image));
            }
        }
    }

    fn image(&mut self, name: &str) {
        if name == "scratch" || self.stages.contains(&name.to_lowercase()) || is_number(name) {
            return;
        }
        // A tag that cannot be known here is of no interest to a registry's login.
        let reference = Reference::parse(name).or_else(|_| Reference::parse(without_tag(name)));
        if let Ok(reference) = reference
            && !self.images.contains(&reference)
        {
            self.images.push(reference);
        }
    }

    /// The text with `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+instead}` and both without the colon replaced; nothing
    /// where that is no reference any more.
    fn expand(&self, text: &str, depth: usize) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        if text.len() > LONGEST || depth > DEEPEST {
            return expanded;
        }
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            if let Some((inner, after)) = after.strip_prefix('{').and_then(split_braces) {
                expanded.push_str(&self.expand_braced(inner, depth));
                rest = after;
            } else {
                let (name, after) = split_name(after);
                expanded.push_str(self.value(name).unwrap_or_default());
                rest = after;
            }
            if expanded.len() > LONGEST {
                return String::new();
            }
        }
        expanded + rest
    }

    fn expand_braced(&self, inner: &str, depth: usize) -> String {
        let (name, modifier) = split_name(inner);
        let (needs_text, modifier) = match modifier.strip_prefix(':') {
            Some(modifier) => (true, modifier),
            None => (false, modifier),
        };
        let value = self.value(name);
        let value = value.filter(|value| !needs_text || !value.is_empty());
        if let Some(default) = modifier.strip_prefix('-') {
            return value.map_or_else(|| self.expand(default, depth + 1), str::to_owned);
        }
        if let Some(instead) = modifier.strip_prefix('+') {
            return value
                .map(|_| self.expand(instead, depth + 1))
                .unwrap_or_default();
        }
        self.value(name).unwrap_or_default().to_owned()
    }

    fn value(&self, name: &str) -> Option<&str> {
        let own = self.arguments.get(name).map(String::as_str);
        own.or_else(|| PREDEFINED.contains(&name).then_some("any"))
    }
}

/// The instructions, each on one line, without comments and without what here-documents hold.
fn instructions(text: &str) -> Vec<String> {
    let escape = escape(text);
    let mut instructions = Vec::new();
    let mut open = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(begun) = line.strip_suffix(escape) {
            open.push_str(begun);
            open.push(' ');
            continue;
        }
        open.push_str(line);
        let instruction = std::mem::take(&mut open);
        for delimiter in here_documents(&instruction) {
            let is_end = |line: &str| line.trim_start_matches('\t').trim_end() == delimiter;
            let mut after = lines.clone();
            // Without its end it is none, and would take the rest of the stages with it.
            if after.any(is_end) {
                lines = after;
            }
        }
        instructions.push(instruction);
    }
    instructions.push(open);
    instructions
}

/// The character that continues a line, which a directive at the top may change.
fn escape(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    let mut pairs = directives.filter_map(|directive| directive.split_once('='));
    let own = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("escape"));
    match own {
        Some((_, value)) if value.trim() == "`" => '`',
        _ => '\\',
    }
}

/// The words that end the here-documents of an instruction.
fn here_documents(instruction: &str) -> Vec<String> {
    let (word, rest) = split_word(instruction);
    if !["RUN", "COPY", "ADD"]
        .iter()
        .any(|with| word.eq_ignore_ascii_case(with))
    {
        return Vec::new();
    }
    // A word of its own, which a number may stand before: `1<<2` in a program is none
    // (<https://github.com/moby/buildkit/blob/v0.25.2/frontend/dockerfile/parser/parser.go>, `reHeredoc`).
    let words = rest.split_whitespace();
    let named = words.filter_map(|word| {
        let begun = word.trim_start_matches(|symbol: char| symbol.is_ascii_digit());
        let begun = begun.strip_prefix("<<")?;
        let name = unquoted(begun.strip_prefix('-').unwrap_or(begun));
        (!name.is_empty() && !name.contains('<')).then(|| name.to_owned())
    });
    named.collect()
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

/// A name at the beginning, and what follows.
fn split_name(text: &str) -> (&str, &str) {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let end = text.bytes().position(|byte| !is_name(byte));
    text.split_at(end.unwrap_or(text.len()))
}

/// What is before the brace that closes, and what is after it.
fn split_braces(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    let close = text.bytes().position(|byte| {
        depth += match byte {
            b'{' => 1,
            b'}' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    Some((&text[..close], &text[close + 1..]))
}

fn unquoted(text: &str) -> &str {
    let within = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

/// A name without the tag or the digest behind it.
fn without_tag(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(dockerfile: &str, build_args: &[(&str, &str)]) -> String {
        let build_args = build_args
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let images = base_images(dockerfile.as_bytes(), &build_args.collect());
        let images = images.iter().map(Reference::name);
        images.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn images_are_those_that_no_stage_has_the_name_of() {
        for (dockerfile, images) in [
            ("FROM debian", "docker.io/library/debian"),
            (
                "from --platform=linux/arm64 \"ghcr.io/a/b:1\" as Base\nFROM base\n",
                "ghcr.io/a/b",
            ),
            (
                "FROM scratch\nFROM r.example:5000/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
                "r.example:5000/a",
            ),
            (
                "FROM a.example/a AS one\nFROM scratch\nCOPY --from=one /a /\nCOPY --chown=1 --from=b.example/b / /\nCOPY --from=0 / /\n",
                "a.example/a b.example/b",
            ),
            (
                "FROM scratch\nRUN --mount=type=bind,from=c.example/c,target=/c true --from=no.example/n\n",
                "c.example/c",
            ),
            (
                "# FROM no.example/n\nFROM \\\n# a comment\n\n  a.example/a \\\n  AS x\nRUN echo FROM no.example/n",
                "a.example/a",
            ),
            ("\u{feff}# escape=`\nFROM `\n a.example/a", "a.example/a"),
            (
                "FROM a.example/a\nRUN <<EOF cat <<-'TWO'\nFROM no.example/n\nEOF\n\tFROM no.example/n\n\tTWO\nFROM b.example/b",
                "a.example/a b.example/b",
            ),
            (
                "FROM a.example/a AS a\nRUN echo $((1<<SHIFT)) 1<<N\nRUN <<END true\nFROM b.example/b",
                "a.example/a b.example/b",
            ),
            (
                "FROM a.example/a:$TARGETARCH\nFROM b.example/b-${TARGETARCH}:$UNKNOWN\n",
                "a.example/a b.example/b-any",
            ),
            ("FROM\nFROM :\nNONSENSE", ""),
            ("", ""),
        ] {
            assert_eq!(found(dockerfile, &[]), images, "{dockerfile}");
        }
    }

    #[test]
    fn arguments_are_those_that_are_declared_before_the_first_stage() {
        let given = [
            ("HOST", "given.example"),
            ("EMPTY", ""),
            ("OTHER", "other.example"),
        ];
        for (dockerfile, images) in [
            ("ARG HOST=default.example\nFROM $HOST/a", "given.example/a"),
            ("ARG HOST\nFROM ${HOST}/a:${TAG:-1}", "given.example/a"),
            (
                "ARG DOMAIN=d.example B=\"b\"\nARG HOST2=r.$DOMAIN\nFROM $HOST2/$B",
                "r.d.example/b",
            ),
            ("ARG EMPTY\nFROM ${EMPTY:-d.example/}a", "d.example/a"),
            (
                "ARG EMPTY\nFROM ${EMPTY-d.example/}a",
                "docker.io/library/a",
            ),
            (
                "ARG HOST\nFROM ${HOST:+${HOST}/}a${NO:+/b}",
                "given.example/a",
            ),
            // Not declared, or too late.
            ("FROM ${OTHER}a", "docker.io/library/a"),
            ("FROM a.example/a\nARG OTHER\nFROM $OTHER/b", "a.example/a"),
        ] {
            assert_eq!(found(dockerfile, &given), images, "{dockerfile}");
        }
    }

    #[test]
    fn whatever_the_text_is_it_ends() {
        for text in [
            "FROM ${",
            "FROM $",
            "FROM ${A",
            "ARG",
            "ARG =",
            "RUN <<",
            "RUN <<EOF",
            "\\",
            "FROM a\\",
        ] {
            found(text, &[]);
        }
        // Ten times as long with every line, and deeper than any stack.
        let mut tenfold = "ARG A0=xxxxxxxxxx\n".to_owned();
        for line in 1..12 {
            let before = format!("$A{}", line - 1);
            tenfold.push_str(&["ARG A", &line.to_string(), "=", &before.repeat(10), "\n"].concat());
        }
        assert_eq!(
            found(&(tenfold + "FROM a.example/a$A11"), &[]),
            "a.example/a"
        );
        let deep = "${A:-".repeat(100_000) + &"}".repeat(100_000);
        found(&format!("ARG A\nFROM {deep}"), &[]);
        base_images(&[0xff, 0xfe, 0, b'$', b'{', 0x80], &BTreeMap::new());
    }
}
