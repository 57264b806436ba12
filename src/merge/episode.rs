//! One episode, of one instance or merged from several.

use super::error::RecordError;
use super::object::Object;
use crate::episode::Pattern;
use crate::hash;
use crate::json::value::ValueMap;
use crate::name;
use crate::record::EpisodeCounts;
use crate::sorted_map::SortedMap;
use crate::units::{Micros, Timestamp};
use alloc::boxed::Box;

/// Identifies an episode record: its start in Unix seconds, equal in the open and the close record, and a hash of its content.
pub(crate) type Member = (u64, u64);

/// An episode, as its records describe it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Episode {
    pub(crate) members: SortedMap<Member>,
    pub(crate) is_open: bool,
    pub(crate) start: Timestamp,
    /// End of the episode; of an open episode, the time of its detection.
    pub(crate) end: Timestamp,
    /// Pattern as its instance classified it; of several episodes, the strongest of these.
    pub(crate) pattern: Pattern,
    /// All patterns that fit, strongest first.
    pub(crate) patterns: SortedMap<Pattern>,
    /// Time at which the episode became an outage.
    pub(crate) escalated: Option<Timestamp>,
    pub(crate) truncated: bool,
    pub(crate) counts: EpisodeCounts,
    /// Near misses and failures by host, estimated from the shares.
    pub(crate) hosts: SortedMap<Box<str>, u64>,
    pub(crate) related: SortedMap<Box<str>>,
    pub(crate) count: Option<u64>,
    pub(crate) interval_s: Option<u64>,
    pub(crate) amplification_bp: Option<u64>,
}

impl Episode {
    /// Reads the record of an episode; returns its upstream as well.
    pub(crate) fn read(record: &ValueMap) -> Result<(Box<str>, Self), RecordError> {
        const PATTERN: &str = "a known pattern";
        let record = Object::root(record);
        let upstream = name::upstream_name(record.text("upstream")?);
        let is_open = match record.text("phase")? {
            "open" => true,
            "close" => false,
            _ => return Err(record.error("phase", "open or close")),
        };
        let start = record.time("start")?;
        let pattern = Pattern::from_name(record.text("pattern")?);
        let pattern = pattern.ok_or_else(|| record.error("pattern", PATTERN))?;
        let mut patterns: SortedMap<_> = [pattern].into_iter().collect();
        for name in record.optional("also", Object::texts)?.unwrap_or_default() {
            patterns.insert(Pattern::from_name(name).ok_or_else(|| record.error("also", PATTERN))?, ());
        }
        let lead = record.optional("lead_s", Object::count)?;
        let mut episode = Self {
            members: SortedMap::default(),
            is_open,
            start,
            end: record.time(if is_open { "detected" } else { "end" })?.max(start),
            pattern,
            patterns,
            escalated: lead.map(|lead| start.after(Micros::from_seconds(lead))),
            truncated: record.has("truncated"),
            counts: counts(&record)?,
            hosts: SortedMap::default(),
            related: record.texts("related")?.into_iter().map(Into::into).collect(),
            count: record.optional("count", Object::count)?,
            interval_s: record.optional("interval_s", Object::count)?,
            amplification_bp: record.optional("amplification_bp", Object::count)?,
        };
        for host in record.objects("hosts")? {
            let host = host?;
            let share = host.count("share_bp")?.min(10_000);
            let part = episode.counts.near_misses_and_failures().saturating_mul(share).div_ceil(10_000);
            episode.hosts.insert(host.text("host")?.into(), part);
        }
        episode.members = match record.optional("members", Object::texts)? {
            Some(members) => {
                let members: Option<SortedMap<_>> = members.into_iter().map(member).collect();
                let members = members.filter(|members| !members.is_empty());
                members
                    .ok_or_else(|| record.error("members", "texts such as \"1795423550/0123456789abcdef\""))?
            }
            None => [(start.seconds(), episode.digest(&upstream))].into_iter().collect(),
        };
        Ok((upstream.into(), episode))
    }

    pub(crate) fn is_deviant(&self) -> bool {
        self.patterns.contains(&Pattern::Deviant)
    }

    /// Merges another episode of the same upstream and phase.
    pub(crate) fn merge(&mut self, other: &Self) {
        let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        self.members.extend(other.members.keys().copied());
        (self.start, self.end) = (self.start.min(other.start), self.end.max(other.end));
        self.patterns.extend(other.patterns.keys().copied());
        self.pattern = self.pattern.min(other.pattern);
        self.escalated = self.escalated.into_iter().chain(other.escalated).min();
        self.truncated |= other.truncated;
        self.counts.add(&other.counts);
        for (host, share) in other.hosts.iter() {
            self.hosts.update(host.clone(), |mine| *mine = mine.saturating_add(*share));
        }
        self.related.extend(other.related.keys().cloned());
        self.count = self.count.max(other.count);
        self.interval_s = least(self.interval_s, other.interval_s);
        self.amplification_bp = self.amplification_bp.max(other.amplification_bp);
    }

    /// Returns a hash of the content: two instances report equal content only for the same episode.
    fn digest(&self, upstream: &str) -> u64 {
        let counts = &self.counts;
        let mut digest = hash::hash(upstream.as_bytes());
        let mut add = |number: u64| digest = hash::mix(digest.rotate_left(17) ^ number);
        [self.start.micros(), self.end.micros(), self.is_open.into(), counts.exchanges]
            .into_iter()
            .for_each(&mut add);
        [
            counts.near_misses,
            counts.failed,
            counts.abandoned,
            counts.first_try,
            counts.margin_min.map_or(0, |bp| bp + 1),
        ]
        .into_iter()
        .for_each(&mut add);
        counts.signals.into_iter().for_each(&mut add);
        for (host, share) in self.hosts.iter() {
            add(hash::hash(host.as_bytes()));
            add(*share);
        }
        digest
    }
}

/// Reads the counts of a record.
fn counts(record: &Object<'_>) -> Result<EpisodeCounts, RecordError> {
    let mut counts = EpisodeCounts {
        exchanges: record.count("exchanges")?,
        near_misses: record.count("near_misses")?,
        failed: record.count("failed")?,
        abandoned: record.optional("abandoned", Object::count)?.unwrap_or_default(),
        margin_min: record.optional("margin_min_bp", Object::count)?,
        shift_bp: record.optional("shift_bp", Object::count)?,
        ..EpisodeCounts::default()
    };
    counts.signals = record.signals()?;
    counts.judged = counts.judged_by_signals();
    // The share was rounded down: this is the smallest count that yields it.
    let share = record.optional("first_try_success_bp", Object::count)?.unwrap_or_default().min(10_000);
    let reported = record.optional("first_try", Object::count)?;
    counts.first_try = reported.unwrap_or_else(|| counts.judged.saturating_mul(share).div_ceil(10_000));
    Ok(counts)
}

/// Parses `1795423550/0123456789abcdef`.
fn member(text: &str) -> Option<Member> {
    let (start, hash) = text.split_once('/')?;
    Some((start.parse().ok()?, u64::from_str_radix(hash, 16).ok()?))
}
