//! Timestamps and durations as logs write them.

use crate::number;
use nearmiss::units::{Micros, Timestamp};

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
        _ => {
            number::all_scaled(text, 6).filter(|micros| *micros <= MAX_TIMESTAMP).map(Timestamp::from_micros)
        }
    }
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
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', rest @ ..] = text else {
        return None;
    };
    let year = pair(*y1, *y2)? * 100 + pair(*y3, *y4)?;
    minute_of(days(year, pair(*m1, *m2)?, pair(*d1, *d2)?)?, rest)
}

/// Parses the same in the common log format.
fn minute_of_common(text: &[u8]) -> Option<(u64, &[u8])> {
    let [d1, d2, b'/', month @ ..] = text else { return None };
    let (month, rest) = month.split_at_checked(3)?;
    let [b'/', y1, y2, y3, y4, b':', rest @ ..] = rest else { return None };
    let year = pair(*y1, *y2)? * 100 + pair(*y3, *y4)?;
    minute_of(days(year, month_named(month)?, pair(*d1, *d2)?)?, rest)
}

/// Parses a duration in seconds, such as `0.684`.
pub(crate) fn seconds(text: &[u8]) -> Option<Micros> {
    number::all_scaled(text, 6).filter(|micros| *micros <= MAX_DURATION).map(Micros::new)
}

/// Parses a duration in milliseconds.
pub(crate) fn millis(text: &[u8]) -> Option<Micros> {
    number::all_scaled(text, 3).filter(|micros| *micros <= MAX_DURATION).map(Micros::new)
}

/// Parses `HH:MM:` on the day `days` after the epoch.
fn minute_of(days: u64, text: &[u8]) -> Option<(u64, &[u8])> {
    let [h1, h2, b':', m1, m2, b':', rest @ ..] = text else { return None };
    let (hour, minute) = (pair(*h1, *h2)?, pair(*m1, *m2)?);
    (hour <= 23 && minute <= 59).then_some((days * 86_400 + hour * 3_600 + minute * 60, rest))
}

/// Parses seconds, a fraction and a zone; `minute` is in seconds since the epoch.
fn within_minute(minute: u64, text: &[u8]) -> Option<Timestamp> {
    if let [_, _, b'.', .., b'Z'] = text
        && let Some(micros) = text.split_last().and_then(|(_, seconds)| number::short(seconds, 6))
    {
        return (micros < 61_000_000).then(|| Timestamp::from_micros(minute * 1_000_000 + micros));
    }
    let [s1, s2, rest @ ..] = text else { return None };
    let second = pair(*s1, *s2)?;
    if second > 60 {
        return None;
    }
    let seconds = minute + second;
    let (micros, rest) = match rest {
        [b'.' | b',', fraction @ ..] => {
            let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let digits = fraction.get(..length.min(6))?;
            let value = number::all_whole(digits)?;
            (value * number::power_of_ten(6 - digits.len() as u32)?, fraction.get(length..)?)
        }
        _ => (0, rest),
    };
    let local = seconds * 1_000_000 + micros;
    let micros = match rest {
        [] | [b'Z' | b'z'] => local,
        [b' ', zone @ ..] | zone => {
            let (sign, hours, minutes) = match zone {
                [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => {
                    (sign, pair(*h1, *h2)?, pair(*m1, *m2)?)
                }
                _ => return None,
            };
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

/// Returns the number of days since 1970-01-01; `None` for dates that do not exist, and those before.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let before = *BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    let past = year - 1;
    let leap_days = past / 4 - past / 100 + past / 400 - 477;
    Some((year - 1970) * 365 + leap_days + before + u64::from(leap && month > 2) + day - 1)
}

fn month_named(name: &[u8]) -> Option<u64> {
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

fn pair(tens: u8, ones: u8) -> Option<u64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u64::from(tens) * 10 + u64::from(ones))
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
            "1795423670310",
            "1970-01-01T00:00:00+01:00",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }
}
