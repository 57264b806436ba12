//! The past that an exchange is compared with.

use crate::units::Micros;

/// The past that an exchange is compared with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Past {
    /// Durations of the recent past.
    pub(crate) baseline: Option<LatencyBaseline>,
    /// True if the bucket of the exchange was sealed already.
    pub(crate) late: bool,
}

/// Durations of the recent past: `median`, and the `limit` above which an exchange is slow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LatencyBaseline {
    /// Longest duration that is not slow.
    pub(crate) limit: Micros,
    /// Median duration.
    pub(crate) median: Micros,
}
