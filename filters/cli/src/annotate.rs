//! Inserts verdicts into log lines.

use nearmiss::json::write::escape;

/// Appends `line` to `out` with `verdict`, a JSON object, inside: as the field `near_miss` of a JSON object, or
/// beside the text in a wrapping object. A text line without a verdict is wrapped too, so that all lines of the
/// output have one structure.
pub(crate) fn annotate(out: &mut Vec<u8>, line: &[u8], verdict: Option<&str>) {
    let Some(inside) = object(line) else {
        let mut text = String::from(r#"{"log":""#);
        escape(&mut text, &String::from_utf8_lossy(line));
        text.push('"');
        out.extend_from_slice(text.as_bytes());
        if let Some(verdict) = verdict {
            out.extend_from_slice(br#","near_miss":"#);
            out.extend_from_slice(verdict.as_bytes());
        }
        out.push(b'}');
        return;
    };
    let Some(verdict) = verdict else {
        out.extend_from_slice(line);
        return;
    };
    out.extend_from_slice(inside);
    if inside.trim_ascii() != b"{" {
        out.push(b',');
    }
    out.extend_from_slice(br#""near_miss":"#);
    out.extend_from_slice(verdict.as_bytes());
    out.push(b'}');
}

/// Returns `line` without its closing brace if it looks like a JSON object.
fn object(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_end();
    line.trim_ascii_start().starts_with(b"{").then(|| line.strip_suffix(b"}")).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(line: &str, verdict: Option<&str>) -> String {
        let mut out = Vec::new();
        annotate(&mut out, line.as_bytes(), verdict);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn objects_get_a_field_and_text_is_wrapped() {
        assert_eq!(annotated(r#"{"a":1}"#, Some("{}")), r#"{"a":1,"near_miss":{}}"#);
        assert_eq!(annotated("{ }", Some("{}")), r#"{ "near_miss":{}}"#);
        assert_eq!(annotated(r#"{"a":1}"#, None), r#"{"a":1}"#);
        assert_eq!(annotated("a \"b\"\t\u{1}", Some("{}")), r#"{"log":"a \"b\"\t\u0001","near_miss":{}}"#);
        assert_eq!(annotated("{cut off", None), r#"{"log":"{cut off"}"#);
    }
}
