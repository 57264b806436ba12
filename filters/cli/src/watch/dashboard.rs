//! The state of the live view, independent of any terminal: aggregated from exchanges and records, in bounded memory.

use super::follow::EventHandler;
use super::record_text::record_text;
use crate::counts::Counts;
use crate::error::Error;
use crate::records::{AnyRecord, EpisodeRecord};
use nearmiss::{Exchange, Fate, Head, Micros, OTHER, Record, Timestamp, Verdict};
use nearmiss::{NO_UPSTREAM, upstream_name};
use nearmiss_formats::LineError;
use std::collections::{HashMap, VecDeque};
use std::path::Path;

/// Maximum number of distinct upstreams; the rest count as `other`.
const MAX_UPSTREAMS: usize = 1_000;
/// Maximum number of recent records.
const MAX_RECORDS: usize = 200;
/// Maximum number of recent episodes.
const MAX_EPISODES: usize = 100;
/// Maximum number of history buckets per upstream.
const HISTORY_BUCKETS: usize = 40;
const BUCKET_S: u64 = 10;

/// The state of the live view.
#[derive(Clone, Debug, Default)]
pub(super) struct Dashboard {
    /// In order of appearance.
    pub(super) upstreams: Vec<UpstreamRow>,
    indices: HashMap<String, usize>,
    /// Open ones first, then the newest.
    pub(super) episodes: VecDeque<EpisodeRow>,
    /// The newest first.
    pub(super) records: VecDeque<RecordRow>,
    /// Unreadable lines.
    pub(super) unreadable: u64,
    /// The earliest and the latest end of an exchange.
    start: Option<Timestamp>,
    pub(super) now: Timestamp,
}

/// One upstream.
#[derive(Clone, Debug)]
pub(super) struct UpstreamRow {
    pub(super) name: String,
    pub(super) counts: Counts,
    /// The smallest margin of a success, in basis points.
    pub(super) margin: Option<u16>,
    /// Near misses and failures by history bucket, the oldest first, and the number of the last bucket.
    history: VecDeque<u64>,
    last_bucket: u64,
}

/// One exchange record.
#[derive(Clone, Debug)]
pub(super) struct RecordRow {
    /// End of the exchange, in milliseconds since 1970.
    pub(super) time: u64,
    pub(super) upstream: String,
    pub(super) fate: String,
    pub(super) explain: String,
    /// All fields.
    pub(super) text: String,
}

/// One episode.
#[derive(Clone, Debug)]
pub(super) struct EpisodeRow {
    pub(super) record: EpisodeRecord,
    /// All fields.
    pub(super) text: String,
    /// Counts of what followed the record while the episode is open.
    pub(super) since: Counts,
}

impl EpisodeRow {
    pub(super) fn is_open(&self) -> bool {
        self.record.phase != "close"
    }

    /// Returns the exchanges, near misses and failures up to now.
    pub(super) fn totals(&self) -> (u64, u64, u64) {
        (
            self.record.exchanges + self.since.exchanges(),
            self.record.near_misses + self.since.near_misses(),
            self.record.failed + self.since.failed(),
        )
    }
}

impl Dashboard {
    /// Returns the time between the first exchange and the last.
    pub(super) fn span(&self) -> Option<Micros> {
        self.start.map(|start| self.now.since(start))
    }

    /// Returns the counts of all upstreams together.
    pub(super) fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.upstreams.iter().for_each(|row| total.add(&row.counts));
        total
    }

    fn row(&mut self, upstream: &str) -> Option<&mut UpstreamRow> {
        let name = upstream_name(upstream);
        if name == NO_UPSTREAM {
            return None;
        }
        let index = match self.indices.get(&*name) {
            Some(index) => *index,
            None => {
                let name = if self.indices.len() < MAX_UPSTREAMS { &*name } else { OTHER };
                *self.indices.entry(name.into()).or_insert_with(|| {
                    self.upstreams.push(UpstreamRow::new(name));
                    self.upstreams.len() - 1
                })
            }
        };
        self.upstreams.get_mut(index)
    }

    /// Adds an exchange or an episode; everything in a summary has already been counted.
    pub(super) fn add_record(&mut self, record: AnyRecord<'_>, text: String) {
        match record {
            AnyRecord::Exchange(exchange) => {
                self.records.push_front(RecordRow {
                    time: exchange.time.millis().unwrap_or(0),
                    upstream: exchange.upstream.into_owned(),
                    fate: exchange.fate.into_owned(),
                    explain: exchange.explain.into_owned(),
                    text,
                });
                self.records.truncate(MAX_RECORDS);
            }
            AnyRecord::Episode(episode) => self.add_episode(*episode, text),
            AnyRecord::Summary(_) => {}
        }
    }

    fn add_episode(&mut self, record: EpisodeRecord, text: String) {
        self.episodes.retain(|existing| existing.record.id != record.id);
        self.episodes.push_front(EpisodeRow { record, text, since: Counts::default() });
        // Open episodes stay on top.
        self.episodes
            .make_contiguous()
            .sort_by_key(|episode| (!episode.is_open(), core::cmp::Reverse(episode.record.start)));
        self.episodes.truncate(MAX_EPISODES);
    }

    /// Returns the open episode of an upstream.
    fn open_episode(&mut self, upstream: &str) -> Option<&mut EpisodeRow> {
        let is_open = |episode: &&mut EpisodeRow| episode.is_open() && episode.record.upstream == upstream;
        self.episodes.iter_mut().take_while(|episode| episode.is_open()).find(is_open)
    }
}

