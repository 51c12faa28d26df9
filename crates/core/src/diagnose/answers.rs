//! What an engine's answers say, read leniently: what is missing or oddly typed is not known.

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{BuildKit, BuildKitWay, Disk, EngineFacts, EngineName, ImageStore, Problem, Proxies};
use crate::engine::classify::readable;
use crate::engine::docker::EngineAnswers;
use crate::error::Error;
use crate::platform::Platform;

/// Longest text that is taken over.
const TEXT_CHARS: usize = 300;

/// Reads the answers. What could not be had is returned beside it.
pub(super) fn read(answers: EngineAnswers) -> (EngineFacts, Vec<Error>) {
    let mut complaints = Vec::new();
    let mut object = |answer| match answer {
        Ok(value) => value,
        Err(error) => {
            complaints.push(error);
            Value::Null
        }
    };
    let (version, info) = (object(answers.version), object(answers.info));
    let usage = object(answers.disk_usage);
    let platform = platform(&version, &info);
    let mut platforms = Vec::new();
    let build_kit = match answers.buildkit {
        Ok(None) => BuildKit::default(),
        Err(error) => BuildKit {
            problem: Some(Problem::from(&error)),
            ..BuildKit::default()
        },
        Ok(Some(survey)) => {
            platforms.extend(survey.platforms.iter().map(ToString::to_string));
            BuildKit {
                available: true,
                is_default: answers.prefers_buildkit,
                way: Some(if survey.is_direct {
                    BuildKitWay::Direct
                } else {
                    BuildKitWay::Upgrade
                }),
                version: survey.version,
                problem: None,
                unsupported: survey.unsupported.into_iter().map(str::to_owned).collect(),
            }
        }
    };
    if platforms.is_empty() {
        platforms.extend(platform.clone());
    }
    let name = name(&version, &info);
    let facts = EngineFacts {
        name,
        version: text(&version, "Version").or_else(|| text(&info, "ServerVersion")),
        // Podman has its platform there.
        product: text(&version["Platform"], "Name").filter(|_| name != EngineName::Podman),
        api_version: text(&version, "ApiVersion").or_else(|| match answers.api_version {
            (0, 0) => None,
            (major, minor) => Some(format!("{major}.{minor}")),
        }),
        min_api_version: text(&version, "MinAPIVersion"),
        operating_system: text(&info, "OperatingSystem"),
        kernel_version: text(&info, "KernelVersion").or_else(|| text(&version, "KernelVersion")),
        platform,
        platforms,
        rootless: info.is_object().then(|| is_rootless(&info)),
        cpus: info["NCPU"].as_u64(),
        memory_bytes: info["MemTotal"].as_u64(),
        cgroup_version: text(&info, "CgroupVersion"),
        store: store(name, &info),
        storage_driver: text(&info, "Driver"),
        build_kit,
        disk: disk(&info, &usage),
        mirrors: list(&info["RegistryConfig"], "Mirrors").collect(),
        insecure_registries: insecure_registries(&info["RegistryConfig"]),
        proxies: proxies(&info),
        warnings: list(&info, "Warnings").collect(),
    };
    (facts, complaints)
}

fn name(version: &Value, info: &Value) -> EngineName {
    let mut components = version["Components"].as_array().into_iter().flatten();
    let is_podman = components.any(|component| component["Name"].as_str() == Some("Podman Engine"));
    let is_desktop = [&version["Platform"]["Name"], &info["OperatingSystem"]]
        .into_iter()
        .any(|name| {
            name.as_str()
                .unwrap_or_default()
                .starts_with("Docker Desktop")
        });
    match (is_podman, is_desktop) {
        (true, _) => EngineName::Podman,
        (_, true) => EngineName::DockerDesktop,
        _ => EngineName::Docker,
    }
}

fn is_rootless(info: &Value) -> bool {
    list(info, "SecurityOptions").any(|option| option == "name=rootless")
}

