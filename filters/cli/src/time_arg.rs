//! Points in time as command-line arguments.

use core::str::FromStr;
use nearmiss::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time, given as a date or as a span before now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TimeArg(pub(crate) Timestamp);

impl FromStr for TimeArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "it takes a date (2026-11-23, 2026-11-23T08:00:00Z), Unix seconds, or a span before now (30m, 2h, 7d)";
        let seconds = |number: &str, unit: u64| number.parse::<u64>().ok()?.checked_mul(unit);
        let span = match text.split_at_checked(text.len().saturating_sub(1)) {
            Some((number, "s")) => seconds(number, 1),
            Some((number, "m")) => seconds(number, 60),
            Some((number, "h")) => seconds(number, 3_600),
            Some((number, "d")) => seconds(number, 86_400),
            _ => None,
        };
        if let Some(span) = span {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
            return Ok(Self(Timestamp::from_seconds(now.saturating_sub(span))));
        }
        let day = format!("{text}T00:00:00Z");
        let whole = nearmiss_formats::timestamp(text.as_bytes());
        whole.or_else(|| nearmiss_formats::timestamp(day.as_bytes())).map(Self).ok_or(EXPECTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_spans_are_parsed() {
        let at = |text: &str| text.parse::<TimeArg>().map(|time_arg| time_arg.0.seconds());
        assert_eq!(at("2026-11-23"), Ok(1_795_392_000));
        assert_eq!(at("2026-11-23T00:00:00+01:00"), Ok(1_795_388_400));
        assert_eq!(at("1795392000"), Ok(1_795_392_000));
        assert!(at("2h").unwrap() + 7_200 <= at("0s").unwrap() + 1);
        assert!(at("yesterday").is_err() && at("").is_err() && at("é").is_err());
    }
}
