//! The fleet: summaries and episodes of any number of instances as one.
//!
//! What is counted is a set: of each source (one run of one instance) which of its summaries. So the order in which summaries
//! come changes nothing, and one that comes again, on its own or inside what was merged from it, is known and counts once. A
//! merged summary says in `parts` what it is made of, and can be merged again. If it shares only some of its parts with what has
//! been counted, the rest cannot be told apart: it is left out, and stats. Of those that are still waiting to be counted the
//! larger one counts, so that what was merged may come together with what it was merged from in any order.
//!
//! Summaries count by the interval that their end falls into. [`finish`](Merger::finish) leaves what is there; where there is no
//! end, an interval leaves when the newest summary ended `wait` after it, and what comes later leaves in a summary more.
//!
//! *Bounds:* 10 000 upstreams; with an end in observation 2^20 ranges of sequence numbers in the intervals that have not left, without one
//! 2^17; beyond, the oldest leaves early. As many again, twice, say what was counted; beyond, the older half is forgotten, and what is
//! older than that is refused: it may be missing, and never counts twice.

mod counts;
mod episode;
mod episodes;
mod error;
mod found;
mod latency;
mod object;
mod parts;
mod ranges;
mod summary;
mod upstream;
mod write;

pub use counts::SummaryCounts;
pub use error::RecordError;
pub use latency::Latency;

use crate::outbox::Outbox;
use crate::record::{Record, RecordKind};
use crate::sorted_map::SortedMap;
use crate::timeline::{Feed, Timeline};
use crate::units::{Micros, Timestamp};
use alloc::boxed::Box;
use episode::Episode;
use episodes::Episodes;
use found::Kind;
use summary::{Sources, Summary};
use upstream::Upstream;

/// The most upstreams that are told apart.
const MAX_UPSTREAMS: usize = 10_000;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The most summaries that wait to be counted.
    waiting: usize,
    /// The most ranges in intervals that have not left, and in each half of what was counted.
    ranges: usize,
}

impl Bounds {
    /// For files: some hundreds of MiB at worst.
    const BATCH: Self = Self { waiting: 1 << 14, ranges: 1 << 20 };
    /// Inside a host that has other things to do: some tens of MiB.
    const LIVE: Self = Self { waiting: 1 << 12, ranges: 1 << 17 };
}

/// Merges records.
///
/// *Drain rule* as for [`Monitor`](crate::Monitor): after [`take`](Self::take) and [`finish`](Self::finish) call
/// [`poll_record`](Self::poll_record) until it returns `None`.
#[derive(Debug)]
pub struct Merger {
    every: Micros,
    wait: Option<Micros>,
    bounds: Bounds,
    /// How far time has come, by the ends of summaries; a single one from the future does not move it.
    timeline: Timeline,
    upstreams: SortedMap<Box<str>, Box<Upstream>>,
    episodes: Episodes,
    sources: Sources,
    stats: MergeStats,
    /// How many summaries wait to be counted, of all upstreams.
    waiting: usize,
    /// How many ranges there are in intervals that have not left.
    ranges: usize,
    /// Every interval before this one has left.
    due: u64,
    outbox: Outbox,
}

/// What became of the records that were taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MergeStats {
    /// Summaries that were read.
    pub summaries: u64,
    /// Episodes that were read.
    pub episodes: u64,
    /// Those of both that had been taken already.
    pub repeated: u64,
    /// Merged ones that were left out because they share some of their parts, not all, with what was counted.
    pub overlapping: u64,
    /// Those that say something else under the same source and number than another: two runs have one name.
    pub contradicting: u64,
    /// Those that are so old that nobody remembers whether they were counted.
    pub too_late: u64,
}

impl Merger {
    /// A merger of intervals of `every`. With `wait` they leave when the newest summary ended so long after them, without at
    /// the end.
    pub fn new(every: Micros, wait: Option<Micros>) -> Self {
        Self {
            every,
            wait,
            bounds: if wait.is_some() { Bounds::LIVE } else { Bounds::BATCH },
            timeline: Timeline::new(Feed::Log, Micros::default()),
            upstreams: SortedMap::default(),
            episodes: Episodes::default(),
            sources: Sources::default(),
            stats: MergeStats::default(),
            waiting: 0,
            ranges: 0,
            due: 0,
            outbox: Outbox::default(),
        }
    }

