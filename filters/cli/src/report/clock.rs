//! Times of the day and dates, in UTC, and where an axis has its ticks.

use core::fmt;
use nearmiss::time;

/// Milliseconds since 1970 as `2026-11-23 08:45:54`.
pub(crate) struct Stamp(pub(crate) u64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = time::civil(self.0 / DAY);
        write!(f, "{year:04}-{month:02}-{day:02} {}", TimeOfDay(self.0))
    }
}

/// `08:45:54`, or `08:45` on a full minute.
pub(crate) struct TimeOfDay(pub(crate) u64);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000 % 86_400;
        write!(f, "{:02}:{:02}", seconds / 3_600, seconds / 60 % 60)?;
        if seconds.is_multiple_of(60) { Ok(()) } else { write!(f, ":{:02}", seconds % 60) }
    }
}

/// `23 Nov`.
struct Date(u64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (year, month, day) = time::civil(self.0 / DAY);
        let name = MONTHS.get(month as usize - 1).copied().unwrap_or("");
        write!(f, "{day} {name}")?;
        if month == 1 && day == 1 { write!(f, " {year}") } else { Ok(()) }
    }
}

/// The day of `2026-11-23`.
pub(crate) fn day(millis: u64) -> String {
    Stamp(millis).to_string().chars().take(10).collect()
}

const DAY: u64 = 86_400_000;

/// Steps between ticks that people are used to, in seconds.
const STEPS: [u64; 20] = [
    10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800,
    604_800, 2_419_200, 31_536_000,
];

/// At most `most` ticks between two times, with their labels.
pub(crate) fn ticks(from: u64, to: u64, most: u64) -> Vec<(u64, String)> {
    let fits = |step: &&u64| to.saturating_sub(from) / (**step * 1_000) < most;
    let step = STEPS.iter().find(fits).copied().unwrap_or((to - from) / 1_000 / most.max(1) + 1) * 1_000;
    let first = from.div_ceil(step);
    (first..=to / step)
        .map(|tick| tick * step)
        .map(|at| {
            (
                at,
                if at.is_multiple_of(DAY) && (step >= DAY || at > from) {
                    Date(at).to_string()
                } else {
                    TimeOfDay(at).to_string()
                },
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_and_ticks_are_in_utc() {
        const AT: u64 = 1_795_423_554_513;
        assert_eq!(Stamp(AT).to_string(), "2026-11-23 08:45:54");
        assert_eq!(day(AT), "2026-11-23");
        let labels = |from, to| ticks(from, to, 7).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(
            labels(1_795_392_000_000, 1_795_478_400_000),
            ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00", "24 Nov"]
        );
        assert_eq!(labels(1_795_392_000_000, 1_795_392_020_000), ["00:00", "00:00:10", "00:00:20"]);
        assert!(labels(0, u64::MAX / 1_000).len() <= 8);
    }
}
