//! The learned model of each route: how long an attempt takes, and how often one fails.
//!
//! Mean and sigma of log2(duration) per route follow slowly, winsorised at 2.5 sigmas, so that neither outliers nor an
//! episode bend them. Open buckets are scored by [`Rules`], which are published from here once a minute.

use super::bucket::{Bucket, WARM_UP_SHIFT};
use super::dimensions::{PerRoute, ROUTES};
use super::learned_timeout::LearnedTimeout;
use super::residual::UNIT;
use super::rules::{Rule, Rules};
use crate::codec::{Decoder, Encode, Encoder};

/// Durations needed before a route has a rule.
const WARM_UP: f32 = 30.0;
/// Buckets between two publications.
const PUBLISH_INTERVAL: u32 = 6;
/// Squared sum of residuals per duration, in sigmas squared, that chance explains: three standard deviations.
const CHANCE: i64 = 9;
/// Nats in an octave: ln 2.
pub(super) const NATS_PER_OCTAVE: f32 = core::f32::consts::LN_2;

/// The model of one route.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RouteModel {
    /// In octaves; during warm-up the sum of log2.
    mean: f32,
    /// In octaves; during warm-up the sum of squares.
    sigma: f32,
    weight: f32,
    pub(super) attempts: f32,
    pub(super) errors: f32,
    pub(super) caught: f32,
    pub(super) late: f32,
}

/// Mean duration of a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct BucketMean {
    /// Offset from the means of its routes, in nats, with outliers cut.
    pub(super) offset: f32,
    /// Variance of the offset by chance alone, in nats².
    pub(super) variance: f32,
    /// Logarithm of microseconds to base 2.
    pub(super) log2: f32,
    /// The same by the means of its routes alone.
    pub(super) typical_log2: f32,
}

/// The models of an upstream's routes; the last stands for routes that are not tracked.
#[derive(Clone, Debug, Default)]
pub(super) struct RouteModels {
    pub(super) all: PerRoute<RouteModel>,
    timeout: LearnedTimeout,
    rules: Rules,
    /// Bucket of the last publication.
    published: u32,
}

impl RouteModels {
    /// Returns the published rules.
    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Returns the mean duration of a bucket; `None` if no route in it has a rule.
    pub(super) fn mean(&self, bucket: &Bucket) -> Option<BucketMean> {
        let (mut n, mut sum, mut variance, mut log2, mut typical) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let routes = self.all.iter().zip(bucket.routes.iter()).zip(self.rules.has_rules(bucket.index));
        for ((route, counted), has_rule) in routes {
            if counted.timed == 0 || !has_rule {
                continue;
            }
            let sigma = route.sigma;
            let count = f32::from(counted.timed);
            let offset = counted.sum as f32 / UNIT as f32 * sigma;
            n += count;
            sum += offset * NATS_PER_OCTAVE;
            variance += count * sigma * sigma * NATS_PER_OCTAVE * NATS_PER_OCTAVE;
            log2 += count * route.mean + offset;
            typical += count * route.mean;
        }
        (n > 0.0).then(|| BucketMean {
            offset: sum / n,
            variance: variance / n / n,
            log2: log2 / n,
            typical_log2: typical / n,
        })
    }

    /// Returns the mean sigma of the routes of a bucket, in octaves; 0 if none has a rule.
    pub(super) fn sigma(&self, bucket: &Bucket) -> f32 {
        let (mut n, mut sum) = (0.0, 0.0);
        let counted = bucket.routes.iter().zip(self.rules.has_rules(bucket.index));
        for (route, (counted, _)) in self.all.iter().zip(counted).filter(|(_, (_, has_rule))| *has_rule) {
            n += f32::from(counted.timed);
            sum += f32::from(counted.timed) * route.sigma;
        }
        if n > 0.0 { sum / n } else { 0.0 }
    }

