//! Makes untrusted text safe to display. Names of upstreams, hosts and routes come from logs and may contain
//! anything.

/// Replacement for an unsafe character.
pub(crate) const REPLACEMENT: char = '\u{fffd}';

/// Replaces unsafe characters in `text` and cuts it to `max` characters.
///
/// Control characters drive terminals; bidirectional ones reorder text; invisible ones make two names look alike.
pub(crate) fn sanitize(text: &str, max: usize) -> String {
    let mut safe: String =
        text.chars().take(max).map(|c| if is_unsafe(c) { REPLACEMENT } else { c }).collect();
    if text.chars().nth(max).is_some() {
        safe.pop();
        safe.push('…');
    }
    safe
}

/// Replaces each control character in `text` by `with`, and no other.
pub(crate) fn replace_controls(text: &str, with: char) -> String {
    text.chars().map(|c| if c.is_control() { with } else { c }).collect()
}

/// Returns true if a character is a control character, bidirectional, or invisible.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_are_replaced_and_long_text_is_cut() {
        assert_eq!(
            sanitize("a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}", 99),
            "a\u{fffd}]0;x\u{fffd}b\u{fffd}c\u{fffd}"
        );
        assert_eq!(sanitize("Größe 你好", 99), "Größe 你好");
        assert_eq!((sanitize("abcd", 4), sanitize("abcde", 4)), ("abcd".into(), "abc…".into()));
    }
}
