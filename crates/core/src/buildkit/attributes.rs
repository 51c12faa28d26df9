//! Build options in the words of the Dockerfile frontend.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/frontend/dockerui/config.go>;
//! <https://github.com/docker/buildx/blob/v0.29.1/build/opt.go> is what writes them for `docker build`.

use std::collections::BTreeMap;

use super::daemon::Worker;
use crate::build_options::{BuildOptions, NoCache, Provenance};
use crate::error::{Error, ErrorKind, Result};

/// The address that stands for the engine's machine in `addHosts`.
const HOST_GATEWAY: &str = "host-gateway";

/// What the frontend is told of the options, its inputs apart.
pub(crate) fn frontend_attributes(
    options: &BuildOptions,
    worker: &Worker,
) -> Result<BTreeMap<String, String>> {
    let mut attributes = BTreeMap::new();
    let mut set = |key: &str, value: String| {
        attributes.insert(key.to_owned(), value);
    };
    if let Some(epoch) = &options.environment_epoch {
        set("build-arg:SOURCE_DATE_EPOCH", epoch.clone());
    }
    for (name, value) in &options.build_args {
        set(&format!("build-arg:{name}"), value.clone());
    }
    for (name, value) in &options.labels {
        set(&format!("label:{name}"), value.clone());
    }
    if let Some(target) = &options.target {
        set("target", target.clone());
    }
    if !options.platforms.is_empty() {
        let platforms: Vec<String> = options.platforms.iter().map(ToString::to_string).collect();
        set("platform", platforms.join(","));
    }
    match &options.no_cache {
        NoCache::No => {}
        NoCache::All => set("no-cache", String::new()),
        NoCache::Stages(stages) => set("no-cache", stages.join(",")),
    }
    // Images of the engine's own store come first, as with `docker build`.
    let mode = if options.pull { "pull" } else { "local" };
    set("image-resolve-mode", mode.to_owned());
    match options.network.as_deref() {
        None | Some("" | "default") => {}
        Some(mode @ ("host" | "none")) => set("force-network-mode", mode.to_owned()),
        Some(name) => {
            let message = format!("BuildKit cannot use the network `{name}`");
            return Err(Error::new(ErrorKind::UnsupportedByEngine, message)
                .with_hint("use `host`, `none` or `default`; the classic builder (`builder: 'classic'`) takes other networks"));
        }
    }
    if !options.add_hosts.is_empty() {
        set("add-hosts", extra_hosts(&options.add_hosts, worker)?);
    }
    if let Some(size_bytes) = options.shm_size_bytes {
        set("shm-size", size_bytes.to_string());
    }
    if !options.ulimits.is_empty() {
        let limits = options.ulimits.iter();
        let limits: Vec<String> = limits
            .map(|(name, limit)| format!("{name}={}:{}", limit.soft, limit.hard))
            .collect();
        set("ulimit", limits.join(","));
    }
    if let Some(parent) = &options.cgroup_parent {
        set("cgroup-parent", parent.clone());
    }
    if let Some(epoch) = options.source_date_epoch {
        set("build-arg:SOURCE_DATE_EPOCH", epoch.to_string());
    }
    match options.attestations.provenance {
        // What `docker build` asks for where the engine can store it.
        None if worker.has_containerd_store => {
            set("attest:provenance", "mode=min,inline-only=true".to_owned());
        }
        None | Some(Provenance::Off) => {}
        Some(Provenance::Min) => set("attest:provenance", "mode=min".to_owned()),
        Some(Provenance::Max) => set("attest:provenance", "mode=max".to_owned()),
    }
    if let Some(sbom) = &options.attestations.sbom {
        let generator = sbom.generator.as_ref();
        set(
            "attest:sbom",
            generator
                .map(|image| format!("generator={image}"))
                .unwrap_or_default(),
        );
    }
    Ok(attributes)
}

