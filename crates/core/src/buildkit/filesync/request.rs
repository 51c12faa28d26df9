//! What the engine asks for when it wants a folder.
//!
//! <https://github.com/moby/buildkit/blob/v0.25.2/session/filesync/filesync.go>

use http::HeaderMap;
use percent_encoding::percent_decode;

/// A wish for a folder, and for what of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct SyncRequest {
    /// Name under which the build knows the folder.
    pub(crate) name: String,
    /// Patterns of which one has to match; none lets everything pass.
    pub(crate) include: Vec<Vec<u8>>,
    /// Patterns in the order of an ignore file.
    pub(crate) exclude: Vec<Vec<u8>>,
    /// Paths that are wanted with all links on the way to them.
    pub(crate) follow: Vec<Vec<u8>>,
}

impl SyncRequest {
    /// Reads the metadata of a call.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let name = values(headers, "dir-name").into_iter().next();
        Self {
            name: String::from_utf8_lossy(&name.unwrap_or_default()).into_owned(),
            include: values(headers, "include-patterns"),
            exclude: values(headers, "exclude-patterns"),
            follow: values(headers, "followpaths"),
        }
    }

    /// Whether only an ignore file is wanted, which the engine reads before it asks for the context itself.
    ///
    /// <https://github.com/moby/buildkit/blob/v0.25.2/frontend/dockerui/config.go>, `DockerIgnorePatterns`
    pub(crate) fn is_for_ignore_file(&self) -> bool {
        self.follow == [b".dockerignore"] && self.include.is_empty() && self.exclude.is_empty()
    }
}

/// The values of `key` in their order. Where one of them was not ASCII, all are encoded as in the query of a URL.
fn values(headers: &HeaderMap, key: &str) -> Vec<Vec<u8>> {
    let encoded = headers.get(format!("{key}-encoded"));
    let is_encoded = encoded.is_some_and(|value| matches!(value.as_bytes(), b"1" | b"true"));
    let read = |value: &[u8]| {
        if !is_encoded {
            return value.to_vec();
        }
        let spaced: Vec<u8> = value
            .iter()
            .map(|&byte| if byte == b'+' { b' ' } else { byte })
            .collect();
        percent_decode(&spaced).collect()
    };
    headers
        .get_all(key)
        .iter()
        .map(|value| read(value.as_bytes()))
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(key, value)| {
                (
                    http::HeaderName::from_static(key),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn values_keep_their_order() {
        let request = SyncRequest::read(&headers(&[
            ("dir-name", "context"),
            ("exclude-patterns", "*"),
            ("exclude-patterns", "!a+b%41"),
            ("followpaths", "src"),
        ]));
        assert_eq!(request.name, "context");
        assert_eq!(request.exclude, [b"*".to_vec(), b"!a+b%41".to_vec()]);
        assert_eq!(request.follow, [b"src".to_vec()]);
        assert!(request.include.is_empty());
    }

    #[test]
    fn the_look_for_an_ignore_file_is_told_from_the_wish_for_the_context() {
        let is_for_ignore_file =
            |pairs: &[_]| SyncRequest::read(&headers(pairs)).is_for_ignore_file();
        assert!(is_for_ignore_file(&[("followpaths", ".dockerignore")]));
        assert!(!is_for_ignore_file(&[]));
        assert!(!is_for_ignore_file(&[
            ("followpaths", ".dockerignore"),
            ("followpaths", "src")
        ]));
        assert!(!is_for_ignore_file(&[
            ("followpaths", ".dockerignore"),
            ("exclude-patterns", "a")
        ]));
    }

    #[test]
    fn values_that_are_not_ascii_come_encoded() {
        let request = SyncRequest::read(&headers(&[
            ("exclude-patterns", "caf%C3%A9+%2B"),
            ("exclude-patterns", "%FF"),
            ("exclude-patterns-encoded", "1"),
        ]));
        assert_eq!(request.exclude, ["café +".as_bytes().to_vec(), vec![0xff]]);
    }
}
