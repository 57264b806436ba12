//! What the fleet says of one upstream.

use super::MergeStats;
use super::counts::SummaryCounts;
use super::parts::{Overlap, Parts};
use super::summary::Summary;
use crate::sorted_map::SortedMap;
use crate::units::{Micros, Timestamp};
use alloc::boxed::Box;
use core::cmp::Reverse;

/// One upstream.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    /// Summaries that are not counted yet, those made of most first: of two that overlap the larger one counts, whichever
    /// came first.
    waiting: SortedMap<(Reverse<u64>, Parts), Box<Summary>>,
    counted: Generation,
    before: Generation,
    /// What ends no later than this is too late: whether it was counted has been forgotten.
    horizon: Option<Timestamp>,
    /// A source that has been forgotten reported it itself.
    was_reported: bool,
    /// What was counted and has not left, by interval.
    cells: SortedMap<u64, Box<Cell>>,
    /// What has left.
    left: SummaryCounts,
}

/// Which summaries were counted over a stretch of time.
#[derive(Debug, Default)]
struct Generation {
    parts: Parts,
    /// When the last of them ended.
    last: Timestamp,
}

/// The counts of one interval.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) parts: Parts,
    pub(crate) counts: SummaryCounts,
}

impl Upstream {
    /// Keeps a summary until it is counted; false if it is there already.
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

    /// SummaryCounts what waits; returns how many ranges more the intervals and what was counted take.
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

    /// The first interval that has not left.
    pub(crate) fn first_interval(&self) -> Option<u64> {
        self.cells.keys().next().copied()
    }

    /// Takes an interval out. What is relayed goes only where nobody reports the upstream himself.
    pub(crate) fn leave(&mut self, interval: u64) -> Option<Box<Cell>> {
        let mut cell = self.cells.remove(&interval)?;
        if self.is_reported() {
            cell.counts.totals.relayed = None;
        }
        self.left.add(&cell.counts);
        Some(cell)
    }

    /// Whether any source reports it that does not read what others have judged.
    fn is_reported(&self) -> bool {
        let generations = [&self.counted, &self.before];
        self.was_reported
            || generations.into_iter().any(|known| known.parts.0.values().any(|part| !part.relays))
    }

    /// Forgets the older half of what was counted.
    pub(crate) fn forget(&mut self) {
        self.was_reported = self.is_reported();
        self.horizon = Some(self.before.last).max(self.horizon);
        self.before = core::mem::take(&mut self.counted);
    }

    /// How many ranges the newer half of what was counted takes.
    pub(crate) fn remembered(&self) -> usize {
        self.counted.parts.len()
    }

    /// Everything that has left.
    pub(crate) fn left(&self) -> &SummaryCounts {
        &self.left
    }

    /// How many sources it has.
    pub(crate) fn sources(&self) -> usize {
        let new = |source| !self.before.parts.0.contains(source);
        self.before.parts.0.len() + self.counted.parts.0.keys().filter(|source| new(*source)).count()
    }
}

/// The interval that a summary ending at `end` counts under: its end belongs to it.
fn interval_of(end: Timestamp, every: Micros) -> u64 {
    end.micros().saturating_sub(1) / every.get().max(1)
}
