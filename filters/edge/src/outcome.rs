//! What is to be said of an exchange, in one number: zero where there is nothing.
//!
//! ```text
//! bits 0–3    the fate, weakest first
//! bit  4      records wait
//! bit  5      it made no sense and was not counted
//! bit  6      the client went away
//! bits 8–22   the margin in basis points plus one, zero if no limit is known
//! ```

use nearmiss::Verdict;

/// Some record waits to be fetched.
pub(crate) const HAS_RECORDS: u32 = 1 << 4;
/// A number was none, or the upstream is not known.
pub(crate) const INVALID: u32 = 1 << 5;
const ABORTED: u32 = 1 << 6;
const MARGIN: u32 = 8;

/// The outcome of a judged exchange.
pub(crate) fn of(verdict: &Verdict) -> u32 {
    let margin = verdict.margin_bp().map_or(0, |margin| u32::from(margin) + 1);
    let aborted = if verdict.is_aborted() { ABORTED } else { 0 };
    verdict.fate as u32 | aborted | margin << MARGIN
}
