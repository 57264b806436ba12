//! Reads a summary.

use super::counts::SummaryCounts;
use super::error::RecordError;
use super::latency::{Latency, SCALES};
use super::object::Object;
use super::parts::{Parts, SourceParts};
use crate::json::value::{Value, ValueMap};
use crate::name;
use crate::sorted_map::SortedMap;
use crate::units::Timestamp;
use crate::verdict::Fate;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Maximum length of the name of a source, in bytes.
const MAX_SOURCE_NAME: usize = 512;
/// Maximum number of latency buckets of a summary.
const MAX_COUNTS: usize = 4_096;

/// One summary, of one source or merged from several.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) upstream: Box<str>,
    pub(crate) parts: Parts,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) counts: SummaryCounts,
}

/// Interned names of sources.
#[derive(Debug, Default)]
pub(crate) struct Sources(SortedMap<Arc<str>, Arc<str>>);

impl Sources {
    fn named(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name), Arc::clone(&name));
        name
    }

    /// Drops the names that are no longer referenced.
    pub(crate) fn drop_unused(&mut self) {
        self.0.retain(|name| Arc::strong_count(name) > 2);
    }
}

impl Summary {
    pub(crate) fn read(record: &ValueMap, sources: &mut Sources) -> Result<Self, RecordError> {
        let record = Object::root(record);
        let end = record.time("end")?;
        let mut summary = Self {
            upstream: name::upstream_name(record.text("upstream")?).into(),
            parts: Parts::default(),
            start: record.time("start")?.min(end),
            end,
            counts: SummaryCounts::default(),
        };
        summary.read_counts(&record)?;
        if record.has("parts") || record.has("relays") {
            read_parts(&record, "parts", false, &mut summary.parts, sources)?;
            read_parts(&record, "relays", true, &mut summary.parts, sources)?;
            if summary.parts.0.is_empty() {
                return Err(record.error("parts", "at least one source"));
            }
        } else {
            let relays = summary.counts.totals.relayed.is_some();
            let (source, seq) = (source(&record, "source", record.text("source")?)?, record.count("seq")?);
            summary.parts = Parts::one(sources.named(source), seq, relays);
        }
        Ok(summary)
    }

    fn read_counts(&mut self, record: &Object<'_>) -> Result<(), RecordError> {
        let SummaryCounts { totals, latency, hosts, routes } = &mut self.counts;
        read_fates(&record.object("fates")?, &mut totals.fates)?;
        if record.has("relayed") {
            read_fates(&record.object("relayed")?, totals.relayed.get_or_insert_default())?;
        }
        totals.attempts = record.count("attempts")?;
        totals.signals = record.signals()?;
        totals.first_try = record.count("first_try")?;
        totals.failed_micros = record.millis("failed_attempts_ms")?.get();
        let margins = record.counts("margins")?;
        totals.margins = margins.try_into().map_err(|_| record.error("margins", "ten whole numbers"))?;
        totals.late = record.count("late")?;
        totals.suppressed = record.count("suppressed")?;
        if record.has("unread") {
            totals.unread = record.count("unread")?;
        }
        *latency = read_latency(&record.object("latency")?)?;
        for host in record.objects("hosts")? {
            let host = host?;
            let counts = [host.count("attempts")?, host.count("failed")?, host.count("near_misses")?];
            hosts.add(host.text("host")?, &counts);
        }
        for route in record.objects("routes")? {
            let route = route?;
            routes.add(route.text("route")?, &[route.count("exchanges")?, route.count("near_misses")?]);
        }
        Ok(())
    }
}

fn read_fates(fates: &Object<'_>, counts: &mut [u64; Fate::COUNT]) -> Result<(), RecordError> {
    for (name, _) in fates.iter() {
        let slot = Fate::from_name(name).and_then(|fate| counts.get_mut(fate as usize));
        *slot.ok_or_else(|| fates.error(name, "a known fate"))? = fates.count(name)?;
    }
    Ok(())
}

fn read_latency(latency: &Object<'_>) -> Result<Latency, RecordError> {
    const OFFSETS: core::ops::RangeInclusive<i64> = -(1 << 26)..=1 << 26;
    let scale =
        latency.signed("scale", i64::from(*SCALES.start())..=i64::from(*SCALES.end()), "-32 to 20")?;
    let offset = latency.signed("offset", OFFSETS, "-67108864 to 67108864")?;
    let counts = latency.counts("counts")?;
    if counts.len() > MAX_COUNTS {
        return Err(latency.error("counts", "at most 4096 whole numbers"));
    }
    Ok(Latency::new(scale as i32, offset as i32, counts.into_iter()))
}

/// Reads `{"source":[3,[5,9]]}`: sequence numbers and inclusive ranges of them.
fn read_parts(
    record: &Object<'_>,
    key: &'static str,
    relays: bool,
    parts: &mut Parts,
    sources: &mut Sources,
) -> Result<(), RecordError> {
    const TAKES: &str = "sequence numbers and pairs of them, the smaller first";
    if !record.has(key) {
        return Ok(());
    }
    let named = record.object(key)?;
    for (name, seqs) in named.iter() {
        let wrong = || named.error(name, TAKES);
        let mut part = SourceParts { relays, ..SourceParts::default() };
        for seq in seqs.as_list().ok_or_else(wrong)? {
            let pair: Option<Vec<u64>> = match seq {
                Value::Count(seq) => Some([*seq, *seq].into()),
                pair => pair.as_counts(),
            };
            match pair.as_deref() {
                Some([first, last]) if first <= last => part.seqs.insert(*first, *last),
                _ => return Err(wrong()),
            }
        }
        if part.seqs.len() == 0 {
            return Err(wrong());
        }
        let source = sources.named(source(&named, name, name)?);
        let mut one = Parts::default();
        one.0.insert(source, part);
        parts.extend(&one);
    }
    Ok(())
}

fn source<'a>(record: &Object<'_>, key: &str, name: &'a str) -> Result<&'a str, RecordError> {
    let fits = (1..=MAX_SOURCE_NAME).contains(&name.len());
    if fits { Ok(name) } else { Err(record.error(key, "a text of 1 to 512 bytes")) }
}
