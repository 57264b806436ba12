//! Numbers for people: with a unit, and rounded to the digits that matter.

use core::fmt;

/// Narrow no-break space: keeps a number and its unit on one line.
const NARROW: char = '\u{202f}';

/// A count in groups of three digits: `12 345`.
pub(crate) struct GroupedCount(pub(crate) u64);

impl fmt::Display for GroupedCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(NARROW);
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// Basis points as percent with two decimals: `97.31 %`; `–` if unknown.
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
            _ => write!(f, "{}", Seconds((ms / 1_000.0) as u64)),
        }
    }
}

/// Formats one decimal, unless it is zero.
fn tenths(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Seconds in at most two units: `40 s`, `3 min`, `2 h 10 min`, `5 days`.
pub(crate) struct Seconds(pub(crate) u64);

impl fmt::Display for Seconds {
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

/// Hundredths as a decimal: `1.07`; `–` if unknown.
pub(crate) struct Hundredths(pub(crate) Option<u64>);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => f.pad(&format!("{}.{:02}", number / 100, number % 100)),
            None => f.pad("–"),
        }
    }
}

/// Returns the plural `s` unless `count` is one.
pub(crate) fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_few_digits() {
        let with_spaces = |text: String| text.replace(NARROW, " ");
        assert_eq!(with_spaces(GroupedCount(1_234_567).to_string()), "1 234 567");
        assert_eq!(with_spaces(Percent(Some(9_731)).to_string()), "97.31 %");
        assert_eq!(with_spaces(Percent(Some(5)).to_string()), "0.05 %");
        assert_eq!(Percent(None).to_string(), "–");
        let ms = |ms: f64| with_spaces(Millis(ms).to_string());
        assert_eq!(
            [ms(0.42), ms(8.0), ms(42.46), ms(1_234.0), ms(30_000.0)],
            ["0.4 ms", "8 ms", "42 ms", "1.2 s", "30 s"]
        );
        let span = |seconds: u64| with_spaces(Seconds(seconds).to_string());
        assert_eq!(
            [span(40), span(180), span(7_800), span(86_400)],
            ["40 s", "3 min", "2 h 10 min", "1 day"]
        );
        assert_eq!(Hundredths(Some(107)).to_string(), "1.07");
    }
}
