//! Merges summaries and episodes of any number of instances.
//!
//! The merger keeps a set: for each source (one run of one instance) the sequence numbers of the summaries that were counted.
//! Therefore the order of summaries does not matter, and a repeated one counts once, alone or inside a merged summary. A merged
//! summary lists its sources and sequence numbers in `parts`, so it can be merged again. If it shares only some of its parts with
//! the counted ones, its counts cannot be separated: it is left out and reported as overlapping. Of two overlapping summaries
//! that still wait, the larger one counts, so a merged summary and its inputs may arrive in any order.
//!
//! A summary counts in the interval that contains its end. [`finish`](Merger::finish) emits all intervals. On an endless stream
//! an interval is emitted when the newest summary ended `wait` after it; later arrivals are emitted in a further summary.
//!
//! *Bounds:* 10 000 upstreams. The intervals that wait hold 2^20 ranges of sequence numbers on finite input and 2^17 on an endless
//! stream; beyond that, the oldest interval is emitted early. Two more sets of this size remember the counted numbers; beyond
//! that, the older set is dropped, and summaries older than it are rejected: they may be missing, but never count twice.

mod counts;
mod episode;
mod episodes;
mod error;
mod find;
mod latency;
mod object;
mod parts;
mod ranges;
mod stats;
mod summary;
mod upstream;
mod write;

pub use counts::SummaryCounts;
pub use error::RecordError;
pub use latency::Latency;
pub use stats::MergeStats;

pub use crate::counters::CounterTotals;
use crate::outbox::Outbox;
use crate::record::{Head, Record};
use crate::sorted_map::SortedMap;
use crate::timeline::{Feed, Timeline};
use crate::units::{Micros, Timestamp};
use alloc::boxed::Box;
use episode::Episode;
use episodes::Episodes;
use find::Mergeable;
use summary::{Sources, Summary};
use upstream::Upstream;

/// Maximum number of upstreams.
const MAX_UPSTREAMS: usize = 10_000;

/// Bounds on memory.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Maximum number of summaries that wait to be counted.
    waiting: usize,
    /// Maximum number of ranges in waiting intervals, and in each half of the counted ones.
    ranges: usize,
}

impl Bounds {
    /// For finite input: at worst some hundreds of MiB.
    const BATCH: Self = Self { waiting: 1 << 14, ranges: 1 << 20 };
    /// For endless streams: at worst some tens of MiB.
    const LIVE: Self = Self { waiting: 1 << 12, ranges: 1 << 17 };
}

/// Merges the summaries and episodes of many instances.
///
/// *Drain rule* as for [`Monitor`](crate::Monitor): after [`add_line`](Self::add_line) and [`finish`](Self::finish) call
/// [`poll_record`](Self::poll_record) until it returns `None`.
///
/// ```
/// use nearmiss::merge::Merger;
/// use nearmiss::{Config, Exchange, Feed, Micros, Monitor, Timestamp};
///
/// let mut merger = Merger::new(Micros::from_seconds(60), None);
/// for source in ["proxy-1", "proxy-2"] {
///     let mut monitor = Monitor::new(Config::default(), Feed::Log, source);
///     let ts = Timestamp::from_seconds(1_795_423_554);
///     monitor.observe(&Exchange { ts, upstream: "cart", status: 200, attempts: Some(1), ..Exchange::default() });
///     monitor.finish();
///     while let Some(record) = monitor.poll_record() {
///         merger.add_line(record.json)?;
///         merger.add_line(record.json)?; // A repeated summary counts once.
///     }
/// }
/// merger.finish();
/// let record = merger.poll_record().unwrap();
/// assert!(record.json.contains(r#""clean":2"#));
/// # Ok::<(), nearmiss::merge::RecordError>(())
/// ```
#[derive(Debug)]
pub struct Merger {
    /// Length of an interval.
    every: Micros,
    /// Time that an interval waits for late summaries; `None` to wait for the end of the input.
    wait: Option<Micros>,
    bounds: Bounds,
    /// Watermark of the ends of summaries. A single summary from the future does not advance it.
    timeline: Timeline,
    upstreams: SortedMap<Box<str>, Box<Upstream>>,
    episodes: Episodes,
    sources: Sources,
    stats: MergeStats,
    /// Number of summaries that wait to be counted, over all upstreams.
    waiting: usize,
    /// Number of ranges in waiting intervals.
    ranges: usize,
    /// Number of the first interval that is not due yet.
    due: u64,
    outbox: Outbox,
}

