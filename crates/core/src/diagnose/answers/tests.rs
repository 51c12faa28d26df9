use serde_json::json;

use super::*;
use crate::error::ErrorKind;

fn answers(version: Value, info: Value, disk_usage: Value) -> EngineAnswers {
    EngineAnswers {
        api_version: (1, 41),
        prefers_buildkit: true,
        version: Ok(version),
        info: Ok(info),
        disk_usage: Ok(disk_usage),
        buildkit: Ok(None),
    }
}

fn of_info(info: Value) -> EngineFacts {
    read(answers(json!({}), info, json!({}))).0
}

#[test]
fn podman_is_known_by_its_component_and_has_a_store_of_its_own() {
    // `GET /version` of Podman 4.3.1 on Debian 12, shortened
    // (https://github.com/containers/podman/blob/v4.3.1/pkg/api/handlers/compat/version.go).
    let version = json!({
        "Platform": { "Name": "linux/amd64/debian-12" },
        "Components": [{ "Name": "Podman Engine", "Version": "4.3.1" }, { "Name": "Conmon" }],
        "Version": "4.3.1", "ApiVersion": "1.41", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64",
    });
    let info = json!({
        "Driver": "overlay", "DriverStatus": [["Backing Filesystem", "extfs"]],
        "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"],
        "DockerRootDir": "/var/lib/containers/storage",
    });
    let (facts, complaints) = read(answers(version, info, json!({ "LayersSize": 7 })));
    assert!(complaints.is_empty());
    assert_eq!(facts.name, EngineName::Podman);
    assert_eq!((facts.product, facts.rootless), (None, Some(true)));
    assert_eq!(facts.store, Some(ImageStore::ContainersStorage));
    assert_eq!(facts.platforms, ["linux/amd64"]);
    assert_eq!(facts.disk.images_bytes, Some(7));
    assert!(!facts.build_kit.available);
}

#[test]
fn docker_desktop_is_known_by_its_product() {
    let version = json!({ "Platform": { "Name": "Docker Desktop 4.45.0 (203075)" } });
    let (facts, _) = read(answers(version, json!({}), json!({})));
    assert_eq!(facts.name, EngineName::DockerDesktop);
    let product = "Docker Desktop 4.45.0 (203075)";
    assert_eq!(facts.product.as_deref(), Some(product));
    assert_eq!(
        of_info(json!({ "OperatingSystem": "Docker Desktop" })).name,
        EngineName::DockerDesktop
    );
}

#[test]
fn the_disk_is_counted_as_each_api_tells_it() {
    let old = json!({
        "LayersSize": 100,
        "BuildCache": [{ "Size": 10 }, { "Size": 5, "Shared": true }, { "Size": 2, "Shared": false }],
    });
    let new = json!({ "ImageUsage": { "TotalSize": 100 }, "BuildCacheUsage": { "TotalSize": 12 } });
    for usage in [old, new] {
        let disk = disk(&json!({}), &usage);
        assert_eq!(
            (disk.images_bytes, disk.build_cache_bytes),
            (Some(100), Some(12))
        );
    }
    let podman = json!({ "LayersSize": 0, "Images": [{ "Size": 4689 }] });
    assert_eq!(disk(&json!({}), &podman).images_bytes, None);
    let none = disk(&json!({}), &json!({ "ImageUsage": {} }));
    assert_eq!((none.images_bytes, none.build_cache_bytes), (Some(0), None));
}

#[test]
fn proxies_and_mirrors_are_told_without_their_passwords() {
    let facts = of_info(json!({
        "HttpProxy": "http://ada:canary@proxy:3128", "HttpsProxy": "ada:canary@proxy:3128", "NoProxy": "a,b",
        "RegistryConfig": {
            "Mirrors": ["https://ada:canary@mirror.example/?token=canary"],
            "InsecureRegistryCIDRs": ["10.0.0.0/8"],
            "IndexConfigs": { "r.example": { "Secure": false }, "docker.io": { "Secure": true } },
        },
    }));
    assert!(!format!("{facts:?}").contains("canary"), "{facts:?}");
    let proxies = facts.proxies.unwrap();
    assert_eq!(proxies.http.as_deref(), Some("http://proxy:3128"));
    assert_eq!(proxies.https.as_deref(), Some("proxy:3128"));
    assert_eq!(facts.mirrors, ["https://mirror.example/?…"]);
    assert_eq!(facts.insecure_registries, ["10.0.0.0/8", "r.example"]);
}

#[test]
fn control_sequences_and_endless_words_of_an_engine_are_harmless() {
    let facts = of_info(json!({
        "OperatingSystem": "\u{1b}]0;title\u{7}Linux\u{202e}\nsecond", "Driver": "x".repeat(5000),
        "Warnings": ["\u{1b}[31mred\u{1b}[0m", 7, ""],
    }));
    assert_eq!(facts.operating_system.as_deref(), Some("Linux second"));
    assert_eq!(
        facts.storage_driver.map(|driver| driver.len()),
        Some(TEXT_CHARS)
    );
    assert_eq!(facts.warnings, ["red"]);
}

#[test]
fn what_is_missing_or_oddly_typed_is_not_known() {
    let version = json!({ "Version": 7, "Components": "none", "Platform": null });
    let info =
        json!({ "NCPU": "two", "DriverStatus": {}, "SecurityOptions": null, "RegistryConfig": [] });
    let facts = read(answers(version, info, json!({ "BuildCache": null }))).0;
    let unknown = EngineFacts {
        api_version: Some("1.41".to_owned()),
        rootless: Some(false),
        ..EngineFacts::default()
    };
    assert_eq!(facts, unknown);
}

#[test]
fn an_answer_that_did_not_come_is_told_beside_the_others() {
    let late = Error::new(ErrorKind::Timeout, "late");
    let answers = EngineAnswers {
        disk_usage: Err(late),
        ..answers(json!({ "Version": "28.5.2" }), json!({}), json!({}))
    };
    let (facts, complaints) = read(answers);
    assert_eq!(facts.version.as_deref(), Some("28.5.2"));
    assert_eq!(complaints.len(), 1);
    assert_eq!(complaints[0].kind, ErrorKind::Timeout);
}
