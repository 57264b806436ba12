//! The fixed prior of residuals: what the histogram of an upstream looks like before anything is known of it.
//!
//! A table, because the functions that it is computed with (a test has them) take 1.5 KiB of a module, and computing it took ten thousand
//! instructions for every monitor.

use super::residual::Bins;

/// Mass of each bin: 0.99 of a normal distribution, and 0.01 of an exponential tail from 1.5 sigmas.
pub(super) const MASS: Bins = [
    0.0013363973,
    0.0016135607,
    0.0031976167,
    0.0059546465,
    0.0104204165,
    0.01713592,
    0.026480582,
    0.03845413,
    0.05247543,
    0.06729238,
    0.08109109,
    0.091828585,
    0.09771925,
    0.09771925,
    0.091828585,
    0.081091106,
    0.06729233,
    0.052475452,
    0.038454115,
    0.028015792,
    0.018435419,
    0.011520445,
    0.006885767,
    0.003985822,
    0.0022806525,
    0.0013299584,
    0.0008190274,
    0.00054740906,
    0.00039869547,
    0.00031077862,
    0.0002527237,
    0.00021004677,
    0.00017660856,
    0.00014907122,
    0.00012612343,
    0.00010663271,
    9.030104e-5,
    7.647276e-5,
    6.467104e-5,
    5.477667e-5,
    4.6372414e-5,
    3.9219856e-5,
    3.3199787e-5,
    2.8133392e-5,
    2.3782253e-5,
    0.00013124943,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::episode::residual::{BINS, centre};

    #[test]
    fn the_table_is_a_normal_distribution_with_an_exponential_tail_to_the_bit() {
        let below = |x: f32| {
            let normal = 0.5 * (1.0 + libm::erff(x * core::f32::consts::FRAC_1_SQRT_2));
            let tail = if x > 1.5 { 1.0 - libm::expf(-(x - 1.5) / 1.5) } else { 0.0 };
            0.99 * normal + 0.01 * tail
        };
        let mut before = 0.0;
        for (i, mass) in MASS.iter().enumerate() {
            let up_to = if i + 1 == BINS { 1.0 } else { below(centre(i) + 0.125) };
            assert_eq!(mass.to_bits(), (up_to - before).to_bits(), "bin {i}");
            before = up_to;
        }
    }
}
