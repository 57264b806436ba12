//! What a line says.

use nearmiss::exchange::Exchange;
use nearmiss::units::Timestamp;
use nearmiss::verdict::Fate;

/// What a line says.
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
    /// No exchange, and rightly so: a notice of the program, a health check, mirrored traffic. Says which.
    LeftOut(&'static str),
}

/// An exchange that carries its verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PriorVerdict<'a> {
    /// When the response was complete, if the line says so.
    pub ts: Option<Timestamp>,
    /// The upstream, as the line spells it.
    pub upstream: Option<&'a str>,
    /// Its fate.
    pub fate: Fate,
}
