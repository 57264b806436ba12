//! Measures the interval of summaries: narrower time bins would be empty every other time.

use std::collections::HashMap;

/// The shortest interval observed.
#[derive(Debug, Default)]
pub(super) struct SummaryInterval {
    /// End of each source's last summaries.
    ends: HashMap<String, u64>,
    /// Shortest interval between two summaries of one source, in milliseconds.
    shortest: Option<u64>,
}

/// Maximum number of sources that are measured.
const MAX_SOURCES: usize = 10_000;

impl SummaryInterval {
    /// Records summaries that ended at `end`, and returns the shortest interval so far in milliseconds, 0 while
    /// unknown.
    pub(super) fn observe(&mut self, source: &str, end: u64) -> u64 {
        let has_room = self.ends.len() < MAX_SOURCES;
        match self.ends.get_mut(source) {
            Some(previous_end) => {
                let interval_ms = end.saturating_sub(core::mem::replace(previous_end, end));
                if interval_ms > 0 {
                    self.shortest =
                        Some(self.shortest.map_or(interval_ms, |shortest| shortest.min(interval_ms)));
                }
            }
            None if has_room => {
                self.ends.insert(source.into(), end);
            }
            None => {}
        }
        self.shortest.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_interval_of_any_source_is_returned() {
        let mut interval = SummaryInterval::default();
        let ends = [
            ("a", 60_000, 0),
            ("b", 61_000, 0),
            ("a", 60_000, 0),
            ("a", 180_000, 120_000),
            ("b", 121_000, 60_000),
        ];
        for (source, end, interval_ms) in ends {
            assert_eq!(interval.observe(source, end), interval_ms, "{source} at {end}");
        }
    }
}
