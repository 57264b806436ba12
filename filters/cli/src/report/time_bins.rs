//! Time bins, which grow wider with the time range so that their number stays bounded.

/// Widths in seconds. Each is a multiple of the one before, so bins merge without loss.
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

/// Maximum number of bins: a day is 144 bins of ten minutes, and may begin and end within a bin.
pub(crate) const MAX_BINS: u64 = 160;

/// The range of bins in use, and their width.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeBins {
    /// Index of the width in [`WIDTHS`].
    level: usize,
    /// Numbers of the first and the last bin, counted from 1970; `None` while there is no bin.
    range: Option<(u64, u64)>,
}

impl TimeBins {
    /// Returns the width of a bin in milliseconds.
    pub(crate) fn width_ms(&self) -> u64 {
        self.seconds() * 1_000
    }

    /// Returns the numbers of the first and the last bin.
    pub(crate) fn range(&self) -> Option<(u64, u64)> {
        self.range
    }

    /// Returns the number of the bin that contains a time.
    pub(crate) fn bin(&self, millis: u64) -> u64 {
        millis / self.width_ms()
    }

    /// Extends the range to the bin of `millis`, and widens the bins to at least `min_width_ms` if possible. Returns the number
    /// of bins that merge into one if the bins became wider.
    pub(crate) fn extend(&mut self, millis: u64, min_width_ms: u64) -> Option<u64> {
        let before = self.seconds();
        while self.width_ms() < min_width_ms && self.level + 1 < WIDTHS.len() {
            self.widen();
        }
        loop {
            let bin = self.bin(millis);
            let (first, last) = self.range.unwrap_or((bin, bin));
            let range = (first.min(bin), last.max(bin));
            if range.1 - range.0 < MAX_BINS || self.level + 1 == WIDTHS.len() {
                self.range = Some(range);
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
        self.range = self.range.map(|(first, last)| (first / factor, last / factor));
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
    fn the_number_of_bins_is_bounded() {
        let mut time_bins = TimeBins::default();
        assert_eq!(time_bins.extend(1_795_392_000_000, 1), None);
        assert_eq!((time_bins.width_ms(), time_bins.range()), (10_000, Some((179_539_200, 179_539_200))));
        assert_eq!(
            time_bins.extend(1_795_392_000_000, 60_000),
            Some(6),
            "summaries of one minute need bins of one minute"
        );
        time_bins.extend(1_795_392_000_000 + 86_399_000, 60_000);
        assert_eq!(time_bins.width_ms(), 600_000, "a day has bins of ten minutes");
        time_bins.extend(0, 1);
        let (first, last) = time_bins.range().unwrap();
        assert!(last - first < MAX_BINS);
        time_bins.extend(u64::MAX / 1_000, 1);
    }
}
