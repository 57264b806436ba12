//! Timestamps and durations as logs write them.

use crate::number;
use nearmiss::time::{date, days_from_civil, fraction, minute, second, two_digits};
use nearmiss::{Micros, Timestamp};

/// Maximum duration that is accepted, in microseconds: 31 years.
pub(crate) const MAX_DURATION: u64 = 1_000_000_000_000_000;
/// Maximum timestamp that is accepted, in microseconds: the end of the year 9999.
pub(crate) const MAX_TIMESTAMP: u64 = 253_402_300_799_999_999;

/// The accepted timestamps, for error messages.
pub(crate) const TAKES: &str = "a date with a time, or Unix seconds";

/// Parses a timestamp: Unix seconds, RFC 3339, or the `23/Nov/2026:08:00:00 +0000` of web servers. Without a zone, the
/// time is UTC.
pub fn parse(text: &[u8]) -> Option<Timestamp> {
    match text {
        [_, _, b'/', ..] => common(text),
        [_, _, _, _, b'-', ..] => rfc3339(text),
        [_, _, _, _, b'/', ..] => with_hyphens(text),
        _ => epoch(text),
    }
}

/// Parses a number of seconds since the epoch; of milli-, micro- or nanoseconds if it is too large for seconds.
fn epoch(text: &[u8]) -> Option<Timestamp> {
    /// Year 5138 in microseconds.
    const MAX_SECONDS: u64 = 100_000_000_000_000_000;
    let scaled = |shift| number::all_scaled(text, shift).filter(|micros| *micros <= MAX_SECONDS);
    let micros = scaled(6).or_else(|| scaled(3)).or_else(|| scaled(0));
    let micros = micros.or_else(|| number::all_scaled(text, 0).map(|nanos| nanos / 1_000));
    micros.filter(|micros| *micros <= MAX_TIMESTAMP).map(Timestamp::from_micros)
}

/// Parses a date that is written with slashes, such as `2026/11/23 08:00:00`.
fn with_hyphens(text: &[u8]) -> Option<Timestamp> {
    let mut copy = [0; 40];
    let copy = copy.get_mut(..text.len())?;
    copy.copy_from_slice(text);
    copy.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'-');
    rfc3339(copy)
}

/// Parses an RFC 3339 timestamp, such as `2026-11-23T08:47:50.310Z`. Without a zone, the time is UTC.
pub(crate) fn rfc3339(text: &[u8]) -> Option<Timestamp> {
    minute_of_rfc3339(text).and_then(|(minute, rest)| within_minute(minute, rest))
}

/// Parses a timestamp of the common log format, such as `23/Nov/2026:08:00:00 +0000`. HAProxy's has milliseconds, and no
/// zone: the time is UTC.
pub(crate) fn common(text: &[u8]) -> Option<Timestamp> {
    minute_of_common(text).and_then(|(minute, rest)| within_minute(minute, rest))
}

/// Parses timestamps, most of which are in the same minute as the previous one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeParser {
    /// The text of the minute, including the colon after it.
    text: [u8; Self::MAX_LEN],
    len: usize,
    minute: u64,
}

impl TimeParser {
    /// Maximum length of a minute that is kept: that of `23/Nov/2026:08:00:`.
    const MAX_LEN: usize = 18;

    /// Parses a timestamp, like [`parse`].
    pub(crate) fn parse(&mut self, text: &[u8]) -> Option<Timestamp> {
        if self.len > 0
            && let Some((minute, rest)) = text.split_at_checked(self.len)
            && self.text.get(..self.len) == Some(minute)
        {
            return within_minute(self.minute, rest);
        }
        self.parse_other(text)
    }

    #[cold]
    fn parse_other(&mut self, text: &[u8]) -> Option<Timestamp> {
        let minute = match text {
            [_, _, b'/', ..] => minute_of_common(text),
            [_, _, _, _, b'-', ..] => minute_of_rfc3339(text),
            _ => None,
        };
        let Some((minute, rest)) = minute else { return parse(text) };
        self.len = 0;
        let minute_text = text.get(..text.len() - rest.len()).unwrap_or_default();
        if let Some(kept) = self.text.get_mut(..minute_text.len()) {
            kept.copy_from_slice(minute_text);
            (self.len, self.minute) = (minute_text.len(), minute);
        }
        within_minute(minute, rest)
    }
}

/// Parses the minute, in seconds since the epoch; returns the text after it.
fn minute_of_rfc3339(text: &[u8]) -> Option<(u64, &[u8])> {
    let (days, [b'T' | b't' | b' ', rest @ ..]) = date(text)? else { return None };
    minute(days, rest)
}

