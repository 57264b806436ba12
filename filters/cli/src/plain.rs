//! Text from elsewhere, made harmless: names of upstreams, hosts and routes are whatever a log says they are.

/// What stands in for a character that is not shown.
pub(crate) const HIDDEN: char = '\u{fffd}';

/// `text` without characters that do something instead of being seen, and cut to `most` characters.
///
/// Controls drive terminals; bidirectional ones turn text around; the invisible ones make two names look like one.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).map(|c| if is_hidden(c) { HIDDEN } else { c }).collect();
    if text.chars().nth(most).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Whether a character is one that acts, or that nobody sees.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_replaced_and_what_is_long_is_cut() {
        assert_eq!(plain("a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}", 99), "a\u{fffd}]0;x\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(plain("Größe 你好", 99), "Größe 你好");
        assert_eq!((plain("abcd", 4), plain("abcde", 4)), ("abcd".into(), "abc…".into()));
    }
}
