//! One bad host of several: each host against its siblings in the same minute.
//!
//! What hits all hosts cancels, so a host is compared without any history but its own offset:
//! y = Σ clip(r) − n · offset − n · (the others' mean), which gives (δy − nδ²/2) / (f·φ) nats for
//! "δ sigmas slower"; failures are weighed like an upstream's, against the others' rate.
#![allow(clippy::indexing_slicing)] // slots are below HOSTS by construction

use super::HOSTS;
use super::bucket::Bucket;
use super::cusum::{Cusum, Dispersion};
use super::residual::UNIT;

const SLOWER: [f32; 2] = [0.7, 1.2];
const ERRORS: [f32; 2] = [0.03, 0.12];
const EVERY: u32 = 6;
/// Parts of a sigma in a stored offset.
const FINE: f32 = 4096.0;

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    sum: i32,
    attempts: u16,
    failed: u16,
    offset: i16,
    sums: [Cusum; 4],
}

/// The hosts of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    all: [Host; HOSTS],
    scatter: Dispersion,
    due: u32,
}

/// A host that stands out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Culprit {
    pub(super) slot: u8,
    pub(super) nats: f32,
    /// Did this minute add to it?
    pub(super) rising: bool,
}

impl Hosts {
    pub(super) fn new() -> Self {
        Self { all: [Host::default(); HOSTS], scatter: Dispersion::new(2.0), due: 0 }
    }

    /// Adds a bucket; once a minute weighs every host and names the one that stands out most.
    pub(super) fn weigh(&mut self, bucket: &Bucket, usual_errors: f32, frozen: bool) -> Option<Culprit> {
        let mut culprit = None;
        if bucket.index >= self.due {
            if self.due != 0 {
                culprit = self.minute(usual_errors, frozen);
            }
            self.due = bucket.index - bucket.index % EVERY + EVERY;
        }
        for (i, host) in self.all.iter_mut().enumerate() {
            host.sum = host.sum.saturating_add(bucket.host_sum[i]);
            host.attempts = host.attempts.saturating_add(bucket.host_attempts[i]);
            host.failed = host.failed.saturating_add(bucket.host_failed[i]);
        }
        culprit
    }

    fn minute(&mut self, usual_errors: f32, frozen: bool) -> Option<Culprit> {
        let (mut sum, mut attempts, mut failed) = (0.0, 0.0, 0.0);
        for h in &self.all {
            sum += h.own();
            attempts += f32::from(h.attempts);
            failed += f32::from(h.failed);
        }
        let phi = self.scatter.factor();
        let mut worst: Option<Culprit> = None;
        for (i, h) in self.all.iter_mut().enumerate() {
            let n = f32::from(h.attempts);
            let others = attempts - n;
            if n == 0.0 || others < 3.0 {
                (h.sum, h.attempts, h.failed) = (0, 0, 0);
                continue;
            }
            let k = f32::from(h.failed);
            let ok = (n - k).max(0.0);
            let y = h.own() - ok * (sum - h.own()) / others;
            let f = 1.0 + n / others;
            let p = usual_errors.max((failed - k + 20.0 * usual_errors) / (others + 20.0));
            let mut level: f32 = 0.0;
            let mut rising = false;
            for (j, c) in h.sums.iter_mut().enumerate() {
                let x = match j {
                    0 | 1 => (SLOWER[j] * y - ok * SLOWER[j] * SLOWER[j] / 2.0) / (f * phi),
                    _ => k * libm::logf((p + ERRORS[j - 2]) / p).min(4.5) - n * ERRORS[j - 2],
                };
                let l = c.add(x.clamp(-8.0, 8.0));
                if l > level {
                    (level, rising) = (l, x > 0.5);
                }
            }
            if worst.is_none_or(|w| level > w.nats) {
                worst = Some(Culprit { slot: i as u8, nats: level, rising });
            }
            if !frozen {
                let expected = ok * 0.9 * f;
                self.scatter.learn(y * y, expected, 9.0 * expected, 0.999);
                if ok > 0.0 {
                    let step = ok / (ok + 600.0) * (y / ok).clamp(-0.5, 0.5);
                    h.offset = (f32::from(h.offset) + step * FINE).clamp(-30_000.0, 30_000.0) as i16;
                }
            }
            (h.sum, h.attempts, h.failed) = (0, 0, 0);
        }
        worst
    }

    pub(super) fn reset(&mut self) {
        for h in &mut self.all {
            h.sums.iter_mut().for_each(Cusum::reset);
        }
    }

    /// A slot goes to another host.
    pub(super) fn forget(&mut self, slot: usize) {
        if let Some(h) = self.all.get_mut(slot) {
            *h = Host::default();
        }
    }
}

impl Host {
    /// Sum of the residuals beyond the host's own offset.
    fn own(&self) -> f32 {
        self.sum as f32 / UNIT as f32 - f32::from(self.attempts.saturating_sub(self.failed)) * f32::from(self.offset) / FINE
    }
}
