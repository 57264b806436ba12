//! The aggregator tier: records bring summaries and episodes of many instances, and what becomes of them rides on.

use crate::riders::Riders;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use nearmiss::Config;
use nearmiss::json::outline::length;
use nearmiss::merge::Merger;

/// A longer record is passed on unread: a dozen times as much memory is needed to read one.
const LONGEST: usize = 4 << 20;

/// Merges what records carry.
#[derive(Debug)]
pub(crate) struct Merging {
    merger: Merger,
    /// The record without what was taken from it, up to its closing brace.
    rest: Vec<u8>,
}

/// What is left of a record.
#[derive(Debug)]
pub(crate) enum Left<'a> {
    /// All of it: it carried nothing, or something that cannot be merged, and why.
    All(Option<String>),
    /// Its text up to the closing brace.
    Rest(&'a [u8]),
    /// Nothing: it was made for carrying.
    Nothing,
}

impl Merging {
    /// Intervals are as long as summaries usually are apart, and wait as long for what is late.
    pub(crate) fn new(config: &Config) -> Self {
        Self { merger: Merger::new(config.summary_every, Some(config.summary_every)), rest: Vec::new() }
    }

    /// Takes what `record`, a JSON object, carries.
    pub(crate) fn take(&mut self, record: &[u8], riders: &mut Riders) -> Left<'_> {
        let text = core::str::from_utf8(record).ok().filter(|text| text.len() <= LONGEST);
        let taken = text.map_or(Ok(0), |text| self.merger.take(text));
        self.drain(riders);
        match taken {
            Ok(0) => Left::All(None),
            Ok(_) if is_record(record) => Left::Nothing,
            Ok(_) => self.unload(record),
            Err(wrong) => Left::All(Some(format!("a summary or an episode was not merged: {wrong}"))),
        }
    }

    /// The end of input: everything leaves.
    pub(crate) fn finish(&mut self, riders: &mut Riders) {
        self.merger.finish();
        self.drain(riders);
    }

    fn drain(&mut self, riders: &mut Riders) {
        while let Some(record) = self.merger.poll_record() {
            riders.add(record);
        }
    }

    /// The record without the fields that carried.
    fn unload(&mut self, record: &[u8]) -> Left<'_> {
        self.rest.clear();
        for (key, member) in members(record) {
            if !matches!(key, b"near_miss_summaries" | b"near_miss_episodes") {
                self.rest.push(if self.rest.is_empty() { b'{' } else { b',' });
                self.rest.extend_from_slice(member);
            }
        }
        if self.rest.is_empty() { Left::Nothing } else { Left::Rest(&self.rest) }
    }
}

/// Whether `record` is itself a summary or an episode.
fn is_record(record: &[u8]) -> bool {
    let has = |wanted: &[u8]| members(record).any(|(key, _)| key == wanted);
    has(b"schema") && has(b"type")
}

/// The members of a JSON object, each with its key.
fn members(object: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = object.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    core::iter::from_fn(move || {
        let end = length(rest);
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
    fn members_are_told_apart_whatever_is_in_them() {
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
