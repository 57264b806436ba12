//! Points in time as command-line arguments: absolute, or relative to the end of the input.

use core::str::FromStr;
use nearmiss::{Micros, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds per day.
const DAY: u64 = 86_400;

/// A point in time. Times without an offset are in UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TimeArg {
    /// A date, Unix seconds, or a word such as `yesterday`.
    At(Timestamp),
    /// A span before the end of the input, such as `2h`.
    BeforeEnd(Micros),
    /// A time of day, such as `20:00`, as the time since midnight.
    OfDay(Micros),
}

impl TimeArg {
    /// Returns true if the end of the input must be known.
    pub(crate) fn is_relative(self) -> bool {
        !matches!(self, Self::At(_))
    }

    /// Returns the time for an input that ends at `end`; a time of day is the last one before the end.
    pub(crate) fn resolve(self, end: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::BeforeEnd(span) => end.before(span),
            Self::OfDay(since_midnight) => {
                let today = on_day_of(end, since_midnight);
                if today <= end { today } else { today.before(Micros::from_seconds(DAY)) }
            }
        }
    }

    /// Returns the time for an input that ends at `end`; a time of day is the first one after `start`.
    pub(crate) fn resolve_after(self, start: Timestamp, end: Timestamp) -> Timestamp {
        let Self::OfDay(since_midnight) = self else { return self.resolve(end) };
        let same_day = on_day_of(start, since_midnight);
        if same_day > start { same_day } else { same_day.after(Micros::from_seconds(DAY)) }
    }
}

impl FromStr for TimeArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "it takes a date (2026-11-23, `2026-11-23 20:00`), a time of day (20:00), `today`, `yesterday`, `now`, a span before \
                                the end of the input (30m, 2h, 7d), or Unix seconds; in UTC, unless an offset follows";
        let text = text.trim();
        if let Ok(span) = humantime::parse_duration(text.strip_suffix("ago").unwrap_or(text)) {
            return Ok(Self::BeforeEnd(Micros::from_millis(
                u64::try_from(span.as_millis()).unwrap_or(u64::MAX / 1_000),
            )));
        }
        if let Some(time) = on_date("1970-01-01", text).filter(|_| text.contains(':')) {
            return Ok(Self::OfDay(Micros::new(time.micros())));
        }
        let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
        let at = match day {
            "now" => Some(now()),
            "today" => on_date(&date_of(now().seconds()), time),
            "yesterday" => on_date(&date_of(now().seconds().saturating_sub(DAY)), time),
            day => on_date(day, time),
        };
        at.or_else(|| nearmiss_formats::timestamp(text.as_bytes())).map(Self::At).ok_or(EXPECTED)
    }
}

/// Returns the current time.
pub(crate) fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}

/// Parses `time`, `20:00` or longer, on a date.
fn on_date(date: &str, time: &str) -> Option<Timestamp> {
    let time = if time.bytes().filter(|byte| *byte == b':').count() == 1 && time.len() == 5 {
        format!("{time}:00")
    } else {
        time.into()
    };
    nearmiss_formats::timestamp(format!("{date}T{time}").as_bytes())
}

/// Formats the date of a time in Unix seconds.
fn date_of(seconds: u64) -> String {
    crate::display::time::iso_date(seconds * 1_000)
}

/// Returns a time of day on the day of `at`.
fn on_day_of(at: Timestamp, since_midnight: Micros) -> Timestamp {
    Timestamp::from_seconds(at.seconds() / DAY * DAY).after(since_midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 00:00:00 UTC, a Monday.
    const MIDNIGHT: u64 = 1_795_392_000;

    fn at(text: &str) -> Option<u64> {
        // The input ends on Monday at 08:00.
        let end = Timestamp::from_seconds(MIDNIGHT + 8 * 3_600);
        text.parse::<TimeArg>().ok().map(|time_arg| time_arg.resolve(end).seconds())
    }

    #[test]
    fn dates_times_of_day_and_spans_before_the_end_are_parsed() {
        assert_eq!(at("2026-11-23"), Some(MIDNIGHT));
        assert_eq!(at("2026-11-23T00:00:00+01:00"), Some(MIDNIGHT - 3_600));
        assert_eq!(at("2026-11-23 20:00"), Some(MIDNIGHT + 20 * 3_600));
        assert_eq!(at("2026-11-23T20:00:05Z"), Some(MIDNIGHT + 20 * 3_600 + 5));
        assert_eq!(at("1795392000"), Some(MIDNIGHT));
        assert_eq!(at("2h"), Some(MIDNIGHT + 6 * 3_600));
        assert_eq!(at("1h 30m ago"), Some(MIDNIGHT + 6 * 3_600 + 1_800));
        assert_eq!(at("07:30"), Some(MIDNIGHT + 7 * 3_600 + 1_800));
        assert_eq!(at("20:00:10"), Some(MIDNIGHT - 4 * 3_600 + 10), "the evening before");
        assert_eq!(at("yesterday").map(|seconds| seconds + DAY), at("today"));
        assert_eq!(at("yesterday 20:00").map(|seconds| seconds % DAY), Some(20 * 3_600));
        for wrong in ["", "é", "tomorrow", "25:00", "2026-13-01", "20", "h", "2026-11-23 x"] {
            assert_eq!(at(wrong), (wrong == "20").then_some(20), "{wrong}");
        }
    }

    #[test]
    fn the_end_of_a_range_follows_its_start() {
        let end = Timestamp::from_seconds(MIDNIGHT + 8 * 3_600);
        let until = |text: &str, start: u64| {
            text.parse::<TimeArg>().unwrap().resolve_after(Timestamp::from_seconds(start), end).seconds()
        };
        assert_eq!(until("20:30", MIDNIGHT - 4 * 3_600), MIDNIGHT - 3 * 3_600 - 1_800);
        assert_eq!(until("00:10", MIDNIGHT - 600), MIDNIGHT + 600);
        assert_eq!(until("1h", MIDNIGHT), MIDNIGHT + 7 * 3_600);
    }
}
