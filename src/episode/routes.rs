//! What is usual on each route: how long an attempt takes, how often one fails.
//!
//! Mean and sigma of log2(duration) per route follow slowly, winsorised at 2.5 sigmas, so that
//! neither outliers nor an episode bend them. What `note` uses is a quantised copy that changes at
//! most once a minute and only for buckets of which nothing can have arrived yet: a line that comes
//! early or late within `reorder` is measured with the same rule.
#![allow(clippy::indexing_slicing)] // slots are below ROUTES by construction

use super::ROUTES;
use super::bucket::Bucket;
use super::deadline::Deadline;
use super::residual::UNIT;
use crate::codec::Codec;
use crate::histogram::Log2;

/// Warm-up sums are of log2 in 1/16 octave, so that their squares fit.
pub(super) const WARM_SHIFT: u32 = 4;
/// Durations needed before a route's are judged.
const WARM: f32 = 30.0;
/// Buckets between two publications.
const EVERY: u32 = 6;
/// Sigmas squared per duration that chance gives a sum, and then some: three standard deviations.
const CHANCE: i64 = 9;
/// ln 2: nats in an octave.
pub(super) const NATS: f32 = core::f32::consts::LN_2;

/// A rule as `note` uses it: mean in 1/1024 octave, and the factor from there to a residual, × 4096.
#[derive(Clone, Copy, Debug, Default)]
struct Rule {
    mean: u16,
    factor: u16,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Route {
    /// In octaves; while warming up the sum of log2.
    mean: f32,
    /// In octaves; while warming up the sum of squares.
    sigma: f32,
    weight: f32,
    now: Rule,
    next: Rule,
    pub(super) seen: f32,
    pub(super) errors: f32,
    pub(super) caught: f32,
    pub(super) late: f32,
}

/// The mean duration of a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    /// Above the means of its routes, in nats, outliers cut.
    pub(super) off: f32,
    /// The variance that chance alone gives that, in nats².
    pub(super) var: f32,
    /// As a logarithm of microseconds to base 2.
    pub(super) log2: f32,
}

/// All routes of an upstream; the last stands for those that are not in the table.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    pub(super) all: [Route; ROUTES],
    /// The learned timeout, likewise.
    timeout: Deadline,
    timeout_now: Option<Log2>,
    timeout_next: Option<Log2>,
    /// First bucket for which `next` holds.
    next_from: u32,
    published: u32,
}

impl Routes {
    pub(super) fn new() -> Self {
        Self {
            all: [Route::default(); ROUTES],
            timeout: Deadline::default(),
            timeout_now: None,
            timeout_next: None,
            next_from: 0,
            published: 0,
        }
    }

    /// The timeout of an attempt, where nobody gives it and it was learned.
    pub(super) fn timeout(&self, bucket: u32) -> Option<Log2> {
        if bucket >= self.next_from { self.timeout_next } else { self.timeout_now }
    }

    /// How far a duration lies from the usual: in 1/1024 octave, and in 1/128 sigma.
    pub(super) fn residual(&self, route: usize, bucket: u32, log2: u16) -> Option<(i32, i32)> {
        let route = &self.all[route];
        let rule = if bucket >= self.next_from { route.next } else { route.now };
        if rule.factor == 0 {
            return None;
        }
        let off = (i32::from(log2) * 4 - i32::from(rule.mean)).clamp(-6 * 1024, 6 * 1024);
        Some((off, (off * i32::from(rule.factor)) >> 12))
    }

    /// Is there a rule for this route in this bucket?
    fn judged(&self, route: usize, bucket: u32) -> bool {
        let route = &self.all[route];
        (if bucket >= self.next_from { route.next } else { route.now }).factor != 0
    }

    /// Where the durations of a bucket lie.
    pub(super) fn level(&self, bucket: &Bucket) -> Option<Mean> {
        let (mut n, mut sum, mut var, mut log2) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..ROUTES {
            if bucket.timed[i] == 0 || !self.judged(i, bucket.index) {
                continue;
            }
            let sigma = self.all[i].sigma;
            let count = f32::from(bucket.timed[i]);
            let off = bucket.sum[i] as f32 / UNIT as f32 * sigma;
            n += count;
            sum += off * NATS;
            var += count * sigma * sigma * NATS * NATS;
            log2 += count * self.all[i].mean + off;
        }
        (n > 0.0).then(|| Mean { off: sum / n, var: var / n / n, log2: log2 / n })
    }

