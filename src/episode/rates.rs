//! Too many failed attempts, fallbacks, late answers: counts against an upper estimate of the usual.
//!
//! Per route k events in n attempts give Σ k · min(cap, ln((p + ε)/p)) − nε nats for "ε more than
//! usual" (a Poisson likelihood ratio). p is an upper estimate, since a rate taken for smaller than
//! it is raises most false alarms; the cap makes three events the least that can matter. Failures
//! count once a second at most: one cause fails many attempts at once. Rates are forgotten only
//! while more than a handful of events stand behind them: memory holds events, not time.
#![allow(clippy::indexing_slicing)] // indices run over fixed arrays

use super::ROUTES;
use super::bucket::Bucket;
use super::cusum::Dispersion;
use super::routes::Routes;

pub(super) const ERRORS: [f32; 4] = [0.004, 0.015, 0.05, 0.2];
pub(super) const FALLBACKS: [f32; 2] = [0.03, 0.15];
pub(super) const LATE: [f32; 2] = [0.01, 0.04];
/// The most that one bucket can say, unless attempts failed in most of its seconds: below the bars, so that two are needed.
/// Recorded traffic is full of blips of a few seconds.
const ONE_BUCKET: f32 = 12.0;
const MOST_SECONDS: f32 = 6.0;
/// ε of the evidence for blips.
const BLIP: f32 = 0.07;
/// Kept per bucket when forgetting over two hours.
const TWO_HOURS: f32 = 0.998_612;

/// An upstream's own rate of something.
#[derive(Clone, Copy, Debug)]
struct Rate {
    events: f32,
    seen: f32,
}

impl Rate {
    const fn new() -> Self {
        Self { events: 0.5, seen: 1_000.0 }
    }

    fn upper(self) -> f32 {
        (self.events + 1.0 + 0.5 * libm::sqrtf(self.events + 1.0)) / self.seen
    }

    fn learn(&mut self, events: f32, seen: f32) {
        if self.events > 20.0 {
            self.events *= TWO_HOURS;
            self.seen *= TWO_HOURS;
        }
        self.events += events;
        self.seen += seen;
    }
}

impl RateEvidence {
    /// Evidence for the smallest rise of errors: what is pooled.
    pub(super) fn least(&self) -> f32 {
        self.errors[0]
    }
}

/// The rates of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Rates {
    errors: Rate,
    fallbacks: Rate,
    late: Rate,
    failed: Rate,
    errors_scatter: Dispersion,
    late_scatter: Dispersion,
}

