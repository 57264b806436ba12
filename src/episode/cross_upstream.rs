//! Evidence that is weak on each upstream and strong together, summed over upstreams.
//!
//! Xie and Siegmund (2013), mixture form: each upstream's evidence of the last one or two minutes enters as ln(1 − w +
//! w·e^S) with w = .15 the share of upstreams that a common cause affects, so a single strong one cannot carry the sum
//! and many quiet ones do not drown it.

use super::routes::BucketMean;

/// Windows in buckets.
const WINDOWS: [usize; 2] = [8, 14];
const RING: usize = 14;
/// Maximum evidence of one upstream, in nats.
const CAP: f32 = 9.0;
/// Parts of a nat.
const UNIT: f32 = 512.0;
/// Tested shift of all durations, in nats.
const SHIFT: f32 = 0.07;

/// Evidence of the last buckets: that for slowness, and that for slowness or errors.
#[derive(Clone, Debug)]
struct Ring([[i16; 2]; RING]);

impl Ring {
    const fn new() -> Self {
        Self([[0; 2]; RING])
    }

    fn set(&mut self, bucket: u32, evidence: [i16; 2]) {
        if let Some(place) = self.0.get_mut(bucket as usize % RING) {
            *place = evidence;
        }
    }

    /// Iterates from a bucket to the oldest.
    fn back_from(&self, bucket: u32) -> impl Iterator<Item = [i16; 2]> {
        let (up_to, before) = self.0.split_at_checked(bucket as usize % RING + 1).unwrap_or_default();
        up_to.iter().rev().chain(before.iter().rev()).copied()
    }
}

/// Recent evidence of one upstream, to be combined with that of others.
#[derive(Clone, Debug)]
pub(super) struct CrossUpstream {
    ring: Ring,
    last: u32,
    /// Slow mean of the offsets, in nats.
    location: f32,
    /// Variance of the offsets of 10-second buckets.
    var10: f32,
    /// Variance of the offsets of minutes.
    var60: f32,
    mean60: f32,
    count60: u8,
    learned: u16,
}

impl CrossUpstream {
    pub(super) const fn new() -> Self {
        Self {
            ring: Ring::new(),
            last: 0,
            location: 0.0,
            var10: 0.02,
            var60: 0.005,
            mean60: 0.0,
            count60: 0,
            learned: 0,
        }
    }

    /// Adds a bucket: the mean of its durations, and its evidence for a slow third and for errors. Returns the largest
    /// sum over the windows.
    pub(super) fn evaluate(
        &mut self,
        bucket: u32,
        mean: Option<BucketMean>,
        tail: f32,
        errors: f32,
        frozen: bool,
    ) -> f32 {
        let gap = (bucket - self.last).min(RING as u32);
        if self.last != 0 {
            for k in 1..gap {
                self.ring.set(self.last + k, [0; 2]);
            }
        } else {
            self.ring = Ring::new();
        }
        self.last = bucket;
        let mut shift = 0.0;
        if let Some(BucketMean { offset, variance: var, .. }) = mean {
            let off = offset - self.location;
            let scale = (self.var10 + var).max(6.0 * self.var60).max(0.004);
            shift = (SHIFT * off - SHIFT * SHIFT / 2.0) / scale;
            if !frozen {
                let a = if self.learned < 90 { 1.0 / f32::from(self.learned + 1) } else { 1.0 / 90.0 };
                self.learned = self.learned.saturating_add(1);
                self.location += a * off;
                let b = 1.0 / 360.0;
                let square = (off * off - var).max(0.0).min(16.0 * (self.var10 + var));
                self.var10 += b * (square - self.var10);
                self.mean60 += off / 6.0;
                self.count60 += 1;
                if self.count60 == 6 {
                    let square = (self.mean60 * self.mean60).min(16.0 * self.var60.max(0.001));
                    self.var60 += 6.0 * b * (square - self.var60);
                    self.mean60 = 0.0;
                    self.count60 = 0;
                }
            }
        }
        let a = tail + shift;
        let store = |x: f32| libm::roundf(x.clamp(-12.0, 12.0) * UNIT) as i16;
        self.ring.set(bucket, [store(a), store(a + errors)]);
        let mut best: f32 = 0.0;
        let (mut slow, mut slow_or_failed) = (0.0, 0.0);
        for (buckets, [a, b]) in (1..).zip(self.ring.back_from(bucket)) {
            slow += f32::from(a) / UNIT;
            slow_or_failed += f32::from(b) / UNIT;
            if WINDOWS.contains(&buckets) {
                best = best.max(slow).max(slow_or_failed);
            }
        }
        best.min(CAP)
    }
}

/// The smallest evidence of an upstream that takes part, in nats.
pub(super) const MIN_NATS: f32 = 1.5;

/// Returns true if less than one of `upstreams` has this evidence by chance: only such upstreams are named.
pub(super) fn is_member(nats: f32, upstreams: usize) -> bool {
    nats > libm::logf(upstreams as f32)
}

/// Returns the combined evidence of all upstreams that take part.
pub(super) fn combine(sums: impl Iterator<Item = f32>) -> f32 {
    let (mut total, mut count) = (0.0, 0);
    for s in sums.filter(|&s| s > MIN_NATS) {
        total += libm::logf(0.85 + 0.15 * libm::expf(s));
        count += 1;
    }
    if count == 2 {
        total -= 2.0;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_needs_more_evidence_to_be_named_among_many() {
        assert!(is_member(3.0, 12));
        assert!(!is_member(3.0, 30));
    }
}
