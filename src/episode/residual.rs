//! Durations as distances from what is usual on their route.
//!
//! A residual is (log2 duration − the route's mean) / the route's sigma, so that a rare slow endpoint
//! is not slow and a shift in the mix of endpoints is no change at all. It is an integer in 1/128
//! sigma, computed once per attempt, and falls into one of 46 bins of a quarter sigma.

/// Bins of a residual histogram: a quarter sigma each from −3 to 8, both ends open.
pub(super) const BINS: usize = 46;
/// Parts of a sigma in a residual.
pub(super) const UNIT: i32 = 128;
/// Bins in a sigma.
const PER_SIGMA: f32 = 4.0;

/// One number per bin.
pub(super) type Bins = [f32; BINS];

/// The bin a residual falls into.
pub(super) fn bin(residual: i32) -> usize {
    usize::try_from((((residual + 3 * UNIT) >> 5) + 1).max(0)).map_or(0, |i| i.min(BINS - 1))
}

/// The middle of a bin, in sigmas.
pub(super) fn centre(bin: usize) -> f32 {
    -3.0 + (bin as f32 - 0.5) / PER_SIGMA
}

/// `mass` moved up by `sigmas`: linear in its cumulated sum, ends folded into the open bins.
pub(super) fn moved(mass: &Bins, sigmas: f32) -> Bins {
    let mut below = [0.0_f32; BINS + 1];
    let mut sum = 0.0;
    for (edge, m) in below.iter_mut().skip(1).zip(mass) {
        sum += m;
        *edge = sum;
    }
    // `below[i]` is the mass under the upper edge of bin i − 1; the open ends are given a width of
    // four bins, so that a move spreads what they hold.
    let at = |edge: f32| -> f32 {
        let first = below.get(1).copied().unwrap_or(0.0);
        let last = below.get(BINS - 1).copied().unwrap_or(0.0);
        if edge <= 1.0 {
            return first * (1.0 + (edge - 1.0) / 4.0).max(0.0);
        }
        let top = (BINS - 1) as f32;
        if edge >= top {
            return last + (sum - last) * ((edge - top) / 4.0).min(1.0);
        }
        let low = edge as usize;
        let part = edge - low as f32;
        let (a, b) = (below.get(low), below.get(low + 1));
        a.copied().unwrap_or(0.0) * (1.0 - part) + b.copied().unwrap_or(sum) * part
    };
    let step = sigmas * PER_SIGMA;
    let mut out = [0.0; BINS];
    let mut before = 0.0;
    for (i, o) in out.iter_mut().enumerate() {
        let upto = if i + 1 == BINS { sum } else { at((i + 1) as f32 - step) };
        *o = (upto - before).max(0.0);
        before = upto;
    }
    out
}

/// Sum of the products.
pub(super) fn dot(a: &Bins, b: &Bins) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
