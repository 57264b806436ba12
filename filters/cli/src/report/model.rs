//! The report model: aggregates of all records, built while they are read.

use super::closeness::closeness;
use super::exemplars::Exemplar;
use super::summary_interval::SummaryInterval;
use super::time_bins::TimeBins;
use super::upstream::UpstreamReport;
use crate::counts::Counts;
use crate::records::{AnyRecord, EpisodeRecord, ExchangeRecord, RecordParseError, SummaryRecord};
use core::cmp::Reverse;
use core::hash::{Hash, Hasher};
use nearmiss::NO_UPSTREAM;
use nearmiss::{Fate, OTHER};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Maximum number of distinct upstreams; the rest count as `other`.
const MAX_UPSTREAMS: usize = 1_000;
/// Maximum number of episodes.
const MAX_EPISODES: usize = 5_000;
/// Maximum number of records that are shown of an episode.
const MAX_EXAMPLES: usize = 5;
/// Maximum number of summaries that are remembered, to detect duplicates.
const MAX_SUMMARIES: usize = 4_000_000;

/// Aggregates of all records, in memory bounded by the limits above.
#[derive(Debug, Default)]
pub(crate) struct ReportModel {
    pub(crate) time_bins: TimeBins,
    /// Upstreams in order of appearance; after [`finish`](ReportModel::finish), ranked by how close they came to failing.
    pub(crate) upstreams: Vec<UpstreamReport>,
    /// Index of each upstream in `upstreams`, until `finish`.
    indices: HashMap<String, usize>,
    /// Exchanges without an upstream.
    pub(crate) unrouted: u64,
    /// Episodes sorted by start; empty until `finish`.
    pub(crate) episodes: Vec<EpisodeRecord>,
    /// The latest record of each episode by its id, until `finish`.
    episodes_by_id: BTreeMap<String, EpisodeRecord>,
    /// Records of each episode by its id.
    examples: HashMap<String, Vec<Exemplar>>,
    /// Start and end of the data, in milliseconds since 1970.
    pub(crate) span: Option<(u64, u64)>,
    pub(crate) exchange_records: u64,
    pub(crate) summaries: u64,
    /// Repeated summaries, which were not counted again.
    pub(crate) duplicate_summaries: u64,
    /// Episodes beyond the maximum.
    pub(crate) skipped_episodes: u64,
    /// Exchanges whose lines already have a verdict, outside of summaries.
    pub(crate) prior_verdicts: u64,
    /// Exchanges that summaries count as relayed: the instance that judged them reports them.
    pub(crate) relayed: u64,
    /// Log records that summaries count as unread.
    pub(crate) unread: u64,
    /// Hashes that identify the counted summaries, until `finish`.
    seen_summaries: HashSet<u64>,
    summary_interval: SummaryInterval,
}

impl ReportModel {
    /// Adds one record.
    pub(crate) fn add_record(&mut self, record: AnyRecord<'_>) -> Result<(), RecordParseError> {
        match record {
            AnyRecord::Exchange(exchange) => self.add_exchange(&exchange),
            AnyRecord::Episode(episode) => {
                self.add_episode(*episode);
                Ok(())
            }
            AnyRecord::Summary(summary) => self.add_summary(*summary),
        }
    }

    /// Adds one exchange that was judged elsewhere, of which only the fate is known.
    pub(crate) fn add_judged(&mut self, upstream: &str, fate: Fate, time: u64) {
        self.prior_verdicts += 1;
        if upstream == NO_UPSTREAM {
            self.unrouted += 1;
            return;
        }
        self.extend_to(time, time, time, 0);
        let bin = self.time_bins.bin(time);
        self.upstream_mut(upstream).count(&Counts::of_one(fate), bin, time);
    }

