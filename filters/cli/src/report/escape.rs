//! Text from elsewhere inside a page or a digest: it is read as text, whatever it says.

use crate::plain::plain;
use core::fmt::{self, Write};

/// The longest text that is shown whole, in characters.
const LONGEST: usize = 400;
/// The longest name.
const LONGEST_NAME: usize = 80;

/// Text between tags or inside quoted attributes.
pub(crate) struct Html<'a>(pub(crate) &'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        html(f, &plain(self.0, LONGEST))
    }
}

/// A name where no tag may be: in an attribute or a title.
pub(crate) struct Label<'a>(pub(crate) &'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        html(f, &plain(self.0, LONGEST_NAME))
    }
}

/// A name between tags: cut if it is long, and kept from turning its surroundings around.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<bdi>")?;
        html(f, &plain(self.0, LONGEST_NAME))?;
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

/// A JSON text inside a `<script>` element, which ends at the first `</` it sees.
pub(crate) struct Script<'a>(pub(crate) &'a str);

impl fmt::Display for Script<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string(&plain(self.0, LONGEST_NAME)).map_err(|_| fmt::Error)?;
        json.chars().try_for_each(|c| match c {
            '<' => f.write_str("\\u003c"),
            '>' => f.write_str("\\u003e"),
            '&' => f.write_str("\\u0026"),
            _ => f.write_char(c),
        })
    }
}

/// A name as a code span: in there nothing is markup, nobody is mentioned and nothing becomes a link.
pub(crate) struct Code<'a>(pub(crate) &'a str);

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        let name = plain(self.0, LONGEST_NAME);
        let name = if name.trim().is_empty() { "?" } else { name.as_str() };
        name.chars().try_for_each(|c| match c {
            // Would end the span, or the cell of a table that it stands in.
            '`' => f.write_char('ˋ'),
            '|' => f.write_char('¦'),
            _ => f.write_char(c),
        })?;
        f.write_char('`')
    }
}

/// A sentence in Markdown: every character that could be markup is escaped.
pub(crate) struct Markdown<'a>(pub(crate) &'a str);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = plain(self.0, LONGEST);
        let mut before = ' ';
        for c in text.chars() {
            match c {
                // An entity would be undone before mentions are looked for.
                '@' => f.write_char('＠')?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                // Between digits a dot or a hyphen is only that.
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
    fn nothing_leaves_its_place_in_html() {
        assert_eq!(Html("<script>\"'&\u{1b}").to_string(), "&lt;script&gt;&quot;&#39;&amp;\u{fffd}");
        assert_eq!(Name("\u{202e}<b").to_string(), "<bdi>\u{fffd}&lt;b</bdi>");
        assert_eq!(Script("</script><!--\"").to_string(), r#""\u003c/script\u003e\u003c!--\"""#);
        assert!(Name(&"x".repeat(999)).to_string().len() < 100);
    }

    #[test]
    fn nothing_is_markup_in_markdown() {
        assert_eq!(Code("a`b|c\n").to_string(), "`aˋb¦c\u{fffd}`");
        assert_eq!(Code(" ").to_string(), "`?`");
        assert_eq!(
            Markdown("[x](javascript:y) <img> @all **b** http://e www.e 4.1 ms").to_string(),
            "\\[x\\]\\(javascript\\:y\\) &lt;img&gt; ＠all \\*\\*b\\*\\* http\\:\\/\\/e www\\.e 4.1 ms"
        );
    }
}
