//! The grammar of distribution/reference, by hand
//! (<https://github.com/distribution/reference/blob/v0.6.0/regexp.go>).

use std::net::Ipv6Addr;

/// `host[:port]`, the host a name, an IPv4 address or an IPv6 address in brackets.
pub(super) fn is_domain(text: &str) -> bool {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        // A zone (`%eth0`) names an interface of one machine, not a registry; engines refuse the form with an IPv4 tail.
        if address.parse::<Ipv6Addr>().is_err() || address.contains('.') {
            return false;
        }
        (None, port)
    } else {
        match text.split_once(':') {
            Some((host, _)) => (Some(host), &text[host.len()..]),
            None => (Some(text), ""),
        }
    };
    let port_is_valid = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
    port_is_valid && host.is_none_or(|host| host.split('.').all(is_domain_component))
}

fn is_domain_component(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Components of lower-case letters and digits, with `/` between them.
pub(super) fn is_path(text: &str) -> bool {
    text.split('/').all(is_path_component)
}

/// Runs of letters and digits with `.`, `_`, `__` or any number of `-` between them.
fn is_path_component(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    let bytes = text.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| is_alphanumeric(*byte));
    ends(bytes.first())
        && ends(bytes.last())
        && bytes.split(|byte| is_alphanumeric(*byte)).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__")
                || separator.iter().all(|byte| *byte == b'-')
        })
}

/// A word character, then at most 127 of them, `.` and `-`.
pub(super) fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(is_word)
        && text
            .bytes()
            .all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

/// `algorithm:hex`, of an algorithm that registries use, with all of its digits.
pub(super) fn is_digest(text: &str) -> Result<(), String> {
    let (algorithm, hex) = text
        .split_once(':')
        .ok_or("the digest is not algorithm:hex")?;
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => {
            return Err(
                "the digest's algorithm is not supported: use sha256, sha384 or sha512".to_owned(),
            );
        }
    };
    if hex.len() != length
        || !hex
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    {
        return Err(format!(
            "a {algorithm} digest has {length} lower-case hexadecimal digits"
        ));
    }
    Ok(())
}
