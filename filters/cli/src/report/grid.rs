//! How time is cut: in bins that grow wider as the story grows longer, so that their number has a bound.

/// Widths in seconds; each is a multiple of the one before, so two bins become one without loss.
const WIDTHS: [u64; 15] = [
    10,
    20,
    60,
    120,
    600,
    1_200,
    3_600,
    7_200,
    21_600,
    43_200,
    86_400,
    604_800,
    2_419_200,
    31_449_600,
    3_144_960_000,
];

/// The most bins: a day is 144 of ten minutes, and may begin and end within one.
pub(crate) const MOST: u64 = 160;

/// The bins from the first to the last in use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid {
    level: usize,
    /// The first and the last bin, in widths since 1970; `None` before anything came.
    reach: Option<(u64, u64)>,
}

impl Grid {
    /// The width of a bin in milliseconds.
    pub(crate) fn width_ms(&self) -> u64 {
        self.seconds() * 1_000
    }

    /// The first bin and the last.
    pub(crate) fn reach(&self) -> Option<(u64, u64)> {
        self.reach
    }

    /// The bin of a time.
    pub(crate) fn bin(&self, millis: u64) -> u64 {
        millis / self.width_ms()
    }

    /// Makes room for counts at `start` of which others come every `span` milliseconds. When bins must grow wider
    /// for that, how many become one.
    pub(crate) fn extend(&mut self, start: u64, span: u64) -> Option<u64> {
        let before = self.seconds();
        while self.width_ms() < span && self.level + 1 < WIDTHS.len() {
            self.widen();
        }
        loop {
            let bin = self.bin(start);
            let (first, last) = self.reach.unwrap_or((bin, bin));
            let reach = (first.min(bin), last.max(bin));
            if reach.1 - reach.0 < MOST || self.level + 1 == WIDTHS.len() {
                self.reach = Some(reach);
                break;
            }
            self.widen();
        }
        let factor = self.seconds() / before;
        (factor > 1).then_some(factor)
    }

    fn widen(&mut self) {
        let before = self.seconds();
        self.level += 1;
        let factor = self.seconds() / before;
        self.reach = self.reach.map(|(first, last)| (first / factor, last / factor));
    }

    fn seconds(&self) -> u64 {
        WIDTHS.get(self.level).copied().unwrap_or(10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_width_is_a_multiple_of_the_one_before() {
        assert!(WIDTHS.windows(2).all(|pair| pair[1] % pair[0] == 0));
    }

    #[test]
    fn bins_never_become_more_than_the_bound() {
        let mut grid = Grid::default();
        assert_eq!(grid.extend(1_795_392_000_000, 1), None);
        assert_eq!((grid.width_ms(), grid.reach()), (10_000, Some((179_539_200, 179_539_200))));
        assert_eq!(
            grid.extend(1_795_392_000_000, 60_000),
            Some(6),
            "a summary of a minute wants a bin of a minute"
        );
        grid.extend(1_795_392_000_000 + 86_399_000, 60_000);
        assert_eq!(grid.width_ms(), 600_000, "a day has bins of ten minutes");
        grid.extend(0, 1);
        let (first, last) = grid.reach().unwrap();
        assert!(last - first < MOST);
        grid.extend(u64::MAX / 1_000, 1);
    }
}
