//! Reads times as records and configurations write them: RFC 3339 in UTC.

use crate::units::{Micros, Timestamp};

/// Parses a day such as `2026-11-23`, or a time such as `2026-11-23T08:45:54.513Z`; digits below the microsecond are cut.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || text.get(4..5)? != "-" || text.get(7..8)? != "-" {
        return None;
    }
    // Howard Hinnant, `days_from_civil`.
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)?;
    let (seconds, micros) = match text.get(10..)? {
        "" => (0, 0),
        rest if rest.starts_with('T') && rest.ends_with('Z') => {
            (number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?, fraction(text.get(19..)?)?)
        }
        _ => return None,
    };
    Some(Timestamp::from_seconds(days * 86_400 + seconds).after(Micros::new(micros)))
}

/// Parses the microseconds in `.513Z`.
fn fraction(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('Z')?;
    let Some(digits) = digits.strip_prefix('.') else { return digits.is_empty().then_some(0) };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(
        digits
            .bytes()
            .chain(*b"000000")
            .take(6)
            .fold(0, |micros, digit| micros * 10 + u64::from(digit - b'0')),
    )
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
    use super::parse;

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
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
