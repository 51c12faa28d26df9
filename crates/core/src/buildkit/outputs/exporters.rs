//! Outputs as exporters, as far as the engine has them.

use std::collections::{BTreeMap, HashMap};

use bollard_buildkit_proto::moby::buildkit::v1 as api;

use crate::build_options::{BuildOptions, Output, OutputKind, Provenance};
use crate::buildkit::daemon::Worker;
use crate::error::{Error, ErrorKind, Result};

/// The first API of engines whose containerd image store is no experiment: Docker 24
/// (<https://docs.docker.com/engine/release-notes/24.0/>).
const HAS_CONTAINERD: (u32, u32) = (1, 43);

/// What helps where a graph driver cannot do something.
pub(crate) fn turn_containerd_on(worker: &Worker) -> &'static str {
    if worker.api_version < HAS_CONTAINERD {
        return "use Docker 24 or newer, and turn on its containerd image store (https://docs.docker.com/engine/storage/containerd/)";
    }
    "turn on the engine's containerd image store (https://docs.docker.com/engine/storage/containerd/)"
}

/// What the engine makes of the result, in order.
#[derive(Debug)]
pub(crate) struct Exporters {
    pub(crate) list: Vec<api::Exporter>,
    /// Whether an image of the engine's store is among it.
    pub(crate) has_image: bool,
    /// What each exporter makes, in the same order.
    kinds: Vec<OutputKind>,
}

impl Exporters {
    /// The exporters for `options`, which are consistent. What the engine lacks is refused here, before it is told
    /// anything.
    pub(crate) fn of(options: &BuildOptions, worker: &Worker) -> Result<Self> {
        let image = [Output::new(OutputKind::Image { push: false })];
        let outputs = match &options.outputs[..] {
            [] => &image[..],
            outputs => outputs,
        };
        check_worker(options, outputs, worker)?;
        let mut exporters = Self {
            list: Vec::new(),
            has_image: false,
            kinds: Vec::new(),
        };
        // The exporters' answers come as one, in which the last has the last word: that is what the image is called.
        let is_image = |output: &&Output| matches!(output.kind, OutputKind::Image { .. });
        let (images, others): (Vec<_>, Vec<_>) = outputs.iter().partition(is_image);
        for output in others.into_iter().chain(images) {
            exporters.add(output, options, worker);
        }
        Ok(exporters)
    }

    /// What each exporter makes, with its position.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (usize, &OutputKind)> {
        self.kinds.iter().enumerate()
    }

    fn add(&mut self, output: &Output, options: &BuildOptions, worker: &Worker) {
        let mut attributes = output.attributes.clone();
        let mut set = |key: &str, value: &str| attributes.insert(key.to_owned(), value.to_owned());
        let kind = match &output.kind {
            OutputKind::Image { push } => {
                self.has_image = true;
                if worker.has_containerd_store {
                    // There an image is known by the digest of its manifest or index.
                    set("prefer-image-digest", "true");
                    if *push {
                        set("push", "true");
                    }
                }
                "moby"
            }
            OutputKind::Local(_) => "local",
            OutputKind::Tar(_) => "tar",
            OutputKind::Oci(_) => "oci",
            OutputKind::Docker(_) => "docker",
            OutputKind::CacheOnly => return,
        };
        if matches!(kind, "moby" | "oci" | "docker") && !options.tags.is_empty() {
            let names: Vec<String> = options.tags.iter().map(ToString::to_string).collect();
            set("name", &names.join(","));
        }
        self.push(kind, attributes);
        self.kinds.push(output.kind.clone());
    }

    fn push(&mut self, kind: &str, attributes: BTreeMap<String, String>) {
        self.list.push(api::Exporter {
            r#type: kind.to_owned(),
            attrs: attributes.into_iter().collect::<HashMap<_, _>>(),
        });
    }
}

/// Refuses what the engine cannot do
/// (<https://github.com/moby/moby/blob/v28.5.2/builder/builder-next/worker/worker.go>, `Exporter`).
fn check_worker(options: &BuildOptions, outputs: &[Output], worker: &Worker) -> Result<()> {
    if outputs.len() > 1 && !worker.takes_many_outputs {
        let message = "the engine's BuildKit makes one output of a build";
        return Err(Error::new(ErrorKind::UnsupportedByEngine, message)
            .with_hint("ask for one output, or use Docker 26 or newer (BuildKit 0.13)"));
    }
    if outputs
        .iter()
        .any(|output| is_set(output, "push-by-digest"))
    {
        let message = "the engine's BuildKit cannot push an image without a name";
        return Err(
            Error::new(ErrorKind::UnsupportedByEngine, message).with_hint(
                "leave the attribute `push-by-digest` out: an image is pushed under every tag",
            ),
        );
    }
    if worker.has_containerd_store {
        return Ok(());
    }
    let lacks = |what: &str| {
        let message = format!("the engine's image store, a graph driver, has no {what}");
        Err(Error::new(ErrorKind::UnsupportedByEngine, message)
            .with_hint(turn_containerd_on(worker)))
    };
    let attestations = &options.attestations;
    for output in outputs {
        match output.kind {
            OutputKind::Oci(_) => return lacks("output of the type `oci`"),
            OutputKind::Docker(_) => return lacks("output of the type `docker`"),
            // It ignores them
            // (<https://github.com/moby/moby/blob/v28.5.2/builder/builder-next/exporter/mobyexporter/export.go>).
            OutputKind::Image { .. } => {
                if let Some(name) = output.attributes.keys().next() {
                    return lacks(&format!("attribute `{}` of an image", name.escape_debug()));
                }
            }
            OutputKind::Local(_) | OutputKind::Tar(_) | OutputKind::CacheOnly => {}
        }
    }
    match attestations.provenance {
        _ if options.platforms.len() > 1 => lacks("images of several platforms"),
        _ if attestations.sbom.is_some() => lacks("attestations"),
        Some(Provenance::Min | Provenance::Max) => lacks("attestations"),
        Some(Provenance::Off) | None => Ok(()),
    }
}

