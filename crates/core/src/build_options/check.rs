//! What no engine could make of the options, found before one is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{BuildOptions, CacheEntry, IGNORE_ERROR, Output, OutputKind, Provenance, context_name};
use crate::error::{Error, ErrorKind, Result};

/// Refuses outputs and places for a cache that contradict each other or other options.
pub(crate) fn check(options: &BuildOptions) -> Result<()> {
    let mut names = BTreeSet::new();
    for name in options.contexts.keys() {
        if !names.insert(context_name(name)?) {
            let shown = name.escape_debug();
            return Err(invalid(format!("two contexts have the name `{shown}`")));
        }
    }
    let mut places: BTreeSet<&Path> = BTreeSet::new();
    for output in &options.outputs {
        check_output(output, options)?;
        if let Some(place) = output.kind.place()
            && !places.insert(place)
        {
            return Err(invalid(format!(
                "two outputs go to `{}`",
                place.display().to_string().escape_debug()
            )));
        }
    }
    let count = |is_it: fn(&OutputKind) -> bool| {
        let kinds = options.outputs.iter().map(|output| &output.kind);
        kinds.filter(|kind| is_it(kind)).count()
    };
    if count(|kind| matches!(kind, OutputKind::Image { .. })) > 1 {
        return Err(invalid(
            "an image is asked for twice: one that is pushed is in the engine's store as well",
        ));
    }
    if count(|kind| *kind == OutputKind::CacheOnly) > 0 && options.outputs.len() > 1 {
        return Err(invalid(
            "the output `cacheonly` contradicts every other output",
        ));
    }
    check_local_caches(&options.cache_to)?;
    for entry in &options.cache_to {
        check_attributes(
            "cacheTo",
            entry.attributes(),
            &["ref", "dest", "src", "type"],
        )?;
        if entry
            .attributes()
            .is_some_and(|it| it.contains_key("reset"))
        {
            return Err(invalid(
                "the attribute `reset` of `cacheTo` is not supported: remove the folder to begin anew",
            ));
        }
    }
    for entry in &options.cache_from {
        check_attributes(
            "cacheFrom",
            entry.attributes(),
            &["ref", "dest", "src", "type"],
        )?;
        if *entry == CacheEntry::Inline {
            return Err(invalid("the type `inline` is for `cacheTo`")
                .with_hint("take the cache of an image with the type `registry` and the image as its reference"));
        }
    }
    Ok(())
}

/// An engine answers with the one manifest that it made last, so that all folders have to get the same one.
fn check_local_caches(entries: &[CacheEntry]) -> Result<()> {
    let mut contents = entries.iter().filter_map(|entry| match entry {
        CacheEntry::Local { attributes, .. } => Some(attributes.iter().filter(|(name, _)| {
            // What is in the cache does not depend on these.
            !["tag", IGNORE_ERROR].contains(&name.as_str())
        })),
        _ => None,
    });
    let Some(first) = contents.next() else {
        return Ok(());
    };
    if contents.all(|other| other.eq(first.clone())) {
        return Ok(());
    }
    Err(
        invalid("two folders of `cacheTo` have different attributes")
            .with_hint("give both the same, or put one of the caches with another build"),
    )
}

fn check_output(output: &Output, options: &BuildOptions) -> Result<()> {
    let own = ["name", "push", "dest", "type", "tar"];
    check_attributes("outputs", Some(&output.attributes), &own)?;
    match &output.kind {
        OutputKind::Image { push: true } if options.tags.is_empty() => {
            Err(invalid("an image that is pushed needs a tag"))
        }
        OutputKind::Docker(_) if options.platforms.len() > 1 || attests(options) => Err(invalid(
            "an archive of the type `docker` holds one platform and no attestations",
        )
        .with_hint("use the type `oci`")),
        OutputKind::Local(_)
            if output
                .attributes
                .get("mode")
                .is_some_and(|mode| mode != "copy") =>
        {
            Err(invalid(
                "the output `local` deletes nothing: its attribute `mode` can only be `copy`",
            ))
        }
        _ => Ok(()),
    }
}

fn attests(options: &BuildOptions) -> bool {
    let attestations = &options.attestations;
    attestations.sbom.is_some()
        || matches!(
            attestations.provenance,
            Some(Provenance::Min | Provenance::Max)
        )
}

/// Refuses attributes that other options set.
fn check_attributes(
    option: &str,
    attributes: Option<&BTreeMap<String, String>>,
    own: &[&str],
) -> Result<()> {
    let mut names = attributes
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str());
    match names.find(|name| own.contains(name)) {
        Some(name) => Err(invalid(format!(
            "the attribute `{name}` of `{option}` is set by the options themselves"
        ))),
        None => Ok(()),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOption, message)
}