    /// What went wrong on each route in a bucket, and how many attempts there were: seconds with a failure, exchanges that were
    /// caught or late, and sigmas of slowness where they are more than chance gives.
    pub(super) fn troubles(&self, bucket: &Bucket) -> [(u16, u16); ROUTES] {
        let mut troubles = [(0, 0); ROUTES];
        for (i, (trouble, attempts)) in troubles.iter_mut().enumerate() {
            let sigmas = i64::from(bucket.sum[i] / UNIT);
            let is_slower = sigmas > 0 && sigmas * sigmas > CHANCE * i64::from(bucket.timed[i]);
            let slower = if is_slower && self.judged(i, bucket.index) {
                sigmas.min(u16::MAX.into()) as u16
            } else {
                0
            };
            let counted = u16::from(bucket.caught[i])
                + u16::from(bucket.late[i])
                + bucket.failed_in[i].count_ones() as u16;
            *trouble = slower.saturating_add(counted);
            *attempts = bucket.attempts[i];
        }
        troubles
    }

    /// Learns the durations of a sealed bucket; while `frozen` only where they lie, not how far they scatter.
    pub(super) fn learn(&mut self, bucket: &Bucket, frozen: bool) {
        self.timeout.learn(bucket);
        for i in 0..ROUTES {
            let n = f32::from(bucket.timed[i]);
            if n == 0.0 {
                continue;
            }
            let judged = self.judged(i, bucket.index);
            let route = &mut self.all[i];
            if !judged {
                if route.weight < WARM {
                    let scale = (256 >> WARM_SHIFT) as f32;
                    route.mean += bucket.sum[i] as f32 / scale;
                    route.sigma += bucket.squares[i] as f32 / (scale * scale);
                    route.weight += n;
                    if route.weight >= WARM {
                        let mean = route.mean / route.weight;
                        let var = (route.sigma / route.weight - mean * mean).max(0.0);
                        route.mean = mean;
                        route.sigma = libm::sqrtf(var).clamp(0.07, 3.0);
                    }
                }
                continue;
            }
            let mean = bucket.sum[i] as f32 / UNIT as f32 / n;
            let square = bucket.squares[i] as f32 * 64.0 / (UNIT * UNIT) as f32 / n;
            let keep = if route.weight > 300.0 { 0.99723 } else { 1.0 };
            route.weight = n + route.weight * keep;
            let a = (n / route.weight).min(0.5);
            route.mean += route.sigma * a * mean;
            if frozen {
                continue;
            }
            route.sigma *= libm::sqrtf((1.0 + a * (square / 0.955 - 1.0)).max(0.25));
            route.sigma = route.sigma.clamp(0.07, 3.0);
        }
    }

    /// Once a minute the rules for `note` follow what was learned; `lag` is how many buckets may be
    /// open at a time beyond the newest.
    pub(super) fn publish(&mut self, bucket: u32, lag: u32) {
        if bucket < self.next_from || bucket < self.published + EVERY {
            return;
        }
        self.published = bucket;
        self.next_from = bucket + 1 + lag;
        self.timeout_now = self.timeout_next;
        self.timeout_next = self.timeout.known();
        for route in &mut self.all {
            route.now = route.next;
            if route.weight >= WARM {
                route.next = Rule {
                    mean: (route.mean * 1024.0 + 0.5) as u16,
                    factor: (UNIT as f32 * 4.0 / route.sigma + 0.5) as u16,
                };
            }
        }
    }

    /// The rules for `note`, to be told elsewhere, or as they were told; there they hold until others are.
    pub(super) fn tell(&mut self, codec: &mut Codec<'_>) {
        let untold = |limit: Option<Log2>| limit.map_or(0, |log2| log2.0 + 1);
        let mut timeouts = [untold(self.timeout_now), untold(self.timeout_next)];
        codec.tell(&mut self.next_from);
        timeouts.iter_mut().for_each(|timeout| codec.tell(timeout));
        [self.timeout_now, self.timeout_next] = timeouts.map(|timeout| timeout.checked_sub(1).map(Log2));
        for route in &mut self.all {
            for rule in [&mut route.now, &mut route.next] {
                codec.tell(&mut rule.mean);
                codec.tell(&mut rule.factor);
            }
            if !codec.is_out() && route.next.factor > 0 && route.weight < WARM {
                // Whoever learns from here on begins with what was known.
                route.mean = f32::from(route.next.mean) / 1024.0;
                route.sigma = UNIT as f32 * 4.0 / f32::from(route.next.factor);
                route.weight = WARM;
            }
        }
    }

    /// A slot goes to another route.
    pub(super) fn forget(&mut self, slot: usize) {
        if let Some(route) = self.all.get_mut(slot) {
            *route = Route::default();
        }
    }
}
