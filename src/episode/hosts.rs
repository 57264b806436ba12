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
    levels: [Cusum; 4],
}

/// The hosts of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    all: [Host; HOSTS],
    scatter: Dispersion,
    due: u32,
}

/// The host that differs most from its siblings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Culprit {
    pub(super) slot: u8,
    pub(super) nats: f32,
    /// Did this minute add to it?
    pub(super) is_rising: bool,
}

impl Culprit {
    /// Enough to count against it.
    pub(super) fn stands_out(self) -> bool {
        self.nats > 5.0
    }
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
            host.failed = host.failed.saturating_add(bucket.host_failed[i].into());
        }
        culprit
    }

    fn minute(&mut self, usual_errors: f32, frozen: bool) -> Option<Culprit> {
        // Whole numbers, so that nothing depends on which host has which slot.
        let (mut sum, mut attempts, mut failed) = (0_i64, 0_u32, 0_u32);
        for host in &self.all {
            sum += host.own();
            attempts += u32::from(host.attempts);
            failed += u32::from(host.failed);
        }
        let phi = self.scatter.factor();
        let (mut seen, mut expected) = (0_i64, 0_i64);
        let mut worst: Option<Culprit> = None;
        for (slot, host) in self.all.iter_mut().enumerate() {
            let (n, k) = (f32::from(host.attempts), f32::from(host.failed));
            let others = (attempts - u32::from(host.attempts)) as f32;
            if n == 0.0 || others < 3.0 {
                host.clear();
                continue;
            }
            let well = (n - k).max(0.0);
            let y = host.own() as f32 / FINE - well * ((sum - host.own()) as f32 / FINE / others);
            let f = 1.0 + n / others;
            let failed_others = (failed - u32::from(host.failed)) as f32;
            let p = usual_errors.max((failed_others + 20.0 * usual_errors) / (others + 20.0));
            let slower = SLOWER.map(|by| (by * y - well * by * by / 2.0) / (f * phi));
            let errors = ERRORS.map(|more| k * libm::logf((p + more) / p).min(4.5) - n * more);
            let mut here = Culprit { slot: slot as u8, nats: 0.0, is_rising: false };
            for (level, x) in host.levels.iter_mut().zip(slower.iter().chain(&errors)) {
                let nats = level.add(x.clamp(-8.0, 8.0));
                if nats > here.nats {
                    (here.nats, here.is_rising) = (nats, *x > 0.5);
                }
            }
            if worst.is_none_or(|worst| here.nats > worst.nats) {
                worst = Some(here);
            }
            if !frozen && well > 0.0 {
                let usual = well * 0.9 * f;
                seen += ((y * y).min(9.0 * usual) * 64.0) as i64;
                expected += (usual * 64.0) as i64;
                let evidence = well / (well + 600.0) * (y / well).clamp(-0.5, 0.5);
                host.offset = (f32::from(host.offset) + evidence * FINE).clamp(-30_000.0, 30_000.0) as i16;
            }
            host.clear();
        }
        if !frozen {
            self.scatter.learn(seen as f32 / 64.0, expected as f32 / 64.0, f32::MAX, 0.995);
        }
        worst
    }

    pub(super) fn reset(&mut self) {
        for h in &mut self.all {
            h.levels.iter_mut().for_each(Cusum::reset);
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
    /// Sum of the residuals beyond the host's own offset, in 1/4096 sigma.
    fn own(&self) -> i64 {
        let well = i64::from(self.attempts.saturating_sub(self.failed));
        i64::from(self.sum) * (FINE as i64 / i64::from(UNIT)) - well * i64::from(self.offset)
    }

    /// Begins a new minute.
    fn clear(&mut self) {
        (self.sum, self.attempts, self.failed) = (0, 0, 0);
    }
}
