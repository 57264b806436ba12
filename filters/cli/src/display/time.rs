//! Dates and times of day, in UTC.

use core::fmt;
use nearmiss::time;

/// Milliseconds since 1970 as `2026-11-23 08:45:54`.
pub(crate) struct DateTime(pub(crate) u64);

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = time::civil(self.0 / DAY_MS);
        write!(f, "{year:04}-{month:02}-{day:02} {}", TimeOfDay(self.0))
    }
}

/// Milliseconds since 1970 as a time of day: `08:45:54`, or `08:45` on a full minute.
pub(crate) struct TimeOfDay(pub(crate) u64);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000 % 86_400;
        write!(f, "{:02}:{:02}", seconds / 3_600, seconds / 60 % 60)?;
        if seconds.is_multiple_of(60) { Ok(()) } else { write!(f, ":{:02}", seconds % 60) }
    }
}

/// Milliseconds since 1970 as a date: `23 Nov`, and `1 Jan 2027` on the first day of a year.
pub(crate) struct Date(pub(crate) u64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (year, month, day) = time::civil(self.0 / DAY_MS);
        let name = MONTHS.get(month as usize - 1).copied().unwrap_or("");
        write!(f, "{day} {name}")?;
        if month == 1 && day == 1 { write!(f, " {year}") } else { Ok(()) }
    }
}

/// Formats the date of a time in milliseconds: `2026-11-23`.
pub(crate) fn iso_date(millis: u64) -> String {
    DateTime(millis).to_string().chars().take(10).collect()
}

/// Milliseconds per day.
pub(crate) const DAY_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        const MILLIS: u64 = 1_795_423_554_513;
        assert_eq!(DateTime(MILLIS).to_string(), "2026-11-23 08:45:54");
        assert_eq!(iso_date(MILLIS), "2026-11-23");
    }
}
