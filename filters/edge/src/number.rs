//! JavaScript's numbers, checked: each is a binary float, and may be NaN, infinite, negative or a fraction.

use nearmiss::{Micros, Timestamp};

/// The last millisecond of the year 9999: what comes later has no date that could be written down.
const LAST_MS: f64 = 253_402_300_799_999.0;
/// The longest span that makes sense: a year.
const LONGEST_MS: f64 = 366.0 * 86_400_000.0;

/// A time in milliseconds since the Unix epoch, rounded to the nearest microsecond.
pub(crate) fn timestamp(ms: f64) -> Option<Timestamp> {
    (0.0..=LAST_MS).contains(&ms).then(|| Timestamp::from_micros(rounded(ms * 1_000.0)))
}

/// A span in milliseconds, rounded to the nearest microsecond.
pub(crate) fn span(ms: f64) -> Option<Micros> {
    (0.0..=LONGEST_MS).contains(&ms).then(|| Micros::new(rounded(ms * 1_000.0)))
}

/// A status, 0 for none.
pub(crate) fn status(number: f64) -> Option<u16> {
    whole(number, 999.0).map(|status| status as u16)
}

/// A count.
pub(crate) fn count(number: f64) -> Option<u32> {
    whole(number, u32::MAX.into()).map(|count| count as u32)
}

/// A whole number as large as JavaScript can hold exactly.
pub(crate) fn large(number: f64) -> Option<u64> {
    const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
    whole(number, MAX_SAFE)
}

fn whole(number: f64, max: f64) -> Option<u64> {
    let cut = number as u64;
    ((0.0..=max).contains(&number) && cut as f64 == number).then_some(cut)
}

/// The nearest whole number; `number` is not negative.
fn rounded(number: f64) -> u64 {
    let cut = number as u64;
    cut + u64::from(number - cut as f64 >= 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans_are_rounded_to_the_nearest_microsecond() {
        assert_eq!(timestamp(1_795_423_554_513.089), Some(Timestamp::from_micros(1_795_423_554_513_089)));
        assert_eq!(span(42.46), Some(Micros::new(42_460)));
        assert_eq!(span(0.000_49), Some(Micros::new(0)));
        assert_eq!(span(0.000_5), Some(Micros::new(1)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300] {
            assert_eq!(timestamp(odd), None, "{odd}");
            assert_eq!(span(odd), None, "{odd}");
            assert_eq!((status(odd), count(odd), large(odd)), (None, None, None), "{odd}");
        }
    }

    #[test]
    fn a_fraction_is_no_count() {
        assert_eq!((status(200.5), count(0.1), large(1e16)), (None, None, None));
        assert_eq!((status(599.0), count(-0.0), large(7.0)), (Some(599), Some(0), Some(7)));
        assert_eq!((status(1_000.0), count(4_294_967_296.0)), (None, None));
    }
}
