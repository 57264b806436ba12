//! What the terminal shows, apart from any terminal: gathered from exchanges and records, in bounded memory.

use super::Onlooker;
use crate::report::counts::Counts;
use crate::report::records::{self, Episode};
use crate::setup::Error;
use nearmiss::{Exchange, Fate, OTHER, Record, RecordKind, Signals, Timestamp, Verdict};
use nearmiss::{NO_UPSTREAM, upstream_name};
use nearmiss_formats::LineError;
use std::collections::{HashMap, VecDeque};
use std::path::Path;

/// The most upstreams that are told apart.
const MOST_UPSTREAMS: usize = 1_000;
/// How many of the last records are kept.
const RECORDS: usize = 200;
/// How many of the last episodes are kept.
const EPISODES: usize = 100;
/// A beat is a bucket of ten seconds; so many are kept.
const BEATS: usize = 40;
const BEAT_S: u64 = 10;

/// Everything that can be seen.
#[derive(Debug, Default)]
pub(super) struct View {
    /// In the order in which they came.
    pub(super) upstreams: Vec<Row>,
    places: HashMap<String, usize>,
    /// The newest first.
    pub(super) episodes: VecDeque<Episode>,
    /// The newest first.
    pub(super) records: VecDeque<Told>,
    /// Lines that could not be read.
    pub(super) unreadable: u64,
    /// The largest time of an exchange.
    pub(super) now: Timestamp,
}

/// One upstream.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) counts: Counts,
    /// The smallest margin of a success, in basis points.
    pub(super) margin: Option<u16>,
    /// Near misses and failures by beat, the oldest first, and the number of the last beat.
    beats: VecDeque<u64>,
    last_beat: u64,
}

/// One record of an exchange.
#[derive(Debug)]
pub(super) struct Told {
    /// Milliseconds since 1970.
    pub(super) time: u64,
    pub(super) upstream: String,
    pub(super) fate: String,
    pub(super) explain: String,
}

impl View {
    /// The upstreams, those with most near misses and failures first.
    pub(super) fn ranked(&self) -> Vec<&Row> {
        let mut rows: Vec<_> = self.upstreams.iter().collect();
        rows.sort_by_key(|row| {
            (core::cmp::Reverse(row.counts.near_misses() + row.counts.failed()), row.name.as_str())
        });
        rows
    }

    /// All upstreams together.
    pub(super) fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.upstreams.iter().for_each(|row| total.add(&row.counts));
        total
    }

    fn row(&mut self, upstream: &str) -> Option<&mut Row> {
        let name = upstream_name(upstream);
        if name == NO_UPSTREAM {
            return None;
        }
        let place = match self.places.get(&*name) {
            Some(place) => *place,
            None => {
                let name = if self.places.len() < MOST_UPSTREAMS { &*name } else { OTHER };
                *self.places.entry(name.into()).or_insert_with(|| {
                    self.upstreams.push(Row::new(name));
                    self.upstreams.len() - 1
                })
            }
        };
        self.upstreams.get_mut(place)
    }

    fn episode(&mut self, episode: Episode) {
        self.episodes.retain(|held| held.id != episode.id);
        self.episodes.push_front(episode);
        // What is open stays on top.
        self.episodes
            .make_contiguous()
            .sort_by_key(|episode| (episode.phase == "close", core::cmp::Reverse(episode.start)));
        self.episodes.truncate(EPISODES);
    }
}

impl Row {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            counts: Counts::default(),
            margin: None,
            beats: VecDeque::new(),
            last_beat: 0,
        }
    }

    /// Near misses and failures of the last `most` beats before `now`, the oldest first.
    pub(super) fn beats(&self, now: Timestamp, most: usize) -> Vec<u64> {
        let silent = (now.seconds() / BEAT_S).saturating_sub(self.last_beat).min(most as u64) as usize;
        let mut beats: Vec<u64> = self.beats.iter().copied().chain(core::iter::repeat_n(0, silent)).collect();
        beats.drain(..beats.len().saturating_sub(most));
        beats
    }

    fn beat(&mut self, ts: Timestamp, count: u64) {
        let beat = ts.seconds() / BEAT_S;
        if beat > self.last_beat {
            let silent = if self.beats.is_empty() { 1 } else { (beat - self.last_beat).min(BEATS as u64) };
            self.beats.extend(core::iter::repeat_n(0, silent as usize));
            self.beats.drain(..self.beats.len().saturating_sub(BEATS));
            self.last_beat = beat;
        }
        let back = usize::try_from(self.last_beat - beat).unwrap_or(usize::MAX);
        if let Some(place) = self.beats.len().checked_sub(back.saturating_add(1))
            && let Some(held) = self.beats.get_mut(place)
        {
            *held += count;
        }
    }
}

impl Onlooker for View {
    fn exchange(&mut self, exchange: &Exchange<'_>, verdict: &Verdict) {
        self.now = self.now.max(exchange.ts);
        let Some(row) = self.row(exchange.upstream) else { return };
        let nets = Signals::RETRY
            .with(Signals::FALLBACK)
            .with(Signals::STALE)
            .with(Signals::FAILOVER)
            .with(Signals::HEDGE)
            .with(Signals::ABORTED);
        let attempts = u64::from(exchange.attempts.unwrap_or(1));
        let unaided = verdict.fate != Fate::Failed && !verdict.signals.any(nets) && attempts <= 1;
        let mut one = Counts {
            attempts,
            aborted: u64::from(verdict.is_aborted()),
            first_try: u64::from(unaided),
            ..Counts::default()
        };
        one.count(verdict.fate, 1);
        row.counts.add(&one);
        row.beat(exchange.ts, u64::from(verdict.fate != Fate::Clean));
        if let Some(margin) = verdict.margin_bp().filter(|_| verdict.fate != Fate::Failed) {
            row.margin = Some(row.margin.map_or(margin, |least| least.min(margin)));
        }
    }

    fn judged(&mut self, upstream: &str, fate: Fate) {
        if let Some(row) = self.row(upstream) {
            row.counts.add(&Counts::of_one(fate));
        }
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), Error> {
        // A summary says nothing that was not counted here already.
        if record.kind == RecordKind::Summary {
            return Ok(());
        }
        match records::read(record.json.as_bytes()) {
            Ok(records::Record::Exchange(exchange)) => {
                self.records.push_front(Told {
                    time: exchange.time.millis().unwrap_or(0),
                    upstream: exchange.upstream.into_owned(),
                    fate: exchange.fate.into_owned(),
                    explain: exchange.explain.into_owned(),
                });
                self.records.truncate(RECORDS);
            }
            Ok(records::Record::Episode(episode)) => self.episode(*episode),
            Ok(records::Record::Summary(_)) | Err(_) => {}
        }
        Ok(())
    }

    fn bad(&mut self, _path: &Path, _number: u64, _error: &LineError) {
        self.unreadable += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_move_with_time_and_late_ones_find_their_place() {
        let mut row = Row::new("cart");
        let at = Timestamp::from_seconds;
        row.beat(at(1_000), 1);
        row.beat(at(1_030), 2);
        row.beat(at(1_019), 5);
        row.beat(at(10), 9);
        assert_eq!(row.beats(at(1_030), 10), [1, 5, 0, 2]);
        assert_eq!(row.beats(at(1_050), 4), [0, 2, 0, 0]);
        row.beat(at(900_000), 3);
        assert_eq!(row.beats(at(900_000), 3), [0, 0, 3]);
    }
}
