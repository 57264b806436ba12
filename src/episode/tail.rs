//! Slow responses: likelihood ratios against the upstream's own residuals.
//!
//! Five shapes of a slow tail (a share ε of the attempts, δ sigmas later) are tested against the histogram of this
//! upstream over the last hours. First the bucket is shifted back by its own location, and the shapes are made
//! orthogonal to a shift in the same way: load, daily drift and a deploy shift all durations alike, and only the
//! remainder is evidence for a tail.
//!
//! The evidence of a bucket is Σ count · ℓ / φ with ℓ = ln(q/p) scaled so that E e^ℓ = 1, and φ the measured
//! dispersion. While φ is above six the tail is muted, and the location shift covers it.

use super::cusum::BlockDispersion;
use super::prior;
use super::residual::{BINS, Bins, Cumulative, centre, dot, ln};

/// Shapes: (share of attempts, sigmas later). The last but one is also combined over upstreams, the last is for blips.
pub(super) const SHAPES: [(f32, f32); 6] =
    [(0.03, 3.5), (0.06, 2.2), (0.06, 1.3), (0.25, 1.5), (0.3, 1.0), (0.15, 2.2)];
/// Shapes that raise an alarm of their own.
pub(super) const ALARMS: usize = 5;
/// φ above which the tail is muted.
pub(super) const OVERDISPERSED: f32 = 6.0;
/// Mass of the prior in the baseline.
const PRIOR: f32 = 100.0;
/// Mass from which the baseline decays.
const FULL: f32 = 2_000.0;
/// Decay per bucket for a memory of an hour.
const HOUR: f32 = 0.997_226;

/// The prior and the location score, shared by all upstreams.
#[derive(Clone, Debug)]
pub(super) struct Shapes {
    prior: Bins,
    score: Bins,
    expected: f32,
}

impl Shapes {
    pub(super) fn new() -> Self {
        let mut score = [0.0; BINS];
        for (i, score) in score.iter_mut().enumerate() {
            *score = centre(i).clamp(-2.5, 0.5);
        }
        Self { prior: prior::MASS, score, expected: dot(&prior::MASS, &score) }
    }

    /// Returns the location of a histogram of unit mass, in sigmas, from its lower and middle part alone. The constant
    /// comes from the fixed prior: a learned one would feed back and diverge.
    fn location(&self, mean_score: f32) -> f32 {
        (mean_score - self.expected) / 0.62
    }

    /// Returns ℓ of one shape against `p`, with its mean and variance under `p`.
    fn ratio(&self, p: &Bins, cumulative: &Cumulative, (share, later): (f32, f32)) -> (Bins, f32, f32) {
        let far = cumulative.shifted(later);
        let mut q = [0.0; BINS];
        for (q, (p, far)) in q.iter_mut().zip(p.iter().zip(&far)) {
            *q = (1.0 - share) * p + share * far;
        }
        let back = (dot(&q, &self.score) - dot(p, &self.score)) / 0.62;
        let q = Cumulative::of(&q).shifted(-back);
        let (mut above_p, mut above_q) = (0.0, 0.0);
        let mut l = [0.0; BINS];
        let mut mass = 0.0;
        for (i, (l, (p, q))) in l.iter_mut().zip(p.iter().zip(&q)).enumerate().rev() {
            above_p += p;
            above_q += q;
            let ratio = if centre(i) > 2.0 { above_q / above_p.max(1e-9) } else { q / p.max(1e-9) };
            let ratio = ratio.clamp(0.2, 60.0);
            mass += p * ratio;
            *l = ln(ratio);
        }
        let excess = ln(mass.max(1e-6));
        let (mut mean, mut square) = (0.0, 0.0);
        for (l, p) in l.iter_mut().zip(p) {
            *l -= excess;
            mean += p * *l;
            square += p * *l * *l;
        }
        (l, mean, (square - mean * mean).max(1e-6))
    }
}

