//! Operating system and architecture of an image, in Go's words.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

/// A platform such as `linux/amd64` or `linux/arm/v7`.
///
/// Written and normalised as containerd does
/// (<https://github.com/containerd/platforms/blob/v1.0.0/database.go>).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Platform {
    /// Operating system, such as `linux`.
    pub os: String,
    /// Architecture, such as `amd64`.
    pub architecture: String,
    /// Variant of the architecture, such as `v7`; absent where it is the usual one.
    pub variant: Option<String>,
}

const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "ios",
    "js",
    "linux",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
];

/// Architectures that may be written without an operating system, normalised.
const ARCHITECTURES: &[&str] = &[
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64",
    "ppc64le", "riscv64", "s390x", "sparc64", "wasm",
];

impl Platform {
    /// Parses `os`, `architecture`, `os/architecture` or `os/architecture/variant`. What is left out is `linux` and the
    /// architecture of this machine. Errors: `INVALID_OPTION`.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_on(text, std::env::consts::ARCH)
    }

    /// [`Platform::parse`] on a machine of `architecture`.
    pub fn parse_on(text: &str, architecture: &str) -> Result<Self> {
        let valid = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        };
        let refused = |reason: &str| {
            let shown: String = text.chars().take(100).collect();
            let shown = shown.escape_debug();
            let message = format!("cannot use the platform `{shown}`: {reason}");
            Err(Error::new(ErrorKind::InvalidOption, message)
                .with_hint("write it as `linux/amd64`, `linux/arm64` or `linux/arm/v7`"))
        };
        let lower = text.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        if !parts.iter().all(|part| valid(part)) {
            return refused("it is not os/architecture[/variant]");
        }
        let os = |name: &str| {
            if name == "macos" {
                "darwin".to_owned()
            } else {
                name.to_owned()
            }
        };
        match parts[..] {
            [name] if SYSTEMS.contains(&os(name).as_str()) => {
                Ok(Self::normal(os(name), architecture, None))
            }
            [name] => {
                let platform = Self::normal("linux".to_owned(), name, None);
                if ARCHITECTURES.contains(&platform.architecture.as_str()) {
                    Ok(platform)
                } else {
                    refused("it is no operating system and no architecture that is known")
                }
            }
            [system, name] => Ok(Self::normal(os(system), name, None)),
            [system, name, variant] => Ok(Self::normal(os(system), name, Some(variant))),
            _ => refused("it is not os/architecture[/variant]"),
        }
    }

    /// Whether `actual` is what was wanted. Where no variant is wanted, any will do: engines take the best that there is.
    pub fn matches(&self, actual: &Self) -> bool {
        let (wanted, actual) = (self.normalized(), actual.normalized());
        wanted.os == actual.os
            && wanted.architecture == actual.architecture
            && (wanted.variant.is_none() || wanted.spelled_out() == actual.spelled_out())
    }

    /// The variant, with the one that is meant where `arm` has none.
    fn spelled_out(&self) -> Option<&str> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm", None) => Some("v7"),
            (_, variant) => variant,
        }
    }

    fn normalized(&self) -> Self {
        Self::normal(self.os.clone(), &self.architecture, self.variant.as_deref())
    }

    fn normal(os: String, architecture: &str, variant: Option<&str>) -> Self {
        let variant = variant.filter(|variant| !variant.is_empty());
        let (architecture, variant) = match (architecture, variant) {
            ("x86_64" | "x86-64" | "amd64", None | Some("v1")) => ("amd64", None),
            ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
            ("i386" | "x86", _) => ("386", None),
            ("aarch64" | "arm64", None | Some("8" | "v8" | "v8.0")) => ("arm64", None),
            ("aarch64" | "arm64", Some("9" | "9.0" | "v9.0")) => ("arm64", Some("v9")),
            ("aarch64" | "arm64", variant) => ("arm64", variant),
            ("armhf", _) | ("arm", Some("7")) => ("arm", Some("v7")),
            ("armel", _) | ("arm", Some("6")) => ("arm", Some("v6")),
            ("arm", Some("5")) => ("arm", Some("v5")),
            ("arm", Some("8")) => ("arm", Some("v8")),
            ("loongarch64", variant) => ("loong64", variant),
            ("powerpc64le", variant) => ("ppc64le", variant),
            other => other,
        };
        Self {
            os,
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(formatter, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Platform::parse_on(text, "x86_64").unwrap().to_string()
    }

    #[test]
    fn platforms_are_written_as_containerd_writes_them() {
        for (text, expected) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("LINUX/AMD64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("arm64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("aarch64", "linux/arm64"),
            ("armhf", "linux/arm/v7"),
            ("linux/arm", "linux/arm"),
            ("arm", "linux/arm"),
            ("linux/arm64/v9.0", "linux/arm64/v9"),
            ("wasi/wasm", "wasi/wasm"),
            ("linux/armel", "linux/arm/v6"),
            ("linux/arm/6", "linux/arm/v6"),
            ("i386", "linux/386"),
            ("linux", "linux/amd64"),
            ("macos/arm64", "darwin/arm64"),
            ("windows", "windows/amd64"),
            ("s390x", "linux/s390x"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in [
            "",
            "linux/",
            "a/b/c/d",
            "linux/*",
            "linux/amd64?x=1",
            "lin ux",
            "linx",
            "arm46",
            "v8",
        ] {
            assert_eq!(
                Platform::parse(text).unwrap_err().kind,
                ErrorKind::InvalidOption,
                "{text}"
            );
        }
    }

    #[test]
    fn a_wanted_platform_without_a_variant_takes_any() {
        let parse = |text| Platform::parse_on(text, "x86_64").unwrap();
        let odd = Platform {
            os: "linux".into(),
            architecture: "arm64".into(),
            variant: Some("v8".into()),
        };
        assert!(parse("linux/arm64").matches(&odd));
        assert!(odd.matches(&parse("linux/arm64")));
        assert!(!parse("linux/arm/v7").matches(&parse("linux/arm/v6")));
        assert!(parse("linux/arm").matches(&parse("linux/arm/v6")));
        assert!(parse("linux/arm/v7").matches(&parse("linux/arm")));
        assert!(!parse("linux/arm/v6").matches(&parse("linux/arm")));
        assert!(!parse("linux/amd64").matches(&parse("linux/arm64")));
    }
}
