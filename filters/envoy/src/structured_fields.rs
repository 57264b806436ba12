//! Structured fields (RFC 9651, parsed leniently): lists with parameters, such as `"a";r=5, "b";r=7`.

/// Returns the members of a list, split at commas outside quotes.
pub(crate) fn list_members(list: &str) -> impl Iterator<Item = ListMember<'_>> {
    split(list, b',').map(ListMember)
}

/// One member of a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ListMember<'a>(&'a str);

impl<'a> ListMember<'a> {
    /// Returns the member itself, without parameters and quotes.
    pub(crate) fn name(self) -> &'a str {
        split(self.0, b';').next().unwrap_or_default().trim_ascii().trim_matches('"')
    }

    /// Returns the value of a parameter, without quotes.
    pub(crate) fn parameter(self, key: &str) -> Option<&'a str> {
        split(self.0, b';').skip(1).find_map(|parameter| {
            let (found, value) = parameter.split_once('=')?;
            (found.trim_ascii() == key).then_some(value.trim_ascii().trim_matches('"'))
        })
    }
}

/// Splits `text` at separators outside quotes.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let part = rest?;
        let (mut quoted, mut escaped) = (false, false);
        let end = part.bytes().position(|byte| {
            let ends = byte == separator && !quoted;
            quoted ^= byte == b'"' && !escaped;
            escaped = quoted && byte == b'\\' && !escaped;
            ends
        });
        let (head, tail) = match end {
            Some(end) => (part.get(..end)?, part.get(end + 1..)),
            None => (part, None),
        };
        rest = tail;
        Some(head)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn quotes_hide_separators() {
        let names: Vec<_> = list_members(r#""a,b";r=5, c; r = "7;8" ,"#).map(ListMember::name).collect();
        assert_eq!(names, ["a,b", "c", ""]);
        assert_eq!(list_members(r#"c; r = "7;8""#).next().unwrap().parameter("r"), Some("7;8"));
        assert_eq!(list_members("c;r").next().unwrap().parameter("r"), None);
    }
}
