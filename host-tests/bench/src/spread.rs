//! Medians and quartiles.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A median and its quartiles.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Spread {
    /// First quartile.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// Third quartile.
    pub high: f64,
}

/// Formats a count for the description of a row.
pub fn count(number: impl Into<u64>) -> String {
    grouped(&number.into().to_string())
}

impl Spread {
    /// Computes the spread of values.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let last = values.len().saturating_sub(1);
        let at = |share: usize| values.get(last * share / 4).copied().unwrap_or(f64::NAN);
        Self { low: at(1), median: at(2), high: at(3) }
    }

    /// Returns the spread of a value that never varies.
    pub fn exact(value: f64) -> Self {
        Self { low: value, median: value, high: value }
    }
}

/// Formats as `119 (117 to 124)`, or as a single number if the value never varies.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, median, high] = [self.low, self.median, self.high].map(short);
        if low == high { write!(f, "{median}") } else { write!(f, "{median} ({low} to {high})") }
    }
}

/// Formats three significant digits; whole numbers in full, in groups of three.
fn short(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 100.0 || value == value.trunc() => 0,
        10.0.. => 1,
        0.1.. => 2,
        0.001.. => 3,
        _ => return format!("{value:.1e}"),
    };
    let text = format!("{value:.decimals$}").replace('-', "−");
    if decimals == 0 { grouped(&text) } else { text }
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('−').map_or(("", digits), |digits| ("−", digits));
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    format!("{sign}{}", groups.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_stands_before_its_quartiles() {
        let spread = Spread::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(spread, Spread { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(spread.to_string(), "3 (2 to 4)");
    }

    #[test]
    fn a_number_has_three_digits_that_count_and_a_whole_one_all() {
        let text = |value| Spread::exact(value).to_string();
        assert_eq!(
            ["12 345", "−1 000", "119", "11.9"],
            [12_345.2, -1_000.0, 119.4, 11.94].map(text).as_slice()
        );
        assert_eq!(["1.19", "−0.50", "0", "2.0e-4"], [1.194, -0.5, 0.0, 0.000_2].map(text).as_slice());
    }
}
