//! The parts of a merged summary: sequence numbers by source.

use super::ranges::Ranges;
use crate::hash;
use crate::sorted_map::SortedMap;
use alloc::sync::Arc;

/// Summaries of one source.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct SourceParts {
    /// Sequence numbers.
    pub(crate) seqs: Ranges,
    /// True if the source relays exchanges of this upstream that other instances judged and report.
    pub(crate) relays: bool,
}

/// Summaries by source.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Parts(pub(crate) SortedMap<Arc<str>, SourceParts>);

/// Overlap of two sets of parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Overlap {
    None,
    Some,
    All,
}

impl Parts {
    /// Returns the parts of one summary.
    pub(crate) fn one(source: Arc<str>, seq: u64, relays: bool) -> Self {
        let mut part = SourceParts { relays, ..SourceParts::default() };
        part.seqs.insert(seq, seq);
        let mut parts = Self::default();
        parts.0.insert(source, part);
        parts
    }

    /// Adds all of `other`; returns the number of additional ranges.
    pub(crate) fn extend(&mut self, other: &Self) -> usize {
        let mut more = 0;
        for (source, part) in other.0.iter() {
            self.0.update(Arc::clone(source), |mine| {
                let before = mine.seqs.len();
                mine.seqs.extend(&part.seqs);
                mine.relays |= part.relays;
                more += mine.seqs.len().saturating_sub(before);
            });
        }
        more
    }

    /// Returns the overlap with `other`.
    pub(crate) fn overlap(&self, other: &Self) -> Overlap {
        let holds = |test: fn(&Ranges, &Ranges) -> bool, source: &Arc<str>, part: &SourceParts| {
            self.0.get(source).is_some_and(|mine| test(&mine.seqs, &part.seqs))
        };
        if other.0.iter().all(|(source, part)| holds(Ranges::has_all, source, part)) {
            Overlap::All
        } else if other.0.iter().any(|(source, part)| holds(Ranges::has_any, source, part)) {
            Overlap::Some
        } else {
            Overlap::None
        }
    }

    /// Returns the number of summaries.
    pub(crate) fn total(&self) -> u64 {
        self.0.values().fold(0, |total, part| total.saturating_add(part.seqs.total()))
    }

    /// Returns the number of ranges.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(|part| part.seqs.len()).sum()
    }

    /// Returns a digest of these parts of this upstream, the same on every instance that merges them.
    pub(crate) fn digest(&self, upstream: &str) -> u64 {
        let mut digest = hash::hash(upstream.as_bytes());
        let mut add = |number: u64| digest = hash::mix(digest.rotate_left(17) ^ number);
        for (source, part) in self.0.iter() {
            add(hash::hash(source.as_bytes()));
            for (first, last) in part.seqs.iter() {
                add(first);
                add(last);
            }
        }
        digest
    }
}