#[cfg(test)]
mod tests {
    use super::super::{Attestations, NamedContext, Sbom};
    use super::*;
    use crate::reference::Reference;

    fn with(kinds: Vec<OutputKind>) -> BuildOptions {
        BuildOptions {
            outputs: kinds.into_iter().map(Output::new).collect(),
            ..BuildOptions::default()
        }
    }

    fn with_attribute(kind: OutputKind, name: &str, value: &str) -> BuildOptions {
        let mut options = with(vec![kind]);
        options.tags = vec![Reference::parse("acme/app").unwrap()];
        let attributes = &mut options.outputs[0].attributes;
        attributes.insert(name.to_owned(), value.to_owned());
        options
    }

    fn cache(key: &str) -> CacheEntry {
        CacheEntry::Registry {
            reference: "acme/cache".to_owned(),
            attributes: [(key.to_owned(), "x".to_owned())].into(),
        }
    }

    fn folder(directory: &str, keys: &[&str]) -> CacheEntry {
        CacheEntry::Local {
            directory: directory.into(),
            attributes: keys
                .iter()
                .map(|key| ((*key).to_owned(), "x".to_owned()))
                .collect(),
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let image = |push| OutputKind::Image { push };
        let attested = |attestations| BuildOptions {
            attestations,
            ..with(vec![OutputKind::Docker("a".into())])
        };
        let provenance = Attestations {
            provenance: Some(Provenance::Max),
            sbom: None,
        };
        let sbom = Attestations {
            provenance: None,
            sbom: Some(Sbom::default()),
        };
        for (options, words) in [
            (with(vec![image(false), image(true)]), "needs a tag"),
            (with(vec![image(false), image(false)]), "asked for twice"),
            (
                with(vec![OutputKind::CacheOnly, image(false)]),
                "contradicts",
            ),
            (
                with(vec![
                    OutputKind::Tar("a".into()),
                    OutputKind::Oci("a".into()),
                ]),
                "two outputs go to `a`",
            ),
            (attested(provenance), "no attestations"),
            (attested(sbom), "no attestations"),
            (
                with_attribute(image(false), "push", "true"),
                "the attribute `push`",
            ),
            (
                with_attribute(OutputKind::Oci("a".into()), "tar", "false"),
                "the attribute `tar`",
            ),
            (
                with_attribute(OutputKind::Local("a".into()), "mode", "delete"),
                "deletes nothing",
            ),
            (
                BuildOptions {
                    cache_from: vec![CacheEntry::Inline],
                    ..BuildOptions::default()
                },
                "for `cacheTo`",
            ),
            (
                BuildOptions {
                    cache_from: vec![cache("ref")],
                    ..BuildOptions::default()
                },
                "the attribute `ref` of `cacheFrom`",
            ),
            (
                BuildOptions {
                    contexts: ["lib", "docker.io/library/lib:latest"]
                        .map(|name| (name.to_owned(), NamedContext::Directory("a".into())))
                        .into(),
                    ..BuildOptions::default()
                },
                "two contexts have the name",
            ),
            (
                BuildOptions {
                    cache_to: vec![cache("reset")],
                    ..BuildOptions::default()
                },
                "`reset`",
            ),
            (
                BuildOptions {
                    cache_to: vec![folder("a", &["mode"]), folder("b", &["tag"])],
                    ..BuildOptions::default()
                },
                "two folders of `cacheTo`",
            ),
        ] {
            let error = check(&options).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidOption);
            assert!(error.message.contains(words), "{error}\nlacks: {words}");
        }
    }

    #[test]
    fn what_can_be_meant_is_accepted() {
        check(&BuildOptions::default()).unwrap();
        let mut options = with(vec![
            OutputKind::Image { push: true },
            OutputKind::Local("a".into()),
            OutputKind::Docker("b".into()),
        ]);
        options.tags = vec![Reference::parse("acme/app").unwrap()];
        options.attestations.provenance = Some(Provenance::Off);
        options.cache_to = vec![
            cache("mode"),
            CacheEntry::Inline,
            folder("a", &["mode", "tag"]),
            folder("b", &["mode", IGNORE_ERROR]),
        ];
        options.cache_from = vec![cache("mode")];
        check(&options).unwrap();
        let copies = with_attribute(OutputKind::Local("a".into()), "mode", "copy");
        check(&copies).unwrap();
    }
}
