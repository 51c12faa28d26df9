//! What no engine could make of the options, found before one is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use super::{BuildOptions, CacheEntry, IGNORE_ERROR, Output, OutputKind, context_name};
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
    check_steps(options)?;
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

/// The limits that there are, as docker knows them
/// (<https://github.com/docker/go-units/blob/v0.5.0/ulimit.go>).
const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// The last second of the year 9999: later times an image's configuration cannot have.
const LAST_SECOND: i64 = 253_402_300_799;

/// What steps are run with, and the names and the time of what they make.
fn check_steps(options: &BuildOptions) -> Result<()> {
    if let Some(name) = options
        .ulimits
        .keys()
        .find(|name| !ULIMITS.contains(&name.as_str()))
    {
        let shown = name.escape_debug();
        return Err(invalid(format!("there is no limit `{shown}`"))
            .with_hint(format!("there are {}", ULIMITS.join(", "))));
    }
    if let Some(host) = options.add_hosts.iter().find(|host| !is_host_line(host)) {
        let shown = host.escape_debug();
        return Err(
            invalid(format!("`{shown}` in `addHosts` has no IP address"))
                .with_hint("write it as `name:address`; the address may be `host-gateway`"),
        );
    }
    if let Some(seconds) = options.source_date_epoch
        && !(0..=LAST_SECOND).contains(&seconds)
    {
        return Err(invalid(format!(
            "`sourceDateEpoch` is not between 1970 and 9999: {seconds} s"
        )));
    }
    // Docker takes such a word for the host of a registry since version 24, and refuses it before.
    let is_shouted = |registry: &str| {
        !registry.contains(['.', ':']) && registry.contains(|it: char| it.is_ascii_uppercase())
    };
    match options.tags.iter().find(|tag| is_shouted(tag.registry())) {
        Some(tag) => Err(Error::new(
            ErrorKind::InvalidReference,
            format!("cannot tag an image `{tag}`: a repository's name is in lower case"),
        )),
        None => Ok(()),
    }
}

/// `name:address` or `name=address`, the address of either kind, with or without brackets
/// (<https://github.com/docker/cli/blob/v28.5.2/opts/hosts.go>, `ValidateExtraHost`).
fn is_host_line(line: &str) -> bool {
    let Some((name, address)) = line.split_once(['=', ':']) else {
        return false;
    };
    let bare = address
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'));
    let is_address = bare.unwrap_or(address).parse::<IpAddr>().is_ok();
    !name.is_empty() && (is_address || address == "host-gateway")
}

fn check_output(output: &Output, options: &BuildOptions) -> Result<()> {
    let own = ["name", "push", "dest", "type", "tar"];
    check_attributes("outputs", Some(&output.attributes), &own)?;
    match &output.kind {
        OutputKind::Image { push: true } if options.tags.is_empty() => {
            Err(invalid("an image that is pushed needs a tag"))
        }
        OutputKind::Docker(_) if options.platforms.len() > 1 || options.attestations.is_any() => {
            Err(
                invalid("an archive of the type `docker` holds one platform and no attestations")
                    .with_hint("use the type `oci`"),
            )
        }
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
    use super::super::{Attestations, NamedContext, Provenance, Sbom, Ulimit};
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
    fn what_no_step_can_be_given_is_refused() {
        let limit = |name: &str| BuildOptions {
            ulimits: [(name.to_owned(), Ulimit { soft: 1, hard: 1 })].into(),
            ..BuildOptions::default()
        };
        let host = |line: &str| BuildOptions {
            add_hosts: vec![line.to_owned()],
            ..BuildOptions::default()
        };
        let epoch = |seconds| BuildOptions {
            source_date_epoch: Some(seconds),
            ..BuildOptions::default()
        };
        let tag = |name: &str| BuildOptions {
            tags: vec![Reference::parse(name).unwrap()],
            ..BuildOptions::default()
        };
        for (options, kind) in [
            (limit("nofile"), None),
            (limit("nope"), Some(ErrorKind::InvalidOption)),
            (host("a:1.2.3.4"), None),
            (host("a=::1"), None),
            (host("a:[::1]"), None),
            (host("a:host-gateway"), None),
            (host("a:1.2.3"), Some(ErrorKind::InvalidOption)),
            (host("a"), Some(ErrorKind::InvalidOption)),
            (epoch(LAST_SECOND), None),
            (epoch(LAST_SECOND + 1), Some(ErrorKind::InvalidOption)),
            (tag("GHCR.IO/a"), None),
            (tag("User/a"), Some(ErrorKind::InvalidReference)),
        ] {
            assert_eq!(check(&options).err().map(|it| it.kind), kind, "{options:?}");
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
