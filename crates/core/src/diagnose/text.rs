//! A diagnosis for people, as it is pasted into a report.

#[cfg(test)]
mod tests;

use super::{
    BuildKitWay, Considered, CredentialOrigin, Credentials, Diagnosis, Disk, EngineFacts, Finding,
    ImageStore, Outcome, Severity,
};
use crate::engine::discover::Reason;
use crate::text::format_bytes;

/// Width of the lines, save of what cannot be broken.
const WIDTH: usize = 80;

/// Where values begin.
const VALUES: usize = 18;

/// Renders everything: what there is, then what is wrong with it.
pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let mut page = Page::default();
    let shipway = &diagnosis.shipway;
    let node = shipway.node.as_ref();
    let node = node.map_or_else(String::new, |node| format!(", Node.js {node}"));
    page.line(&format!(
        "shipway {} on {}{node}",
        shipway.version, shipway.platform
    ));
    if !shipway.variables.is_empty() {
        page.value("set", &shipway.variables.join(", "));
    }
    endpoints(&mut page, diagnosis);
    if let Some(engine) = &diagnosis.engine {
        about(&mut page, engine);
        builds(&mut page, engine);
        disk(&mut page, engine);
        network(&mut page, engine);
    }
    registries(&mut page, diagnosis);
    findings(&mut page, &diagnosis.findings);
    page.text.join("\n")
}

fn endpoints(page: &mut Page, diagnosis: &Diagnosis) {
    page.heading(match (&diagnosis.engine, &diagnosis.endpoint) {
        (Some(engine), _) => match &engine.version {
            Some(version) => format!("✓ {} {version}", engine.name.as_str()),
            None => format!("✓ {}", engine.name.as_str()),
        },
        (None, Some(_)) => "✗ an engine that does not answer".to_owned(),
        (None, None) => "✗ no engine".to_owned(),
    });
    if let Some(endpoint) = &diagnosis.endpoint {
        page.value("endpoint", &place(endpoint));
        page.value("chosen by", &chosen_by(endpoint));
    }
    for other in &diagnosis.considered {
        if other.outcome == Outcome::Used {
            continue;
        }
        let reason = match other.reason {
            Reason::Usual("default") => "usual place",
            reason => reason.as_str(),
        };
        page.value(
            label(other.outcome),
            &format!("{} ({reason})", place(other)),
        );
    }
}

fn place(endpoint: &Considered) -> String {
    match (&endpoint.address, &endpoint.context) {
        (Some(address), _) => address.clone(),
        (None, Some(context)) => format!("context {context}"),
        (None, None) => "what it names".to_owned(),
    }
}

fn chosen_by(endpoint: &Considered) -> String {
    let reason = match endpoint.reason {
        Reason::Option => "the option `engine`".to_owned(),
        Reason::CurrentContext => "docker context use".to_owned(),
        Reason::Usual("default") => "nobody: it is the usual place".to_owned(),
        Reason::Usual(engine) => format!("nobody: it is the usual place of {engine}"),
        variable => variable.as_str().to_owned(),
    };
    match &endpoint.context {
        Some(context) => format!("{reason} (context {context})"),
        None => reason,
    }
}

fn label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Used => "used",
        Outcome::Available => "answers too",
        Outcome::Overruled => "overruled",
        Outcome::NotFound => "no socket",
        Outcome::Refused => "nothing listens",
        Outcome::Forbidden => "forbidden",
        Outcome::TimedOut => "no answer",
        Outcome::Invalid => "invalid",
        Outcome::Failed => "failed",
    }
}

fn about(page: &mut Page, engine: &EngineFacts) {
    page.optional("product", engine.product.as_deref());
    let oldest = engine.min_api_version.as_ref();
    let oldest = oldest.map_or_else(String::new, |oldest| format!(" (oldest {oldest})"));
    let api = engine.api_version.as_ref();
    page.optional("API", api.map(|api| format!("{api}{oldest}")).as_deref());
    page.optional("system", engine.operating_system.as_deref());
    page.optional("kernel", engine.kernel_version.as_deref());
    let platform = engine.platform.as_ref().map(|platform| {
        let cpus = engine.cpus.map(|cpus| match cpus {
            1 => ", 1 CPU".to_owned(),
            cpus => format!(", {cpus} CPUs"),
        });
        let memory = engine.memory_bytes.map(format_bytes);
        let memory = memory.map(|memory| format!(", {memory} of memory"));
        format!(
            "{platform}{}{}",
            cpus.unwrap_or_default(),
            memory.unwrap_or_default()
        )
    });
    page.optional("platform", platform.as_deref());
    let root = engine.rootless.map(|is_rootless| {
        let user = if is_rootless { "rootless" } else { "root" };
        user.to_owned()
    });
    let groups = engine.cgroup_version.as_ref();
    let groups = groups.map(|version| format!("cgroup v{version}"));
    let runs: Vec<String> = root.into_iter().chain(groups).collect();
    if !runs.is_empty() {
        page.value("runs as", &runs.join(", "));
    }
    let driver = engine.storage_driver.as_deref().unwrap_or_default();
    let store = engine.store.map(|store| match store {
        ImageStore::Containerd => format!("containerd, {driver}"),
        ImageStore::GraphDriver => format!("graph driver {driver}"),
        ImageStore::ContainersStorage => format!("containers/storage, {driver}"),
    });
    page.optional("image store", store.as_deref());
    for warning in &engine.warnings {
        page.value("warns", warning.trim_start_matches("WARNING: "));
    }
}