/// `/version` has Go's words, `/info` the kernel's.
fn platform(version: &Value, info: &Value) -> Option<String> {
    let either = |ours: &str, theirs: &str| text(version, ours).or_else(|| text(info, theirs));
    let (os, architecture) = (either("Os", "OSType")?, either("Arch", "Architecture")?);
    let platform = Platform::parse(&format!("{os}/{architecture}")).ok()?;
    Some(platform.to_string())
}

fn store(name: EngineName, info: &Value) -> Option<ImageStore> {
    if name == EngineName::Podman {
        return Some(ImageStore::ContainersStorage);
    }
    let status = info["DriverStatus"].as_array()?;
    // <https://github.com/moby/moby/blob/v28.5.2/daemon/containerd/service.go> (`LayerStoreStatus`)
    let is_snapshotter = |pair: &Value| {
        pair[0].as_str() == Some("driver-type")
            && pair[1].as_str() == Some("io.containerd.snapshotter.v1")
    };
    Some(if status.iter().any(is_snapshotter) {
        ImageStore::Containerd
    } else {
        ImageStore::GraphDriver
    })
}

/// From API 1.52 on, sizes are in objects of their own, in which 0 is left out
/// (<https://github.com/moby/moby/blob/docker-v29.2.0/api/docs/CHANGELOG.md>).
fn disk(info: &Value, usage: &Value) -> Disk {
    let total = |name: &str| {
        let usage = usage[name].as_object()?;
        Some(usage.get("TotalSize").and_then(Value::as_u64).unwrap_or(0))
    };
    // As `docker system df` counts: what several records share is counted with the first alone.
    let records = || {
        let records = usage["BuildCache"].as_array()?.iter();
        let own = records.filter(|record| record["Shared"].as_bool() != Some(true));
        Some(own.filter_map(|record| record["Size"].as_u64()).sum())
    };
    // Podman 4 has images, each with its size, and says 0 for all of them together.
    let layers = || {
        let images = usage["Images"].as_array().into_iter().flatten();
        let is_counted = images
            .filter_map(|image| image["Size"].as_u64())
            .all(|size| size == 0);
        let size = usage["LayersSize"].as_u64();
        size.filter(|size| *size > 0 || is_counted)
    };
    Disk {
        root_directory: text(info, "DockerRootDir"),
        free_bytes: None,
        total_bytes: None,
        images: info["Images"].as_u64(),
        images_bytes: total("ImageUsage").or_else(layers),
        build_cache_bytes: total("BuildCacheUsage").or_else(records),
    }
}

fn insecure_registries(config: &Value) -> Vec<String> {
    let mut all: Vec<String> = list(config, "InsecureRegistryCIDRs").collect();
    let hosts = config["IndexConfigs"].as_object().into_iter().flatten();
    let insecure = hosts.filter(|(_, config)| config["Secure"].as_bool() == Some(false));
    all.extend(insecure.map(|(host, _)| tidy(host)));
    all
}

fn proxies(info: &Value) -> Option<Proxies> {
    let proxies = Proxies {
        http: text(info, "HttpProxy").map(without_user),
        https: text(info, "HttpsProxy").map(without_user),
        no: text(info, "NoProxy"),
    };
    (proxies != Proxies::default()).then_some(proxies)
}

/// A proxy may be written without a scheme, and is no URL then.
fn without_user(proxy: String) -> String {
    match proxy.rsplit_once('@') {
        Some((_, host)) if !proxy.contains("://") => host.to_owned(),
        _ => proxy,
    }
}

/// The text in a field, made harmless; `None` where it is empty.
fn text(object: &Value, field: &str) -> Option<String> {
    let text = tidy(object[field].as_str()?);
    (!text.is_empty()).then_some(text)
}

/// The texts in a field, made harmless.
fn list<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = String> + 'a {
    let texts = object[field].as_array().into_iter().flatten();
    texts
        .filter_map(|text| Some(tidy(text.as_str()?)))
        .filter(|text| !text.is_empty())
}

fn tidy(text: &str) -> String {
    readable(text).chars().take(TEXT_CHARS).collect()
}
