//! What was measured of one thing, a value a round; rounds of several things take turns.

use super::Spread;

/// Values in the order of their rounds.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Of these values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        Self(values.into_iter().collect())
    }

    /// The middle of them, and how far they lie apart.
    pub fn spread(&self) -> Spread {
        Spread::of(self.0.clone())
    }

    /// How many times the peer's, round by round: a machine that slows down slows both.
    pub fn over(&self, peer: &Self) -> Spread {
        Spread::of(self.0.iter().zip(&peer.0).map(|(value, peer)| value / peer).collect())
    }

    /// How much more than `base`, round by round.
    pub fn beyond(&self, base: &Self) -> Self {
        Self::of(self.0.iter().zip(&base.0).map(|(value, base)| value - base))
    }
}

/// Measures every case once a round; each round begins with another, so that none is always first. Of 5, 9 or 13 rounds the quartiles
/// are values that were measured.
pub fn in_turns<Case>(
    rounds: usize,
    cases: &mut [Case],
    mut measure: impl FnMut(&mut Case) -> f64,
) -> Vec<Samples> {
    let mut samples = vec![Samples::default(); cases.len()];
    for round in 0..rounds {
        for turn in 0..cases.len() {
            let place = (turn + round) % cases.len();
            samples[place].0.push(measure(&mut cases[place]));
        }
    }
    samples
}
