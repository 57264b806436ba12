//! Untrusted text for HTML, JSON and Markdown. HTML is escaped by maud; here, text is cut and made safe to display.

use crate::sanitize::sanitize;
use core::fmt::{self, Write};
use maud::{Markup, Render, html};

/// Maximum length of a text in characters.
const MAX_TEXT: usize = 400;
/// Maximum length of a name in characters.
const MAX_NAME: usize = 80;

/// A sentence from the input, for HTML.
pub(crate) struct HtmlText<'a>(pub(crate) &'a str);

impl Render for HtmlText<'_> {
    fn render(&self) -> Markup {
        html! { (sanitize(self.0, MAX_TEXT)) }
    }
}

/// A name between HTML tags: shortened, and isolated from the direction of the surrounding text.
pub(crate) struct HtmlName<'a>(pub(crate) &'a str);

impl Render for HtmlName<'_> {
    fn render(&self) -> Markup {
        html! { bdi { (sanitize(self.0, MAX_NAME)) } }
    }
}

/// Returns a name for an attribute or a title, which cannot contain tags.
pub(crate) fn attribute(name: &str) -> String {
    sanitize(name, MAX_NAME)
}

/// A JSON string for a `<script>` element, which would end at the first `</`.
pub(crate) struct ScriptString<'a>(pub(crate) &'a str);

impl fmt::Display for ScriptString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string(&sanitize(self.0, MAX_NAME)).map_err(|_| fmt::Error)?;
        json.chars().try_for_each(|c| match c {
            '<' => f.write_str("\\u003c"),
            '>' => f.write_str("\\u003e"),
            '&' => f.write_str("\\u0026"),
            _ => f.write_char(c),
        })
    }
}

/// A name as a code span, in which markup, mentions and links have no effect.
pub(crate) struct MarkdownCode<'a>(pub(crate) &'a str);

impl fmt::Display for MarkdownCode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        let name = sanitize(self.0, MAX_NAME);
        let name = if name.trim().is_empty() { "?" } else { name.as_str() };
        // A backtick would end the code span.
        name.chars().try_for_each(|c| f.write_char(if c == '`' { 'ˋ' } else { c }))?;
        f.write_char('`')
    }
}

/// A sentence for chats and Markdown. Chats show backslashes, so characters that could be markup are replaced by similar ones.
pub(crate) struct MarkdownText<'a>(pub(crate) &'a str);

impl fmt::Display for MarkdownText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = sanitize(self.0, MAX_TEXT);
        let mut before = ' ';
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            let is_inside_word =
                before.is_alphanumeric() && rest.clone().next().is_some_and(char::is_alphanumeric);
            f.write_char(match c {
                '@' => '＠',
                '<' => '‹',
                '>' => '›',
                '*' => '∗',
                '`' => 'ˋ',
                '[' => '［',
                ']' => '］',
                '#' => '＃',
                '|' => '¦',
                '~' => '∼',
                '\\' => '＼',
                '!' => '！',
                '$' => '＄',
                '&' => '＆',
                '_' if !is_inside_word => '＿',
                // Links: `https://…` and `www.…`.
                ':' if rest.as_str().starts_with("//") => '：',
                '.' if before == 'w' || before == 'W' => '．',
                c => c,
            })?;
            before = c;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_of_html() {
        let text = HtmlText("<script>\"'&\u{1b}").render().into_string();
        assert_eq!(text, "&lt;script&gt;&quot;'&amp;\u{fffd}");
        assert_eq!(HtmlName("\u{202e}<b").render().into_string(), "<bdi>\u{fffd}&lt;b</bdi>");
        assert_eq!(ScriptString("</script><!--\"").to_string(), r#""\u003c/script\u003e\u003c!--\"""#);
        assert!(HtmlName(&"x".repeat(999)).render().into_string().len() < 100);
        let in_attribute = html! { p title=(attribute("\" onclick=x")) {} }.into_string();
        assert_eq!(in_attribute, "<p title=\"&quot; onclick=x\"></p>");
    }

    #[test]
    fn names_contain_no_markdown_markup() {
        assert_eq!(MarkdownCode("a`b|c\n").to_string(), "`aˋb|c\u{fffd}`");
        assert_eq!(MarkdownCode(" ").to_string(), "`?`");
        assert_eq!(
            MarkdownText("[x](javascript:y) <img> @all **b** http://e www.e 4.1 ms _a my_host").to_string(),
            "［x］(javascript:y) ‹img› ＠all ∗∗b∗∗ http：//e www．e 4.1 ms ＿a my_host"
        );
    }
}
