//! One upstream of the fleet: its waiting, counted and emitted summaries.

use super::counts::SummaryCounts;
use super::parts::{Overlap, Parts};
use super::stats::MergeStats;
use super::summary::Summary;
use crate::sorted_map::SortedMap;
use crate::units::{Micros, Timestamp};
use alloc::boxed::Box;
use core::cmp::Reverse;

/// One upstream.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    /// Summaries that are not counted yet, those with the most parts first: of two that overlap, the larger one counts,
    /// in either order of arrival.
    waiting: SortedMap<(Reverse<u64>, Parts), Box<Summary>>,
    counted: Generation,
    before: Generation,
    /// Summaries that end at or before this time are too late: the memory of them was dropped.
    horizon: Option<Timestamp>,
    /// True if a source that was dropped reported the upstream itself.
    was_reported: bool,
    /// Counted summaries that were not emitted, by interval.
    cells: SortedMap<u64, Box<IntervalCounts>>,
    /// Emitted counts.
    emitted: SummaryCounts,
}

/// Summaries counted over a period.
#[derive(Debug, Default)]
struct Generation {
    parts: Parts,
    /// Latest end of them.
    last: Timestamp,
}

/// Counts of one interval.
#[derive(Debug, Default)]
pub(crate) struct IntervalCounts {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) parts: Parts,
    pub(crate) counts: SummaryCounts,
}

impl Upstream {
    /// Holds a summary until it is counted; returns false for a repeat.
    pub(crate) fn hold(&mut self, summary: Summary, stats: &mut MergeStats) -> bool {
        let key = (Reverse(summary.parts.total()), summary.parts.clone());
        let Some(known) = self.waiting.get(&key) else {
            self.waiting.insert(key, Box::new(summary));
            return true;
        };
        let same = known.end == summary.end && known.counts == summary.counts;
        *(if same { &mut stats.repeated } else { &mut stats.contradicting }) += 1;
        false
    }

    /// Counts the waiting summaries; returns the number of additional ranges.
    pub(crate) fn count_waiting(&mut self, every: Micros, stats: &mut MergeStats) -> usize {
        let mut more = 0;
        for ((_, parts), summary) in core::mem::take(&mut self.waiting).into_iter() {
            match (self.counted.parts.overlap(&parts), self.before.parts.overlap(&parts)) {
                (Overlap::None, Overlap::None)
                    if self.horizon.is_some_and(|horizon| summary.end <= horizon) =>
                {
                    stats.too_late += 1
                }
                (Overlap::None, Overlap::None) => more += self.count(every, &parts, &summary),
                (Overlap::All, _) | (_, Overlap::All) => stats.repeated += 1,
                _ => stats.overlapping += 1,
            }
        }
        more
    }

    fn count(&mut self, every: Micros, parts: &Parts, summary: &Summary) -> usize {
        self.counted.parts.extend(parts);
        self.counted.last = self.counted.last.max(summary.end);
        self.cells.update(interval_of(summary.end, every), |cell| {
            let is_first = cell.parts.0.is_empty();
            cell.start = if is_first { summary.start } else { cell.start.min(summary.start) };
            cell.end = cell.end.max(summary.end);
            cell.counts.add(&summary.counts);
            cell.parts.extend(parts)
        })
    }

    /// Returns the first interval that was not emitted.
    pub(crate) fn first_interval(&self) -> Option<u64> {
        self.cells.keys().next().copied()
    }

    /// Removes and returns an interval. Relayed counts are kept only if no instance reports the upstream itself.
    pub(crate) fn take_interval(&mut self, interval: u64) -> Option<Box<IntervalCounts>> {
        let mut cell = self.cells.remove(&interval)?;
        if self.is_reported() {
            cell.counts.totals.relayed = None;
        }
        self.emitted.add(&cell.counts);
        Some(cell)
    }

    /// Returns true if any source reports the upstream itself instead of relaying.
    fn is_reported(&self) -> bool {
        let generations = [&self.counted, &self.before];
        self.was_reported
            || generations.into_iter().any(|known| known.parts.0.values().any(|part| !part.relays))
    }

    /// Drops the older half of the counted sequence numbers.
    pub(crate) fn drop_older_half(&mut self) {
        self.was_reported = self.is_reported();
        self.horizon = Some(self.before.last).max(self.horizon);
        self.before = core::mem::take(&mut self.counted);
    }

    /// Returns the number of ranges in the newer half of the counted sequence numbers.
    pub(crate) fn remembered(&self) -> usize {
        self.counted.parts.len()
    }

    /// Returns the emitted counts.
    pub(crate) fn emitted(&self) -> &SummaryCounts {
        &self.emitted
    }

    /// Returns the number of sources.
    pub(crate) fn sources(&self) -> usize {
        let new = |source| !self.before.parts.0.contains(source);
        self.before.parts.0.len() + self.counted.parts.0.keys().filter(|source| new(*source)).count()
    }
}

/// Returns the interval of a summary that ends at `end`; intervals include their end.
fn interval_of(end: Timestamp, every: Micros) -> u64 {
    end.micros().saturating_sub(1) / every.get().max(1)
}
