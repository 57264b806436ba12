//! A set of sequence numbers as ranges: a run without gaps takes one range.

use alloc::vec::Vec;

/// Whole numbers as ordered inclusive ranges that do not touch.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds the numbers from `first` to `last`.
    pub(crate) fn insert(&mut self, first: u64, last: u64) {
        let from = self.0.partition_point(|range| range.1 < first.saturating_sub(1));
        let to = self.0.partition_point(|range| range.0 <= last.saturating_add(1)).max(from);
        let touched = self.0.get(from..to).unwrap_or_default();
        let first = touched.first().map_or(first, |range| range.0.min(first));
        let last = touched.last().map_or(last, |range| range.1.max(last));
        self.0.splice(from..to, [(first, last)]);
    }

    /// Adds all of `other`.
    pub(crate) fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|(first, last)| self.insert(*first, *last));
    }

    /// Returns true if it contains all of `other`.
    pub(crate) fn has_all(&self, other: &Self) -> bool {
        other.0.iter().all(|(first, last)| {
            let at = self.0.partition_point(|range| range.1 < *first);
            self.0.get(at).is_some_and(|range| range.0 <= *first && *last <= range.1)
        })
    }

    /// Returns true if it contains any of `other`.
    pub(crate) fn has_any(&self, other: &Self) -> bool {
        other.0.iter().any(|(first, last)| {
            let at = self.0.partition_point(|range| range.1 < *first);
            self.0.get(at).is_some_and(|range| range.0 <= *last)
        })
    }

    /// Returns the number of numbers.
    pub(crate) fn total(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |total: u64, (first, last)| total.saturating_add((last - first).saturating_add(1)))
    }

    /// Returns the number of ranges.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_a_set(
            a in prop::collection::vec((0u64..40, 0u64..4), 0..20), b in prop::collection::vec((0u64..40, 0u64..4), 0..6)
        ) {
            let ranges = |spans: &[(u64, u64)]| {
                let mut ranges = Ranges::default();
                spans.iter().for_each(|(first, more)| ranges.insert(*first, first + more));
                ranges
            };
            let set = |spans: &[(u64, u64)]| -> BTreeSet<u64> {
                spans.iter().flat_map(|(first, more)| *first..=first + more).collect()
            };
            let (ra, rb, sa, sb) = (ranges(&a), ranges(&b), set(&a), set(&b));
            prop_assert_eq!(ra.iter().flat_map(|(first, last)| first..=last).collect::<BTreeSet<_>>(), sa.clone());
            prop_assert_eq!(ra.total(), sa.len() as u64);
            prop_assert!(ra.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{ra:?}");
            prop_assert_eq!(ra.has_all(&rb), sa.is_superset(&sb));
            prop_assert_eq!(ra.has_any(&rb), !sa.is_disjoint(&sb));
        }
    }

    #[test]
    fn the_largest_numbers_are_numbers_too() {
        let mut ranges = Ranges::default();
        ranges.insert(u64::MAX, u64::MAX);
        ranges.insert(0, 0);
        assert_eq!((ranges.len(), ranges.total()), (2, 2));
        ranges.insert(0, u64::MAX);
        assert_eq!((ranges.len(), ranges.total()), (1, u64::MAX));
    }
}
