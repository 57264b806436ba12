//! References given back after a restart, or accepted anew.

use super::ConfigError;
use super::field::Field;
use crate::units::{Micros, Timestamp, Used};

/// What an upstream's days are compared with; as its summaries carry it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReferenceConfig {
    /// When its day began, or when it was accepted.
    pub since: Timestamp,
    /// Its share of near misses.
    pub near_misses: Used,
    /// Its typical duration.
    pub typical: Micros,
    /// When it stops to hold and a new one is taken.
    pub expires: Option<Timestamp>,
}

const DAY: &str = "a day or a time such as \"2026-11-23\" or \"2026-11-23T08:00:00.000Z\"";

impl ReferenceConfig {
    pub(super) fn read(section: &Field<'_>) -> Result<Self, ConfigError> {
        let (mut since, mut near_misses, mut typical, mut expires, mut reason) =
            (None, None, None, None, false);
        section.each(|key, field| {
            match key {
                "since" => since = Some(time(field)?),
                "near_miss_bp" => {
                    let share = field.number(0..=10_000, "0 to 10000")?;
                    near_misses = Used::from_basis_points(share as u16);
                }
                "typical_ms" => typical = Some(field.millis("milliseconds such as 42.1")?),
                "reason" => reason = !field.text()?.is_empty(),
                "expires" => expires = Some(time(field)?),
                _ => return Err(field.unknown("since, near_miss_bp, typical_ms, reason, expires")),
            }
            Ok(())
        })?;
        let whole = "since, near_miss_bp and typical_ms";
        if reason && expires.is_none() {
            return Err(section.error("an acceptance with a reason and with a day in `expires`"));
        }
        Ok(Self {
            since: since.ok_or_else(|| section.error(whole))?,
            near_misses: near_misses.ok_or_else(|| section.error(whole))?,
            typical: typical.ok_or_else(|| section.error(whole))?,
            expires,
        })
    }
}

/// A day, or a time in UTC, to the second.
fn time(field: &Field<'_>) -> Result<Timestamp, ConfigError> {
    seconds(field.any_text(DAY)?).map(Timestamp::from_seconds).ok_or_else(|| field.error(DAY))
}

fn seconds(text: &str) -> Option<u64> {
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
    let of_day = match text.get(10..)? {
        "" => 0,
        rest if rest.starts_with('T') && rest.ends_with('Z') => {
            number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?
        }
        _ => return None,
    };
    Some(days * 86_400 + of_day)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn days_and_times_are_read() {
        assert_eq!(seconds("1970-01-01"), Some(0));
        assert_eq!(seconds("2024-02-29"), Some(1_709_164_800));
        assert_eq!(seconds("2026-11-23T08:45:54.513Z"), Some(1_795_423_554));
        for text in [
            "",
            "2026",
            "2026-13-01",
            "26-11-23",
            "2026-11-23T08",
            "2026-11-23 08:45:54",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
