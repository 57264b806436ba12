//! Samples: one value per round; rounds of several cases are interleaved.

use super::Spread;

/// Values in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Collects values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        Self(values.into_iter().collect())
    }

    /// Returns the median and quartiles.
    pub fn spread(&self) -> Spread {
        Spread::of(self.0.clone())
    }

    /// Returns the ratio to a peer, round by round: a machine that slows down slows both.
    pub fn ratio_to(&self, peer: &Self) -> Spread {
        Spread::of(self.0.iter().zip(&peer.0).map(|(value, peer)| value / peer).collect())
    }

    /// Returns the difference to `base`, round by round.
    pub fn minus(&self, base: &Self) -> Self {
        Self::of(self.0.iter().zip(&base.0).map(|(value, base)| value - base))
    }
}

/// Measures every case once per round. Each round begins with another case, so that none is always first. With 5, 9 or
/// 13 rounds the quartiles are measured values.
pub fn interleaved<Case>(
    rounds: usize,
    cases: &mut [Case],
    mut measure: impl FnMut(&mut Case) -> f64,
) -> Vec<Samples> {
    let mut samples = vec![Samples::default(); cases.len()];
    for round in 0..rounds {
        for turn in 0..cases.len() {
            let index = (turn + round) % cases.len();
            samples[index].0.push(measure(&mut cases[index]));
        }
    }
    samples
}
