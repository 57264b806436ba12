//! Compares the last day with the frozen reference.

use super::upstream::UpstreamReport;

/// One upstream's last day beside its reference.
pub(crate) struct ReferenceComparison<'a> {
    pub(crate) index: usize,
    pub(crate) upstream: &'a UpstreamReport,
    /// Start of the reference, in milliseconds since 1970.
    pub(crate) since: u64,
    pub(crate) near_then: u64,
    pub(crate) near_now: u64,
    pub(crate) typical_then: f64,
    pub(crate) typical_now: f64,
}

/// Result of a comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Drift {
    Unchanged,
    MoreNearMisses,
    Slower,
    Both,
}

impl ReferenceComparison<'_> {
    /// Returns the result. More near misses: over twice the reference's share, and at least half a percent more.
    /// Slower: over a quarter longer.
    pub(crate) fn drift(&self) -> Drift {
        let more = self.near_now > 2 * self.near_then && self.near_now >= self.near_then + 50;
        let slower = self.typical_now > 1.25 * self.typical_then;
        match (more, slower) {
            (false, false) => Drift::Unchanged,
            (true, false) => Drift::MoreNearMisses,
            (false, true) => Drift::Slower,
            (true, true) => Drift::Both,
        }
    }
}

impl Drift {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::MoreNearMisses => "more near misses",
            Self::Slower => "slower",
            Self::Both => "slower, and more near misses",
        }
    }
}

/// Compares every upstream that has a reference and a day after it.
pub(crate) fn compare_to_references(upstreams: &[UpstreamReport]) -> Vec<ReferenceComparison<'_>> {
    upstreams.iter().enumerate().filter_map(|(index, upstream)| compare(index, upstream)).collect()
}

fn compare(index: usize, upstream: &UpstreamReport) -> Option<ReferenceComparison<'_>> {
    let reference = upstream.reference.as_ref()?;
    Some(ReferenceComparison {
        index,
        upstream,
        since: reference.since.0,
        near_then: reference.near_miss_bp,
        near_now: upstream.last_day.counts.near_miss_share()?,
        typical_then: reference.typical_ms,
        typical_now: upstream.last_day.latency.typical()?,
    })
}
