//! The story: what all records say together, gathered while they are read.

use super::closest::Call;
use super::counts::{Counts, share};
use super::grid::Grid;
use super::pace::Pace;
use super::records::{Episode, Error, Exchange, Record, Summary};
use super::upstream::Upstream;
use core::cmp::Reverse;
use core::hash::{Hash, Hasher};
use nearmiss::NO_UPSTREAM;
use nearmiss::{Fate, OTHER};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most upstreams that are told apart while reading; more count as `other`.
const MOST_UPSTREAMS: usize = 1_000;
/// The most episodes that are kept.
const MOST_EPISODES: usize = 5_000;
/// The most summaries that are remembered, to notice one that comes twice.
const MOST_SUMMARIES: usize = 4_000_000;

/// Everything that is told, in no more memory than the bounds above allow.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) grid: Grid,
    /// By name while reading; the closest to failing first once it is [`settled`](Story::settle).
    pub(crate) upstreams: Vec<Upstream>,
    places: HashMap<String, usize>,
    /// Exchanges for which no upstream was chosen.
    pub(crate) unrouted: u64,
    /// By start, once settled.
    pub(crate) episodes: Vec<Episode>,
    open: BTreeMap<String, Episode>,
    /// From when to when, in milliseconds since 1970.
    pub(crate) span: Option<(u64, u64)>,
    pub(crate) exchange_records: u64,
    pub(crate) summaries: u64,
    /// Summaries that came twice and were counted once.
    pub(crate) repeats: u64,
    /// Episodes beyond those that are kept.
    pub(crate) episodes_left_out: u64,
    /// Exchanges that came with their fates and no summary.
    pub(crate) judged_before: u64,
    /// Exchanges that summaries only passed on: whoever judged them reports them.
    pub(crate) relayed: u64,
    seen: HashSet<u64>,
    pace: Pace,
}

impl Story {
    /// Takes one record.
    pub(crate) fn take(&mut self, record: Record<'_>) -> Result<(), Error> {
        match record {
            Record::Exchange(exchange) => self.exchange(&exchange),
            Record::Episode(episode) => {
                self.episode(*episode);
                Ok(())
            }
            Record::Summary(summary) => self.summary(*summary),
        }
    }

    /// Counts one exchange that was judged elsewhere, and of which its fate is known.
    pub(crate) fn judged(&mut self, upstream: &str, fate: Fate, time: u64) {
        self.judged_before += 1;
        if upstream == NO_UPSTREAM {
            self.unrouted += 1;
            return;
        }
        self.reach(time, time, time, 0);
        let bin = self.grid.bin(time);
        self.upstream(upstream).count(&Counts::of_one(fate), bin, time);
    }

    /// Ends reading: ranks upstreams by how close they came, and puts episodes in order.
    pub(crate) fn settle(&mut self) {
        let records_are_all = !self.has_shares();
        self.upstreams.iter_mut().for_each(|upstream| upstream.settle(records_are_all));
        self.upstreams.retain(|upstream| upstream.total != Counts::default());
        self.upstreams.sort_by(|a, b| {
            let rank = |upstream: &Upstream| {
                let counts = &upstream.total;
                (Reverse((closeness(counts), counts.close_calls())), upstream.margin_min_bp)
            };
            rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
        });
        self.episodes = core::mem::take(&mut self.open).into_values().collect();
        self.episodes.sort_by(|a, b| (a.start, &a.upstream).cmp(&(b.start, &b.upstream)));
        self.places.clear();
        self.seen = HashSet::new();
    }

