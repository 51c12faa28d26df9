//! Which proxy a request takes, as Go has it, and with it every tool around Docker
//! (<https://pkg.go.dev/golang.org/x/net/http/httpproxy>).

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

use super::Url;
use crate::environment::Environment;
use crate::secret::Secret;

/// The proxies of an environment.
#[derive(Debug, Clone, Default)]
pub(super) struct Proxies {
    http: Option<Secret>,
    https: Option<Secret>,
    exceptions: Vec<Exception>,
}

/// One proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) url: Url,
    /// What it is shown, where its URL has user info.
    pub(super) authorization: Option<HeaderValue>,
}

/// What is reached without a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    All,
    /// Addresses that share so many bits.
    Network(IpAddr, u32),
    Address(IpAddr, Option<u16>),
    /// A domain's hosts, and whether the domain itself is one.
    Domain {
        suffix: String,
        itself: bool,
        port: Option<u16>,
    },
}

impl Proxies {
    pub(super) fn of(environment: &Environment) -> Self {
        let exceptions = environment.no_proxy.as_deref().unwrap_or_default();
        Self {
            http: environment.http_proxy.clone(),
            https: environment.https_proxy.clone(),
            exceptions: exceptions.split(',').filter_map(Exception::parse).collect(),
        }
    }

    /// The proxy to `url`; `None` where there is none. An `Err` is a proxy that cannot be used.
    pub(super) fn to(&self, url: &Url) -> Result<Option<Proxy>, ()> {
        let proxy = if url.is_tls { &self.https } else { &self.http };
        let Some(proxy) = proxy else {
            return Ok(None);
        };
        if self.is_direct(url) {
            return Ok(None);
        }
        Proxy::parse(proxy.reveal()).map(Some).ok_or(())
    }

    fn is_direct(&self, url: &Url) -> bool {
        let address = url.host.parse::<IpAddr>().ok();
        url.host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self
                .exceptions
                .iter()
                .any(|exception| exception.covers(url, address))
    }
}

impl Proxy {
    fn parse(text: &str) -> Option<Self> {
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let (_, rest) = with_scheme.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let authorization = match authority.rsplit_once('@') {
            None => None,
            Some((user_info, _)) => {
                let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
                let decode = |text| percent_decode_str(text).decode_utf8_lossy();
                let login = STANDARD.encode(format!("{}:{}", decode(user), decode(password)));
                let mut value = HeaderValue::try_from(format!("Basic {login}")).ok()?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Some(Self {
            url: Url::parse(&with_scheme)?,
            authorization,
        })
    }
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((address, bits)) = text.split_once('/') {
            return Some(Self::Network(address.parse().ok()?, bits.parse().ok()?));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address, None));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        let host = host.trim_matches(['[', ']']);
        if let Ok(address) = host.parse() {
            return Some(Self::Address(address, port));
        }
        let domain = host.strip_prefix('*').unwrap_or(host);
        let (suffix, itself) = match domain.strip_prefix('.') {
            Some(domain) => (domain, false),
            None => (domain, true),
        };
        (!suffix.is_empty()).then(|| Self::Domain {
            suffix: suffix.to_owned(),
            itself,
            port,
        })
    }

    fn covers(&self, url: &Url, address: Option<IpAddr>) -> bool {
        let is_port = |port: &Option<u16>| port.is_none_or(|port| port == url.port);
        match self {
            Self::All => true,
            Self::Network(network, bits) => {
                address.is_some_and(|address| shares_bits(*network, address, *bits))
            }
            Self::Address(wanted, port) => address == Some(*wanted) && is_port(port),
            Self::Domain {
                suffix,
                itself,
                port,
            } => match url.host.strip_suffix(suffix.as_str()) {
                Some("") => *itself && is_port(port),
                Some(rest) => rest.ends_with('.') && is_port(port),
                None => false,
            },
        }
    }
}

fn shares_bits(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    let (one, other, length) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let differs: u128 = one ^ other;
    bits <= length && differs.checked_shr(length - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(no_proxy: &str) -> Proxies {
        Proxies::of(&Environment::read(|name| match name {
            "HTTP_PROXY" => Some("plain.example:3128".to_owned()),
            "https_proxy" => Some("http://ada:p%40ss@secure.example:3128/".to_owned()),
            "NO_PROXY" => Some(no_proxy.to_owned()),
            _ => None,
        }))
    }

    fn proxy_to(url: &str, no_proxy: &str) -> Option<String> {
        let proxy = proxies(no_proxy).to(&Url::parse(url).unwrap());
        Some(proxy.unwrap()?.url.to_string())
    }

    #[test]
    fn each_scheme_has_its_own_proxy() {
        let plain = Some("http://plain.example:3128/".to_owned());
        assert_eq!(proxy_to("http://h.example/", ""), plain);
        let secure = Some("http://secure.example:3128/".to_owned());
        assert_eq!(proxy_to("https://h.example/", ""), secure);
    }

    #[test]
    fn user_info_is_shown_to_the_proxy_and_to_nobody_else() {
        let url = Url::parse("https://h.example/").unwrap();
        let proxy = proxies("").to(&url).unwrap().unwrap();
        // `ada:p@ss`.
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic YWRhOnBAc3M=");
        let shown = format!("{:?} {proxy:?}", proxies(""));
        assert!(
            !shown.contains("p%40ss") && !shown.contains("YWRh"),
            "{shown}"
        );
    }

    #[test]
    fn exceptions_and_this_machine_are_reached_directly() {
        for (url, no_proxy, is_direct) in [
            ("https://localhost/", "", true),
            ("https://127.0.0.9/", "", true),
            ("https://[::1]/", "", true),
            ("https://h.example/", "*", true),
            ("https://h.example/", " other.example , H.example ", true),
            ("https://a.h.example/", "h.example", true),
            ("https://ah.example/", "h.example", false),
            ("https://h.example/", ".h.example", false),
            ("https://a.h.example/", ".h.example", true),
            ("https://a.h.example/", "*.h.example", true),
            ("https://h.example/", "h.example:443", true),
            ("https://h.example/", "h.example:8443", false),
            ("https://10.1.2.3/", "10.1.0.0/16", true),
            ("https://10.2.2.3/", "10.1.0.0/16", false),
            ("https://10.1.2.3/", "0.0.0.0/0", true),
            ("https://10.1.2.3/", "10.1.2.3", true),
            ("https://10.1.2.3/", "10.1.2.3:80", false),
            ("https://[fd00::1]/", "fd00::/8", true),
            ("https://[fd00::1]:5000/", "[fd00::1]:5000", true),
            ("https://h.example/", ",, :80, x/y", false),
        ] {
            let found = proxy_to(url, no_proxy);
            assert_eq!(found.is_none(), is_direct, "{url} with {no_proxy}");
        }
    }

    #[test]
    fn a_proxy_of_another_kind_cannot_be_used() {
        let environment = Environment {
            http_proxy: Some(Secret::new("socks5://proxy.example:1080")),
            ..Environment::default()
        };
        let url = Url::parse("http://h.example/").unwrap();
        assert_eq!(Proxies::of(&environment).to(&url), Err(()));
    }
}