fn builds(page: &mut Page, engine: &EngineFacts) {
    let buildkit = &engine.build_kit;
    if !buildkit.available {
        page.heading(match buildkit.problem {
            Some(_) => "✗ a BuildKit that does not answer",
            None => "- no BuildKit",
        });
        return;
    }
    let version = buildkit.version.as_ref();
    let version = version.map_or_else(String::new, |version| format!(" {version}"));
    page.heading(format!("✓ BuildKit{version}"));
    page.optional(
        "reached by",
        buildkit.way.map(|way| match way {
            BuildKitWay::Direct => "gRPC on the engine's endpoint",
            BuildKitWay::Upgrade => "a connection of the API that is taken over",
        }),
    );
    if !buildkit.is_default {
        page.value("builds", "where `builder` says so");
    }
    page.value("platforms", &engine.platforms.join(", "));
    if !buildkit.unsupported.is_empty() {
        page.value("cannot do", &buildkit.unsupported.join(", "));
    }
}

fn disk(page: &mut Page, engine: &EngineFacts) {
    let disk = &engine.disk;
    if *disk == Disk::default() {
        return;
    }
    page.heading("disk");
    page.optional("folder", disk.root_directory.as_deref());
    let free = disk.free_bytes.map(|free| {
        let total = disk.total_bytes.unwrap_or_default();
        format!("{} of {}", format_bytes(free), format_bytes(total))
    });
    page.optional("free", free.as_deref());
    let size = disk.images_bytes.map(format_bytes);
    let images = match (disk.images, size) {
        (Some(images), Some(size)) => Some(format!("{images} ({size})")),
        (Some(images), None) => Some(images.to_string()),
        (None, size) => size,
    };
    page.optional("images", images.as_deref());
    let cache = disk.build_cache_bytes.map(format_bytes);
    page.optional("build cache", cache.as_deref());
}

/// What lies between the engine and the registries. That loopback is not checked is so everywhere.
fn network(page: &mut Page, engine: &EngineFacts) {
    let insecure = engine.insecure_registries.iter();
    let insecure: Vec<&str> = insecure
        .map(String::as_str)
        .filter(|network| !["127.0.0.0/8", "::1/128"].contains(network))
        .collect();
    if engine.mirrors.is_empty() && insecure.is_empty() && engine.proxies.is_none() {
        return;
    }
    page.heading("network of the engine");
    if !engine.mirrors.is_empty() {
        page.value("mirrors", &engine.mirrors.join(", "));
    }
    if !insecure.is_empty() {
        page.value("insecure", &insecure.join(", "));
    }
    if let Some(proxies) = &engine.proxies {
        page.optional("http proxy", proxies.http.as_deref());
        page.optional("https proxy", proxies.https.as_deref());
        page.optional("no proxy", proxies.no.as_deref());
    }
}

fn registries(page: &mut Page, diagnosis: &Diagnosis) {
    page.heading("registries: where credentials would come from");
    for registry in &diagnosis.registries {
        page.value(&registry.registry, &origin(&registry.credentials));
    }
}

fn origin(credentials: &Credentials) -> String {
    let mark = if credentials.problem.is_some() {
        "✗ "
    } else {
        ""
    };
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    match credentials.origin {
        CredentialOrigin::Option => "the option `credentials`".to_owned(),
        CredentialOrigin::Variable => "DOCKER_AUTH_CONFIG".to_owned(),
        CredentialOrigin::Helper => match &credentials.helper {
            Some(helper) => format!("{mark}{helper} (not asked)"),
            None => format!("{mark}a helper that {} names", name(&credentials.file)),
        },
        CredentialOrigin::DockerConfig | CredentialOrigin::PodmanAuth => name(&credentials.file),
        CredentialOrigin::Nobody => "none: it is asked anonymously".to_owned(),
    }
}

fn findings(page: &mut Page, findings: &[Finding]) {
    if findings.is_empty() {
        page.heading("✓ nothing is wrong");
        return;
    }
    for finding in findings {
        let mark = match finding.severity {
            Severity::Error => "✗",
            Severity::Warning => "!",
            Severity::Info => "-",
        };
        let problem = &finding.problem;
        page.line("");
        page.wrapped(
            &format!("{mark} "),
            &format!("{}: {}", problem.code, untold(&problem.message)),
        );
        if let Some(hint) = &problem.hint {
            page.wrapped("  → ", hint);
        }
    }
}

/// What is tried in vain stands above, place by place.
fn untold(message: &str) -> &str {
    message.split("; tried `").next().unwrap_or(message)
}

/// Lines, none of which ends in a space.
#[derive(Default)]
struct Page {
    text: Vec<String>,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push(line.trim_end().to_owned());
    }

    /// A line after an empty one.
    fn heading(&mut self, line: impl AsRef<str>) {
        self.text.push(String::new());
        self.line(line.as_ref());
    }

    fn optional(&mut self, label: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.value(label, value);
        }
    }

    fn value(&mut self, label: &str, value: &str) {
        let label = format!("  {label}");
        let gap = VALUES.saturating_sub(label.chars().count()).max(2);
        self.wrapped(&format!("{label}{}", " ".repeat(gap)), value);
    }

    /// Breaks `text` between words, so that its lines stand behind `first`, or below its end.
    fn wrapped(&mut self, first: &str, text: &str) {
        let indent = " ".repeat(first.chars().count());
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in text.split_whitespace() {
            let width = line.chars().count() + word.chars().count();
            if !is_empty && width + 1 > WIDTH {
                self.line(&line);
                line.clone_from(&indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(&line);
    }
}
