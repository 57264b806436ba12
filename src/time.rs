//! Dates and times of day in UTC: the strict parser of RFC 3339 as records and configurations write it, and its parts, from
//! which the formats of logs build other notations.

use crate::units::{Micros, Timestamp};

/// Parses a day such as `2026-11-23`, or a time such as `2026-11-23T08:45:54.513Z`; digits below the microsecond are cut.
pub fn parse(text: &str) -> Option<Timestamp> {
    let (days, rest) = date(text.as_bytes())?;
    let [b'T', rest @ ..] = rest else {
        return rest.is_empty().then(|| Timestamp::from_seconds(days * DAY));
    };
    let (minute, rest) = minute(days, rest)?;
    let (second, rest) = second(rest)?;
    let (micros, rest) = match rest {
        [b'.', rest @ ..] => fraction(rest)?,
        _ => (0, rest),
    };
    (rest == b"Z").then(|| Timestamp::from_seconds(minute + second).after(Micros::new(micros)))
}

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Parses `YYYY-MM-DD`; returns the days since 1970-01-01 and the text after it.
pub fn date(text: &[u8]) -> Option<(u64, &[u8])> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, rest @ ..] = text else { return None };
    let year = two_digits(*y1, *y2)? * 100 + two_digits(*y3, *y4)?;
    Some((days_from_civil(year, two_digits(*m1, *m2)?, two_digits(*d1, *d2)?)?, rest))
}

/// Parses `HH:MM:` on the day `days` after 1970-01-01; returns the seconds since then and the text after it.
pub fn minute(days: u64, text: &[u8]) -> Option<(u64, &[u8])> {
    let [h1, h2, b':', m1, m2, b':', rest @ ..] = text else { return None };
    let (hour, minute) = (two_digits(*h1, *h2)?, two_digits(*m1, *m2)?);
    (hour <= 23 && minute <= 59).then_some((days * DAY + hour * 3_600 + minute * 60, rest))
}

/// Parses `SS`, which is 60 in a leap second; returns it and the text after it.
pub fn second(text: &[u8]) -> Option<(u64, &[u8])> {
    let [s1, s2, rest @ ..] = text else { return None };
    two_digits(*s1, *s2).filter(|second| *second <= 60).map(|second| (second, rest))
}

/// Parses the digits after the decimal point of a second; returns them in microseconds, truncated, and the text after them.
pub fn fraction(text: &[u8]) -> Option<(u64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length).filter(|_| length > 0)?;
    let padded = digits.iter().chain(b"000000").take(6);
    Some((padded.fold(0, |micros, digit| micros * 10 + u64::from(digit - b'0')), rest))
}

/// Returns the number that two digits write.
pub fn two_digits(tens: u8, ones: u8) -> Option<u64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u64::from(tens) * 10 + u64::from(ones))
}

/// Returns the days since 1970-01-01; `None` for dates that do not exist, and those before (Howard Hinnant, `days_from_civil`).
pub fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1970..=9999).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)
}

/// Returns year, month and day of a number of days since 1970-01-01 (Howard Hinnant, `civil_from_days`).
pub fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read() {
        let micros = |text| parse(text).map(|ts| ts.micros());
        assert_eq!(micros("1970-01-01"), Some(0));
        assert_eq!(micros("2024-02-29"), Some(1_709_164_800_000_000));
        assert_eq!(micros("2026-11-23T08:45:54.513Z"), Some(1_795_423_554_513_000));
        assert_eq!(micros("2026-11-23T08:45:54.5130897Z"), Some(1_795_423_554_513_089), "cut, not rounded");
        assert_eq!(micros("2026-11-23T08:45:54Z"), Some(1_795_423_554_000_000));
        for text in [
            "",
            "2026",
            "2026-13-01",
            "26-11-23",
            "2026-11-23T08",
            "2026-11-23 08:45:54",
            "2026-11-23T08:45:54.Z",
            "2026-11-23T08:45:54.-1Z",
            "2026-11-23T08:45:54.5",
            "2026-11-23T08:45:54",
            "2026-11-23T99:99:99Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T08:60:00Z",
            "2026-11-23T08:45:61Z",
            "2026-11-23T08x45y54Z",
            "2026-11-23T08:45:54ZZ",
            "2026-00-01",
            "2026-02-29",
            "2026-02-31",
            "2026-04-31",
            "2026-11-00",
            "2100-02-29",
            "1969-12-31",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_of_500_years_round_trips() {
        let mut expected = 0;
        for year in 1970..2470 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let Some(days) = days_from_civil(year, month, day) else { continue };
                    assert_eq!((days, civil(days)), (expected, (year, month, day)));
                    expected += 1;
                }
            }
        }
        assert_eq!(days_from_civil(2470, 1, 1), Some(expected), "no day is missing");
    }
}
