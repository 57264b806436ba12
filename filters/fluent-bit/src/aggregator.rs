//! The aggregator tier, mode `merge`: merges the summaries and episodes that records carry from many instances. The merged
//! records are attached to later records.

use crate::piggyback::PiggybackQueue;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::Config;
use nearmiss::json::outline::member_length;
use nearmiss::merge::Merger;

/// Maximum length of a record that is read, in bytes: parsing takes about twelve times as much memory.
const MAX_RECORD_LEN: usize = 4 << 20;

/// Merges the summaries and episodes in records.
#[derive(Debug)]
pub(crate) struct Aggregator {
    merger: Merger,
    /// The current record without its summaries and episodes, up to its closing brace.
    stripped: Vec<u8>,
}

/// The part of a record that is passed on.
#[derive(Debug)]
pub(crate) enum Remainder<'a> {
    /// The whole record: nothing was merged. Holds the reason if something in it cannot be merged.
    Unchanged(Option<String>),
    /// The record without the merged fields, up to its closing brace.
    Stripped(&'a [u8]),
    /// Nothing: the record held only merged fields.
    Empty,
}

impl Aggregator {
    /// Creates an aggregator. Both the interval and the wait for late records are `summary_every`.
    pub(crate) fn new(config: &Config) -> Self {
        Self { merger: Merger::new(config.summary_every, Some(config.summary_every)), stripped: Vec::new() }
    }

    /// Merges the summaries and episodes in `record`, a JSON object.
    pub(crate) fn absorb(&mut self, record: &[u8], queue: &mut PiggybackQueue) -> Remainder<'_> {
        let text = core::str::from_utf8(record).ok().filter(|text| text.len() <= MAX_RECORD_LEN);
        let merged = text.map_or(Ok(0), |text| self.merger.add_line(text));
        self.drain(queue);
        match merged {
            Ok(0) => Remainder::Unchanged(None),
            Ok(_) if is_nearmiss_record(record) => Remainder::Empty,
            Ok(_) => self.strip(record),
            Err(error) => {
                Remainder::Unchanged(Some(format!("a summary or an episode was not merged: {error}")))
            }
        }
    }

    /// Ends the input and emits all records.
    pub(crate) fn finish(&mut self, queue: &mut PiggybackQueue) {
        self.merger.finish();
        self.drain(queue);
    }

    fn drain(&mut self, queue: &mut PiggybackQueue) {
        while let Some(record) = self.merger.poll_record() {
            queue.push(record);
        }
    }

    /// Removes the merged fields from the record.
    fn strip(&mut self, record: &[u8]) -> Remainder<'_> {
        self.stripped.clear();
        for (key, member) in members(record) {
            if !matches!(key, b"near_miss_summaries" | b"near_miss_episodes") {
                self.stripped.push(if self.stripped.is_empty() { b'{' } else { b',' });
                self.stripped.extend_from_slice(member);
            }
        }
        if self.stripped.is_empty() { Remainder::Empty } else { Remainder::Stripped(&self.stripped) }
    }
}

/// Returns true if `record` itself is a record of nearmiss, not one with such records in its fields.
fn is_nearmiss_record(record: &[u8]) -> bool {
    let has = |wanted: &[u8]| members(record).any(|(key, _)| key == wanted);
    has(b"schema") && has(b"type")
}

/// Returns the key and the text of each member of a JSON object.
fn members(object: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = object.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    core::iter::from_fn(move || {
        let end = member_length(rest);
        let member = rest.get(..end).unwrap_or_default().trim_ascii();
        rest = rest.get(end + 1..).unwrap_or_default();
        let key = member.strip_prefix(b"\"")?;
        let quote = key.iter().position(|byte| *byte == b'"')?;
        Some((key.get(..quote)?, member))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn members_are_separated_whatever_they_contain() {
        let of = |object: &str| -> Vec<String> {
            members(object.as_bytes())
                .map(|(_, member)| String::from_utf8_lossy(member).to_string())
                .collect()
        };
        assert_eq!(
            of(r#" { "a" : [1,{"b":"},"}] , "c":"\"," }"#),
            [r#""a" : [1,{"b":"},"}]"#, r#""c":"\",""#]
        );
        assert!(of("{}").is_empty() && of("{ }").is_empty() && of("").is_empty() && of("{]").is_empty());
    }
}
