//! Sentences with names in them, which are set apart in HTML and in Markdown.

use super::escape::{HtmlName, HtmlText, MarkdownCode, MarkdownText};
use maud::{Markup, Render, html};

/// One sentence.
#[derive(Clone, Debug, Default)]
pub(crate) struct RichText<'a>(Vec<Piece<'a>>);

#[derive(Clone, Debug)]
enum Piece<'a> {
    /// Text of this program.
    Text(String),
    /// A name from the input.
    Name(&'a str),
    /// A sentence from the input.
    Quoted(&'a str),
}

impl<'a> RichText<'a> {
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }

    pub(crate) fn name(mut self, name: &'a str) -> Self {
        self.0.push(Piece::Name(name));
        self
    }

    pub(crate) fn quoted(mut self, sentence: &'a str) -> Self {
        self.0.push(Piece::Quoted(sentence));
        self
    }

    pub(crate) fn markdown(&self) -> String {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Name(name) => MarkdownCode(name).to_string(),
            Piece::Quoted(sentence) => MarkdownText(sentence).to_string(),
        };
        self.0.iter().map(piece).collect()
    }
}

impl Render for RichText<'_> {
    fn render(&self) -> Markup {
        html! {
            @for piece in &self.0 {
                @match piece {
                    Piece::Text(text) => (HtmlText(text)),
                    Piece::Name(name) => b { (HtmlName(name)) },
                    Piece::Quoted(sentence) => (HtmlText(sentence)),
                }
            }
        }
    }
}