    /// Takes a line: a record, a line of a proxy's log with one, or somebody's record that carries some. Returns how many
    /// summaries and episodes were in it.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the first record that was refused; the others were taken.
    pub fn take(&mut self, line: &str) -> Result<u64, RecordError> {
        let mut taken = 0;
        let read = found::records(line, &mut |kind, record| {
            match kind {
                Kind::Summary => {
                    let summary = Summary::read(record, &mut self.sources)?;
                    self.take_summary(summary)?;
                }
                Kind::Episode => {
                    let (upstream, episode) = Episode::read(record)?;
                    self.take_episode(upstream, episode);
                }
            }
            taken += 1;
            Ok(())
        });
        if self.waiting >= self.bounds.waiting {
            self.count_waiting();
            // What is late leaves, even if time stands still for long.
            self.leave_until(self.due);
        }
        self.leave_due();
        read.map(|()| taken)
    }

    /// The next record, in order.
    pub fn poll_record(&mut self) -> Option<Record<'_>> {
        self.outbox.pop()
    }

    /// The end of input: everything leaves.
    pub fn finish(&mut self) {
        self.count_waiting();
        self.leave_until(u64::MAX);
        self.leave_episodes(Timestamp::from_micros(u64::MAX));
    }

    /// What became of what was taken.
    pub fn stats(&self) -> MergeStats {
        self.stats
    }

    /// What has left, by upstream, with the number of sources.
    pub fn totals(&self) -> impl Iterator<Item = (&str, &SummaryCounts, usize)> {
        self.upstreams.iter().map(|(name, upstream)| (&**name, upstream.left(), upstream.sources()))
    }

    fn take_summary(&mut self, summary: Summary) -> Result<(), RecordError> {
        self.stats.summaries += 1;
        self.timeline.arrive(summary.end);
        if !self.upstreams.contains(&summary.upstream) {
            if self.upstreams.len() >= MAX_UPSTREAMS {
                return Err(RecordError::Full("upstreams"));
            }
            self.upstreams.insert(summary.upstream.clone(), Box::default());
        }
        if let Some(upstream) = self.upstreams.get_mut(&summary.upstream) {
            self.waiting += usize::from(upstream.hold(summary, &mut self.stats));
        }
        Ok(())
    }

    fn take_episode(&mut self, upstream: Box<str>, episode: Episode) {
        self.stats.episodes += 1;
        self.episodes.hold(upstream, episode, &mut self.stats);
        if self.episodes.is_full() {
            self.leave_episodes(Timestamp::from_micros(u64::MAX));
        }
    }

    fn leave_episodes(&mut self, until: Timestamp) {
        for (upstream, episode) in self.episodes.leave(until, &mut self.stats) {
            self.outbox
                .push(RecordKind::Episode, episode.end, |out| write::episode(out, &upstream, &episode));
        }
    }

    fn count_waiting(&mut self) {
        self.waiting = 0;
        let mut remembered = 0;
        for (_, upstream) in self.upstreams.iter_mut() {
            self.ranges += upstream.count_waiting(self.every, &mut self.stats);
            remembered += upstream.remembered();
        }
        if remembered > self.bounds.ranges {
            self.upstreams.iter_mut().for_each(|(_, upstream)| upstream.forget());
            self.sources.tidy();
        }
        while self.ranges > self.bounds.ranges
            && let Some(first) =
                self.upstreams.values().filter_map(|upstream| upstream.first_interval()).min()
        {
            self.leave_until(first + 1);
        }
    }

    /// Leaves every interval that is due.
    fn leave_due(&mut self) {
        let Some(until) = self.wait.and_then(|wait| Some(self.timeline.watermark()?.before(wait))) else {
            return;
        };
        let due = until.micros() / self.every.get().max(1);
        if due > self.due {
            self.due = due;
            self.count_waiting();
            self.leave_until(due);
            self.leave_episodes(until);
        }
    }

    /// Leaves every interval before this one.
    fn leave_until(&mut self, interval: u64) {
        let Self { upstreams, outbox, ranges, .. } = self;
        for (name, upstream) in upstreams.iter_mut() {
            while let Some(first) = upstream.first_interval().filter(|first| *first < interval)
                && let Some(cell) = upstream.leave(first)
            {
                *ranges = ranges.saturating_sub(cell.parts.len());
                let totals = &cell.counts.totals;
                if totals.exchanges() > 0 || totals.relayed.is_some() {
                    outbox.push(RecordKind::Summary, cell.end, |out| write::summary(out, name, &cell));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
