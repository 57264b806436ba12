//! Decimal numbers, parsed without floating point.

use crate::swar::{ONES, TOPS, first_in_word, word_of};

/// Parses the number at the start of `bytes`. Returns it times 10 to the `shift`, truncated to a whole number, and its
/// length.
///
/// Accepts digits, a fraction and an exponent, but no sign. Returns `None` if there is no number, or it is too large.
#[inline]
pub(crate) fn scaled(bytes: &[u8], shift: u32) -> Option<(u64, usize)> {
    plain(bytes, shift).or_else(|| with_exponent(bytes, shift).map(|(value, at, _)| (value, at)))
}

/// Parses the common case: digits, and optionally a point and more digits.
#[inline]
fn plain(bytes: &[u8], shift: u32) -> Option<(u64, usize)> {
    // Below this, the product cannot overflow: at most as many digits are kept after the point.
    const SAFE: u64 = 10_u64.pow(9);
    let (whole, mut at) = digits(bytes, 0)?;
    let (mut fraction, mut missing) = (0_u32, shift);
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let first = at;
        while let Some(digit) = digit(bytes.get(at)) {
            if missing > 0 {
                fraction = fraction * 10 + digit as u32;
                missing -= 1;
            }
            at += 1;
        }
        if at == first {
            return None;
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let fraction = u64::from(fraction) * power_of_ten(missing)?;
    let power = power_of_ten(shift)?;
    if whole < SAFE {
        return Some((whole * power + fraction, at));
    }
    // In wasm, a checked multiplication is a call to a 128-bit routine.
    let whole = (whole <= u64::MAX / power).then(|| whole * power)?;
    Some((whole.checked_add(fraction)?, at))
}

/// Parses the whole number at the start of `bytes`; returns it and its length. `2.0` and `2e0` are whole numbers too.
#[inline]
pub(crate) fn whole(bytes: &[u8]) -> Option<(u64, usize)> {
    if let Some((value, at)) = digits(bytes, 0)
        && !matches!(bytes.get(at), Some(b'.' | b'e' | b'E'))
    {
        return Some((value, at));
    }
    let (value, at, exact) = with_exponent(bytes, 0)?;
    exact.then_some((value, at))
}

/// Parses all of `bytes` as a number; returns it times 10 to the `shift`, truncated.
pub(crate) fn all_scaled(bytes: &[u8], shift: u32) -> Option<u64> {
    short(bytes, shift).or_else(|| all_scaled_long(bytes, shift))
}

#[cold]
fn all_scaled_long(bytes: &[u8], shift: u32) -> Option<u64> {
    scaled(bytes, shift).filter(|(_, taken)| *taken == bytes.len()).map(|(value, _)| value)
}

/// Parses all of `bytes` as a whole number.
pub(crate) fn all_whole(bytes: &[u8]) -> Option<u64> {
    short(bytes, 0).or_else(|| all_whole_long(bytes))
}

#[cold]
fn all_whole_long(bytes: &[u8]) -> Option<u64> {
    whole(bytes).filter(|(_, taken)| *taken == bytes.len()).map(|(value, _)| value)
}

/// Parses all of `bytes`, at most eight of them, times 10 to the `shift`. Returns `None` for any number that has an
/// exponent or is longer, or whose digits would be truncated.
pub(crate) fn short(bytes: &[u8], shift: u32) -> Option<u64> {
    const ZEROS: u64 = b'0' as u64 * ONES;
    let start = 8_usize.checked_sub(bytes.len())?;
    if start == 8 {
        return None;
    }
    // The number is padded with leading zeros.
    let mut word = word_of(bytes) << (8 * start) | ZEROS & !(u64::MAX << (8 * start));
    let mut decimals = 0;
    if let Some(point) = first_in_word(word.to_le_bytes(), b'.') {
        if point == start || point == 7 {
            return None;
        }
        decimals = 7 - point as u32;
        let below = (1 << (8 * point)) - 1;
        // The digits before the point move over it.
        word = (word & below) << 8 | word & !(below << 8 | 0xff) | u64::from(b'0');
    }
    let digits = word ^ ZEROS;
    let is_number = (digits | digits.wrapping_add(0x76 * ONES)) & TOPS == 0;
    if !is_number {
        return None;
    }
    // The first digit is the lowest byte: digits combine into pairs, pairs into fours, and fours into the number.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    let number = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    Some(number * power_of_ten(shift.checked_sub(decimals)?)?)
}

/// Parses digits from `at`, at least one; returns their value and their end.
#[inline]
fn digits(bytes: &[u8], mut at: usize) -> Option<(u64, usize)> {
    // Nine digits always fit in 32 bits, so they need no overflow checks.
    const SAFE: usize = 9;
    let mut small = digit(bytes.get(at))? as u32;
    let safe_end = at + SAFE;
    at += 1;
    while at < safe_end
        && let Some(digit) = digit(bytes.get(at))
    {
        small = small * 10 + digit as u32;
        at += 1;
    }
    let mut value = u64::from(small);
    while let Some(digit) = digit(bytes.get(at)) {
        value = with_digit(value, digit)?;
        at += 1;
    }
    Some((value, at))
}

/// Appends a digit to `value`, unless it overflows. In wasm, a checked multiplication is a call to a 128-bit routine.
#[inline]
fn with_digit(value: u64, digit: u64) -> Option<u64> {
    const MAX: u64 = u64::MAX / 10;
    (value < MAX || value == MAX && digit <= u64::MAX % 10).then(|| value * 10 + digit)
}

/// Returns 10 to the `exponent`, unless it overflows.
#[inline]
pub(crate) fn power_of_ten(exponent: u32) -> Option<u64> {
    const POWERS: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
    POWERS.get(exponent as usize).copied().or_else(|| 10_u64.checked_pow(exponent))
}

#[inline]
fn digit(byte: Option<&u8>) -> Option<u64> {
    let digit = byte?.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// Parses the rare general case; returns the value, its length, and whether it is exact.
#[cold]
fn with_exponent(bytes: &[u8], shift: u32) -> Option<(u64, usize, bool)> {
    let (mut mantissa, mut scale, mut exact) = (0_u128, i64::from(shift), true);
    let (mut at, mut fraction, mut any) = (0, false, false);
    loop {
        if let Some(digit) = digit(bytes.get(at)) {
            any = true;
            // Digits after the 37th are too small to matter.
            if mantissa < 10_u128.pow(37) {
                mantissa = mantissa * 10 + u128::from(digit);
                scale -= i64::from(fraction);
            } else {
                exact &= digit == 0;
                scale += i64::from(!fraction);
            }
        } else if bytes.get(at) == Some(&b'.') && !fraction && any {
            fraction = true;
            any = false;
        } else {
            break;
        }
        at += 1;
    }
    if !any {
        return None;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        let negative = bytes.get(at) == Some(&b'-');
        if matches!(bytes.get(at), Some(b'-' | b'+')) {
            at += 1;
        }
        let (exponent, end) = digits(bytes, at)?;
        at = end;
        let exponent = i64::try_from(exponent).ok().filter(|exponent| *exponent < 1_000_000)?;
        scale += if negative { -exponent } else { exponent };
    }
    let value = if mantissa == 0 {
        0
    } else if scale >= 0 {
        mantissa.checked_mul(10_u128.checked_pow(u32::try_from(scale).ok()?)?)?
    } else {
        match u32::try_from(-scale).ok().and_then(|cut| 10_u128.checked_pow(cut)) {
            Some(divisor) => {
                exact &= mantissa.is_multiple_of(divisor);
                mantissa / divisor
            }
            None => {
                exact = false;
                0
            }
        }
    };
    Some((u64::try_from(value).ok()?, at, exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_digits_are_truncated_and_not_rounded() {
        assert_eq!(all_scaled(b"1795423554.5130899", 6), Some(1_795_423_554_513_089));
        assert_eq!(all_scaled(b"42.46", 3), Some(42_460));
        assert_eq!(all_scaled(b"0.0009999", 3), Some(0));
        assert_eq!(all_scaled(b"7", 6), Some(7_000_000));
    }

    #[test]
    fn short_numbers_are_parsed_like_all_others() {
        for text in [
            "0", "7", "42", "99999999", "12345678", "0.042", "1234.567", "00.10", "9.9", "1.", ".1", "1.2.3",
            "-1", "1e3", ":1", "/1", "", ".", "12a4", "1 2", "\u{e9}1",
        ] {
            let long = scaled(text.as_bytes(), 6).filter(|(_, taken)| *taken == text.len());
            let short = short(text.as_bytes(), 6);
            assert!(short.is_none() || short == long.map(|(value, _)| value), "{text}: {short:?}, {long:?}");
            assert!(short.is_some() || long.is_none() || text.contains('e'), "{text}");
        }
    }

    #[test]
    fn an_exponent_moves_the_point() {
        assert_eq!(all_scaled(b"1.795423554513089e9", 6), Some(1_795_423_554_513_089));
        assert_eq!(all_scaled(b"1.7954235545130897E+09", 6), Some(1_795_423_554_513_089));
        assert_eq!(all_scaled(b"5e-1", 3), Some(500));
        assert_eq!(all_scaled(b"12345678901234567890123e-10", 0), Some(1_234_567_890_123));
        assert_eq!(all_scaled(b"1e-400", 6), Some(0));
        assert_eq!(all_scaled(b"0e999999", 6), Some(0));
    }

    #[test]
    fn invalid_and_too_large_numbers_are_rejected() {
        let texts: [&[u8]; 12] = [
            b"",
            b"-1",
            b"+1",
            b".5",
            b"1.",
            b"1e",
            b"1e+",
            b"NaN",
            b"1e30",
            b"99999999999999999999",
            b"1e9999999",
            b"0x10",
        ];
        for text in texts {
            assert_eq!(all_scaled(text, 6), None, "{}", alloc::string::String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_whole_number_may_have_a_fraction_of_zero() {
        assert_eq!(all_whole(b"200"), Some(200));
        assert_eq!(all_whole(b"200.0"), Some(200));
        assert_eq!(all_whole(b"2e2"), Some(200));
        assert_eq!(all_whole(b"200.5"), None);
        assert_eq!(all_whole(b"2.5e0"), None);
    }
}
