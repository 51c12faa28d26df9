//! One line of comma-separated values, as strictly as Go reads it: other parsers take what docker refuses
//! (<https://pkg.go.dev/encoding/csv>).

/// The fields of the first line that is not empty; `None` where a quote is where none may be.
pub(super) fn first_record(text: &str) -> Option<Vec<String>> {
    let text = text.replace("\r\n", "\n");
    let mut rest = text.trim_start_matches('\n');
    let mut fields = Vec::new();
    if rest.is_empty() {
        return None;
    }
    loop {
        let field;
        (field, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let end = rest.find([',', '\n']).unwrap_or(rest.len());
                let (field, rest) = rest.split_at(end);
                if field.contains('"') {
                    return None;
                }
                (field.to_owned(), rest)
            }
        };
        fields.push(field);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Some(fields),
        }
    }
}

/// A field up to its closing quote, and what follows.
fn quoted_field(mut rest: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        if let Some(next) = after.strip_prefix('"') {
            field.push('"');
            rest = next;
            continue;
        }
        let ends = after.is_empty() || after.starts_with([',', '\n']);
        return ends.then_some((field, after));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_fields_that_go_finds_in_it() {
        for (text, fields) in [
            ("a=b", &["a=b"][..]),
            ("a,b,,c", &["a", "b", "", "c"]),
            (r#""a,b",c"#, &["a,b", "c"]),
            (r#""a""b""#, &[r#"a"b"#]),
            (" a , b ", &[" a ", " b "]),
            ("\r\n\na\nb", &["a"]),
            ("\"a\r\nb\",c\n", &["a\nb", "c"]),
            ("a,", &["a", ""]),
            ("\"\"", &[""]),
        ] {
            assert_eq!(first_record(text).unwrap(), fields, "{text:?}");
        }
    }

    #[test]
    fn a_quote_where_none_may_be_is_no_line() {
        for text in ["", "\n", "\"a", "a\"b", "\"a\"b", "a=\"b\"", " \"a\""] {
            assert_eq!(first_record(text), None, "{text:?}");
        }
    }
}
