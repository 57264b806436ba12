//! The few exchanges worth showing one by one, out of any number.

/// One exchange that is shown.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// When it was over, in milliseconds since 1970.
    pub(crate) time: u64,
    pub(crate) fate: String,
    pub(crate) margin_bp: Option<u16>,
    pub(crate) duration_ms: f64,
    pub(crate) explain: String,
}

/// Those with the smallest ranks, of which only so many are kept.
#[derive(Clone, Debug)]
pub(crate) struct Closest {
    most: usize,
    /// In order of rank.
    calls: Vec<(u64, Call)>,
}

impl Closest {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, calls: Vec::new() }
    }

    /// Takes a call if its rank is among the smallest; it is only made if so.
    pub(crate) fn offer(&mut self, rank: u64, call: impl FnOnce() -> Call) {
        if self.calls.len() >= self.most && self.calls.last().is_some_and(|(last, _)| rank >= *last) {
            return;
        }
        let place = self.calls.partition_point(|(other, _)| *other <= rank);
        self.calls.insert(place, (rank, call()));
        self.calls.truncate(self.most);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().map(|(_, call)| call)
    }

    /// Ranks beside the calls, for merging several lists.
    pub(crate) fn ranked(&self) -> impl Iterator<Item = &(u64, Call)> {
        self.calls.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_closest_are_kept_in_order() {
        let mut closest = Closest::new(3);
        for rank in [5, 1, 9, 3, 7, 1] {
            closest.offer(rank, || Call {
                time: rank,
                fate: "tight".into(),
                margin_bp: None,
                duration_ms: 1.0,
                explain: String::new(),
            });
        }
        assert_eq!(closest.iter().map(|call| call.time).collect::<Vec<_>>(), [1, 1, 3]);
    }
}
