//! Header values that are lists with parameters: `"a";r=5, "b";r=7` (RFC 9651, read leniently).

/// The members of a list: cut at commas that stand outside quotes.
pub(crate) fn members(list: &str) -> impl Iterator<Item = Member<'_>> {
    parts(list, b',').map(Member)
}

/// One member of a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Member<'a>(&'a str);

impl<'a> Member<'a> {
    /// What the member is, without its parameters and quotes.
    pub(crate) fn name(self) -> &'a str {
        parts(self.0, b';').next().unwrap_or_default().trim_ascii().trim_matches('"')
    }

    /// The value of a parameter, without quotes.
    pub(crate) fn parameter(self, key: &str) -> Option<&'a str> {
        parts(self.0, b';').skip(1).find_map(|parameter| {
            let (found, value) = parameter.split_once('=')?;
            (found.trim_ascii() == key).then_some(value.trim_ascii().trim_matches('"'))
        })
    }
}

/// The parts of `text` between separators that stand outside quotes.
fn parts(text: &str, separator: u8) -> impl Iterator<Item = &str> {
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
        let names: Vec<_> = members(r#""a,b";r=5, c; r = "7;8" ,"#).map(Member::name).collect();
        assert_eq!(names, ["a,b", "c", ""]);
        assert_eq!(members(r#"c; r = "7;8""#).next().unwrap().parameter("r"), Some("7;8"));
        assert_eq!(members("c;r").next().unwrap().parameter("r"), None);
    }
}