/// Lines of `/etc/hosts` as `host=address`, separated by commas.
fn extra_hosts(hosts: &[String], worker: &Worker) -> Result<String> {
    let mut lines = Vec::new();
    for host in hosts {
        let (name, address) = host.split_once([':', '=']).unwrap_or((host, ""));
        let address = match (address, &worker.host_gateway) {
            (HOST_GATEWAY, Some(address)) => address,
            (HOST_GATEWAY, None) => {
                let message = "the engine does not say which address `host-gateway` is";
                return Err(Error::new(ErrorKind::UnsupportedByEngine, message)
                    .with_hint("give the address itself"));
            }
            (address, _) => address
                .strip_prefix('[')
                .and_then(|address| address.strip_suffix(']'))
                .unwrap_or(address),
        };
        lines.push(format!("{name}={address}"));
    }
    Ok(lines.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_options::{Attestations, Sbom, Ulimit};
    use crate::platform::Platform;

    fn told(options: &BuildOptions, worker: &Worker) -> Vec<String> {
        let attributes = frontend_attributes(options, worker).unwrap();
        attributes
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    }

    fn map(key: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn every_option_reaches_the_frontend() {
        let platforms = ["linux/amd64", "linux/arm/v7"];
        let options = BuildOptions {
            build_args: map("K", "v,w"),
            labels: map("l", "m"),
            target: Some("stage".to_owned()),
            platforms: platforms.map(|text| Platform::parse(text).unwrap()).into(),
            no_cache: NoCache::Stages(vec!["a".to_owned(), "b".to_owned()]),
            pull: true,
            network: Some("none".to_owned()),
            add_hosts: vec![
                "h:1.2.3.4".to_owned(),
                "six=[::1]".to_owned(),
                "gate:host-gateway".to_owned(),
            ],
            shm_size_bytes: Some(1024),
            ulimits: [("nofile".to_owned(), Ulimit { soft: 1, hard: 2 })].into(),
            cgroup_parent: Some("/p".to_owned()),
            source_date_epoch: Some(7),
            attestations: Attestations {
                provenance: Some(Provenance::Max),
                sbom: Some(Sbom {
                    generator: Some("g:1".to_owned()),
                }),
            },
            ..BuildOptions::default()
        };
        let worker = Worker {
            host_gateway: Some("10.0.0.1".to_owned()),
            ..Worker::default()
        };
        assert_eq!(
            told(&options, &worker),
            [
                "add-hosts=h=1.2.3.4,six=::1,gate=10.0.0.1",
                "attest:provenance=mode=max",
                "attest:sbom=generator=g:1",
                "build-arg:K=v,w",
                "build-arg:SOURCE_DATE_EPOCH=7",
                "cgroup-parent=/p",
                "force-network-mode=none",
                "image-resolve-mode=pull",
                "label:l=m",
                "no-cache=a,b",
                "platform=linux/amd64,linux/arm/v7",
                "shm-size=1024",
                "target=stage",
                "ulimit=nofile=1:2",
            ]
        );
    }

    #[test]
    fn by_default_local_images_come_first_and_where_it_came_from_is_kept_where_it_can_be() {
        let graph_driver = Worker::default();
        let options = BuildOptions::default();
        assert_eq!(told(&options, &graph_driver), ["image-resolve-mode=local"]);
        let containerd = Worker {
            has_containerd_store: true,
            ..Worker::default()
        };
        assert_eq!(
            told(&options, &containerd),
            [
                "attest:provenance=mode=min,inline-only=true",
                "image-resolve-mode=local"
            ]
        );
    }

    #[test]
    fn what_buildkit_cannot_be_told_is_refused() {
        let network = BuildOptions {
            network: Some("mine".to_owned()),
            ..BuildOptions::default()
        };
        let gateway = BuildOptions {
            add_hosts: vec!["h:host-gateway".to_owned()],
            ..BuildOptions::default()
        };
        for options in [network, gateway] {
            let error = frontend_attributes(&options, &Worker::default()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnsupportedByEngine);
        }
    }
}
