//! Digests, checked: they become names of files.

use std::fmt;

/// A digest such as `sha256:` + 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest(String);

/// The registered algorithms, with the number of their hex digits
/// (<https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#registered-algorithms>).
const ALGORITHMS: [(&str, usize); 3] = [("sha256", 64), ("sha384", 96), ("sha512", 128)];

impl Digest {
    /// Reads a digest; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (algorithm, hex) = text.split_once(':')?;
        let is_known = ALGORITHMS.contains(&(algorithm, hex.len()));
        let is_hex = hex
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_known && is_hex).then(|| Self(text.to_owned()))
    }

    /// The digest with these bytes.
    pub(crate) fn of_sha256(bytes: &[u8]) -> Self {
        Self(format!("sha256:{}", crate::text::hex(bytes)))
    }

    /// Algorithm and hex digits.
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_an_algorithm_and_as_many_hex_digits_as_it_has() {
        let sha256 = format!("sha256:{}", "0af9".repeat(16));
        let digest = Digest::parse(&sha256).unwrap();
        assert_eq!(digest.to_string(), sha256);
        assert_eq!(digest.parts(), ("sha256", &sha256[7..]));
        assert!(Digest::parse(&format!("sha512:{}", "a".repeat(128))).is_some());
    }

    #[test]
    fn what_could_be_another_path_is_no_digest() {
        let hex = "a".repeat(64);
        for text in [
            String::new(),
            hex.clone(),
            format!("md5:{}", "a".repeat(32)),
            format!("sha256:{}", "A".repeat(64)),
            format!("sha256:{hex}a"),
            format!("sha256:../{}", "a".repeat(61)),
            format!("../sha256:{hex}"),
            format!("sha256:{}/", "a".repeat(63)),
            format!("sha256:{}\0", "a".repeat(63)),
            format!("SHA256:{hex}"),
        ] {
            assert_eq!(Digest::parse(&text), None, "{text:?}");
        }
    }
}
