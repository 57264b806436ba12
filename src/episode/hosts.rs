//! One bad host of several: each host against the others in the same minute.
//!
//! A fault on all hosts cancels, so a host is compared without any history except its own offset: y = Σ clip(r) − n ·
//! offset − n · (the others' mean), which gives (δy − nδ²/2) / (f·φ) nats for "δ sigmas slower". Failures are scored
//! like an upstream's, against the others' rate.

use super::bucket::Bucket;
use super::cusum::{Cusum, Dispersion};
use super::dimensions::HOSTS;
use super::residual::UNIT;

/// Tested shifts of a host's durations, in sigmas.
const SLOWER: [f32; 2] = [0.7, 1.2];
/// Tested rises of a host's error rate.
const ERRORS: [f32; 2] = [0.03, 0.12];
/// Buckets in a minute.
const MINUTE: u32 = 6;
/// Parts of a sigma in a stored offset.
const OFFSET_UNIT: f32 = 4096.0;

/// State of one host.
#[derive(Clone, Copy, Debug, Default)]
struct HostState {
    sum: i32,
    attempts: u16,
    failed: u16,
    offset: i16,
    sums: [Cusum; 4],
}

/// The hosts of one upstream.
#[derive(Clone, Debug)]
pub(super) struct HostComparison {
    all: [HostState; HOSTS],
    dispersion: Dispersion,
    due: u32,
}

/// The host that differs most from the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutlierHost {
    pub(super) slot: u8,
    pub(super) nats: f32,
    /// True if this minute added to the evidence.
    pub(super) is_rising: bool,
}

impl OutlierHost {
    /// Returns true if the evidence is strong enough to count against the host.
    pub(super) fn is_significant(self) -> bool {
        self.nats > 5.0
    }
}

impl HostComparison {
    pub(super) fn new() -> Self {
        Self { all: [HostState::default(); HOSTS], dispersion: Dispersion::new(2.0), due: 0 }
    }

    /// Adds a bucket. Once a minute evaluates every host and returns the one that differs most.
    pub(super) fn evaluate(
        &mut self,
        bucket: &Bucket,
        expected_errors: f32,
        frozen: bool,
    ) -> Option<OutlierHost> {
        let mut outlier = None;
        if bucket.index >= self.due {
            if self.due != 0 {
                outlier = self.minute(expected_errors, frozen);
            }
            self.due = bucket.index - bucket.index % MINUTE + MINUTE;
        }
        for (host, counted) in self.all.iter_mut().zip(&bucket.hosts) {
            host.sum = host.sum.saturating_add(counted.sum);
            host.attempts = host.attempts.saturating_add(counted.attempts);
            host.failed = host.failed.saturating_add(counted.failed.into());
        }
        outlier
    }

    fn minute(&mut self, expected_errors: f32, frozen: bool) -> Option<OutlierHost> {
        // Whole numbers, so that nothing depends on which host has which slot.
        let (mut sum, mut attempts, mut failed) = (0_i64, 0_u32, 0_u32);
        for host in &self.all {
            sum += host.excess();
            attempts += u32::from(host.attempts);
            failed += u32::from(host.failed);
        }
        let phi = self.dispersion.factor();
        let (mut observed, mut expected) = (0_i64, 0_i64);
        let mut worst: Option<OutlierHost> = None;
        for (slot, host) in self.all.iter_mut().enumerate() {
            let (n, k) = (f32::from(host.attempts), f32::from(host.failed));
            let others = (attempts - u32::from(host.attempts)) as f32;
            if n == 0.0 || others < 3.0 {
                host.clear();
                continue;
            }
            let succeeded = (n - k).max(0.0);
            let y = host.excess() as f32 / OFFSET_UNIT
                - succeeded * ((sum - host.excess()) as f32 / OFFSET_UNIT / others);
            let f = 1.0 + n / others;
            let failed_others = (failed - u32::from(host.failed)) as f32;
            let p = expected_errors.max((failed_others + 20.0 * expected_errors) / (others + 20.0));
            let slower = SLOWER.map(|by| (by * y - succeeded * by * by / 2.0) / (f * phi));
            let errors = ERRORS.map(|more| k * libm::logf((p + more) / p).min(4.5) - n * more);
            let mut candidate = OutlierHost { slot: slot as u8, nats: 0.0, is_rising: false };
            for (sum, x) in host.sums.iter_mut().zip(slower.iter().chain(&errors)) {
                let nats = sum.add(x.clamp(-8.0, 8.0));
                if nats > candidate.nats {
                    (candidate.nats, candidate.is_rising) = (nats, *x > 0.5);
                }
            }
            if worst.is_none_or(|worst| candidate.nats > worst.nats) {
                worst = Some(candidate);
            }
            if !frozen && succeeded > 0.0 {
                let variance = succeeded * 0.9 * f;
                observed += ((y * y).min(9.0 * variance) * 64.0) as i64;
                expected += (variance * 64.0) as i64;
                let step = succeeded / (succeeded + 600.0) * (y / succeeded).clamp(-0.5, 0.5);
                host.offset = (f32::from(host.offset) + step * OFFSET_UNIT).clamp(-30_000.0, 30_000.0) as i16;
            }
            host.clear();
        }
        if !frozen {
            self.dispersion.learn(observed as f32 / 64.0, expected as f32 / 64.0, f32::MAX, 0.995);
        }
        worst
    }

    /// Resets the evidence, as after an alarm.
    pub(super) fn reset(&mut self) {
        for host in &mut self.all {
            host.sums.iter_mut().for_each(Cusum::reset);
        }
    }

    /// Resets the state of a host slot that was reassigned.
    pub(super) fn forget(&mut self, slot: usize) {
        if let Some(host) = self.all.get_mut(slot) {
            *host = HostState::default();
        }
    }
}

impl HostState {
    /// Returns the sum of the residuals beyond the host's own offset, in 1/4096 sigma.
    fn excess(&self) -> i64 {
        let succeeded = i64::from(self.attempts.saturating_sub(self.failed));
        i64::from(self.sum) * (OFFSET_UNIT as i64 / i64::from(UNIT)) - succeeded * i64::from(self.offset)
    }

    /// Starts a new minute.
    fn clear(&mut self) {
        (self.sum, self.attempts, self.failed) = (0, 0, 0);
    }
}
