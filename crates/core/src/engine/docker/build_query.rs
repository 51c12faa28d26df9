//! What the classic builder is asked for, in the query of `POST /build`: Docker's parameters, and Podman's in their place.

use std::collections::BTreeMap;

use super::query::Target;
use crate::build_options::{BuildOptions, NoCache};

/// The target of a build by Docker
/// (<https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Image/operation/ImageBuild>), or by Podman, whose
/// networks, hosts and limits are written otherwise
/// (<https://github.com/containers/podman/blob/v5.4.2/pkg/api/handlers/compat/images_build.go>).
pub(super) fn build_query(
    build: &BuildOptions,
    build_args: &BTreeMap<String, String>,
    dockerfile: &str,
    is_podman: bool,
) -> Target {
    let flag = |on: bool| on.then_some("1");
    let mut target = Target::new("/build")
        .pair("dockerfile", dockerfile)
        // Intermediate containers go, whether the build succeeds or not.
        .pair("rm", "1")
        .pair("forcerm", "1")
        .optional("nocache", flag(build.no_cache == NoCache::All))
        .optional("pull", flag(build.pull))
        .optional("target", build.target.as_deref())
        .optional(
            "platform",
            build.platforms.first().map(ToString::to_string).as_deref(),
        );
    for tag in &build.tags {
        target = target.pair("t", &tag.to_string());
    }
    target = if is_podman {
        for_podman(target, build)
    } else {
        for_docker(target, build)
    };
    if let Some(size_bytes) = build.shm_size_bytes {
        target = target.pair("shmsize", &size_bytes.to_string());
    }
    target = target.optional("cgroupparent", build.cgroup_parent.as_deref());
    for (key, map) in [("buildargs", build_args), ("labels", &build.labels)] {
        if !map.is_empty() {
            target = target.pair(key, &serde_json::json!(map).to_string());
        }
    }
    target
}

fn for_docker(mut target: Target, build: &BuildOptions) -> Target {
    target = target.optional("networkmode", build.network.as_deref());
    for host in &build.add_hosts {
        target = target.pair("extrahosts", host);
    }
    if build.ulimits.is_empty() {
        return target;
    }
    let limits = build.ulimits.iter().map(
        |(name, limit)| serde_json::json!({ "Name": name, "Soft": limit.soft, "Hard": limit.hard }),
    );
    target.pair(
        "ulimits",
        &limits.collect::<serde_json::Value>().to_string(),
    )
}

fn for_podman(mut target: Target, build: &BuildOptions) -> Target {
    if let Some((namespace, policy)) = build.network.as_deref().and_then(podman_network) {
        let namespaces = serde_json::Value::from(vec![namespace]);
        target = target
            .pair("nsoptions", &namespaces.to_string())
            .pair("networkmode", policy);
    }
    if !build.add_hosts.is_empty() {
        let hosts = build.add_hosts.iter().map(|host| without_brackets(host));
        target = target.pair(
            "extrahosts",
            &hosts.collect::<serde_json::Value>().to_string(),
        );
    }
    if build.ulimits.is_empty() {
        return target;
    }
    let limits = build.ulimits.iter();
    let limits = limits.map(|(name, limit)| format!("{name}={}:{}", limit.soft, limit.hard));
    target.pair(
        "ulimits",
        &limits.collect::<serde_json::Value>().to_string(),
    )
}

/// The network namespace of a step, and whether there is a network in it. Podman takes what it does not know for the
/// machine's network, `none` as well.
fn podman_network(network: &str) -> Option<(serde_json::Value, &'static str)> {
    let own = |path: &str| serde_json::json!({ "Name": "network", "Host": false, "Path": path });
    Some(match network {
        "default" => return None,
        "host" => (
            serde_json::json!({ "Name": "network", "Host": true }),
            "NetworkDefault",
        ),
        "none" => (own(""), "NetworkDisabled"),
        "bridge" => (own(""), "NetworkEnabled"),
        name => (own(name), "NetworkEnabled"),
    })
}

/// `name:[::1]` as `name:::1`, the only way in which Podman reads it.
fn without_brackets(host: &str) -> String {
    match host.split_once(":[") {
        Some((name, address)) => format!("{name}:{}", address.trim_end_matches(']')),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_options::Ulimit;
    use crate::reference::Reference;

    fn query(build: &BuildOptions, is_podman: bool) -> String {
        build_query(build, &build.build_args, "Dockerfile", is_podman)
            .as_str()
            .to_owned()
    }

    #[test]
    fn every_option_reaches_the_engine() {
        let map =
            |key: &str, value: &str| std::iter::once((key.to_owned(), value.to_owned())).collect();
        let build = BuildOptions {
            tags: vec![
                Reference::parse("a/b:1").unwrap(),
                Reference::parse("ghcr.io/a/b:2").unwrap(),
            ],
            build_args: map("K", "v&w"),
            labels: map("l", "m"),
            target: Some("stage".to_owned()),
            no_cache: NoCache::All,
            pull: true,
            network: Some("host".to_owned()),
            add_hosts: vec!["h:127.0.0.1".to_owned()],
            shm_size_bytes: Some(1 << 20),
            ulimits: [("nofile".to_owned(), Ulimit { soft: 10, hard: 20 })].into(),
            cgroup_parent: Some("/parent".to_owned()),
            ..BuildOptions::default()
        };
        let start = "/build?dockerfile=Dockerfile&rm=1&forcerm=1&nocache=1&pull=1&target=stage\
                     &t=docker.io%2Fa%2Fb%3A1&t=ghcr.io%2Fa%2Fb%3A2";
        let end = "&shmsize=1048576&cgroupparent=%2Fparent\
                   &buildargs=%7B%22K%22%3A%22v%26w%22%7D&labels=%7B%22l%22%3A%22m%22%7D";
        assert_eq!(
            query(&build, false),
            format!(
                "{start}&networkmode=host&extrahosts=h%3A127.0.0.1\
                 &ulimits=%5B%7B%22Hard%22%3A20%2C%22Name%22%3A%22nofile%22%2C%22Soft%22%3A10%7D%5D{end}"
            )
        );
        assert_eq!(
            query(&build, true),
            format!(
                "{start}&nsoptions=%5B%7B%22Host%22%3Atrue%2C%22Name%22%3A%22network%22%7D%5D\
                 &networkmode=NetworkDefault&extrahosts=%5B%22h%3A127.0.0.1%22%5D\
                 &ulimits=%5B%22nofile%3D10%3A20%22%5D{end}"
            )
        );
    }

    #[test]
    fn podman_gets_a_namespace_for_the_network_and_addresses_without_brackets() {
        for (network, path, policy) in [
            ("none", "", "NetworkDisabled"),
            ("bridge", "", "NetworkEnabled"),
            ("mine", "mine", "NetworkEnabled"),
        ] {
            let own = serde_json::json!({ "Name": "network", "Host": false, "Path": path });
            assert_eq!(podman_network(network), Some((own, policy)));
        }
        assert_eq!(podman_network("default"), None);
        assert_eq!(without_brackets("a:[::1]"), "a:::1");
        assert_eq!(without_brackets("a:::1"), "a:::1");
    }

    #[test]
    fn defaults_are_left_to_the_engine() {
        for is_podman in [false, true] {
            assert_eq!(
                query(&BuildOptions::default(), is_podman),
                "/build?dockerfile=Dockerfile&rm=1&forcerm=1"
            );
        }
    }
}
