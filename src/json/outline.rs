//! The structure of JSON text without parsing it: the extent of a value, the depth of nesting.

/// Returns the length of the value at the beginning of `json`, up to a comma or bracket that does not belong to the value. A key
/// before the value and whitespace around it are included.
pub fn member_length(json: &[u8]) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0u32, false, false);
    let end = json.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' | b',' if depth == 0 => return true,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        false
    });
    end.unwrap_or(json.len())
}

/// Returns true if a JSON text nests deeper than `limit`; checked before a recursive parser sees the text.
pub(crate) fn is_deeper_than(text: &str, limit: usize) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    text.bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > limit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_at_a_comma_or_bracket_of_its_surroundings() {
        for (json, value) in [
            (r#""x\"b\":1,","b":2"#, r#""x\"b\":1,""#),
            (r#"[1,{"c":2}],"c":3}"#, r#"[1,{"c":2}]"#),
            ("3}", "3"),
            ("no end", "no end"),
        ] {
            assert_eq!(&json[..member_length(json.as_bytes())], value);
        }
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert!(is_deeper_than("[[1]]", 1));
        assert!(!is_deeper_than("[[1]]", 2));
        assert!(!is_deeper_than(r#"["[[[\"[["]"#, 1));
    }
}
