//! Rates of failed attempts, fallbacks and late responses, against an upper estimate of their baseline.
//!
//! Per route k events in n attempts give Σ k · min(cap, ln((p + ε)/p)) − nε nats for "ε above the baseline" (a Poisson
//! likelihood ratio). p is an upper estimate, because an underestimated rate causes most false alarms; with the cap it
//! takes at least three events to matter. Failures count once a second at most: one cause fails many attempts at once.
//! A rate decays only while it is based on more than a handful of events: memory holds events, not time.

use super::bucket::{Bucket, RouteCounts};
use super::cusum::Dispersion;
use super::dimensions::ROUTES;
use super::routes::RouteModels;

/// Tested rises of the share of failed attempts.
pub(super) const ERRORS: [f32; 4] = [0.004, 0.015, 0.05, 0.2];
/// Tested rises of the share of fallbacks.
pub(super) const FALLBACKS: [f32; 2] = [0.03, 0.15];
/// Tested rises of the share of late responses.
pub(super) const LATE: [f32; 2] = [0.01, 0.04];
/// Maximum evidence of one bucket, unless attempts failed in most of its seconds: below the thresholds, so that an
/// alarm needs two buckets. Recorded traffic is full of blips of a few seconds.
const ONE_BUCKET: f32 = 12.0;
/// The same for late responses, whose threshold is lower.
const ONE_BUCKET_LATE: f32 = 9.0;
/// Seconds with failures from which the maximum does not apply.
const SUSTAINED_SECONDS: f32 = 6.0;
/// ε of the evidence for blips.
const BLIP: f32 = 0.07;
/// Decay per bucket for a memory of two hours.
const TWO_HOURS: f32 = 0.998_612;

/// Rate of one kind of event on an upstream.
#[derive(Clone, Copy, Debug)]
struct Rate {
    events: f32,
    total: f32,
}

impl Rate {
    const fn new() -> Self {
        Self { events: 0.5, total: 1_000.0 }
    }

    /// Returns an upper estimate of the rate.
    fn upper(self) -> f32 {
        (self.events + 1.0 + 0.5 * libm::sqrtf(self.events + 1.0)) / self.total
    }

    fn learn(&mut self, events: f32, total: f32) {
        if self.events > 20.0 {
            self.events *= TWO_HOURS;
            self.total *= TWO_HOURS;
        }
        self.events += events;
        self.total += total;
    }
}

/// The rates of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    errors: Rate,
    fallbacks: Rate,
    late: Rate,
    failed: Rate,
    errors_dispersion: Dispersion,
    late_dispersion: Dispersion,
}

/// Evidence from the counts of a bucket, in nats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RateEvidence {
    pub(super) errors: [f32; 4],
    pub(super) caught: [f32; 2],
    pub(super) late: [f32; 2],
    pub(super) blip: f32,
    /// Upper estimate of the baseline share of failed attempts.
    pub(super) expected_errors: f32,
    /// True if far more exchanges failed than the baseline explains: an outage, not a near miss.
    pub(super) is_outage: bool,
}

impl RateEvidence {
    /// Returns the evidence for the smallest rise of errors, to be combined over upstreams.
    pub(super) fn smallest_rise(&self) -> f32 {
        let [smallest, ..] = self.errors;
        smallest
    }
}

/// Returns the log likelihood ratio of one event.
fn ratio(p: f32, more: f32, cap: f32) -> f32 {
    libm::logf((p + more) / p).min(cap)
}

impl Rates {
    pub(super) fn new() -> Self {
        Self {
            errors: Rate::new(),
            fallbacks: Rate::new(),
            late: Rate::new(),
            failed: Rate::new(),
            errors_dispersion: Dispersion::new(2.0),
            late_dispersion: Dispersion::new(2.0),
        }
    }

