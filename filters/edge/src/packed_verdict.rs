//! A verdict packed into one number, which is zero for a clean exchange without a known limit.
//!
//! ```text
//! bits 0–3    fate, weakest first
//! bit  4      records are waiting
//! bit  5      the exchange was invalid and not counted
//! bit  6      the client disconnected
//! bits 8–22   margin in basis points plus one, zero if no limit is known
//! bits 23–26  reason of a failed exchange, in the order of `FailureReason::ALL`; zero otherwise
//! ```

use nearmiss::{Exchange, FailureReason, Fate, Signals, Verdict};

/// At least one record is waiting.
pub(crate) const HAS_RECORDS: u32 = 1 << 4;
/// A number is invalid or the upstream is unknown.
pub(crate) const INVALID: u32 = 1 << 5;
const ABORTED: u32 = 1 << 6;
const MARGIN_SHIFT: u32 = 8;
const REASON_SHIFT: u32 = 23;

/// Packs the verdict on an exchange with the reason why it failed.
pub(crate) fn pack_with_reason(verdict: &Verdict, exchange: &Exchange<'_>) -> u32 {
    let is_failed = verdict.fate == Fate::Failed;
    let reason = if is_failed { FailureReason::of(exchange) as u32 } else { 0 };
    pack(verdict) | reason << REASON_SHIFT
}

/// Packs a verdict.
pub(crate) fn pack(verdict: &Verdict) -> u32 {
    let margin = verdict.margin_bp().map_or(0, |margin| u32::from(margin) + 1);
    let aborted = if verdict.signals.any(Signals::ABORTED) { ABORTED } else { 0 };
    verdict.fate as u32 | aborted | margin << MARGIN_SHIFT
}
