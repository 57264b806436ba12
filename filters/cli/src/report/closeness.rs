//! Ranks upstreams by how close they came to failing.

use crate::counts::Counts;

/// Returns how close an upstream came to failing: the share of exchanges that a safety net caught or that came near a
/// limit, in basis points. The share is the lower end of Wilson's interval at 95 %, so that one near miss of two
/// exchanges does not outrank a thousand of ten thousand.
pub(crate) fn closeness(counts: &Counts) -> u64 {
    let n = counts.judged() as f64;
    if n == 0.0 {
        return 0;
    }
    const Z: f64 = 1.96;
    let p = (counts.close_calls() as f64 / n).min(1.0);
    let middle = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    (((middle - spread) / (1.0 + Z * Z / n)).max(0.0) * 10_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use nearmiss::Fate;

    #[test]
    fn few_exchanges_do_not_outrank_many() {
        let of = |clean, retried| {
            let mut counts = Counts::default();
            counts.count(Fate::Clean, clean);
            counts.count(Fate::Retried, retried);
            closeness(&counts)
        };
        assert!(of(1, 1) < of(5_000, 5_000));
        assert_eq!((of(100, 0), of(0, 0)), (0, 0));
    }
}