/// Parses the same in the common log format.
fn minute_of_common(text: &[u8]) -> Option<(u64, &[u8])> {
    let [d1, d2, b'/', month @ ..] = text else { return None };
    let (month, rest) = month.split_at_checked(3)?;
    let [b'/', y1, y2, y3, y4, b':', rest @ ..] = rest else { return None };
    let year = two_digits(*y1, *y2)? * 100 + two_digits(*y3, *y4)?;
    minute(days_from_civil(year, month_named(month)?, two_digits(*d1, *d2)?)?, rest)
}

/// Returns true for the zone of a time in the common log format, such as `+0100`.
pub(crate) fn is_zone(text: &[u8]) -> bool {
    matches!(text, [b'+' | b'-', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit))
}

/// Parses a duration in seconds, such as `0.684`.
pub(crate) fn seconds(text: &[u8]) -> Option<Micros> {
    number::all_scaled(text, 6).filter(|micros| *micros <= MAX_DURATION).map(Micros::new)
}

/// Parses a duration in milliseconds.
pub(crate) fn millis(text: &[u8]) -> Option<Micros> {
    number::all_scaled(text, 3).filter(|micros| *micros <= MAX_DURATION).map(Micros::new)
}

/// Parses seconds, a fraction and a zone; `minute` is in seconds since the epoch.
fn within_minute(minute: u64, text: &[u8]) -> Option<Timestamp> {
    if let [_, _, b'.', .., b'Z'] = text
        && let Some(micros) = text.split_last().and_then(|(_, seconds)| number::short(seconds, 6))
    {
        return (micros < 61_000_000).then(|| Timestamp::from_micros(minute * 1_000_000 + micros));
    }
    let (second, rest) = second(text)?;
    let (micros, rest) = match rest {
        [b'.' | b',', rest @ ..] => fraction(rest)?,
        _ => (0, rest),
    };
    let local = (minute + second) * 1_000_000 + micros;
    let micros = match rest {
        [] | [b'Z' | b'z'] => local,
        [b' ', zone @ ..] | zone => {
            let (sign, hours, minutes) = match zone {
                [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => {
                    (sign, two_digits(*h1, *h2)?, two_digits(*m1, *m2)?)
                }
                _ => return None,
            };
            if hours > 23 || minutes > 59 {
                return None;
            }
            let shift = (hours * 60 + minutes) * 60_000_000;
            match sign {
                b'+' => local.checked_sub(shift)?,
                b'-' => local + shift,
                _ => return None,
            }
        }
    };
    Some(Timestamp::from_micros(micros))
}

pub(crate) fn month_named(name: &[u8]) -> Option<u64> {
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<u64> {
        parse(text.as_bytes()).map(Timestamp::micros)
    }

    #[test]
    fn every_notation_gives_the_same_timestamp() {
        for text in [
            "2026-11-23T08:47:50.310Z",
            "2026-11-23T09:47:50.310+01:00",
            "2026-11-23 08:47:50.310",
            "1795423670.310",
            "23/Nov/2026:08:47:50.310",
            "23/Nov/2026:03:17:50.310 -0530",
            "1.79542367031e9",
            "1795423670310",
            "1795423670310000",
            "1795423670310000000",
            "2026/11/23 08:47:50.310",
            "2026-11-23T08:47:50,310Z",
        ] {
            assert_eq!(micros(text), Some(1_795_423_670_310_000), "{text}");
        }
        assert_eq!(micros("2026-11-23T08:47:50.3101239Z"), Some(1_795_423_670_310_123));
    }

    #[test]
    fn leap_years_are_counted() {
        assert_eq!(micros("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(micros("2000-02-29T00:00:00Z"), Some(951_782_400_000_000));
        assert_eq!(micros("2024-03-01T00:00:00Z"), Some(1_709_251_200_000_000));
        assert_eq!(micros("2100-03-01T00:00:00Z"), Some(4_107_542_400_000_000));
        assert_eq!(micros("2023-02-29T00:00:00Z"), None);
    }

    #[test]
    fn invalid_timestamps_are_rejected() {
        for text in [
            "",
            "-",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-01",
            "2026-01-01T24:00:00Z",
            "23/Now/2026:08:00:00",
            "1969-12-31T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+1",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00-00:60",
            "2026-01-01T00:00:61Z",
            "2026-02-31T00:00:00Z",
            "31/Apr/2026:08:00:00",
            "1970-01-01T00:00:00+01:00",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
