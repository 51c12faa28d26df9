//! URLs and headers without their secrets.

use std::borrow::Cow;

/// Takes user info, query and fragment out of every URL in a text.
///
/// `https://user:pass@host/x?Signature=abc` becomes `https://host/x?…`; text outside of URLs stays as it is. Redacting
/// again changes nothing.
pub fn redact_urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find("://") {
        let (before, url) = rest.split_at(found + 3);
        redacted.push_str(before);
        let end = url.find(ends_url).unwrap_or(url.len());
        push_redacted(&mut redacted, &url[..end]);
        rest = &url[end..];
    }
    redacted.push_str(rest);
    Cow::Owned(redacted)
}

/// Shortest credentials of a header: the words that follow `Basic` and `Bearer` in a sentence are no credentials.
const SHORTEST_CREDENTIALS: usize = 12;

/// Takes out what follows `Basic` and `Bearer`, where it is what an `Authorization` header has there
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-11.2>): registries repeat what they were sent, and engines repeat them.
pub(crate) fn redact_authorization(text: &str) -> Cow<'_, str> {
    let mut redacted = Cow::Borrowed(text);
    for scheme in ["Basic ", "Bearer "] {
        if redacted.contains(scheme) {
            redacted = Cow::Owned(without_credentials(&redacted, scheme));
        }
    }
    redacted
}

fn without_credentials(text: &str, scheme: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(scheme) {
        redacted.push_str(before);
        redacted.push_str(scheme);
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let end = after.bytes().position(|byte| !is_token(byte));
        let (token, after) = after.split_at(end.unwrap_or(after.len()));
        let is_word = token
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'.');
        if token.len() < SHORTEST_CREDENTIALS || is_word {
            redacted.push_str(token);
        } else {
            redacted.push_str("***");
        }
        rest = after;
    }
    redacted + rest
}

/// Whether a URL in running text ends before this character.
fn ends_url(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '"' | '\'' | '`' | '<' | '>' | '\\' | '|')
}

/// Writes a URL, given from after its `://`.
fn push_redacted(redacted: &mut String, url: &str) {
    let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, path) = url.split_at(authority_end);
    redacted.push_str(
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host),
    );

    let secrets_start = path.find(['?', '#']).unwrap_or(path.len());
    let (path, secrets) = path.split_at(secrets_start);
    redacted.push_str(path);
    if let Some(mark) = secrets.chars().next() {
        redacted.push(mark);
        let told = secrets.trim_end_matches([':', ',', '.', ';', ')', ']', '}']);
        if told.len() > 1 {
            redacted.push('…');
        }
        redacted.push_str(&secrets[told.len().max(1)..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_header_are_gone_and_words_stay() {
        for (text, expected) in [
            ("you said: Basic YWRhOmh1bnRlcjI=.", "you said: Basic ***"),
            (
                "authorization\nBearer 8313d23729f7944d2a5e42ad\n, Basic YWRhOmh1bnRlcjI=",
                "authorization\nBearer ***\n, Basic ***",
            ),
            (
                "Bearer realm=\"https://auth.example/token\"",
                "Bearer realm=\"https://auth.example/token\"",
            ),
            (
                "Basic authentication required.",
                "Basic authentication required.",
            ),
            ("no basic auth credentials", "no basic auth credentials"),
            ("Bearer", "Bearer"),
        ] {
            assert_eq!(redact_authorization(text), expected);
            assert_eq!(redact_authorization(expected), expected);
        }
    }

    #[test]
    fn user_info_and_query_values_are_gone() {
        let table = [
            (
                "https://user:pass@host/x?Signature=abc&Key-Pair-Id=K",
                "https://host/x?…",
            ),
            (
                "Get \"https://r.example/v2/?token=t\": EOF",
                "Get \"https://r.example/v2/?…\": EOF",
            ),
            ("(see https://h/p?a=b), then", "(see https://h/p?…), then"),
            ("https://token@h:5000/v2/", "https://h:5000/v2/"),
            ("ftp://a:p@ss@h", "ftp://h"),
            ("https://h/#access_token=t", "https://h/#…"),
            (
                "https://a?x=1 and https://b:c@d?y=2",
                "https://a?… and https://d?…",
            ),
            (
                "https://h/v2/x@sha256:abc is kept",
                "https://h/v2/x@sha256:abc is kept",
            ),
            ("https://h/?", "https://h/?"),
            ("a:b@c no url", "a:b@c no url"),
            ("://", "://"),
        ];
        for (text, redacted) in table {
            assert_eq!(redact_urls(text), redacted);
            assert_eq!(redact_urls(redacted), redacted);
        }
    }
}