    /// All upstreams together.
    pub(crate) fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.upstreams.iter().for_each(|upstream| total.add(&upstream.total));
        total
    }

    /// Episodes that became an outage.
    pub(crate) fn escalated(&self) -> u64 {
        self.episodes.iter().filter(|episode| episode.outcome.as_deref() == Some("escalated")).count() as u64
    }

    /// Whether shares are known: only summaries and judged lines count what was clean.
    pub(crate) fn has_shares(&self) -> bool {
        self.summaries + self.judged_before > 0
    }

    fn exchange(&mut self, exchange: &Exchange<'_>) -> Result<(), Error> {
        let time = exchange.time.millis()?;
        self.exchange_records += 1;
        let fate = Fate::from_name(&exchange.fate).unwrap_or(Fate::Clean);
        let binned = !self.has_shares();
        if binned {
            self.reach(time, time, time, 0);
        }
        let bin = self.grid.bin(time);
        let upstream = self.upstream(&exchange.upstream);
        upstream.note(fate, binned.then_some(bin));
        // A failure has no room left to tell of.
        let margin = exchange.margin_bp.filter(|_| fate != Fate::Failed);
        upstream.margin_min_bp = upstream.margin_min_bp.into_iter().chain(margin).min();
        let call = || Call {
            time,
            fate: exchange.fate.clone().into_owned(),
            margin_bp: exchange.margin_bp,
            duration_ms: exchange.duration_ms,
            explain: exchange.explain.clone().into_owned(),
        };
        let micros = (exchange.duration_ms.max(0.0) * 1_000.0) as u64;
        if let Some(margin) = margin {
            // Of those with the same margin, the longest.
            upstream.closest.offer((u64::from(margin) << 44) + (u64::MAX >> 20).saturating_sub(micros), call);
        }
        upstream.slowest.offer(u64::MAX - micros, call);
        Ok(())
    }

    fn summary(&mut self, summary: Summary<'_>) -> Result<(), Error> {
        let (start, end) = (summary.start.millis()?, summary.end.millis()?);
        let mut hasher = DefaultHasher::new();
        (&summary.source, summary.seq, &summary.upstream, start, end).hash(&mut hasher);
        if self.seen.len() < MOST_SUMMARIES && !self.seen.insert(hasher.finish()) {
            self.repeats += 1;
            return Ok(());
        }
        self.summaries += 1;
        self.relayed += summary.relayed.values().sum::<u64>();
        if summary.upstream == NO_UPSTREAM {
            self.unrouted += summary.fates.values().sum::<u64>();
            return Ok(());
        }
        if self.summaries == 1 && self.judged_before == 0 {
            // What exchange records reached is not needed any more: one stray time would make every bin wide.
            (self.span, self.grid) = (None, Grid::default());
            self.upstreams.iter_mut().for_each(|upstream| upstream.noted_bins.clear());
        }
        // An upstream that was silent for long has a summary that began long ago; what it counts came just before its end.
        let last = end.saturating_sub(1).max(start);
        let every = self.pace.since_the_one_before(&summary.source, end);
        self.reach(start, end, last, every);
        let bin = self.grid.bin(last);
        self.upstream(&summary.upstream.clone()).add(summary, bin, last);
        Ok(())
    }

    /// Keeps the last word on each episode.
    fn episode(&mut self, episode: Episode) {
        let closes = episode.phase == "close";
        let has_room = self.open.len() < MOST_EPISODES;
        match self.open.get_mut(&episode.id) {
            Some(held) => {
                if held.phase != "close" || (closes && episode.exchanges > held.exchanges) {
                    let detected = held.detected.or(episode.detected);
                    *held = Episode { detected, ..episode };
                }
            }
            None if has_room => {
                self.open.insert(episode.id.clone(), episode);
            }
            None => self.episodes_left_out += 1,
        }
    }

    /// Makes room for what came at `at`, told of the time from `start` to `end`, and again every so often.
    fn reach(&mut self, start: u64, end: u64, at: u64, every: u64) {
        let (from, to) = self.span.unwrap_or((start, end));
        self.span = Some((from.min(start), to.max(end)));
        if let Some(factor) = self.grid.extend(at, every) {
            self.upstreams.iter_mut().for_each(|upstream| upstream.fold(factor));
        }
    }

    fn upstream(&mut self, name: &str) -> &mut Upstream {
        let place = match self.places.get(name) {
            Some(place) => *place,
            None => {
                let name = if self.places.len() < MOST_UPSTREAMS { name } else { OTHER };
                *self.places.entry(name.into()).or_insert_with(|| {
                    self.upstreams.push(Upstream::new(name.into()));
                    self.upstreams.len() - 1
                })
            }
        };
        #[allow(clippy::indexing_slicing, reason = "places are only given for upstreams that were pushed")]
        &mut self.upstreams[place]
    }
}

/// How close an upstream came: the share of exchanges that a net caught or that came near a limit, in basis points. It
/// is the lower end of Wilson's interval at 95 %, so that one near miss of two exchanges does not outrank a
/// thousand of ten thousand.
pub(crate) fn closeness(counts: &Counts) -> u64 {
    let n = counts.judged() as f64;
    if n == 0.0 {
        return 0;
    }
    const Z: f64 = 1.96;
    let p = (counts.close_calls() as f64 / n).min(1.0);
    let middle = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    (((middle - spread) / (1.0 + Z * Z / n)).max(0.0) * 10_000.0) as u64
}

/// The share of near misses, in basis points.
pub(crate) fn near_share(counts: &Counts) -> Option<u64> {
    share(counts.near_misses(), counts.judged())
}

#[cfg(test)]
mod tests {
    use super::super::records;
    use super::*;

