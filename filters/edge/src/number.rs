//! Checked conversion of JavaScript numbers, which may be NaN, infinite, negative or fractional.

use nearmiss::{Micros, Timestamp};

/// The last millisecond of the year 9999; later times cannot be formatted as RFC 3339.
const MAX_TIMESTAMP_MS: f64 = 253_402_300_799_999.0;
/// Maximum duration: one year.
const MAX_DURATION_MS: f64 = 366.0 * 86_400_000.0;

/// Converts milliseconds since the Unix epoch, rounded to the nearest microsecond.
pub(crate) fn timestamp(ms: f64) -> Option<Timestamp> {
    (0.0..=MAX_TIMESTAMP_MS).contains(&ms).then(|| Timestamp::from_micros(rounded(ms * 1_000.0)))
}

/// Converts a duration in milliseconds, rounded to the nearest microsecond.
pub(crate) fn duration(ms: f64) -> Option<Micros> {
    (0.0..=MAX_DURATION_MS).contains(&ms).then(|| Micros::new(rounded(ms * 1_000.0)))
}

/// Converts a status; 0 means no response.
pub(crate) fn status(number: f64) -> Option<u16> {
    integer(number, 999.0).map(|status| status as u16)
}

/// Converts a 32-bit count.
pub(crate) fn count(number: f64) -> Option<u32> {
    integer(number, u32::MAX.into()).map(|count| count as u32)
}

/// Converts an integer up to JavaScript's `Number.MAX_SAFE_INTEGER`.
pub(crate) fn safe_integer(number: f64) -> Option<u64> {
    const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
    integer(number, MAX_SAFE)
}

fn integer(number: f64, max: f64) -> Option<u64> {
    let truncated = number as u64;
    ((0.0..=max).contains(&number) && truncated as f64 == number).then_some(truncated)
}

/// Rounds a non-negative number to the nearest integer.
fn rounded(number: f64) -> u64 {
    let truncated = number as u64;
    truncated + u64::from(number - truncated as f64 >= 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_rounded_to_the_nearest_microsecond() {
        assert_eq!(timestamp(1_795_423_554_513.089), Some(Timestamp::from_micros(1_795_423_554_513_089)));
        assert_eq!(duration(42.46), Some(Micros::new(42_460)));
        assert_eq!(duration(0.000_49), Some(Micros::new(0)));
        assert_eq!(duration(0.000_5), Some(Micros::new(1)));
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        for invalid in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300] {
            assert_eq!(timestamp(invalid), None, "{invalid}");
            assert_eq!(duration(invalid), None, "{invalid}");
            assert_eq!(
                (status(invalid), count(invalid), safe_integer(invalid)),
                (None, None, None),
                "{invalid}"
            );
        }
    }

    #[test]
    fn fractions_are_not_integers() {
        assert_eq!((status(200.5), count(0.1), safe_integer(1e16)), (None, None, None));
        assert_eq!((status(599.0), count(-0.0), safe_integer(7.0)), (Some(599), Some(0), Some(7)));
        assert_eq!((status(1_000.0), count(4_294_967_296.0)), (None, None));
    }
}
