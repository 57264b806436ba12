//! Counts: what an exchange adds to the counters.

use nearmiss::{Exchange, FailureReason, Fate, Observed};

/// The counts of one exchange, beside the one of its fate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counts {
    /// The fate.
    pub fate: Fate,
    /// The number of attempts.
    pub attempts: u32,
    /// The reason of a failure.
    pub failed: Option<FailureReason>,
    /// True if the caller disconnected.
    pub is_aborted: bool,
    /// True if its bucket was sealed before.
    pub is_late: bool,
    /// True if Envoy named an upstream and no plausible number of attempts.
    pub is_invalid: bool,
    /// True if its record was suppressed.
    pub is_suppressed: bool,
}

impl Counts {
    /// Returns what an exchange adds.
    pub fn of(observed: &Observed, exchange: &Exchange<'_>) -> Self {
        let (verdict, fate) = (&observed.verdict, observed.verdict.fate);
        Self {
            fate,
            attempts: observed.attempts.unwrap_or(1),
            failed: (fate == Fate::Failed).then(|| FailureReason::of(exchange)),
            is_aborted: verdict.is_aborted(),
            is_late: verdict.late,
            is_invalid: exchange.attempts.is_none() && !exchange.upstream.is_empty(),
            is_suppressed: fate != Fate::Clean && !observed.recorded,
        }
    }
}
