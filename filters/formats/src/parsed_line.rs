//! The result of reading one line.

use crate::OtherLine;
use nearmiss::{Exchange, Fate, Timestamp};

/// A line that was read without an error.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly every line is an exchange, and a box for each would cost more"
)]
pub enum ParsedLine<'a> {
    /// An exchange to judge.
    Exchange(Exchange<'a>),
    /// An exchange that another nearmiss has judged already.
    Judged(PriorVerdict<'a>),
    /// Not an exchange: a notice of the program, a health check, or mirrored traffic. Holds which.
    LeftOut(&'static str),
    /// Not a line of the access log: a message of a program that shares the stream. Holds its kind.
    Other(OtherLine),
}

/// The verdict that a line already carries.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PriorVerdict<'a> {
    /// Completion time of the response, if the line has it.
    pub ts: Option<Timestamp>,
    /// The upstream, as the line spells it.
    pub upstream: Option<&'a str>,
    /// The fate in the verdict.
    pub fate: Fate,
}
