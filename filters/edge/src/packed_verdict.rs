//! A verdict packed into one number, which is zero for a clean exchange without a known limit.
//!
//! ```text
//! bits 0–3    fate, weakest first
//! bit  4      records are waiting
//! bit  5      the exchange was invalid and not counted
//! bit  6      the client disconnected
//! bits 8–22   margin in basis points plus one, zero if no limit is known
//! ```

use nearmiss::{Signals, Verdict};

/// At least one record is waiting.
pub(crate) const HAS_RECORDS: u32 = 1 << 4;
/// A number is invalid or the upstream is unknown.
pub(crate) const INVALID: u32 = 1 << 5;
const ABORTED: u32 = 1 << 6;
const MARGIN_SHIFT: u32 = 8;

/// Packs a verdict.
pub(crate) fn pack(verdict: &Verdict) -> u32 {
    let margin = verdict.margin_bp().map_or(0, |margin| u32::from(margin) + 1);
    let aborted = if verdict.signals.any(Signals::ABORTED) { ABORTED } else { 0 };
    verdict.fate as u32 | aborted | margin << MARGIN_SHIFT
}
