//! What a summary is made of: which summaries of which sources.

use super::ranges::Ranges;
use crate::hash;
use crate::sorted_map::SortedMap;
use alloc::sync::Arc;

/// Summaries of one source.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Part {
    /// Their sequence numbers.
    pub(crate) seqs: Ranges,
    /// The source has shown already-judged exchanges of this upstream: others report them.
    pub(crate) relays: bool,
}

/// Summaries by source.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Parts(pub(crate) SortedMap<Arc<str>, Part>);

/// How much of some parts is in others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Overlap {
    None,
    Some,
    All,
}

impl Parts {
    /// One summary.
    pub(crate) fn one(source: Arc<str>, seq: u64, relays: bool) -> Self {
        let mut part = Part { relays, ..Part::default() };
        part.seqs.insert(seq, seq);
        let mut parts = Self::default();
        parts.0.insert(source, part);
        parts
    }

    /// Adds all of `other`; returns how many ranges more that takes.
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

    /// How much of `other` is in them.
    pub(crate) fn overlap(&self, other: &Self) -> Overlap {
        let holds = |test: fn(&Ranges, &Ranges) -> bool, source: &Arc<str>, part: &Part| {
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

    /// How many summaries there are.
    pub(crate) fn total(&self) -> u64 {
        self.0.values().fold(0, |total, part| total.saturating_add(part.seqs.total()))
    }

    /// How many ranges they take.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(|part| part.seqs.len()).sum()
    }

    /// A name for these parts of this upstream, the same wherever they came together.
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
