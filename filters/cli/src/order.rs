//! Order of the input: lines that come too late to be judged with those of their time.

use nearmiss::{Micros, Timestamp};

/// Length of the intervals that are judged as one.
const BUCKET: Micros = Micros::from_seconds(10);
/// A line further ahead moves nothing: its clock is wrong.
const MAX_LEAD: Micros = Micros::from_seconds(3_600);

/// Counts the lines that are older than the newest line by more than the core waits for.
#[derive(Debug)]
pub(crate) struct OrderCheck {
    tolerance: Micros,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    late: u64,
}

impl OrderCheck {
    /// Creates a check; `reorder` is the configured time that a line may be late.
    pub(crate) fn new(reorder: Option<Micros>) -> Self {
        Self {
            tolerance: Micros::new(BUCKET.get() + reorder.unwrap_or(BUCKET).get()),
            oldest: None,
            newest: None,
            late: 0,
        }
    }

    /// Adds the time of a line.
    pub(crate) fn add(&mut self, ts: Timestamp) {
        self.oldest = Some(self.oldest.map_or(ts, |oldest| oldest.min(ts)));
        let Some(newest) = self.newest else {
            self.newest = Some(ts);
            return;
        };
        if ts > newest {
            if ts.since(newest) <= MAX_LEAD {
                self.newest = Some(ts);
            }
        } else if newest.since(ts) > self.tolerance {
            self.late += 1;
        }
    }

    /// Returns the time between the oldest line and the newest.
    pub(crate) fn span(&self) -> Option<Micros> {
        Some(self.newest?.since(self.oldest?))
    }

    /// Prints a warning if there are late lines.
    pub(crate) fn print(&self) {
        if self.late > 0 {
            eprintln!(
                "nearmiss: warning: lines out of order by more than {1} s: {0}; they are counted, but neither slow nor \
                 part of an episode. Give rotated files as arguments instead of concatenating them, sort the log by time, \
                 or raise `reorder` in the configuration",
                self.late,
                self.tolerance.get() / 1_000_000
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_beyond_the_tolerance_are_late() {
        let mut check = OrderCheck::new(None);
        for seconds in [100, 95, 130, 111, 109, 50_000, 131] {
            check.add(Timestamp::from_seconds(seconds));
        }
        assert_eq!(check.late, 1, "109 is 21 s older than 130; a time far ahead moves nothing");
    }
}