    fn summary(seq: u64, minute: u64, clean: u64, retried: u64, failed: u64) -> String {
        format!(
            r#"{{"schema":1,"type":"summary","source":"a","seq":{seq},"upstream":"cart","start":"2026-11-23T08:{minute:02}:00.000Z",
            "end":"2026-11-23T08:{:02}:00.000Z","fates":{{"clean":{clean},"retried":{retried},"failed":{failed}}},"attempts":{},
            "first_try":{clean},"margins":[1,0,0,0,0,0,0,0,0,2]}}"#,
            minute + 1,
            clean + 2 * retried + failed
        )
    }

    fn told(records: &[String]) -> Story {
        let mut story = Story::default();
        for record in records {
            story.take(records::read(record.as_bytes()).unwrap()).unwrap();
        }
        story.settle();
        story
    }

    #[test]
    fn summaries_add_and_a_repeat_counts_once() {
        let records = [summary(0, 0, 90, 10, 0), summary(1, 1, 80, 10, 10), summary(0, 0, 90, 10, 0)];
        let story = told(&records);
        let total = story.total();
        assert_eq!((total.exchanges(), total.near_misses(), total.failed()), (200, 20, 10));
        assert_eq!((total.final_success(), total.first_try_success()), (Some(9_500), Some(8_500)));
        assert_eq!((story.repeats, story.summaries), (1, 2));
        let cart = &story.upstreams[0];
        assert_eq!((cart.bins.len(), cart.margins[0], cart.with_margin()), (2, 2, 6));
        assert_eq!(story.grid.width_ms(), 60_000);
    }

    #[test]
    fn what_is_counted_does_not_depend_on_how_wide_bins_became() {
        let records: Vec<_> = (0..59).map(|minute| summary(minute, minute, 9, 1, 0)).collect();
        let mut story = told(&records);
        let before = story.total();
        let later = 1_795_392_000_000 + 40 * 86_400_000;
        story.reach(later, later, later, 0);
        let mut binned = Counts::default();
        story.upstreams[0].bins.values().for_each(|bin| binned.add(&bin.counts));
        assert_eq!((binned, story.upstreams[0].bins.len()), (before, 1));
    }

    #[test]
    fn without_summaries_exchange_records_are_all_there_is() {
        let record = r#"{"schema":1,"type":"exchange","time":"2026-11-23T08:00:00.000Z","upstream":"cart","fate":"tight","margin_bp":120,"signals":["timeout"],"status":200,"duration_ms":88.1,"explain":"x"}"#;
        let story = told(&[record.to_owned()]);
        assert!(!story.has_shares());
        assert_eq!((story.total().near_misses(), story.upstreams[0].margin_min_bp), (1, Some(120)));
        let story = told(&[record.to_owned(), summary(0, 0, 99, 1, 0)]);
        assert_eq!(story.total().exchanges(), 100, "a summary counted it already");
    }

    #[test]
    fn what_was_passed_on_counts_only_where_nobody_else_tells_of_it() {
        let relayed = r#"{"schema":1,"type":"summary","source":"agent","seq":0,"upstream":"cart","start":"2026-11-23T08:00:00.000Z","end":"2026-11-23T08:01:00.000Z","fates":{"clean":0},"attempts":0,"first_try":0,"relayed":{"clean":90,"retried":10}}"#;
        let total = told(&[relayed.to_owned()]).total();
        assert_eq!(
            (total.exchanges(), total.near_misses(), total.first_try_success()),
            (100, 10, Some(9_000))
        );
        let both = told(&[relayed.to_owned(), summary(0, 0, 90, 10, 0)]);
        assert_eq!((both.total().exchanges(), both.relayed), (100, 100));
    }

    #[test]
    fn an_episode_is_told_once_with_its_last_word() {
        let episode = |phase: &str, times: &str, near: u64| {
            format!(
                r#"{{"schema":1,"type":"episode","phase":"{phase}","id":"cart-1","upstream":"cart","pattern":"burst",
                "start":"2026-11-23T08:00:00.000Z",{times},"exchanges":9,"near_misses":{near},"failed":0,"explain":"x"}}"#
            )
        };
        let story = told(&[
            episode("open", r#""detected":"2026-11-23T08:00:20.000Z""#, 3),
            episode("close", r#""end":"2026-11-23T08:02:00.000Z","outcome":"contained""#, 7),
        ]);
        assert_eq!(story.episodes.len(), 1);
        let one = &story.episodes[0];
        assert_eq!((one.near_misses, one.end.is_some(), one.detected.is_some()), (7, true, true));
    }

    #[test]
    fn few_exchanges_do_not_outrank_many() {
        let of = |clean, retried| {
            let mut counts = Counts::default();
            counts.count(Fate::Clean, clean);
            counts.count(Fate::Retried, retried);
            closeness(&counts)
        };
        assert!(of(1, 1) < of(5_000, 5_000));
        assert_eq!((of(100, 0), of(0, 0)), (0, 0));
    }
}
