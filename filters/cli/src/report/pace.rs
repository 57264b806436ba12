//! How often summaries come: bins of time are no narrower, or every other one would be empty.

use std::collections::HashMap;

/// The shortest time between summaries that was seen.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The end of the last summaries of each source.
    ends: HashMap<String, u64>,
    /// The shortest time between two of one source, in milliseconds.
    shortest: Option<u64>,
}

/// The most sources whose pace is known.
const MOST_SOURCES: usize = 10_000;

impl Pace {
    /// Notes summaries that ended at `end`; how far apart they are at the least, 0 as long as nothing is known.
    pub(super) fn since_the_one_before(&mut self, source: &str, end: u64) -> u64 {
        let has_room = self.ends.len() < MOST_SOURCES;
        match self.ends.get_mut(source) {
            Some(before) => {
                let apart = end.saturating_sub(core::mem::replace(before, end));
                if apart > 0 {
                    self.shortest = Some(self.shortest.map_or(apart, |shortest| shortest.min(apart)));
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
    fn the_shortest_time_between_two_of_one_source_holds() {
        let mut pace = Pace::default();
        let ends = [
            ("a", 60_000, 0),
            ("b", 61_000, 0),
            ("a", 60_000, 0),
            ("a", 180_000, 120_000),
            ("b", 121_000, 60_000),
        ];
        for (source, end, apart) in ends {
            assert_eq!(pace.since_the_one_before(source, end), apart, "{source} at {end}");
        }
    }
}