    /// Returns the impact on each route in a bucket, and its attempts. The impact is the sum of seconds with a failure,
    /// exchanges that were caught or late, and sigmas of slowness that chance does not explain.
    pub(super) fn impact(&self, bucket: &Bucket) -> [(u16, u16); ROUTES] {
        let mut routes = [(0, 0); ROUTES];
        let counted = bucket.routes.iter().zip(self.rules.has_rules(bucket.index));
        for ((impact, attempts), (route, has_rule)) in routes.iter_mut().zip(counted) {
            let sigmas = i64::from(route.sum / UNIT);
            let is_slower = sigmas > 0 && sigmas * sigmas > CHANCE * i64::from(route.timed);
            let slower = if is_slower && has_rule { sigmas.min(u16::MAX.into()) as u16 } else { 0 };
            let counted =
                u16::from(route.caught) + u16::from(route.late) + route.failed_in.count_ones() as u16;
            *impact = slower.saturating_add(counted);
            *attempts = route.attempts;
        }
        routes
    }

    /// Learns the durations of a sealed bucket; while `frozen` only their means, not their sigmas.
    pub(super) fn learn(&mut self, bucket: &Bucket, frozen: bool) {
        self.timeout.learn(bucket.timed_out);
        let counted = bucket.routes.iter().zip(self.rules.has_rules(bucket.index));
        for (route, (counted, has_rule)) in self.all.iter_mut().zip(counted) {
            let n = f32::from(counted.timed);
            if n == 0.0 {
                continue;
            }
            if !has_rule {
                if route.weight < WARM_UP {
                    let scale = (256 >> WARM_UP_SHIFT) as f32;
                    route.mean += counted.sum as f32 / scale;
                    route.sigma += counted.squares as f32 / (scale * scale);
                    route.weight += n;
                    if route.weight >= WARM_UP {
                        let mean = route.mean / route.weight;
                        let variance = (route.sigma / route.weight - mean * mean).max(0.0);
                        route.mean = mean;
                        route.sigma = libm::sqrtf(variance).clamp(0.07, 3.0);
                    }
                }
                continue;
            }
            let mean = counted.sum as f32 / UNIT as f32 / n;
            let square = counted.squares as f32 * 64.0 / (UNIT * UNIT) as f32 / n;
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

    /// Publishes rules from the models, at most once a minute; `lag` is the number of buckets that may be open in
    /// addition to the newest.
    pub(super) fn publish(&mut self, bucket: u32, lag: u32) {
        if bucket < self.rules.next_from() || bucket < self.published + PUBLISH_INTERVAL {
            return;
        }
        self.published = bucket;
        let rules = self.all.map(|route| {
            (route.weight >= WARM_UP).then(|| Rule {
                mean: (route.mean * 1024.0 + 0.5) as u16,
                factor: (UNIT as f32 * 4.0 / route.sigma + 0.5) as u16,
            })
        });
        self.rules.publish(bucket + 1 + lag, self.timeout.known(), rules);
    }

    /// Encodes the rules.
    pub(super) fn encode_rules(&self, to: &mut Encoder<'_>) {
        self.rules.encode(to);
    }

    /// Decodes the rules and applies them; they hold until others are decoded.
    pub(super) fn decode_rules(&mut self, from: &mut Decoder<'_>) {
        self.rules = from.get();
        for (route, rule) in self.all.iter_mut().zip(self.rules.newest()) {
            if rule.factor > 0 && route.weight < WARM_UP {
                // If this process becomes the reporter, it starts learning from the known rule.
                route.mean = f32::from(rule.mean) / 1024.0;
                route.sigma = UNIT as f32 * 4.0 / f32::from(rule.factor);
                route.weight = WARM_UP;
            }
        }
    }

    /// Resets the model of a route slot that was reassigned.
    pub(super) fn forget(&mut self, slot: usize) {
        self.rules.forget(slot);
        self.all.forget(slot);
    }
}
