//! Finds members of JSON that this crate wrote: keys need no unescaping, and there is no space between tokens.

/// Iterates over keys and raw values of an object that this crate wrote.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a>(&'a str);

impl<'a> Members<'a> {
    /// Returns the members of a record; none if it is no object.
    pub fn of(record: &'a str) -> Self {
        Self(record.strip_prefix('{').unwrap_or_default())
    }

    /// Returns the raw value of a member.
    pub fn find(mut self, key: &str) -> Option<&'a str> {
        Iterator::find(&mut self, |(known, _)| *known == key).map(|(_, found)| found)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.0.trim_start_matches(',').strip_prefix('"')?.split_once('"')?;
        let rest = rest.strip_prefix(':')?;
        let (found, rest) = rest.split_at_checked(length(rest.as_bytes()))?;
        self.0 = rest;
        Some((key, found))
    }
}

/// Iterates over the raw elements of an array that this crate wrote, starting after its bracket.
pub(crate) struct Elements<'a>(pub(crate) &'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_start_matches(',');
        let (found, rest) =
            rest.split_at_checked(length(rest.as_bytes())).filter(|(found, _)| !found.is_empty())?;
        self.0 = rest;
        Some(found)
    }
}

/// Returns the length of the value at the beginning of `json`: up to a comma or a bracket that is not its own. A key before it
/// and space around it are included.
pub fn length(json: &[u8]) -> usize {
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
    fn fields_are_found_whatever_stands_in_values() {
        let fields = Members::of(r#"{"a":"x\"b\":1,","b":[1,{"c":2}],"c":3}"#);
        assert_eq!(fields.find("a"), Some(r#""x\"b\":1,""#));
        assert_eq!(fields.find("b"), Some(r#"[1,{"c":2}]"#));
        assert_eq!((fields.find("c"), fields.find("d")), (Some("3"), None));
        assert_eq!(Members::of("no object").count(), 0);
    }
}