    /// Ends the input: ranks the upstreams by how close they came to failing, and sorts the episodes.
    pub(crate) fn finish(&mut self) {
        let only_records = !self.has_shares();
        self.upstreams.iter_mut().for_each(|upstream| upstream.finish(only_records));
        self.upstreams.retain(|upstream| upstream.total != Counts::default());
        self.upstreams.sort_by(|a, b| {
            let rank = |upstream: &UpstreamReport| {
                let counts = &upstream.total;
                (Reverse((closeness(counts), counts.close_calls())), upstream.margin_min_bp)
            };
            rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
        });
        self.episodes = core::mem::take(&mut self.episodes_by_id).into_values().collect();
        self.episodes.sort_by(|a, b| (a.start, &a.upstream).cmp(&(b.start, &b.upstream)));
        self.indices.clear();
        self.seen_summaries = HashSet::new();
    }

    /// Returns the counts of all upstreams together.
    pub(crate) fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.upstreams.iter().for_each(|upstream| total.add(&upstream.total));
        total
    }

    /// Returns the number of episodes that became an outage.
    pub(crate) fn escalated(&self) -> u64 {
        self.episodes.iter().filter(|episode| episode.outcome.as_deref() == Some("escalated")).count() as u64
    }

    /// Returns true if shares can be calculated: only summaries and lines with verdicts count clean exchanges.
    pub(crate) fn has_shares(&self) -> bool {
        self.summaries + self.prior_verdicts > 0
    }

    fn add_exchange(&mut self, exchange: &ExchangeRecord<'_>) -> Result<(), RecordParseError> {
        let time = exchange.time.millis()?;
        self.exchange_records += 1;
        let fate = Fate::from_name(&exchange.fate).unwrap_or(Fate::Clean);
        let binned = !self.has_shares();
        if binned {
            self.extend_to(time, time, time, 0);
        }
        let bin = self.time_bins.bin(time);
        let upstream = self.upstream_mut(&exchange.upstream);
        upstream.count_record(fate, binned.then_some(bin));
        // A failure has no margin left to report.
        let margin = exchange.margin_bp.filter(|_| fate != Fate::Failed);
        upstream.margin_min_bp = upstream.margin_min_bp.into_iter().chain(margin).min();
        let exemplar = || Exemplar {
            time,
            fate: exchange.fate.clone().into_owned(),
            margin_bp: exchange.margin_bp,
            duration_ms: exchange.duration_ms,
            explain: exchange.explain.clone().into_owned(),
        };
        let micros = (exchange.duration_ms.max(0.0) * 1_000.0) as u64;
        if let Some(margin) = margin {
            // Among exemplars with the same margin, the longest duration ranks first.
            upstream
                .closest
                .offer((u64::from(margin) << 44) + (u64::MAX >> 20).saturating_sub(micros), exemplar);
        }
        upstream.slowest.offer(u64::MAX - micros, exemplar);
        upstream.add_recent(exemplar());
        Ok(())
    }

    fn add_summary(&mut self, summary: SummaryRecord<'_>) -> Result<(), RecordParseError> {
        let (start, end) = (summary.start.millis()?, summary.end.millis()?);
        let mut hasher = DefaultHasher::new();
        (&summary.source, summary.seq, &summary.upstream, start, end).hash(&mut hasher);
        if self.seen_summaries.len() < MAX_SUMMARIES && !self.seen_summaries.insert(hasher.finish()) {
            self.duplicate_summaries += 1;
            return Ok(());
        }
        self.summaries += 1;
        self.relayed += summary.relayed.values().sum::<u64>();
        self.unread += summary.unread;
        if summary.upstream == NO_UPSTREAM {
            self.unrouted += summary.fates.values().sum::<u64>();
            return Ok(());
        }
        if self.summaries == 1 && self.prior_verdicts == 0 {
            // Bins from exchange records are obsolete now: one stray time would make every bin wide.
            (self.span, self.time_bins) = (None, TimeBins::default());
            self.upstreams.iter_mut().for_each(|upstream| upstream.record_bins.clear());
        }
        // The summary of an upstream that was idle began long ago, but the exchanges it counts came just before its
        // end.
        let last = end.saturating_sub(1).max(start);
        let interval_ms = self.summary_interval.observe(&summary.source, end);
        self.extend_to(start, end, last, interval_ms);
        let bin = self.time_bins.bin(last);
        self.upstream_mut(&summary.upstream.clone()).add(summary, bin, last);
        Ok(())
    }

    /// Adds the record of an episode. Of several records of one episode, the final one is kept.
    fn add_episode(&mut self, episode: EpisodeRecord) {
        let closes = episode.phase == "close";
        self.add_examples(&episode);
        let has_room = self.episodes_by_id.len() < MAX_EPISODES;
        match self.episodes_by_id.get_mut(&episode.id) {
            Some(kept) => {
                if kept.phase != "close" || (closes && episode.exchanges > kept.exchanges) {
                    let detected = kept.detected.or(episode.detected);
                    *kept = EpisodeRecord { detected, ..episode };
                }
            }
            None if has_room => {
                self.episodes_by_id.insert(episode.id.clone(), episode);
            }
            None => self.skipped_episodes += 1,
        }
    }

    /// Keeps a few of the latest records of the episode's upstream that lie in the episode.
    fn add_examples(&mut self, episode: &EpisodeRecord) {
        let Some(index) = self.indices.get(&episode.upstream).copied() else { return };
        let Some(upstream) = self.upstreams.get(index) else { return };
        if self.examples.len() >= MAX_EPISODES && !self.examples.contains_key(&episode.id) {
            return;
        }
        let examples = self.examples.entry(episode.id.clone()).or_default();
        let end = episode.end.map_or(u64::MAX, |end| end.0);
        let known = examples.last().map_or(0, |last| last.time + 1).max(episode.start.0);
        let is_inside = |exemplar: &&Exemplar| (known..=end).contains(&exemplar.time);
        let room = MAX_EXAMPLES.saturating_sub(examples.len());
        examples.extend(upstream.recent.iter().filter(is_inside).take(room).cloned());
    }

    /// Returns a few records of an episode.
    pub(crate) fn examples(&self, id: &str) -> &[Exemplar] {
        self.examples.get(id).map_or(&[], Vec::as_slice)
    }

    /// Extends the time range to contain `start` and `end`, and the bins to contain `at`. A bin is at least `min_width_ms` wide.
    fn extend_to(&mut self, start: u64, end: u64, at: u64, min_width_ms: u64) {
        let (from, to) = self.span.unwrap_or((start, end));
        self.span = Some((from.min(start), to.max(end)));
        if let Some(factor) = self.time_bins.extend(at, min_width_ms) {
            self.upstreams.iter_mut().for_each(|upstream| upstream.coarsen(factor));
        }
    }

    /// Returns the report of an upstream; adds it if it is new.
    fn upstream_mut(&mut self, name: &str) -> &mut UpstreamReport {
        let index = match self.indices.get(name) {
            Some(index) => *index,
            None => {
                let name = if self.indices.len() < MAX_UPSTREAMS { name } else { OTHER };
                *self.indices.entry(name.into()).or_insert_with(|| {
                    self.upstreams.push(UpstreamReport::new(name.into()));
                    self.upstreams.len() - 1
                })
            }
        };
        #[allow(clippy::indexing_slicing, reason = "indices exist only for upstreams that were pushed")]
        &mut self.upstreams[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records;

    fn summary(seq: u64, minute: u64, clean: u64, retried: u64, failed: u64) -> String {
        format!(
            r#"{{"schema":1,"type":"summary","source":"a","seq":{seq},"upstream":"cart","start":"2026-11-23T08:{minute:02}:00.000Z",
            "end":"2026-11-23T08:{:02}:00.000Z","fates":{{"clean":{clean},"retried":{retried},"failed":{failed}}},"attempts":{},
            "first_try":{clean},"margins":[1,0,0,0,0,0,0,0,0,2]}}"#,
            minute + 1,
            clean + 2 * retried + failed
        )
    }

    fn model_of(records: &[String]) -> ReportModel {
        let mut model = ReportModel::default();
        for record in records {
            model.add_record(records::parse(record.as_bytes()).unwrap()).unwrap();
        }
        model.finish();
        model
    }

    #[test]
    fn summaries_add_up_and_a_duplicate_counts_once() {
        let records = [summary(0, 0, 90, 10, 0), summary(1, 1, 80, 10, 10), summary(0, 0, 90, 10, 0)];
        let model = model_of(&records);
        let total = model.total();
        assert_eq!((total.exchanges(), total.near_misses(), total.failed()), (200, 20, 10));
        assert_eq!((total.final_success(), total.first_try_success()), (Some(9_500), Some(8_500)));
        assert_eq!((model.duplicate_summaries, model.summaries), (1, 2));
        let cart = &model.upstreams[0];
        assert_eq!((cart.bins.len(), cart.margins[0], cart.with_margin()), (2, 2, 6));
        assert_eq!(model.time_bins.width_ms(), 60_000);
    }

    #[test]
    fn counts_do_not_depend_on_the_width_of_the_bins() {
        let records: Vec<_> = (0..59).map(|minute| summary(minute, minute, 9, 1, 0)).collect();
        let mut model = model_of(&records);
        let before = model.total();
        let later = 1_795_392_000_000 + 40 * 86_400_000;
        model.extend_to(later, later, later, 0);
        let mut binned = Counts::default();
        model.upstreams[0].bins.values().for_each(|bin| binned.add(&bin.counts));
        assert_eq!((binned, model.upstreams[0].bins.len()), (before, 1));
    }

    #[test]
    fn without_summaries_exchange_records_are_counted() {
        let record = r#"{"schema":1,"type":"exchange","time":"2026-11-23T08:00:00.000Z","upstream":"cart","fate":"tight","margin_bp":120,"signals":["timeout"],"status":200,"duration_ms":88.1,"explain":"x"}"#;
        let model = model_of(&[record.to_owned()]);
        assert!(!model.has_shares());
        assert_eq!((model.total().near_misses(), model.upstreams[0].margin_min_bp), (1, Some(120)));
        let model = model_of(&[record.to_owned(), summary(0, 0, 99, 1, 0)]);
        assert_eq!(model.total().exchanges(), 100, "a summary counted it already");
    }

    #[test]
    fn relayed_counts_are_used_only_without_a_report_of_the_instance_that_judged() {
        let relayed = r#"{"schema":1,"type":"summary","source":"agent","seq":0,"upstream":"cart","start":"2026-11-23T08:00:00.000Z","end":"2026-11-23T08:01:00.000Z","fates":{"clean":0},"attempts":0,"first_try":0,"relayed":{"clean":90,"retried":10}}"#;
        let total = model_of(&[relayed.to_owned()]).total();
        assert_eq!(
            (total.exchanges(), total.near_misses(), total.first_try_success()),
            (100, 10, Some(9_000))
        );
        let both = model_of(&[relayed.to_owned(), summary(0, 0, 90, 10, 0)]);
        assert_eq!((both.total().exchanges(), both.relayed), (100, 100));
    }

    #[test]
    fn unread_records_are_counted_and_are_no_upstream() {
        let none = r#"{"schema":1,"type":"summary","source":"agent","seq":0,"upstream":"none","start":"2026-11-23T08:00:00.000Z","end":"2026-11-23T08:01:00.000Z","fates":{"clean":0},"attempts":0,"first_try":0,"unread":15}"#;
        let model = model_of(&[summary(0, 0, 90, 10, 0), none.to_owned()]);
        assert_eq!((model.unread, model.upstreams.len(), model.total().exchanges()), (15, 1, 100));
    }

    #[test]
    fn an_episode_appears_once_with_its_final_record() {
        let episode = |phase: &str, times: &str, near: u64| {
            format!(
                r#"{{"schema":1,"type":"episode","phase":"{phase}","id":"cart-1","upstream":"cart","pattern":"burst",
                "start":"2026-11-23T08:00:00.000Z",{times},"exchanges":9,"near_misses":{near},"failed":0,"explain":"x"}}"#
            )
        };
        let model = model_of(&[
            episode("open", r#""detected":"2026-11-23T08:00:20.000Z""#, 3),
            episode("close", r#""end":"2026-11-23T08:02:00.000Z","outcome":"contained""#, 7),
        ]);
        assert_eq!(model.episodes.len(), 1);
        let one = &model.episodes[0];
        assert_eq!((one.near_misses, one.end.is_some(), one.detected.is_some()), (7, true, true));
    }
}
