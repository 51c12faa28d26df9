use std::collections::BTreeMap;
use std::fmt;

use super::{CaCertificate, DOCKERFILE, OPENCODE_VERSION};

const CERTIFICATES_README: &str = "One CA certificate per file: PEM text, the name ends in .crt.\n";

/// The settings of one build of the embedded Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpencodeBuild {
    /// Exact version of opencode, such as `1.18.18`; default [`OPENCODE_VERSION`].
    ///
    /// The build checks the default version's archive against an integrity in the Dockerfile,
    /// another version's against the package registry's metadata. A range or a tag fails the build.
    pub version: Option<String>,
    /// Certificates that the build and the image trust beside Debian's own.
    pub ca_certificates: Vec<CaCertificate>,
    /// The proxy of the build; the image does not keep it.
    pub proxy: Proxy,
}

/// The proxy settings of a build. `Debug` does not show the URLs, which may carry credentials.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// URL of the proxy for `http:`.
    pub http: Option<String>,
    /// URL of the proxy for `https:`.
    pub https: Option<String>,
    /// Hosts that are reached without a proxy, separated by commas.
    pub no: Option<String>,
}

impl OpencodeBuild {
    /// Lists the files of the generated context as path and content, sorted by path.
    ///
    /// `Dockerfile`, `certificates/README`, and `certificates/extra-N.crt` for each certificate, N
    /// counted from 1. All are ordinary files, readable for everyone (mode 0644).
    pub fn context_files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = vec![
            ("Dockerfile".to_owned(), DOCKERFILE.into()),
            ("certificates/README".to_owned(), CERTIFICATES_README.into()),
        ];
        for (index, certificate) in self.ca_certificates.iter().enumerate() {
            let path = format!("certificates/extra-{}.crt", index + 1);
            files.push((path, certificate.pem().into()));
        }
        files.sort();
        files
    }

    /// Lists the build arguments: `OPENCODE_VERSION`, `SHIPWAY_VERSION`, the set ones of the proxy.
    ///
    /// Each proxy argument has its upper-case and its lower-case name: the classic builder passes
    /// exactly the names that it is given, and apt reads only the lower-case ones. Builders
    /// [predefine](https://github.com/moby/moby/blob/v28.5.2/builder/dockerfile/buildargs.go) these
    /// arguments and keep them out of the image's history.
    pub fn build_args(&self) -> BTreeMap<String, String> {
        let version = self.version.as_deref().unwrap_or(OPENCODE_VERSION);
        let mut arguments = BTreeMap::from([
            ("OPENCODE_VERSION".to_owned(), version.to_owned()),
            (
                "SHIPWAY_VERSION".to_owned(),
                env!("CARGO_PKG_VERSION").to_owned(),
            ),
        ]);
        for (name, value) in self.proxy.variables() {
            if let Some(value) = value {
                arguments.insert(name.to_ascii_lowercase(), value.clone());
                arguments.insert(name.to_owned(), value.clone());
            }
        }
        arguments
    }
}

impl Proxy {
    fn variables(&self) -> [(&'static str, &Option<String>); 3] {
        [
            ("HTTP_PROXY", &self.http),
            ("HTTPS_PROXY", &self.https),
            ("NO_PROXY", &self.no),
        ]
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redacted = |url: &Option<String>| url.as_ref().map(|_| "redacted");
        formatter
            .debug_struct("Proxy")
            .field("http", &redacted(&self.http))
            .field("https", &redacted(&self.https))
            .field("no", &self.no)
            .finish()
    }
}
