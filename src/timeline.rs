//! Event time: the watermark, 10-second buckets, and exchanges that are late or ahead of time.
//!
//! The watermark is the largest time seen. A bucket is sealed when the watermark is `reorder` past its end; exchanges
//! that arrive after that are late. In logs a single line with a broken date must not push the watermark into the
//! future, so a line more than an hour ahead moves nothing until ten such lines agree; live, the host's clock is
//! trusted.

use crate::units::{Micros, Timestamp};

/// Length of a bucket; buckets start at multiples of it.
pub(crate) const BUCKET: Micros = Micros::from_seconds(10);

/// The last bucket, about 1 360 years after the Unix epoch: bucket numbers fit into 32 bits, with room for sums.
const LAST_BUCKET: u64 = u32::MAX as u64 - 0xffff;

/// Returns the number of the bucket that contains `ts`, counted from the Unix epoch. The last bucket contains all later
/// times.
pub fn bucket_of(ts: Timestamp) -> u64 {
    (ts.micros() / BUCKET.get()).min(LAST_BUCKET)
}

/// Returns the start of a bucket.
pub(crate) fn start_of(bucket: u64) -> Timestamp {
    Timestamp::from_micros(bucket.saturating_mul(BUCKET.get()))
}

/// Returns the end of a bucket: the time to wake a reporter that has absorbed all of its deltas.
pub fn end_of(bucket: u64) -> Timestamp {
    start_of(bucket.saturating_add(1))
}

/// Source of exchanges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Feed {
    /// Live traffic: the host's clock is right, and the rate of records is limited.
    Live,
    /// A log: times may be wrong, and no record is suppressed.
    Log,
}

/// Position of an exchange relative to the open buckets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Placement {
    /// In this open bucket.
    Open(u64),
    /// In a bucket that is already sealed.
    Late,
    /// Too far ahead for its time to be trusted.
    Ahead,
}

/// An open bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenAt {
    pub(crate) bucket: u64,
    /// Index among the open buckets.
    pub(crate) index: usize,
    /// Newest bucket whose seal its exchanges may be compared with.
    pub(crate) comparable: u32,
}

/// Maximum distance of a line ahead of the watermark before it is doubted, and of doubted lines from each other to
/// agree.
const DOUBT: Micros = Micros::from_seconds(3_600);
/// Consecutive doubted lines that must agree.
const WITNESSES: usize = 10;

/// The watermark, and the seals that follow from it.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    feed: Feed,
    reorder: Micros,
    watermark: Option<Timestamp>,
    /// Every bucket below this one is due to be sealed.
    due: u64,
    /// Watermark at which the next bucket is due. A comparison once per exchange is cheaper than a division.
    next_due: Timestamp,
    /// The bucket of the last exchange, and its start.
    last: (u64, Timestamp),
    /// Every bucket below this one is sealed.
    sealed: u64,
    lag: u64,
    open_buckets: usize,
    doubted: [Timestamp; WITNESSES],
    doubts: usize,
}

impl Timeline {
    /// Creates a timeline without a watermark.
    pub(crate) fn new(feed: Feed, reorder: Micros) -> Self {
        Self {
            feed,
            reorder,
            watermark: None,
            due: 0,
            next_due: Timestamp::default(),
            last: (0, Timestamp::default()),
            sealed: 0,
            lag: 0,
            open_buckets: open_buckets(reorder),
            doubted: [Timestamp::default(); WITNESSES],
            doubts: 0,
        }
    }

    /// Advances the watermark to `ts` if that is later, and returns the placement of `ts`.
    ///
    /// Buckets that the watermark has passed are sealed only by [`seal_next`](Self::seal_next).
    pub(crate) fn arrive(&mut self, ts: Timestamp) -> Placement {
        let (bucket, start) = self.last;
        if ts >= start
            && ts.since(start) < BUCKET
            && ts < self.next_due
            && bucket >= self.sealed.max(self.due)
        {
            // In the bucket of the last exchange: neither doubtful nor late, and nothing falls due.
            self.doubts = 0;
            self.watermark = self.watermark.max(Some(ts));
            return Placement::Open(bucket);
        }
        self.arrive_elsewhere(ts)
    }

