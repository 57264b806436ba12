//! Effect size: how much slower the durations of an excursion are than the baseline.
//!
//! Evidence says that something changed; the shift says how much it matters. It is the largest ratio among the median,
//! p90 and p99 of the evidence to those of the baseline, from histograms of residuals and the sigma of the routes.

use super::bucket::BucketCounts;
use super::residual::{BINS, centre};

/// Quantiles that are compared.
const SHARES: [f32; 3] = [0.5, 0.9, 0.99];
/// Ratio from which slowness alone is harm, in basis points.
const HARMFUL: u32 = 16_000;
/// Exchanges above the old p99 from which the new one is known.
const FELT: u32 = 10;
/// Near misses and failures, slow exchanges aside, that show the harm of slowness. One or two may have another cause.
const OTHER_HARM: u32 = 3;
/// Microseconds more than a typical duration that a person notices: a tenth of a second.
const NOTICED: f32 = 100_000.0;

/// Quantiles of an upstream's durations before an excursion.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DurationBaseline {
    /// In sigmas above the means of the routes.
    quantiles: [f32; SHARES.len()],
    /// Mean sigma of the routes, in octaves.
    sigma: f32,
}

impl DurationBaseline {
    /// Returns the quantiles of a histogram of residuals, whose routes have this mean sigma in octaves.
    pub(super) fn new(residuals: &[f32; BINS], sigma: f32) -> Self {
        Self { quantiles: SHARES.map(|share| quantile(residuals, share)), sigma }
    }
}

/// Residuals of the buckets with evidence.
#[derive(Clone, Debug)]
pub(super) struct Durations([u16; BINS]);

impl Default for Durations {
    fn default() -> Self {
        Self([0; BINS])
    }
}

impl Durations {
    /// Adds the residuals of a bucket. Only their distribution matters, so all are halved before one overflows.
    pub(super) fn add(&mut self, residuals: &[u16; BINS]) {
        let is_large = self.0.iter().zip(residuals).any(|(all, here)| all.checked_add(*here).is_none());
        for (all, here) in self.0.iter_mut().zip(residuals) {
            let kept = if is_large { *all / 2 } else { *all };
            *all = kept.saturating_add(*here);
        }
    }

    /// Returns the shift of these durations from a baseline; `None` without any.
    pub(super) fn shift(&self, baseline: &DurationBaseline) -> Option<Shift> {
        let mut mass = [0.0; BINS];
        mass.iter_mut().zip(self.0).for_each(|(mass, count)| *mass = f32::from(count));
        if mass.iter().all(|count| *count == 0.0) {
            return None;
        }
        let [.., old_p99] = baseline.quantiles;
        let above = self.0.iter().enumerate().filter(|(bin, _)| centre(*bin) > old_p99);
        let felt_by = above.map(|(_, count)| u32::from(*count)).sum();
        let known = if felt_by >= FELT { SHARES.len() } else { SHARES.len() - 1 };
        let octaves = SHARES.iter().zip(baseline.quantiles).take(known);
        let octaves = octaves.map(|(share, before)| (quantile(&mass, *share) - before) * baseline.sigma);
        Some(Shift { octaves: octaves.fold(f32::MIN, f32::max), felt_by })
    }
}

/// A change of durations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shift {
    pub(super) octaves: f32,
    /// Exchanges above the old p99.
    felt_by: u32,
}

impl Shift {
    /// Returns the ratio to the baseline in basis points; 10 000 is no change.
    pub(super) fn basis_points(self) -> u32 {
        libm::roundf(libm::exp2f(self.octaves.clamp(-6.0, 6.0)) * 10_000.0) as u32
    }
}

/// Returns true if anybody was harmed: an exchange was a near miss or failed, or more than a handful were slower.
pub(super) fn is_harmful(counts: &BucketCounts, shift: Option<Shift>) -> bool {
    counts.near_misses > 0 || counts.failed > 0 || is_felt(shift)
}

/// Returns true if slowness harmed anybody. A slow exchange is the evidence for slowness, so it is harm only if typical
/// exchanges were slower by `slowdown` microseconds that a person notices.
pub(super) fn is_harmful_slowness(counts: &BucketCounts, shift: Option<Shift>, slowdown: f32) -> bool {
    let all = counts.near_misses.saturating_add(counts.failed);
    all.saturating_sub(counts.slow()) >= OTHER_HARM || all > 0 && slowdown >= NOTICED || is_felt(shift)
}

/// Returns true if more than a handful of exchanges were slower.
fn is_felt(shift: Option<Shift>) -> bool {
    shift.is_some_and(|shift| shift.felt_by >= FELT && shift.basis_points() > HARMFUL)
}

/// Returns a quantile of a histogram in sigmas, linear within a bin.
fn quantile(mass: &[f32; BINS], share: f32) -> f32 {
    let due = mass.iter().sum::<f32>() * share;
    let mut below = 0.0;
    for (bin, count) in mass.iter().enumerate() {
        if *count > 0.0 && below + count >= due {
            return centre(bin) - 0.125 + 0.25 * (due - below) / count;
        }
        below += count;
    }
    centre(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::super::residual::{UNIT, bin};
    use super::*;
    use crate::verdict::Signals;

    /// Returns a histogram of `count` durations at each of these sigmas.
    fn at(sigmas: &[i32], count: u16) -> [u16; BINS] {
        let mut bins = [0; BINS];
        sigmas.iter().for_each(|sigma| bins[bin(sigma * UNIT)] += count);
        bins
    }

    fn shift(bins: [u16; BINS]) -> Shift {
        let baseline = DurationBaseline::new(&at(&[-2, -1, 0, 1, 2], 20).map(f32::from), 0.5);
        let mut durations = Durations::default();
        durations.add(&bins);
        durations.shift(&baseline).unwrap()
    }

    #[test]
    fn two_sigmas_of_half_an_octave_double_the_duration() {
        assert_eq!(shift(at(&[-2, -1, 0, 1, 2], 20)).basis_points(), 10_000);
        let double = shift(at(&[0, 1, 2, 3, 4], 20)).basis_points();
        assert!((19_900..20_100).contains(&double), "{double}");
    }

    #[test]
    fn a_few_slow_exchanges_are_no_harm_and_ten_are() {
        let none = BucketCounts::default();
        let mut few = at(&[-2, -1, 0, 1, 2], 20);
        few[bin(4 * UNIT)] = 9;
        assert!(!is_harmful(&none, Some(shift(few))), "{:?}", shift(few));
        few[bin(4 * UNIT)] = 10;
        assert!(is_harmful(&none, Some(shift(few))), "{:?}", shift(few));
        assert!(is_harmful(&BucketCounts { near_misses: 1, ..BucketCounts::default() }, None));
    }

    #[test]
    fn slow_exchanges_are_harm_of_slowness_only_if_a_person_notices() {
        let near = |near_misses: u32, slow: u16| {
            let mut counts = BucketCounts { near_misses, ..BucketCounts::default() };
            counts.signals[Signals::SLOW.index()] = slow;
            counts
        };
        assert!(!is_harmful_slowness(&near(6, 6), None, 99_000.0));
        assert!(is_harmful_slowness(&near(1, 1), None, 100_000.0));
        assert!(!is_harmful_slowness(&near(0, 0), None, 100_000.0));
        assert!(!is_harmful_slowness(&near(8, 6), None, 0.0), "two may have another cause");
        assert!(is_harmful_slowness(&near(9, 6), None, 0.0));
    }
}
