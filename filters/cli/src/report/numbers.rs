//! Numbers for people: a unit behind each, and no more digits than tell something.

use core::fmt;

/// Keeps a number and its unit in one line.
const NARROW: char = '\u{202f}';

/// A count in groups of three digits: `12 345`.
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(NARROW);
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// Basis points as percent with both decimals: `97.31 %`; `–` where nothing is known.
pub(crate) struct Percent(pub(crate) Option<u64>);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bp) => f.pad(&format!("{}.{:02}{NARROW}%", bp / 100, bp % 100)),
            None => f.pad("–"),
        }
    }
}

/// Milliseconds, in the unit that fits: `0.4 ms`, `42 ms`, `1.2 s`, `3 min`.
pub(crate) struct Millis(pub(crate) f64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        match ms {
            ..9.95 => write!(f, "{}{NARROW}ms", tenths(ms)),
            ..999.5 => write!(f, "{ms:.0}{NARROW}ms"),
            ..9_950.0 => write!(f, "{}{NARROW}s", tenths(ms / 1_000.0)),
            ..99_950.0 => write!(f, "{:.0}{NARROW}s", ms / 1_000.0),
            _ => write!(f, "{}", Span((ms / 1_000.0) as u64)),
        }
    }
}

/// One decimal, unless it is nought.
fn tenths(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Seconds as people say them: `40 s`, `3 min`, `2 h 10 min`, `5 days`.
pub(crate) struct Span(pub(crate) u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |first: u64, unit: &str, rest: u64, small: &str| {
            if rest == 0 {
                format!("{first}{NARROW}{unit}")
            } else {
                format!("{first}{NARROW}{unit} {rest}{NARROW}{small}")
            }
        };
        let seconds = self.0;
        f.pad(&match seconds {
            0..60 => of(seconds, "s", 0, ""),
            60..3_600 => of(seconds / 60, "min", seconds % 60, "s"),
            3_600..86_400 => of(seconds / 3_600, "h", seconds / 60 % 60, "min"),
            _ => of(
                seconds / 86_400,
                if seconds < 2 * 86_400 { "day" } else { "days" },
                seconds / 3_600 % 24,
                "h",
            ),
        })
    }
}

/// Hundredths: `1.07`.
pub(crate) struct Hundredths(pub(crate) Option<u64>);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => f.pad(&format!("{}.{:02}", number / 100, number % 100)),
            None => f.pad("–"),
        }
    }
}

/// `s` unless there is exactly one.
pub(crate) fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let plain = |text: String| text.replace(NARROW, " ");
        assert_eq!(plain(Count(1_234_567).to_string()), "1 234 567");
        assert_eq!(plain(Percent(Some(9_731)).to_string()), "97.31 %");
        assert_eq!(plain(Percent(Some(5)).to_string()), "0.05 %");
        assert_eq!(Percent(None).to_string(), "–");
        let ms = |ms: f64| plain(Millis(ms).to_string());
        assert_eq!(
            [ms(0.42), ms(8.0), ms(42.46), ms(1_234.0), ms(30_000.0)],
            ["0.4 ms", "8 ms", "42 ms", "1.2 s", "30 s"]
        );
        let span = |seconds: u64| plain(Span(seconds).to_string());
        assert_eq!(
            [span(40), span(180), span(7_800), span(86_400)],
            ["40 s", "3 min", "2 h 10 min", "1 day"]
        );
        assert_eq!(Hundredths(Some(107)).to_string(), "1.07");
    }
}
