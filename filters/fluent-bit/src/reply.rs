//! The text that goes back to the host, in one buffer that is used again and again.

use crate::repair::escape;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss_formats::is_plain;

/// Above this the buffer's memory is given back when the next reply begins.
const KEEP: usize = 64 << 10;

/// A JSON object in the making, and the NUL that ends it for the host.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    text: Vec<u8>,
    /// No field has been written yet.
    fresh: bool,
}

impl Reply {
    /// Begins anew with an object's text up to its closing brace, or with nothing; false if there is no memory for it.
    pub(crate) fn begin(&mut self, head: &[u8], is_empty: bool) -> bool {
        self.text.clear();
        if self.text.capacity() > KEEP {
            self.text.shrink_to(KEEP);
        }
        if self.text.try_reserve(head.len()).is_err() {
            return false;
        }
        self.text.extend_from_slice(head);
        self.fresh = is_empty;
        true
    }

    /// Adds a field whose value is JSON.
    pub(crate) fn field(&mut self, name: &str, json: &str) {
        self.key(name);
        self.text.extend_from_slice(json.as_bytes());
    }

    /// Adds the verdict on a clean exchange, as [`nearmiss::record::clean`] writes it.
    pub(crate) fn clean(&mut self, upstream: &str) {
        if is_plain(upstream.as_bytes()) {
            let before: &[u8] = br#","near_miss":{"upstream":""#;
            self.text.extend_from_slice(before.get(usize::from(self.fresh)..).unwrap_or_default());
            self.fresh = false;
            self.text.extend_from_slice(upstream.as_bytes());
            self.text.extend_from_slice(b"\",\"fate\":\"clean\"}");
        } else {
            self.key("near_miss");
            let mut verdict = String::new();
            nearmiss::record::clean(&mut verdict, upstream);
            self.text.extend_from_slice(verdict.as_bytes());
        }
    }

    /// Adds a field with a list of values that are JSON.
    pub(crate) fn list<'a>(&mut self, name: &str, items: impl Iterator<Item = &'a str>) {
        self.key(name);
        self.text.push(b'[');
        for (number, item) in items.enumerate() {
            if number > 0 {
                self.text.push(b',');
            }
            self.text.extend_from_slice(item.as_bytes());
        }
        self.text.push(b']');
    }

    /// Adds what is to be said of this record, in pieces.
    pub(crate) fn note(&mut self, pieces: &[&str]) {
        self.key("near_miss_note");
        self.text.push(b'"');
        for piece in pieces {
            escape(&mut self.text, piece.as_bytes());
        }
        self.text.push(b'"');
    }

    /// Adds text outside of any object.
    pub(crate) fn lines(&mut self, lines: &str) {
        self.text.extend_from_slice(lines.as_bytes());
    }

    /// Closes the object, if one was begun, and ends the text.
    pub(crate) fn end(&mut self) -> &[u8] {
        let close: &[u8] = if self.text.is_empty() { b"\0" } else { b"}\0" };
        self.text.extend_from_slice(close);
        &self.text
    }

    /// The whole reply.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    fn key(&mut self, name: &str) {
        self.text.extend_from_slice(if self.fresh { b"\"" } else { b",\"" });
        self.fresh = false;
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
    }
}
