//! Where an exchange stands in time: the watermark, the 10-second buckets, what is late, what is ahead.
//!
//! The watermark is the largest time seen. A bucket is sealed when the watermark is `reorder` past its end; what comes
//! after that is late. In logs a single line with a broken date must not push the watermark into the future, so a line
//! more than an hour ahead moves nothing until ten such lines agree; live, the host's clock is trusted.

use crate::units::{Micros, Timestamp};

/// The length of a bucket; buckets start at multiples of it.
pub const BUCKET: Micros = Micros::from_seconds(10);

/// The last bucket, some 1 360 years from the Unix epoch: numbers of buckets fit into 32 bits, with room to count on.
const LAST_BUCKET: u64 = u32::MAX as u64 - 0xffff;

/// The number of a bucket: whole lengths since the Unix epoch. All time after the last bucket is in it.
pub fn bucket_of(ts: Timestamp) -> u64 {
    (ts.micros() / BUCKET.get()).min(LAST_BUCKET)
}

/// When a bucket begins.
pub fn start_of(bucket: u64) -> Timestamp {
    Timestamp::from_micros(bucket.saturating_mul(BUCKET.get()))
}

/// Where exchanges come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Feed {
    /// From traffic, as it passes: the host's clock is right, and records are limited in number.
    Live,
    /// From a log: times may be wrong, and nothing is held back.
    Log,
}

/// Where an exchange stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// In this open bucket.
    Open(u64),
    /// In a bucket that is sealed already.
    Late,
    /// So far ahead that its time cannot be trusted.
    Ahead,
}

/// How far ahead of the watermark a line may be before it is doubted, and how close doubted lines must agree.
const DOUBT: Micros = Micros::from_seconds(3_600);
/// How many doubted lines in a row must agree.
const WITNESSES: usize = 10;

/// The watermark and what follows from it.
#[derive(Clone, Debug)]
pub struct Timeline {
    feed: Feed,
    reorder: Micros,
    watermark: Option<Timestamp>,
    /// Every bucket below this one is due, and when the next one will be: the watermark passes it once in ten seconds, so that
    /// an exchange needs no division to know.
    due: u64,
    next_due: Timestamp,
    /// The bucket that was asked for last, and its start.
    last: (u64, Timestamp),
    /// Every bucket below this one is sealed.
    sealed: u64,
    lag: u64,
    open_buckets: usize,
    doubted: [Timestamp; WITNESSES],
    doubts: usize,
}