    fn arrive_elsewhere(&mut self, ts: Timestamp) -> Placement {
        let Some(watermark) = self.watermark else {
            self.advance(ts);
            self.sealed = self.due;
            return Placement::Open(bucket_of(ts));
        };
        if self.feed == Feed::Log && ts.since(watermark) > DOUBT {
            return self.doubt(ts);
        }
        self.doubts = 0;
        self.advance(ts);
        let bucket = self.bucket(ts);
        if bucket < self.sealed.max(self.due) { Placement::Late } else { Placement::Open(bucket) }
    }

    /// Advances the watermark to the host's clock; does nothing for a log.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        if self.feed == Feed::Live {
            match self.watermark {
                Some(_) => self.advance(now),
                None => {
                    self.arrive(now);
                }
            }
        }
    }

    /// Returns true if a bucket is due to be sealed.
    pub(crate) fn has_due(&self) -> bool {
        self.sealed < self.due
    }

    /// Seals the next bucket that is due, or, if `all`, the next one up to the watermark. Returns `None` if there is
    /// none.
    pub(crate) fn seal_next(&mut self, all: bool) -> Option<u64> {
        (self.sealed < self.end(all)).then(|| {
            self.sealed += 1;
            self.sealed - 1
        })
    }

    /// Marks every bucket that could be sealed now as sealed, because all of them are empty.
    pub(crate) fn skip_to_due(&mut self, all: bool) {
        self.sealed = self.sealed.max(self.end(all));
    }

    /// Returns the first bucket that is not sealed.
    pub(crate) fn sealed(&self) -> u64 {
        self.sealed
    }

    /// Returns the largest time seen.
    pub(crate) fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }

    /// Returns the number of open buckets: the current one, and those within `reorder` before it.
    pub(crate) fn open_buckets(&self) -> usize {
        self.open_buckets
    }

    /// Returns the newest bucket whose seal an exchange in `bucket` may be compared with: one that ended at least
    /// `reorder` earlier.
    pub(crate) fn comparable(&self, bucket: u64) -> u64 {
        bucket.saturating_sub(self.open_buckets() as u64 + self.lag)
    }

    /// Returns the place of an open bucket.
    pub(crate) fn open_at(&self, bucket: u64) -> OpenAt {
        let index = open_index(bucket, self.open_buckets);
        OpenAt { bucket, index, comparable: self.comparable(bucket) as u32 }
    }

    /// Sets the number of buckets after which the result of a seal is known here.
    pub(crate) fn set_lag(&mut self, lag: u64) {
        self.lag = lag;
    }

    fn end(&self, all: bool) -> u64 {
        if all { self.watermark.map_or(0, |ts| bucket_of(ts) + 1) } else { self.due }
    }

    /// Returns [`bucket_of`] `ts`, and remembers it.
    fn bucket(&mut self, ts: Timestamp) -> u64 {
        let bucket = bucket_of(ts);
        self.last = (bucket, start_of(bucket));
        bucket
    }

    fn advance(&mut self, ts: Timestamp) {
        self.watermark = self.watermark.max(Some(ts));
        if ts >= self.next_due {
            self.due = bucket_of(ts.before(self.reorder));
            self.next_due = start_of(self.due + 1).after(self.reorder);
        }
    }

    /// Accepts the time of doubted lines once ten consecutive ones lie within an hour of each other, or rise strictly
    /// (a gap in the log).
    fn doubt(&mut self, ts: Timestamp) -> Placement {
        if self.doubts == WITNESSES {
            self.doubted.rotate_left(1);
            self.doubts -= 1;
        }
        if let Some(entry) = self.doubted.get_mut(self.doubts) {
            *entry = ts;
            self.doubts += 1;
        }
        if self.doubts < WITNESSES {
            return Placement::Ahead;
        }
        let (first, last) =
            self.doubted.iter().fold((ts, ts), |(first, last), ts| (first.min(*ts), last.max(*ts)));
        if last.since(first) <= DOUBT || self.doubted.is_sorted_by(|a, b| a < b) {
            self.doubts = 0;
            self.advance(last);
        }
        Placement::Ahead
    }
}

