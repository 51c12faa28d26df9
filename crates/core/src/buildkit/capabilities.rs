//! What an engine's BuildKit cannot do, found before anything is sent: old ones ignore options that they do not know.

use super::daemon::Worker;
use super::outputs::turn_containerd_on;
use crate::build_options::{BuildOptions, NamedContext};
use crate::error::{Error, ErrorKind, Result};

/// The first API of engines whose BuildKit is at least 0.10
/// (<https://github.com/moby/moby/blob/v23.0.0/vendor.mod>).
const BUILDKIT_0_10: Api = Api((1, 42), "Docker 23.0");

/// The same for 0.11 (<https://github.com/moby/moby/blob/v24.0.0/vendor.mod>).
const BUILDKIT_0_11: Api = Api((1, 43), "Docker 24.0");

struct Api((u32, u32), &'static str);

/// The only form of `contexts` that not every engine takes.
const OCI_LAYOUT: &str = "oci-layout";

/// What an option needs.
enum Need {
    Api(Api),
    ContainerdStore,
}

/// Refuses options that the engine would ignore or fail on.
pub(crate) fn check(options: &BuildOptions, worker: &Worker) -> Result<()> {
    for (is_set, option, need) in needs(options) {
        if is_set {
            need.check(option, worker)?;
        }
    }
    Ok(())
}

/// The options that [`check`] would refuse, by their names.
pub(crate) fn unsupported(worker: &Worker) -> Vec<&'static str> {
    let options = BuildOptions::default();
    let needs = needs(&options).into_iter();
    let unmet = needs.filter(|(_, option, need)| need.check(option, worker).is_err());
    unmet.map(|(_, option, _)| option).collect()
}

/// Each option that not every engine takes: whether it is set, its name, and what it needs.
fn needs(options: &BuildOptions) -> [(bool, &'static str, Need); 7] {
    let mut contexts = options.contexts.values();
    [
        (
            contexts.any(|context| matches!(context, NamedContext::OciLayout { .. })),
            OCI_LAYOUT,
            // A graph driver takes images from registries, and from itself
            // (<https://github.com/moby/moby/blob/v28.5.2/builder/builder-next/worker/worker.go>, `NewWorker`).
            Need::ContainerdStore,
        ),
        (
            options.platforms.len() > 1,
            "platforms",
            Need::ContainerdStore,
        ),
        (
            options.attestations.is_any(),
            "attestations",
            Need::ContainerdStore,
        ),
        (
            options.shm_size_bytes.is_some(),
            "shmSizeBytes",
            Need::Api(BUILDKIT_0_10),
        ),
        (
            !options.ulimits.is_empty(),
            "ulimits",
            Need::Api(BUILDKIT_0_10),
        ),
        (
            options.cgroup_parent.is_some(),
            "cgroupParent",
            Need::Api(BUILDKIT_0_10),
        ),
        (
            options.source_date_epoch.is_some(),
            "sourceDateEpoch",
            Need::Api(BUILDKIT_0_11),
        ),
    ]
}

impl Need {
    fn check(&self, option: &str, worker: &Worker) -> Result<()> {
        let (is_met, message, hint) = match self {
            Self::Api(Api(version, name)) => (
                worker.api_version >= *version,
                format!("{} needs an engine that is newer", named(option)),
                format!("use {name} or newer"),
            ),
            Self::ContainerdStore => (
                worker.has_containerd_store,
                format!(
                    "{} needs an engine with the containerd image store",
                    named(option)
                ),
                turn_containerd_on(worker).to_owned(),
            ),
        };
        if is_met {
            return Ok(());
        }
        Err(Error::new(ErrorKind::UnsupportedByEngine, message).with_hint(hint))
    }
}

fn named(option: &str) -> String {
    match option {
        OCI_LAYOUT => "a context of the form `oci-layout://`".to_owned(),
        option => format!("the option `{option}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_options::Ulimit;
    use crate::platform::Platform;

    const OLD: Worker = Worker {
        api_version: (1, 41),
        has_containerd_store: false,
        takes_many_outputs: false,
        host_gateway: None,
    };

    const NEW: Worker = Worker {
        api_version: (1, 51),
        has_containerd_store: true,
        takes_many_outputs: true,
        host_gateway: None,
    };

    fn refused(options: &BuildOptions, worker: &Worker) -> Option<String> {
        let error = check(options, worker).err()?;
        assert_eq!(error.kind, ErrorKind::UnsupportedByEngine);
        Some(error.message.clone())
    }

    #[test]
    fn an_option_that_an_old_engine_would_ignore_is_refused_by_its_name() {
        let options = BuildOptions {
            ulimits: [("nofile".to_owned(), Ulimit { soft: 1, hard: 1 })].into(),
            ..BuildOptions::default()
        };
        assert!(refused(&options, &OLD).unwrap().contains("`ulimits`"));
        assert_eq!(refused(&options, &NEW), None);
    }

    #[test]
    fn several_platforms_need_a_store_that_keeps_them() {
        let platforms = ["linux/amd64", "linux/arm64"];
        let options = BuildOptions {
            platforms: platforms.map(|text| Platform::parse(text).unwrap()).into(),
            ..BuildOptions::default()
        };
        let graph_driver = Worker {
            has_containerd_store: false,
            ..NEW
        };
        assert!(
            refused(&options, &graph_driver)
                .unwrap()
                .contains("`platforms`")
        );
        assert_eq!(refused(&options, &NEW), None);
        for (worker, words) in [(&OLD, "use Docker 24"), (&graph_driver, "turn on")] {
            let error = check(&options, worker).unwrap_err();
            assert!(error.hint().unwrap().starts_with(words), "{error:?}");
        }
    }

    #[test]
    fn what_would_be_refused_can_be_listed_beforehand() {
        assert!(unsupported(&NEW).is_empty());
        let graph_driver = Worker {
            has_containerd_store: false,
            ..NEW
        };
        let of_the_store = ["oci-layout", "platforms", "attestations"];
        assert_eq!(unsupported(&graph_driver), of_the_store);
        assert!(unsupported(&OLD).contains(&"ulimits"));
    }

    #[test]
    fn nothing_is_needed_by_default() {
        assert_eq!(refused(&BuildOptions::default(), &OLD), None);
    }
}
