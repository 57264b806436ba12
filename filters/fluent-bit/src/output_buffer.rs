//! The JSON text that is returned to the host, in one reused buffer.

use crate::repair::escape;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::Fate;
use nearmiss_formats::is_plain;

/// Memory beyond this capacity is freed when the next output begins.
const MAX_RETAINED: usize = 64 << 10;

/// A JSON object under construction. A NUL ends it for the host.
#[derive(Debug, Default)]
pub(crate) struct OutputBuffer {
    text: Vec<u8>,
    /// True until the first field is written.
    is_empty: bool,
}

impl OutputBuffer {
    /// Begins a new output with an object's text up to its closing brace, or with no text. Returns false if memory is
    /// exhausted.
    pub(crate) fn begin(&mut self, head: &[u8], is_empty: bool) -> bool {
        self.text.clear();
        if self.text.capacity() > MAX_RETAINED {
            self.text.shrink_to(MAX_RETAINED);
        }
        if self.text.try_reserve(head.len()).is_err() {
            return false;
        }
        self.text.extend_from_slice(head);
        self.is_empty = is_empty;
        true
    }

    /// Adds a field with a JSON value.
    pub(crate) fn field(&mut self, name: &str, json: &str) {
        self.key(name);
        self.text.extend_from_slice(json.as_bytes());
    }

    /// Adds the verdict of a clean exchange, exactly as [`nearmiss::record::clean`] writes it.
    pub(crate) fn clean(&mut self, upstream: &str) {
        if is_plain(upstream.as_bytes()) {
            let before: &[u8] = br#","near_miss":{"upstream":""#;
            self.text.extend_from_slice(before.get(usize::from(self.is_empty)..).unwrap_or_default());
            self.is_empty = false;
            self.text.extend_from_slice(upstream.as_bytes());
            self.text.extend_from_slice(b"\",\"fate\":\"clean\"}");
        } else {
            self.key("near_miss");
            let mut verdict = String::new();
            nearmiss::record::clean(&mut verdict, upstream);
            self.text.extend_from_slice(verdict.as_bytes());
        }
    }

    /// Adds fate and upstream as fields of their own.
    pub(crate) fn flat(&mut self, fate: Fate, upstream: Option<&str>) {
        self.string("near_miss_fate", &[fate.name()]);
        if let Some(upstream) = upstream {
            self.string("near_miss_upstream", &[upstream]);
        }
    }

    /// Adds a field with a list of JSON values.
    pub(crate) fn list<'a>(&mut self, name: &str, items: impl Iterator<Item = &'a str>) {
        self.key(name);
        self.text.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.text.push(b',');
            }
            self.text.extend_from_slice(item.as_bytes());
        }
        self.text.push(b']');
    }

    /// Adds a note for the user, in pieces.
    pub(crate) fn note(&mut self, pieces: &[&str]) {
        self.string("near_miss_note", pieces);
    }

    /// Adds a field with a string, in pieces.
    fn string(&mut self, name: &str, pieces: &[&str]) {
        self.key(name);
        self.text.push(b'"');
        for piece in pieces {
            escape(&mut self.text, piece.as_bytes());
        }
        self.text.push(b'"');
    }

    /// Adds text outside an object.
    pub(crate) fn lines(&mut self, lines: &str) {
        self.text.extend_from_slice(lines.as_bytes());
    }

    /// Closes the object, if there is one, and ends the text.
    pub(crate) fn end(&mut self) -> &[u8] {
        let close: &[u8] = if self.text.is_empty() { b"\0" } else { b"}\0" };
        self.text.extend_from_slice(close);
        &self.text
    }

    /// Returns the whole output.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    fn key(&mut self, name: &str) {
        self.text.extend_from_slice(if self.is_empty { b"\"" } else { b",\"" });
        self.is_empty = false;
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
    }
}
