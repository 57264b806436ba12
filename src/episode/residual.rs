//! Residuals: durations relative to the baseline of their route.
//!
//! A residual is (log2 duration − the route's mean) / the route's sigma, so that a rare slow endpoint is not slow and a
//! shift in the mix of endpoints is no change at all. It is an integer in 1/128 sigma, computed once per attempt, and
//! falls into one of 46 bins of a quarter sigma.

/// Bins of a residual histogram: a quarter sigma each from −3 to 8, both ends open.
pub(super) const BINS: usize = 46;
/// Parts of a sigma in a residual.
pub(super) const UNIT: i32 = 128;
/// Bins in a sigma.
const PER_SIGMA: f32 = 4.0;

/// One number per bin.
pub(super) type Bins = [f32; BINS];

/// Returns the bin of a residual.
pub(super) fn bin(residual: i32) -> usize {
    usize::try_from((((residual + 3 * UNIT) >> 5) + 1).max(0)).map_or(0, |i| i.min(BINS - 1))
}

/// Returns the middle of a bin, in sigmas.
pub(super) fn centre(bin: usize) -> f32 {
    -3.0 + (bin as f32 - 0.5) / PER_SIGMA
}

/// Bins beyond either end that a shift may reach.
const BEYOND: usize = 20;
/// Width of the open ends in bins, so that a shift spreads their mass.
const END: f32 = 4.0;

/// Borders of the bins, and of those beyond either end.
const BORDERS: usize = BINS + 1 + 2 * BEYOND;

/// A cumulative histogram, ready to be shifted: the mass below each border.
#[derive(Clone, Debug)]
pub(super) struct Cumulative([f32; BORDERS]);

impl Cumulative {
    pub(super) fn of(mass: &Bins) -> Self {
        let mut below = [0.0; BORDERS];
        let [first, .., open] = *mass;
        if let Some((before, rest)) = below.split_first_chunk_mut::<{ BEYOND + 1 }>()
            && let Some((inner, after)) = rest.split_first_chunk_mut::<{ BINS - 1 }>()
        {
            let mut last = 0.0;
            for (below, mass) in inner.iter_mut().zip(mass) {
                last += mass;
                *below = last;
            }
            let total = last + open;
            for (i, below) in before.iter_mut().rev().enumerate() {
                *below = first * (1.0 - (i as f32 + 1.0) / END).max(0.0);
            }
            for (i, below) in after.iter_mut().enumerate() {
                *below = last + (total - last) * ((i as f32 + 1.0) / END).min(1.0);
            }
        }
        // The mass beyond both ends is the total.
        Self(below)
    }

    /// Returns the histogram shifted up by `sigmas`, linear between the borders of bins; mass that passes an end stays
    /// in its open bin.
    pub(super) fn shifted(&self, sigmas: f32) -> Bins {
        let reach = BEYOND as f32 - 1.0;
        let bins = (sigmas * PER_SIGMA).clamp(-reach, reach);
        let whole = libm::floorf(bins);
        let part = bins - whole;
        let from = (BEYOND as f32 - whole) as usize;
        let mut below = [0.0; BINS];
        let [inner @ .., total] = &mut below;
        [.., *total] = self.0;
        if let Some(lower @ [_, upper @ ..]) = self.0.get(from..).and_then(<[f32]>::first_chunk::<BINS>) {
            for (below, (lower, upper)) in inner.iter_mut().zip(lower.iter().zip(upper)) {
                *below = lower * part + upper * (1.0 - part);
            }
        }
        let mut out = below;
        let [_, rest @ ..] = &mut out;
        rest.iter_mut().zip(&below).for_each(|(out, before)| *out -= before);
        out
    }
}

/// Returns the natural logarithm of a positive, normal number, to the precision of an `f32`: a series in (m − 1)/(m +
/// 1).
pub(super) fn ln(x: f32) -> f32 {
    const HALF_SQRT: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_sub(HALF_SQRT) as i32;
    let exponent = shifted >> 23;
    let m = f32::from_bits(x.to_bits().wrapping_sub((exponent << 23) as u32));
    let t = (m - 1.0) / (m + 1.0);
    let u = t * t;
    exponent as f32 * core::f32::consts::LN_2
        + 2.0 * t * (1.0 + u * (1.0 / 3.0 + u * (0.2 + u * (1.0 / 7.0))))
}

/// Returns the sum of the products.
pub(super) fn dot(a: &Bins, b: &Bins) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_keeps_the_mass_and_moves_whole_bins_exactly() {
        let mut mass = [0.0; BINS];
        (mass[10], mass[20], mass[45]) = (3.0, 2.0, 1.0);
        let shifted = Cumulative::of(&mass).shifted(1.0);
        assert_eq!((shifted[14], shifted[24], shifted[45]), (3.0, 2.0, 1.0));
        for sigmas in [-9.0, -2.3, 0.0, 0.1, 3.5, 9.0] {
            let sum: f32 = Cumulative::of(&mass).shifted(sigmas).iter().sum();
            assert!((sum - 6.0).abs() < 1e-4, "{sigmas}: {sum}");
        }
    }

    #[test]
    fn the_fast_logarithm_matches_libm() {
        for x in [1e-6, 0.2, 0.5, 0.707, 0.708, 1.0, 1.3, 2.0, 60.0, 1e9_f32] {
            assert!((ln(x) - libm::logf(x)).abs() <= 2e-6 * libm::logf(x).abs().max(1.0), "{x}");
        }
    }

    #[test]
    fn residuals_fall_into_bins_of_a_quarter_sigma() {
        assert_eq!(
            (bin(-10 * UNIT), bin(-3 * UNIT), bin(0), bin(8 * UNIT - 1), bin(8 * UNIT), bin(i32::MAX / 2)),
            (0, 1, 13, 44, 45, 45)
        );
    }
}
