//! Scales of success rates.

/// Possible lower ends of an axis, in basis points.
const FLOORS: [u64; 7] = [9_990, 9_900, 9_500, 9_000, 7_500, 5_000, 0];

/// Returns the highest lower end that is not above `lowest`.
pub(super) fn floor(lowest: u64) -> u64 {
    FLOORS.into_iter().find(|floor| *floor <= lowest).unwrap_or(0)
}

/// Maps a success rate to 0 (99.99 % or more, the top) to 1 (0 %, the bottom). Each nine less is a quarter further
/// down: a nine has the same length everywhere.
pub(super) fn nines(bp: u64) -> f64 {
    (10_000_u64.saturating_sub(bp).max(1) as f64).log10() / 4.0
}

/// Labels of an axis of nines.
pub(super) const NINES: [(u64, &str); 4] =
    [(9_999, "99.99\u{202f}%"), (9_990, "99.9\u{202f}%"), (9_900, "99\u{202f}%"), (9_000, "90\u{202f}%")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nine_has_the_same_length_everywhere() {
        let indices = [10_000, 9_999, 9_990, 9_900, 9_000, 0].map(nines);
        assert_eq!(indices, [0.0, 0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!((floor(9_995), floor(9_731), floor(12)), (9_990, 9_500, 0));
    }
}