/// The baseline of one upstream's residuals.
#[derive(Clone, Debug)]
pub(super) struct TailDetector {
    baseline: Bins,
    /// Slow mean of the upstream's location, in sigmas.
    location: f32,
    dispersion: [BlockDispersion; SHAPES.len()],
}

/// Evidence from the durations of a bucket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TailEvidence {
    nats: [f32; SHAPES.len()],
    /// φ of the tail as a whole.
    pub(super) dispersion: f32,
}

impl TailEvidence {
    /// Returns the evidence of the shapes that raise an alarm.
    pub(super) fn alarms(&self) -> &[f32] {
        let [alarms @ .., _] = &self.nats;
        alarms
    }

    /// Returns the evidence for a slow third, to be combined over upstreams.
    pub(super) fn slow(&self) -> f32 {
        let [.., slow, _] = self.nats;
        if self.dispersion > OVERDISPERSED { 0.0 } else { slow }
    }

    /// Returns the evidence for a slow seventh: a blip.
    pub(super) fn blip(&self) -> f32 {
        let [.., blip] = self.nats;
        blip
    }
}

impl TailDetector {
    pub(super) const fn new() -> Self {
        Self { baseline: [0.0; BINS], location: 0.0, dispersion: [BlockDispersion::new(2.0); SHAPES.len()] }
    }

    /// Returns the baseline as shares.
    pub(super) fn shares(&self, shapes: &Shapes) -> Bins {
        let mass: f32 = self.baseline.iter().sum();
        let mut p = [0.0; BINS];
        for ((p, baseline), prior) in p.iter_mut().zip(&self.baseline).zip(&shapes.prior) {
            *p = (baseline + PRIOR * prior) / (mass + PRIOR);
        }
        p
    }

    /// Keeps the form of the baseline and little of its weight, so that it follows what has become normal.
    pub(super) fn loosen(&mut self) {
        let mass: f32 = self.baseline.iter().sum();
        let keep = (PRIOR / mass.max(1.0)).min(1.0);
        self.baseline.iter_mut().for_each(|count| *count *= keep);
    }

    /// Evaluates a bucket and, unless `frozen`, learns it.
    pub(super) fn evaluate(&mut self, counts: &[u16; BINS], shapes: &Shapes, frozen: bool) -> TailEvidence {
        let mut bucket = [0.0; BINS];
        for (b, c) in bucket.iter_mut().zip(counts) {
            *b = f32::from(*c);
        }
        let n: f32 = bucket.iter().sum();
        if n == 0.0 {
            return TailEvidence::default();
        }
        let raw = shapes.location(dot(&bucket, &shapes.score) / n);
        let here = (self.location + n / (n + 8.0) * (raw - self.location)).clamp(-2.0, 4.0);
        self.location += 0.15 * (n / 40.0).min(1.0) * (here - self.location);
        let bucket = Cumulative::of(&bucket).shifted(-here);
        let p = self.shares(shapes);
        let cumulative = Cumulative::of(&p);
        let mut out = TailEvidence::default();
        let each = SHAPES.iter().zip(&mut out.nats).zip(&mut self.dispersion);
        for (k, ((shape, nats), dispersion)) in each.enumerate() {
            let (l, mean, var) = shapes.ratio(&p, &cumulative, *shape);
            let s = dot(&bucket, &l);
            let phi = dispersion.factor();
            *nats = (s / phi).clamp(-20.0, 12.0);
            if k < ALARMS {
                out.dispersion = out.dispersion.max(phi);
            }
            if !frozen {
                dispersion.learn(s - n * mean, n * var, HOUR);
            }
        }
        if !frozen {
            let mass: f32 = self.baseline.iter().sum();
            let keep = if mass > FULL { HOUR } else { 1.0 };
            for (u, b) in self.baseline.iter_mut().zip(&bucket) {
                *u = *u * keep + b;
            }
        }
        out
    }
}
