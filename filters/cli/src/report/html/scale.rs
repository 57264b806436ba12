//! Where an axis of success begins, so that what matters fills it.

/// Where axes may begin, in basis points.
const FLOORS: [u64; 7] = [9_990, 9_900, 9_500, 9_000, 7_500, 5_000, 0];

/// The highest beginning that shows `lowest` too.
pub(super) fn floor(lowest: u64) -> u64 {
    FLOORS.into_iter().find(|floor| *floor <= lowest).unwrap_or(0)
}

/// Basis points without needless decimals: `99.9 %`.
pub(super) fn label(bp: u64) -> String {
    let text = format!("{}.{:02}", bp / 100, bp % 100);
    format!("{}\u{202f}%", text.trim_end_matches('0').trim_end_matches('.'))
}
