//! Exemplars: the few exchanges that the report shows individually.

/// One exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exemplar {
    /// End of the exchange, in milliseconds since 1970.
    pub(crate) time: u64,
    pub(crate) fate: String,
    pub(crate) margin_bp: Option<u16>,
    pub(crate) duration_ms: f64,
    pub(crate) explain: String,
}

/// A bounded list of the exemplars with the smallest ranks.
#[derive(Clone, Debug)]
pub(crate) struct Exemplars {
    max: usize,
    /// Sorted by rank.
    exemplars: Vec<(u64, Exemplar)>,
}

impl Exemplars {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, exemplars: Vec::new() }
    }

    /// Adds an exemplar if its rank is among the smallest; `exemplar` is only called in that case.
    pub(crate) fn offer(&mut self, rank: u64, exemplar: impl FnOnce() -> Exemplar) {
        if self.exemplars.len() >= self.max && self.exemplars.last().is_some_and(|(last, _)| rank >= *last) {
            return;
        }
        let index = self.exemplars.partition_point(|(other, _)| *other <= rank);
        self.exemplars.insert(index, (rank, exemplar()));
        self.exemplars.truncate(self.max);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Exemplar> {
        self.exemplars.iter().map(|(_, exemplar)| exemplar)
    }

    /// Returns the exemplars with their ranks, to merge several lists.
    pub(crate) fn ranked(&self) -> impl Iterator<Item = &(u64, Exemplar)> {
        self.exemplars.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_ranks_are_kept_in_order() {
        let mut closest = Exemplars::new(3);
        for rank in [5, 1, 9, 3, 7, 1] {
            closest.offer(rank, || Exemplar {
                time: rank,
                fate: "tight".into(),
                margin_bp: None,
                duration_ms: 1.0,
                explain: String::new(),
            });
        }
        assert_eq!(closest.iter().map(|exemplar| exemplar.time).collect::<Vec<_>>(), [1, 1, 3]);
    }
}