impl UpstreamRow {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            counts: Counts::default(),
            margin: None,
            history: VecDeque::new(),
            last_bucket: 0,
        }
    }

    /// Returns the near misses and failures of the last `max` buckets before `now`, the oldest first.
    pub(super) fn history(&self, now: Timestamp, max: usize) -> Vec<u64> {
        let empty = (now.seconds() / BUCKET_S).saturating_sub(self.last_bucket).min(max as u64) as usize;
        let mut history: Vec<u64> =
            self.history.iter().copied().chain(core::iter::repeat_n(0, empty)).collect();
        history.drain(..history.len().saturating_sub(max));
        history
    }

    fn add_to_history(&mut self, ts: Timestamp, count: u64) {
        let bucket = ts.seconds() / BUCKET_S;
        if bucket > self.last_bucket {
            let empty = if self.history.is_empty() {
                1
            } else {
                (bucket - self.last_bucket).min(HISTORY_BUCKETS as u64)
            };
            self.history.extend(core::iter::repeat_n(0, empty as usize));
            self.history.drain(..self.history.len().saturating_sub(HISTORY_BUCKETS));
            self.last_bucket = bucket;
        }
        let back = usize::try_from(self.last_bucket - bucket).unwrap_or(usize::MAX);
        if let Some(index) = self.history.len().checked_sub(back.saturating_add(1))
            && let Some(existing) = self.history.get_mut(index)
        {
            *existing += count;
        }
    }
}

impl EventHandler for Dashboard {
    const READS_FIELDS: bool = true;

    fn on_exchange(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
        self.start = Some(self.start.map_or(exchange.ts, |start| start.min(exchange.ts)));
        self.now = self.now.max(exchange.ts);
        if let Some(episode) = self.open_episode(&upstream_name(exchange.upstream)) {
            episode.since.count_exchange(exchange, verdict);
        }
        let Some(row) = self.row(exchange.upstream) else { return };
        row.counts.count_exchange(exchange, verdict);
        row.add_to_history(exchange.ts, u64::from(verdict.fate != Fate::Clean));
        if let Some(margin) = verdict.margin_bp().filter(|_| verdict.fate != Fate::Failed) {
            row.margin = Some(row.margin.map_or(margin, |least| least.min(margin)));
        }
    }

    fn on_judged(&mut self, upstream: &str, fate: Fate) {
        if let Some(row) = self.row(upstream) {
            row.counts.add(&Counts::of_one(fate));
        }
    }

    fn on_record(&mut self, record: Record<'_>) -> Result<(), Error> {
        if !matches!(record.head, Head::Summary { .. })
            && let Ok(found) = AnyRecord::of(&record)
        {
            self.add_record(found, record_text(&record));
        }
        Ok(())
    }

    fn on_unreadable_line(&mut self, _path: &Path, _number: u64, _error: &LineError) {
        self.unreadable += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records;

    #[test]
    fn an_open_episode_counts_what_follows_its_record() {
        let mut dashboard = Dashboard::default();
        let episode = |phase: &str, exchanges: u64| {
            format!(
                r#"{{"schema":1,"type":"episode","phase":"{phase}","id":"cart-1","upstream":"cart","pattern":"burst","start":"2026-11-23T08:00:00.000Z","exchanges":{exchanges},"near_misses":0,"failed":0,"explain":"x"}}"#
            )
        };
        let emit = |dashboard: &mut Dashboard, json: &str| {
            dashboard.add_record(records::parse(json.as_bytes()).unwrap(), String::new());
        };
        emit(&mut dashboard, &episode("open", 333));
        let exchange = Exchange { upstream: "cart", status: 503, ..Exchange::default() };
        let verdict = Verdict { fate: Fate::Failed, ..Verdict::default() };
        dashboard.on_exchange(&exchange, &verdict);
        dashboard.on_exchange(&Exchange { upstream: "other", ..exchange }, &verdict);
        assert_eq!(dashboard.episodes[0].totals(), (334, 0, 1));
        emit(&mut dashboard, &episode("close", 400));
        dashboard.on_exchange(&exchange, &verdict);
        assert_eq!(dashboard.episodes[0].totals(), (400, 0, 0), "its last record is final");
    }

    #[test]
    fn history_moves_with_time_and_late_exchanges_count_in_their_bucket() {
        let mut row = UpstreamRow::new("cart");
        let at = Timestamp::from_seconds;
        row.add_to_history(at(1_000), 1);
        row.add_to_history(at(1_030), 2);
        row.add_to_history(at(1_019), 5);
        row.add_to_history(at(10), 9);
        assert_eq!(row.history(at(1_030), 10), [1, 5, 0, 2]);
        assert_eq!(row.history(at(1_050), 4), [0, 2, 0, 0]);
        row.add_to_history(at(900_000), 3);
        assert_eq!(row.history(at(900_000), 3), [0, 0, 3]);
    }
}