/// What a bucket's counts say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RateEvidence {
    pub(super) errors: [f32; 4],
    pub(super) caught: [f32; 2],
    pub(super) late: [f32; 2],
    pub(super) blip: f32,
    /// Upper estimate of the usual share of failed attempts.
    pub(super) usual_errors: f32,
    /// Far more failed than usual: no near miss any more.
    pub(super) is_outage: bool,
}

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
            errors_scatter: Dispersion::new(2.0),
            late_scatter: Dispersion::new(2.0),
        }
    }

    /// Weighs a bucket and, unless `frozen`, learns it.
    pub(super) fn weigh(&mut self, bucket: &Bucket, routes: &mut Routes, frozen: bool) -> RateEvidence {
        let errors = seconds(bucket, routes);
        let fallbacks = bucket.caught.map(f32::from);
        let late = bucket.late.map(f32::from);
        let seen = bucket.attempts.map(f32::from);
        let n: f32 = seen.iter().sum();
        let (p, p_fallback, p_late) = (self.errors.upper(), self.fallbacks.upper(), self.late.upper());
        let mut out = RateEvidence { usual_errors: p, ..RateEvidence::default() };
        let (mut mean_errors, mut mean_late) = (0.0, 0.0);
        for i in 0..ROUTES {
            if seen[i] == 0.0 && fallbacks[i] == 0.0 {
                continue;
            }
            let route = &mut routes.all[i];
            let usual = |events: f32, p: f32, prior: f32| {
                (events + 0.5 * libm::sqrtf(events) + prior * p) / (route.seen + prior)
            };
            let (pe, pf, pl) = (
                usual(route.errors, p, 100.0),
                usual(route.caught, p_fallback, 100.0),
                usual(route.late, p_late, 5.0),
            );
            if errors[i] > 0.0 {
                for (x, more) in out.errors.iter_mut().zip(ERRORS) {
                    *x += errors[i] * ratio(pe, more, 4.5);
                }
                out.blip += errors[i] * ratio(pe, BLIP, 4.5);
            }
            if fallbacks[i] > 0.0 {
                for (x, more) in out.caught.iter_mut().zip(FALLBACKS) {
                    *x += fallbacks[i] * ratio(pf, more, 4.0);
                }
            }
            if late[i] > 0.0 {
                for (x, more) in out.late.iter_mut().zip(LATE) {
                    *x += late[i] * ratio(pl, more, 4.5);
                }
            }
            mean_errors += seen[i] * (route.errors + 100.0 * p) / (route.seen + 100.0);
            mean_late += seen[i] * (route.late + 5.0 * p_late) / (route.seen + 5.0);
            if !frozen {
                if route.errors.max(route.late).max(route.caught) > 10.0 {
                    route.errors *= TWO_HOURS;
                    route.caught *= TWO_HOURS;
                    route.late *= TWO_HOURS;
                    route.seen *= TWO_HOURS;
                }
                route.errors += errors[i];
                route.caught += fallbacks[i];
                route.late += late[i];
                route.seen += seen[i];
            }
        }
        let (k, l): (f32, f32) = (errors.iter().sum(), late.iter().sum());
        let (failed, judged) = (bucket.counts.failed as f32, bucket.counts.judged() as f32);
        let usual_failed = self.failed.upper();
        out.is_outage = failed >= 3.0 && failed > judged * (0.05_f32).max(3.0 * usual_failed);
        let most = if k >= MOST_SECONDS { f32::MAX } else { ONE_BUCKET };
        let (phi, phi_late) = (self.errors_scatter.factor(), self.late_scatter.factor());
        for (x, more) in out.errors.iter_mut().zip(ERRORS) {
            *x = ((*x - n * more) / phi).min(most);
        }
        // Tempered less, for blips themselves raise the dispersion, and how high they must be their own number tells.
        out.blip = (out.blip - n * BLIP) / libm::sqrtf(phi);
        for (x, more) in out.caught.iter_mut().zip(FALLBACKS) {
            *x = (*x - n * more).min(most);
        }
        for (x, more) in out.late.iter_mut().zip(LATE) {
            *x = (*x - n * more) / phi_late;
        }
        if !frozen {
            let square = |k: f32, mean: f32| (k - mean) * (k - mean);
            self.errors_scatter.learn(
                square(k, mean_errors),
                mean_errors,
                9.0 + 4.0 * mean_errors,
                TWO_HOURS,
            );
            self.late_scatter.learn(square(l, mean_late), mean_late, 9.0 + 4.0 * mean_late, TWO_HOURS);
            self.failed.learn(failed, judged);
            self.errors.learn(k, n);
            self.fallbacks.learn(fallbacks.iter().sum(), n);
            self.late.learn(l, n);
        }
        out
    }
}

/// Failures per route, at most one a second in all; a second that several routes share counts for
/// the one that fails most as a rule, which is the least evidence.
fn seconds(bucket: &Bucket, routes: &Routes) -> [f32; ROUTES] {
    let mut out = [0.0; ROUTES];
    if bucket.failed_in.iter().all(|&m| m == 0) {
        return out;
    }
    for second in 0..10 {
        let mut worst: Option<(usize, f32)> = None;
        for i in 0..ROUTES {
            if bucket.failed_in[i] & (1 << second) != 0 {
                let route = &routes.all[i];
                let rate = (route.errors + 1.0) / (route.seen + 100.0);
                if worst.is_none_or(|(_, r)| rate > r) {
                    worst = Some((i, rate));
                }
            }
        }
        if let Some((i, _)) = worst {
            out[i] += 1.0;
        }
    }
    out
}
