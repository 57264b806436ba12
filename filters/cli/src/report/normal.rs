//! What has become normal: the last day against the frozen reference.

use super::story::near_share;
use super::upstream::Upstream;

/// One upstream's last day beside its reference.
pub(crate) struct Compared<'a> {
    pub(crate) place: usize,
    pub(crate) upstream: &'a Upstream,
    /// When the reference began, in milliseconds since 1970.
    pub(crate) since: u64,
    pub(crate) near_then: u64,
    pub(crate) near_now: u64,
    pub(crate) typical_then: f64,
    pub(crate) typical_now: f64,
}

/// What the comparison says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Drift {
    AsEver,
    MoreNearMisses,
    Slower,
    Both,
}

impl Compared<'_> {
    /// What changed: twice the near misses and half a percent more, or a quarter longer.
    pub(crate) fn drift(&self) -> Drift {
        let more = self.near_now > 2 * self.near_then && self.near_now >= self.near_then + 50;
        let slower = self.typical_now > 1.25 * self.typical_then;
        match (more, slower) {
            (false, false) => Drift::AsEver,
            (true, false) => Drift::MoreNearMisses,
            (false, true) => Drift::Slower,
            (true, true) => Drift::Both,
        }
    }
}

impl Drift {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::AsEver => "as ever",
            Self::MoreNearMisses => "more near misses",
            Self::Slower => "slower",
            Self::Both => "slower, and more near misses",
        }
    }
}

/// Every upstream that has a reference and a day after it.
pub(crate) fn compared(upstreams: &[Upstream]) -> Vec<Compared<'_>> {
    upstreams.iter().enumerate().filter_map(|(place, upstream)| of(place, upstream)).collect()
}

fn of(place: usize, upstream: &Upstream) -> Option<Compared<'_>> {
    let reference = upstream.reference.as_ref()?;
    Some(Compared {
        place,
        upstream,
        since: reference.since.0,
        near_then: reference.near_miss_bp,
        near_now: near_share(&upstream.today.counts)?,
        typical_then: reference.typical_ms,
        typical_now: upstream.today.latency.typical()?,
    })
}