    /// Evaluates a bucket and, unless `frozen`, learns it.
    pub(super) fn evaluate(
        &mut self,
        bucket: &Bucket,
        routes: &mut RouteModels,
        frozen: bool,
    ) -> RateEvidence {
        let errors = failed_seconds(bucket, routes);
        let sum = |of: fn(&RouteCounts) -> f32| bucket.routes.iter().map(of).sum::<f32>();
        let n = sum(|route| route.attempts.into());
        let (p, p_fallback, p_late) = (self.errors.upper(), self.fallbacks.upper(), self.late.upper());
        let mut out = RateEvidence { expected_errors: p, ..RateEvidence::default() };
        let (mut mean_errors, mut mean_late) = (0.0, 0.0);
        let counted = bucket.routes.iter().zip(&errors);
        for (route, (counted, &errors)) in routes.all.iter_mut().zip(counted) {
            let (attempts, fallbacks) = (f32::from(counted.attempts), f32::from(counted.caught));
            let late = f32::from(counted.late);
            if attempts == 0.0 && fallbacks == 0.0 {
                continue;
            }
            let upper = |events: f32, p: f32, prior: f32| {
                (events + 0.5 * libm::sqrtf(events) + prior * p) / (route.attempts + prior)
            };
            let (pe, pf, pl) = (
                upper(route.errors, p, 100.0),
                upper(route.caught, p_fallback, 100.0),
                upper(route.late, p_late, 5.0),
            );
            if errors > 0.0 {
                for (x, more) in out.errors.iter_mut().zip(ERRORS) {
                    *x += errors * ratio(pe, more, 4.5);
                }
                out.blip += errors * ratio(pe, BLIP, 4.5);
            }
            if fallbacks > 0.0 {
                for (x, more) in out.caught.iter_mut().zip(FALLBACKS) {
                    *x += fallbacks * ratio(pf, more, 4.0);
                }
            }
            if late > 0.0 {
                for (x, more) in out.late.iter_mut().zip(LATE) {
                    *x += late * ratio(pl, more, 4.5);
                }
            }
            mean_errors += attempts * (route.errors + 100.0 * p) / (route.attempts + 100.0);
            mean_late += attempts * (route.late + 5.0 * p_late) / (route.attempts + 5.0);
            if !frozen {
                if route.errors.max(route.late).max(route.caught) > 10.0 {
                    route.errors *= TWO_HOURS;
                    route.caught *= TWO_HOURS;
                    route.late *= TWO_HOURS;
                    route.attempts *= TWO_HOURS;
                }
                route.errors += errors;
                route.caught += fallbacks;
                route.late += late;
                route.attempts += attempts;
            }
        }
        let (k, l) = (errors.iter().sum::<f32>(), sum(|route| route.late.into()));
        let (failed, judged) = (bucket.counts.failed as f32, bucket.counts.judged() as f32);
        let expected_failed = self.failed.upper();
        out.is_outage = failed >= 3.0 && failed > judged * (0.05_f32).max(3.0 * expected_failed);
        let most = if k >= SUSTAINED_SECONDS { f32::MAX } else { ONE_BUCKET };
        let (phi, phi_late) = (self.errors_dispersion.factor(), self.late_dispersion.factor());
        for (x, more) in out.errors.iter_mut().zip(ERRORS) {
            *x = ((*x - n * more) / phi).min(most);
        }
        // Scaled down less: blips themselves raise the dispersion, and the threshold of a peak follows their rate.
        out.blip = (out.blip - n * BLIP) / libm::sqrtf(phi);
        for (x, more) in out.caught.iter_mut().zip(FALLBACKS) {
            *x = (*x - n * more).min(most);
        }
        for (x, more) in out.late.iter_mut().zip(LATE) {
            *x = ((*x - n * more) / phi_late).min(ONE_BUCKET_LATE);
        }
        if !frozen {
            let square = |k: f32, mean: f32| (k - mean) * (k - mean);
            self.errors_dispersion.learn(
                square(k, mean_errors),
                mean_errors,
                9.0 + 4.0 * mean_errors,
                TWO_HOURS,
            );
            self.late_dispersion.learn(square(l, mean_late), mean_late, 9.0 + 4.0 * mean_late, TWO_HOURS);
            self.failed.learn(failed, judged);
            self.errors.learn(k, n);
            self.fallbacks.learn(sum(|route| route.caught.into()), n);
            self.late.learn(l, n);
        }
        out
    }
}

/// Returns the failures per route, at most one per second over all routes. A second with failures on several routes
/// counts for the route with the highest rate of failures, where it is the weakest evidence.
fn failed_seconds(bucket: &Bucket, routes: &RouteModels) -> [f32; ROUTES] {
    let mut out = [0.0; ROUTES];
    if bucket.routes.iter().all(|route| route.failed_in == 0) {
        return out;
    }
    for second in 0..10 {
        let mut worst: Option<(&mut f32, f32)> = None;
        for (out, (route, counted)) in out.iter_mut().zip(routes.all.iter().zip(bucket.routes.iter())) {
            if counted.failed_in & (1 << second) != 0 {
                let rate = (route.errors + 1.0) / (route.attempts + 100.0);
                if worst.as_ref().is_none_or(|(_, highest)| rate > *highest) {
                    worst = Some((out, rate));
                }
            }
        }
        if let Some((out, _)) = worst {
            *out += 1.0;
        }
    }
    out
}