fn is_set(output: &Output, attribute: &str) -> bool {
    output
        .attributes
        .get(attribute)
        .is_some_and(|value| value != "false")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_options::{Attestations, Sbom};
    use crate::platform::Platform;
    use crate::reference::Reference;

    fn graph_driver() -> Worker {
        Worker {
            takes_many_outputs: true,
            ..Worker::default()
        }
    }

    fn containerd() -> Worker {
        Worker {
            has_containerd_store: true,
            ..graph_driver()
        }
    }

    fn with(kinds: Vec<OutputKind>) -> BuildOptions {
        BuildOptions {
            tags: vec![Reference::parse("acme/app:1").unwrap()],
            outputs: kinds.into_iter().map(Output::new).collect(),
            ..BuildOptions::default()
        }
    }

    fn told(options: &BuildOptions, worker: &Worker) -> Vec<String> {
        let exporters = Exporters::of(options, worker).unwrap();
        let list = exporters.list.iter().map(|exporter| {
            let mut attributes: Vec<String> = exporter
                .attrs
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            attributes.sort();
            format!("{} {}", exporter.r#type, attributes.join(" "))
        });
        list.collect()
    }

    #[test]
    fn without_outputs_it_is_an_image_of_the_engine() {
        let options = with(vec![]);
        assert_eq!(
            told(&options, &graph_driver()),
            ["moby name=docker.io/acme/app:1"]
        );
        assert_eq!(
            told(&options, &containerd()),
            ["moby name=docker.io/acme/app:1 prefer-image-digest=true"]
        );
    }

    #[test]
    fn a_graph_driver_is_not_told_to_push() {
        let options = with(vec![OutputKind::Image { push: true }]);
        assert_eq!(
            told(&options, &graph_driver()),
            ["moby name=docker.io/acme/app:1"]
        );
        assert_eq!(
            told(&options, &containerd()),
            ["moby name=docker.io/acme/app:1 prefer-image-digest=true push=true"]
        );
    }

    #[test]
    fn the_image_comes_last_and_places_know_their_exporters() {
        let options = with(vec![
            OutputKind::Image { push: false },
            OutputKind::Local("a".into()),
            OutputKind::Oci("b".into()),
        ]);
        assert_eq!(
            told(&options, &containerd()),
            [
                "local ",
                "oci name=docker.io/acme/app:1",
                "moby name=docker.io/acme/app:1 prefer-image-digest=true",
            ]
        );
        let exporters = Exporters::of(&options, &containerd()).unwrap();
        let kinds: Vec<_> = exporters
            .kinds()
            .map(|(position, kind)| (position, kind.place()))
            .collect();
        assert_eq!(kinds[0], (0, Some("a".as_ref())));
        assert_eq!(kinds[2], (2, None));
    }

    #[test]
    fn nothing_is_exported_where_only_the_cache_is_wanted() {
        let options = with(vec![OutputKind::CacheOnly]);
        let exporters = Exporters::of(&options, &graph_driver()).unwrap();
        assert!(exporters.list.is_empty() && !exporters.has_image);
    }

    #[test]
    fn what_the_engine_lacks_is_refused_with_what_to_do() {
        let attested = |attestations| BuildOptions {
            attestations,
            ..with(vec![])
        };
        let platforms = ["linux/amd64", "linux/arm64"].map(|text| Platform::parse(text).unwrap());
        let provenance = Some(Provenance::Min);
        let mut by_digest = with(vec![OutputKind::Image { push: true }]);
        let attributes = &mut by_digest.outputs[0].attributes;
        attributes.insert("push-by-digest".to_owned(), "true".to_owned());
        let mut compressed = with(vec![OutputKind::Image { push: false }]);
        let attributes = &mut compressed.outputs[0].attributes;
        attributes.insert("compression".to_owned(), "zstd".to_owned());
        Exporters::of(&compressed, &containerd()).unwrap();
        let two = with(vec![
            OutputKind::Local("a".into()),
            OutputKind::Tar("b".into()),
        ]);
        let old = Worker {
            takes_many_outputs: false,
            ..containerd()
        };
        for (options, worker, hint) in [
            (
                with(vec![OutputKind::Oci("a".into())]),
                graph_driver(),
                "containerd",
            ),
            (
                with(vec![OutputKind::Docker("a".into())]),
                graph_driver(),
                "containerd",
            ),
            (
                attested(Attestations {
                    provenance,
                    sbom: None,
                }),
                graph_driver(),
                "containerd",
            ),
            (
                attested(Attestations {
                    provenance: None,
                    sbom: Some(Sbom::default()),
                }),
                graph_driver(),
                "containerd",
            ),
            (
                BuildOptions {
                    platforms: platforms.into(),
                    ..with(vec![])
                },
                graph_driver(),
                "containerd",
            ),
            (compressed, graph_driver(), "containerd"),
            (two, old, "Docker 26"),
            (by_digest, containerd(), "push-by-digest"),
        ] {
            let error = Exporters::of(&options, &worker).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnsupportedByEngine);
            assert!(error.hint().unwrap().contains(hint), "{error:?}");
        }
    }
}
