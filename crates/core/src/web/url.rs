//! Addresses of servers on the web.

use http::Uri;

/// A URL of `http` or `https`, without user info and without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(super) is_tls: bool,
    /// Name or address, without brackets.
    pub(crate) host: String,
    pub(super) port: u16,
    /// Path and query, which begin with `/`.
    pub(super) target: String,
}

impl Url {
    /// Parses a URL; `None` where it is none of `http` or `https`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.split('#').next()?.parse().ok()?;
        let is_tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host();
        let (_, place) = authority
            .as_str()
            .rsplit_once('@')
            .unwrap_or(("", authority.as_str()));
        let port = match place.strip_prefix(host)?.strip_prefix(':') {
            Some(port) if !port.is_empty() => port.parse().ok()?,
            _ if is_tls => 443,
            _ => 80,
        };
        let host = host.strip_prefix('[').unwrap_or(host);
        let host = host.strip_suffix(']').unwrap_or(host);
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = if target.starts_with('/') {
            target.to_owned()
        } else {
            format!("/{target}")
        };
        (!host.is_empty()).then(|| Self {
            is_tls,
            host: host.to_ascii_lowercase(),
            port,
            target,
        })
    }

    /// The URL that `reference` means on the page at this one
    /// (<https://www.rfc-editor.org/rfc/rfc3986#section-5.2>).
    pub(super) fn join(&self, reference: &str) -> Option<Self> {
        let scheme = if self.is_tls { "https" } else { "http" };
        if reference.contains("://") {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{scheme}:{reference}"));
        }
        let base = format!("{scheme}://{}", self.authority());
        if reference.starts_with('/') {
            return Self::parse(&format!("{base}{reference}"));
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self::parse(&format!("{base}{folder}/{reference}"))
    }

    /// Adds pairs to the query.
    pub(crate) fn with_query(mut self, pairs: &str) -> Self {
        if !pairs.is_empty() {
            let separator = if self.target.contains('?') { '&' } else { '?' };
            self.target = format!("{}{separator}{pairs}", self.target);
        }
        self
    }

    /// Host and port, the usual port left out.
    pub(super) fn authority(&self) -> String {
        let host = self.bracketed();
        match (self.is_tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Host and port.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]", self.host);
        }
        self.host.clone()
    }
}

impl std::fmt::Display for Url {
    /// The query is left out: it may hold a secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        let path = self.target.split('?').next().unwrap_or_default();
        write!(formatter, "{scheme}://{}{path}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_user_info_query_and_fragment() {
        for (text, shown) in [
            (
                "https://auth.docker.io/token",
                "https://auth.docker.io/token",
            ),
            ("https://H.example:443", "https://h.example/"),
            ("http://h.example:8080/a?token=t", "http://h.example:8080/a"),
            ("https://user:pass@h.example/a#b", "https://h.example/a"),
            ("http://[::1]:5000/t", "http://[::1]:5000/t"),
            ("https://h.example?a=b", "https://h.example/"),
        ] {
            assert_eq!(Url::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_the_web_is_none() {
        for text in [
            "",
            "/token",
            "auth.docker.io/token",
            "ftp://h/a",
            "https://",
            "https://h:x/",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_reference_is_read_from_where_it_stands() {
        let page = Url::parse("https://h.example/a/b?c=d").unwrap();
        for (reference, url) in [
            ("https://o.example/x", "https://o.example/x"),
            ("//o.example/x", "https://o.example/x"),
            ("/x", "https://h.example/x"),
            ("x", "https://h.example/a/x"),
        ] {
            let joined = page.join(reference).unwrap();
            assert_eq!(joined.to_string(), url, "{reference}");
        }
        assert_eq!(page.join("ftp://o.example"), None);
    }

    #[test]
    fn pairs_are_added_to_the_query() {
        let url = |text| Url::parse(text).unwrap();
        assert_eq!(url("https://h/t").with_query("a=b").target, "/t?a=b");
        assert_eq!(
            url("https://h/t?x=y").with_query("a=b").target,
            "/t?x=y&a=b"
        );
        assert_eq!(url("https://h/t").with_query("").target, "/t");
    }
}
