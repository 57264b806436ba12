//! Values that a field takes: the words of its errors, and the facts from which a JSON Schema is made.

use crate::json::write::{push_number, push_text};
use crate::units::Micros;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

/// The unit of times: a range from one on excludes only 0, and every time is a multiple of it.
const MICROSECOND: Micros = Micros::new(1);

/// Values that a field takes. `Display` gives the words of an error.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Takes {
    /// Values that meet a condition, which only words describe.
    Condition(&'static str),
    /// A day or a time in UTC.
    DayOrTime,
    /// True or false.
    Flag,
    /// Milliseconds as a number.
    Millis,
    /// The name of a thing, or an object in which the field of this name has it.
    NameOrObject(&'static str),
    /// A whole number.
    Number {
        /// Smallest number.
        min: u32,
        /// Largest number.
        max: u32,
    },
    /// An object.
    Object {
        /// Fields that it must have.
        required: &'static [&'static str],
    },
    /// One of these words.
    OneOf(Vec<&'static str>),
    /// A share, 0 % to 100 %.
    Share,
    /// A text.
    Text {
        /// Smallest number of bytes.
        min: usize,
        /// Largest number of bytes.
        max: usize,
    },
    /// A text of any length, or null.
    TextOrNull,
    /// A list of texts.
    Texts {
        /// True if the list may have an empty text.
        may_be_empty: bool,
    },
    /// A time within a range.
    Time(&'static TimeRange),
}

/// A range of times.
#[derive(Debug, Eq, PartialEq)]
pub struct TimeRange {
    example: Micros,
    min: Micros,
    max: Micros,
    step: Micros,
}

impl TimeRange {
    /// Returns the times in `range`; an error shows the `example`. All are whole milliseconds, except that a range from one
    /// microsecond is shown as all times above 0.
    pub const fn new(example: Micros, range: RangeInclusive<Micros>) -> Self {
        Self { example, min: *range.start(), max: *range.end(), step: MICROSECOND }
    }

    /// Returns the multiples of `step` in this range.
    pub(super) const fn in_multiples_of(self, step: Micros) -> Self {
        Self { step, ..self }
    }

    pub(super) fn contains(&self, time: Micros) -> bool {
        (self.min..=self.max).contains(&time) && time.get().is_multiple_of(self.step.get())
    }

    fn push(&self, out: &mut String) {
        push_text(out, "a time such as \"");
        push_time(out, self.example);
        push_text(out, "\", ");
        if self.min == MICROSECOND {
            push_text(out, "above 0 and at most ");
        } else {
            push_time(out, self.min);
            push_text(out, " to ");
        }
        push_time(out, self.max);
        if self.step > MICROSECOND {
            push_text(out, " in multiples of ");
            push_time(out, self.step);
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.push(&mut out);
        f.write_str(&out)
    }
}

impl Takes {
    /// Appends the words. Formatting them with `write!` takes 270 bytes more of a module.
    fn push(&self, out: &mut String) {
        let end = match self {
            Self::Condition(words) => words,
            Self::DayOrTime => "a day or a time such as \"2026-11-23\" or \"2026-11-23T08:00:00.000Z\"",
            Self::Flag => "true or false",
            Self::Millis => "milliseconds such as 42.1",
            Self::NameOrObject(name) => {
                push_text(out, "the name of a ");
                push_text(out, name);
                push_text(out, ", or an object with a `");
                push_text(out, name);
                "`"
            }
            Self::Number { min, max } => return push_range(out, (*min).into(), (*max).into()),
            Self::Object { required: [] } => "an object",
            Self::Object { required } => return push_list(out, required, "", " and "),
            Self::OneOf(words) => return push_list(out, words, "\"", " or "),
            Self::Share => "a share such as \"10%\", 0% to 100%",
            Self::Text { min, max } => {
                push_text(out, "a text of ");
                push_range(out, *min as u64, *max as u64);
                " bytes"
            }
            Self::TextOrNull => "a text or null",
            Self::Texts { may_be_empty: true } => "a list of texts",
            Self::Texts { may_be_empty: false } => "a list of texts, none of them empty",
            Self::Time(range) => return range.push(out),
        };
        push_text(out, end);
    }
}

fn push_range(out: &mut String, min: u64, max: u64) {
    push_number(out, min);
    push_text(out, " to ");
    push_number(out, max);
}

/// Appends `words`, each between two `quote`s, with `last` before the last one.
fn push_list(out: &mut String, words: &[&str], quote: &str, last: &str) {
    for (index, word) in words.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == words.len() => last,
            _ => ", ",
        };
        push_text(out, separator);
        push_text(out, quote);
        push_text(out, word);
        push_text(out, quote);
    }
}

/// Appends a time in hours or seconds if it is a whole number of them, else in milliseconds.
fn push_time(out: &mut String, time: Micros) {
    let millis = time.get() / 1_000;
    let (number, unit) = match millis {
        1.. if millis.is_multiple_of(3_600_000) => (millis / 3_600_000, "h"),
        _ if millis.is_multiple_of(1_000) => (millis / 1_000, "s"),
        _ => (millis, "ms"),
    };
    push_number(out, number);
    push_text(out, unit);
}