/// Returns the index of a bucket among `open_buckets` open ones. Bucket numbers fit into 32 bits, which divide far faster than 64.
pub(crate) fn open_index(bucket: u64, open_buckets: usize) -> usize {
    (bucket as u32 % open_buckets.max(1) as u32) as usize
}

/// Returns the number of buckets that are open at once with this `reorder`.
pub(crate) fn open_buckets(reorder: Micros) -> usize {
    1 + reorder.get().div_ceil(BUCKET.get()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const REORDER: Micros = Micros::from_seconds(10);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn a_bucket_is_sealed_when_the_watermark_is_reorder_past_its_end() {
        let mut timeline = Timeline::new(Feed::Log, REORDER);
        assert_eq!(timeline.arrive(at(5)), Placement::Open(100_000));
        timeline.arrive(at(19));
        while timeline.seal_next(false).is_some() {}
        assert_eq!(timeline.arrive(at(9)), Placement::Open(100_000), "19 is less than 10 s past 10");
        timeline.arrive(at(20));
        assert_eq!(timeline.arrive(at(9)), Placement::Late);
        assert_eq!(core::iter::from_fn(|| timeline.seal_next(false)).last(), Some(100_000));
    }

    #[test]
    fn everything_within_reorder_of_the_first_line_is_in_an_open_bucket() {
        let mut timeline = Timeline::new(Feed::Log, REORDER);
        timeline.arrive(at(5));
        assert_eq!(timeline.arrive(at(0).before(Micros::from_seconds(4))), Placement::Open(99_999));
        assert_eq!(timeline.arrive(at(0).before(Micros::from_seconds(14))), Placement::Late);
    }

    #[test]
    fn live_a_tick_moves_time_and_in_a_log_it_does_not() {
        for (feed, sealed) in [(Feed::Live, Some(100_000)), (Feed::Log, None)] {
            let mut timeline = Timeline::new(feed, Micros::new(0));
            timeline.arrive(at(5));
            timeline.tick(at(10));
            assert_eq!(timeline.seal_next(false), sealed);
        }
    }

    #[test]
    fn one_line_from_the_future_moves_nothing() {
        let mut timeline = Timeline::new(Feed::Log, REORDER);
        timeline.arrive(at(0));
        assert_eq!(timeline.arrive(at(90_000)), Placement::Ahead);
        assert_eq!(timeline.arrive(at(1)), Placement::Open(100_000));
        assert_eq!(timeline.watermark(), Some(at(1)));
    }

    #[test]
    fn ten_lines_that_agree_are_accepted() {
        let mut timeline = Timeline::new(Feed::Log, REORDER);
        timeline.arrive(at(0));
        for i in 0..10 {
            assert_eq!(timeline.arrive(at(90_000 - i)), Placement::Ahead);
        }
        assert_eq!(timeline.watermark(), Some(at(90_000)));
        assert_eq!(timeline.arrive(at(89_999)), Placement::Open(108_999));
    }

    #[test]
    fn rising_times_after_a_gap_are_accepted_and_scattered_dates_are_not() {
        let mut sparse = Timeline::new(Feed::Log, REORDER);
        sparse.arrive(at(0));
        (0..10).for_each(|i| {
            sparse.arrive(at(90_000 + 7_200 * i));
        });
        assert_eq!(sparse.watermark(), Some(at(154_800)));
        let mut broken = Timeline::new(Feed::Log, REORDER);
        broken.arrive(at(0));
        (0..30).for_each(|i| {
            broken.arrive(at(90_000 + 7_200 * (i * 7 % 10)));
        });
        assert_eq!(broken.watermark(), Some(at(0)));
    }
}
