//! A small sort for short lists.
//!
//! The standard library's sorts are fast for long lists and cost 2 to 5 KiB of module for each type. The core sorts tens of
//! elements, for which Shell's sort takes 200 bytes.

/// Ciura's gaps, continued by a factor of 2.25: a long list of hostile input takes milliseconds too.
const GAPS: [usize; 15] =
    [227_011, 100_894, 44_842, 19_930, 8_858, 3_937, 1_750, 701, 301, 132, 57, 23, 10, 4, 1];

/// Sorts by `before`, which returns true if its first argument belongs before its second.
pub(crate) fn sort_by<T>(items: &mut [T], before: impl Fn(&T, &T) -> bool) {
    for gap in GAPS {
        for start in gap..items.len() {
            let mut at = start;
            while at >= gap
                && let (Some(here), Some(there)) = (items.get(at), items.get(at - gap))
                && before(here, there)
            {
                items.swap(at, at - gap);
                at -= gap;
            }
        }
    }
}

/// Sorts the values and returns the middle one; the upper one of two.
pub(crate) fn middle<T: Copy + PartialOrd>(values: &mut [T]) -> Option<T> {
    sort_by(values, |a, b| a < b);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_as_the_standard_library_does(mut values in prop::collection::vec(any::<i16>(), 0..300)) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            prop_assert_eq!(middle(&mut values), sorted.get(sorted.len() / 2).copied());
            prop_assert_eq!(values, sorted);
        }
    }
}