impl Timeline {
    /// A timeline without a past.
    pub fn new(feed: Feed, reorder: Micros) -> Self {
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

    /// Takes note of a time, which may move the watermark, and says where it stands.
    ///
    /// What the watermark has passed is not sealed yet: ask [`seal_next`](Self::seal_next).
    pub fn arrive(&mut self, ts: Timestamp) -> Place {
        let Some(watermark) = self.watermark else {
            self.advance(ts);
            self.sealed = self.due;
            return Place::Open(bucket_of(ts));
        };
        if self.feed == Feed::Log && ts.since(watermark) > DOUBT {
            return self.doubt(ts);
        }
        self.doubts = 0;
        self.advance(ts);
        let bucket = self.bucket(ts);
        if bucket < self.sealed.max(self.due) { Place::Late } else { Place::Open(bucket) }
    }

    /// The host's clock says that it is `now`.
    pub fn tick(&mut self, now: Timestamp) {
        if self.feed == Feed::Live {
            match self.watermark {
                Some(_) => self.advance(now),
                None => {
                    self.arrive(now);
                }
            }
        }
    }

    /// Seals the next bucket that is due, or, if `all`, the next one up to the watermark; `None` if there is none.
    pub fn seal_next(&mut self, all: bool) -> Option<u64> {
        (self.sealed < self.end(all)).then(|| {
            self.sealed += 1;
            self.sealed - 1
        })
    }

    /// Passes over everything that could be sealed now: nothing waits in it.
    pub fn skip_to_due(&mut self, all: bool) {
        self.sealed = self.sealed.max(self.end(all));
    }

    /// The first bucket that is not sealed.
    pub fn sealed(&self) -> u64 {
        self.sealed
    }

    /// The largest time seen.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }

    /// How many buckets are open at once: the one that is filling, and those within `reorder` before it.
    pub fn open_buckets(&self) -> usize {
        self.open_buckets
    }

    /// The newest bucket whose seal an exchange in `bucket` may be compared with: it ended at least `reorder` before.
    pub fn comparable(&self, bucket: u64) -> u64 {
        bucket.saturating_sub(self.open_buckets() as u64 + self.lag)
    }

    /// What a seal leaves is known here only so many buckets later.
    pub(crate) fn set_lag(&mut self, lag: u64) {
        self.lag = lag;
    }

    fn end(&self, all: bool) -> u64 {
        if all { self.watermark.map_or(0, |ts| bucket_of(ts) + 1) } else { self.due }
    }

    /// [`bucket_of`], which most often is the same as the last time.
    fn bucket(&mut self, ts: Timestamp) -> u64 {
        let (bucket, start) = self.last;
        if ts >= start && ts.since(start) < BUCKET {
            return bucket;
        }
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

    /// Ten doubted lines in a row that lie within an hour of each other, or a time that rose over all ten (a gap in the
    /// log), are believed.
    fn doubt(&mut self, ts: Timestamp) -> Place {
        if self.doubts == WITNESSES {
            self.doubted.rotate_left(1);
            self.doubts -= 1;
        }
        if let Some(place) = self.doubted.get_mut(self.doubts) {
            *place = ts;
            self.doubts += 1;
        }
        if self.doubts < WITNESSES {
            return Place::Ahead;
        }
        let (first, last) =
            self.doubted.iter().fold((ts, ts), |(first, last), ts| (first.min(*ts), last.max(*ts)));
        if last.since(first) <= DOUBT || self.doubted.is_sorted_by(|a, b| a < b) {
            self.doubts = 0;
            self.advance(last);
        }
        Place::Ahead
    }
}

/// How many buckets are open at once with this `reorder`.
pub fn open_buckets(reorder: Micros) -> usize {
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
        assert_eq!(timeline.arrive(at(5)), Place::Open(100_000));
        timeline.arrive(at(19));
        while timeline.seal_next(false).is_some() {}
        assert_eq!(timeline.arrive(at(9)), Place::Open(100_000), "19 is less than 10 s past 10");
        timeline.arrive(at(20));
        assert_eq!(timeline.arrive(at(9)), Place::Late);
        assert_eq!(core::iter::from_fn(|| timeline.seal_next(false)).last(), Some(100_000));
    }

    #[test]
    fn everything_within_reorder_of_the_first_line_has_a_place() {
        let mut timeline = Timeline::new(Feed::Log, REORDER);
        timeline.arrive(at(5));
        assert_eq!(timeline.arrive(at(0).before(Micros::from_seconds(4))), Place::Open(99_999));
        assert_eq!(timeline.arrive(at(0).before(Micros::from_seconds(14))), Place::Late);
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
        assert_eq!(timeline.arrive(at(90_000)), Place::Ahead);
        assert_eq!(timeline.arrive(at(1)), Place::Open(100_000));
        assert_eq!(timeline.watermark(), Some(at(1)));
    }

    #[test]
    fn ten_lines_that_agree_are_believed() {
        let mut timeline = Timeline::new(Feed::Log, REORDER);
        timeline.arrive(at(0));
        for i in 0..10 {
            assert_eq!(timeline.arrive(at(90_000 - i)), Place::Ahead);
        }
        assert_eq!(timeline.watermark(), Some(at(90_000)));
        assert_eq!(timeline.arrive(at(89_999)), Place::Open(108_999));
    }

    #[test]
    fn a_gap_after_which_time_goes_on_is_believed_and_scattered_dates_are_not() {
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
