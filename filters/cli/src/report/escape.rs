//! Escapes untrusted text for HTML, JSON and Markdown.

use crate::sanitize::sanitize;
use core::fmt::{self, Write};

/// Maximum length of a text in characters.
const MAX_TEXT: usize = 400;
/// Maximum length of a name in characters.
const MAX_NAME: usize = 80;

/// Text for HTML: between tags, or in a quoted attribute.
pub(crate) struct HtmlText<'a>(pub(crate) &'a str);

impl fmt::Display for HtmlText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        html(f, &sanitize(self.0, MAX_TEXT))
    }
}

/// A name for HTML where tags are not allowed: in an attribute or a title.
pub(crate) struct HtmlAttribute<'a>(pub(crate) &'a str);

impl fmt::Display for HtmlAttribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        html(f, &sanitize(self.0, MAX_NAME))
    }
}

/// A name between HTML tags: shortened, and isolated from the direction of the surrounding text.
pub(crate) struct HtmlName<'a>(pub(crate) &'a str);

impl fmt::Display for HtmlName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi>")?;
        html(f, &sanitize(self.0, MAX_NAME))?;
        f.write_str("</bdi>")
    }
}

fn html(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&#39;")?,
            _ => f.write_char(c)?,
        }
    }
    Ok(())
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

/// A name as a Markdown code span, in which markup, mentions and links have no effect.
pub(crate) struct MarkdownCode<'a>(pub(crate) &'a str);

impl fmt::Display for MarkdownCode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        let name = sanitize(self.0, MAX_NAME);
        let name = if name.trim().is_empty() { "?" } else { name.as_str() };
        name.chars().try_for_each(|c| match c {
            // These would end the code span, or the table cell around it.
            '`' => f.write_char('ˋ'),
            '|' => f.write_char('¦'),
            _ => f.write_char(c),
        })?;
        f.write_char('`')
    }
}

/// A sentence for Markdown: every character that could be markup is escaped.
pub(crate) struct MarkdownText<'a>(pub(crate) &'a str);

impl fmt::Display for MarkdownText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = sanitize(self.0, MAX_TEXT);
        let mut before = ' ';
        for c in text.chars() {
            match c {
                // An entity would be decoded before mentions are searched for.
                '@' => f.write_char('＠')?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                // After a letter or a digit, these are not markup.
                '.' | ':' | '-' | '_' | '/' if !before.is_ascii_alphanumeric() => write!(f, "\\{c}")?,
                ':' => f.write_str("\\:")?,
                '_' => f.write_str("\\_")?,
                '.' if before == 'w' || before == 'W' => f.write_str("\\.")?,
                '\\' | '`' | '*' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' | '$' => {
                    write!(f, "\\{c}")?;
                }
                _ => f.write_char(c)?,
            }
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
        assert_eq!(HtmlText("<script>\"'&\u{1b}").to_string(), "&lt;script&gt;&quot;&#39;&amp;\u{fffd}");
        assert_eq!(HtmlName("\u{202e}<b").to_string(), "<bdi>\u{fffd}&lt;b</bdi>");
        assert_eq!(ScriptString("</script><!--\"").to_string(), r#""\u003c/script\u003e\u003c!--\"""#);
        assert!(HtmlName(&"x".repeat(999)).to_string().len() < 100);
    }

    #[test]
    fn names_contain_no_markdown_markup() {
        assert_eq!(MarkdownCode("a`b|c\n").to_string(), "`aˋb¦c\u{fffd}`");
        assert_eq!(MarkdownCode(" ").to_string(), "`?`");
        assert_eq!(
            MarkdownText("[x](javascript:y) <img> @all **b** http://e www.e 4.1 ms").to_string(),
            "\\[x\\]\\(javascript\\:y\\) &lt;img&gt; ＠all \\*\\*b\\*\\* http\\:\\/\\/e www\\.e 4.1 ms"
        );
    }
}