impl Merger {
    /// Returns a merger for intervals of length `every`. With `wait`, an interval is emitted when the newest summary ended that
    /// long after it; without `wait`, at the end of the input.
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

    /// Adds the summaries and episodes in a line and returns their number. The line is a record, a proxy's log line that contains
    /// a record, or JSON of another program with records in its fields.
    ///
    /// # Errors
    ///
    /// Returns the error of the first record that was rejected; all others were added.
    pub fn add_line(&mut self, line: &str) -> Result<u64, RecordError> {
        let mut added = 0;
        let result = find::for_each_record(line, &mut |kind, record| {
            match kind {
                Mergeable::Summary => {
                    let summary = Summary::read(record, &mut self.sources)?;
                    self.add_summary(summary)?;
                }
                Mergeable::Episode => {
                    let (upstream, episode) = Episode::read(record)?;
                    self.add_episode(upstream, episode);
                }
            }
            added += 1;
            Ok(())
        });
        if self.waiting >= self.bounds.waiting {
            self.count_waiting();
            // Late arrivals are emitted even if time stands still.
            self.emit_until(self.due);
        }
        self.emit_due();
        result.map(|()| added)
    }

    /// Returns the oldest record that was emitted and not returned yet.
    pub fn poll_record(&mut self) -> Option<Record<'_>> {
        self.outbox.pop()
    }

    /// Ends the input: emits all intervals and episodes.
    pub fn finish(&mut self) {
        self.count_waiting();
        self.emit_until(u64::MAX);
        self.emit_episodes(Timestamp::MAX);
    }

    /// Returns the counts of the records that were added.
    pub fn stats(&self) -> MergeStats {
        self.stats
    }

    /// Returns the emitted counts by upstream, with the number of sources.
    pub fn totals(&self) -> impl Iterator<Item = (&str, &SummaryCounts, usize)> {
        self.upstreams.iter().map(|(name, upstream)| (&**name, upstream.emitted(), upstream.sources()))
    }

    fn add_summary(&mut self, summary: Summary) -> Result<(), RecordError> {
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

    fn add_episode(&mut self, upstream: Box<str>, episode: Episode) {
        self.stats.episodes += 1;
        self.episodes.hold(upstream, episode, &mut self.stats);
        if self.episodes.is_full() {
            self.emit_episodes(Timestamp::MAX);
        }
    }

    fn emit_episodes(&mut self, until: Timestamp) {
        for (upstream, episode) in self.episodes.take_ended(until, &mut self.stats) {
            let head = Head::Episode { is_open: episode.is_open, pattern: episode.pattern };
            self.outbox.push(head, episode.end, &upstream, |json| write::episode(json, &upstream, &episode));
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
            self.upstreams.iter_mut().for_each(|(_, upstream)| upstream.drop_older_half());
            self.sources.drop_unused();
        }
        while self.ranges > self.bounds.ranges
            && let Some(first) =
                self.upstreams.values().filter_map(|upstream| upstream.first_interval()).min()
        {
            self.emit_until(first + 1);
        }
    }

    /// Emits the intervals that are due.
    fn emit_due(&mut self) {
        let Some(until) = self.wait.and_then(|wait| Some(self.timeline.watermark()?.before(wait))) else {
            return;
        };
        let due = until.micros() / self.every.get().max(1);
        if due > self.due {
            self.due = due;
            self.count_waiting();
            self.emit_until(due);
            self.emit_episodes(until);
        }
    }

    /// Emits the intervals before `interval`.
    fn emit_until(&mut self, interval: u64) {
        let Self { upstreams, outbox, ranges, .. } = self;
        for (name, upstream) in upstreams.iter_mut() {
            while let Some(first) = upstream.first_interval().filter(|first| *first < interval)
                && let Some(interval_counts) = upstream.take_interval(first)
            {
                *ranges = ranges.saturating_sub(interval_counts.parts.len());
                let totals = &interval_counts.counts.totals;
                if totals.exchanges() > 0 || totals.relayed.is_some() || totals.unread > 0 {
                    let head = Head::Summary { late: totals.late, suppressed: totals.suppressed };
                    outbox.push(head, interval_counts.end, name, |json| {
                        write::summary(json, name, &interval_counts)
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
