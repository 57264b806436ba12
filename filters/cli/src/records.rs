//! Records as values: parsed from lines, whichever host emitted them, or those of a monitor of this process.

mod fields;

use core::fmt;
use fields::FieldValue;
use nearmiss::record::SCHEMA;
use nearmiss::{Head, Record, Timestamp};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A record of any type.
#[derive(Debug)]
pub(crate) enum AnyRecord<'a> {
    Exchange(ExchangeRecord<'a>),
    Episode(Box<EpisodeRecord>),
    Summary(Box<SummaryRecord<'a>>),
}

impl<'a> AnyRecord<'a> {
    /// Returns the record that a monitor with tokens has emitted.
    pub(crate) fn of(record: &Record<'a>) -> Result<Self, serde::de::value::Error> {
        let fields = FieldValue(record.value());
        match record.head {
            Head::Exchange { .. } => Deserialize::deserialize(fields).map(Self::Exchange),
            Head::Episode { .. } => Deserialize::deserialize(fields).map(Self::Episode),
            Head::Summary { .. } => Deserialize::deserialize(fields).map(Self::Summary),
        }
    }

    /// Returns the time of the record in milliseconds since 1970; that of a summary is just before its end.
    pub(crate) fn time(&self) -> Result<u64, RecordParseError> {
        match self {
            Self::Exchange(exchange) => exchange.time.millis(),
            Self::Episode(episode) => Ok(episode.start.0),
            Self::Summary(summary) => summary.end.millis().map(|end| end.saturating_sub(1)),
        }
    }

    /// Returns the upstream of the record.
    pub(crate) fn upstream(&self) -> &str {
        match self {
            Self::Exchange(exchange) => &exchange.upstream,
            Self::Episode(episode) => &episode.upstream,
            Self::Summary(summary) => &summary.upstream,
        }
    }
}

/// Record of a near miss or a failure.
#[derive(Debug, Deserialize)]
pub(crate) struct ExchangeRecord<'a> {
    #[serde(borrow)]
    pub(crate) time: RawTime<'a>,
    #[serde(borrow)]
    pub(crate) upstream: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) fate: Cow<'a, str>,
    pub(crate) margin_bp: Option<u16>,
    pub(crate) duration_ms: f64,
    #[serde(borrow, default)]
    pub(crate) explain: Cow<'a, str>,
}

/// Record of an episode: a period in which near misses are significantly more frequent than normal.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EpisodeRecord {
    pub(crate) phase: String,
    pub(crate) id: String,
    pub(crate) upstream: String,
    pub(crate) pattern: String,
    pub(crate) start: EpochMillis,
    pub(crate) detected: Option<EpochMillis>,
    pub(crate) end: Option<EpochMillis>,
    pub(crate) outcome: Option<String>,
    pub(crate) lead_s: Option<u64>,
    #[serde(default)]
    pub(crate) truncated: bool,
    pub(crate) exchanges: u64,
    pub(crate) near_misses: u64,
    pub(crate) failed: u64,
    pub(crate) margin_min_bp: Option<u16>,
    pub(crate) first_try_success_bp: Option<u64>,
    pub(crate) final_success_bp: Option<u64>,
    #[serde(default)]
    pub(crate) signals: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) hosts: Vec<HostShare>,
    #[serde(default)]
    pub(crate) related: Vec<String>,
    #[serde(default)]
    pub(crate) also: Vec<String>,
    pub(crate) shift_bp: Option<u64>,
    pub(crate) count: Option<u64>,
    pub(crate) interval_s: Option<u64>,
    pub(crate) amplification_bp: Option<u64>,
    #[serde(default)]
    pub(crate) explain: String,
}

/// A host's share of the near misses and failures in an episode.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct HostShare {
    pub(crate) host: String,
    pub(crate) share_bp: u64,
}

/// Record of one upstream's counts since its previous summary.
#[derive(Debug, Deserialize)]
pub(crate) struct SummaryRecord<'a> {
    #[serde(borrow)]
    pub(crate) source: Cow<'a, str>,
    pub(crate) seq: u64,
    #[serde(borrow)]
    pub(crate) upstream: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) start: RawTime<'a>,
    #[serde(borrow)]
    pub(crate) end: RawTime<'a>,
    #[serde(borrow)]
    pub(crate) fates: BTreeMap<Cow<'a, str>, u64>,
    pub(crate) attempts: u64,
    #[serde(borrow, default)]
    pub(crate) signals: BTreeMap<Cow<'a, str>, u64>,
    pub(crate) first_try: u64,
    #[serde(default)]
    pub(crate) failed_attempts_ms: f64,
    #[serde(default)]
    pub(crate) margins: Vec<u64>,
    #[serde(default)]
    pub(crate) late: u64,
    #[serde(default)]
    pub(crate) suppressed: u64,
    /// Log records that could not be read where they were collected.
    #[serde(default)]
    pub(crate) unread: u64,
    /// Exchanges that another nearmiss judged and reports, by fate.
    #[serde(borrow, default)]
    pub(crate) relayed: BTreeMap<Cow<'a, str>, u64>,
    pub(crate) latency: Option<LatencyHistogram>,
    #[serde(borrow, default)]
    pub(crate) hosts: Vec<HostRecord<'a>>,
    pub(crate) burn_bp: Option<BTreeMap<String, u64>>,
    pub(crate) reference: Option<ReferenceRecord>,
}

/// An OpenTelemetry exponential histogram of milliseconds.
#[derive(Debug, Deserialize)]
pub(crate) struct LatencyHistogram {
    pub(crate) scale: i32,
    pub(crate) offset: i32,
    pub(crate) counts: Vec<u64>,
}

/// Counts of one host.
#[derive(Debug, Deserialize)]
pub(crate) struct HostRecord<'a> {
    #[serde(borrow)]
    pub(crate) host: Cow<'a, str>,
    pub(crate) attempts: u64,
    pub(crate) failed: u64,
    pub(crate) near_misses: u64,
}

/// The frozen reference that later days are compared with.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ReferenceRecord {
    pub(crate) since: EpochMillis,
    pub(crate) near_miss_bp: u64,
    pub(crate) typical_ms: f64,
}

/// A time as text; parsed only when needed.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct RawTime<'a>(#[serde(borrow)] Cow<'a, str>);

impl RawTime<'_> {
    /// Milliseconds since 1970.
    pub(crate) fn millis(&self) -> Result<u64, RecordParseError> {
        millis(&self.0)
    }
}

/// Milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "Cow<str>")]
pub(crate) struct EpochMillis(pub(crate) u64);

impl TryFrom<Cow<'_, str>> for EpochMillis {
    type Error = RecordParseError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, RecordParseError> {
        millis(&text).map(Self)
    }
}

fn millis(text: &str) -> Result<u64, RecordParseError> {
    let time = nearmiss_formats::timestamp(text.as_bytes()).map(Timestamp::micros);
    time.map(|micros| micros / 1_000).ok_or_else(|| RecordParseError::Time(text.chars().take(40).collect()))
}

/// A record cannot be read.
#[derive(Debug)]
pub(crate) enum RecordParseError {
    /// Not JSON, or a field is missing or has a wrong type.
    Json(serde_json::Error),
    /// An unknown schema version.
    Schema(u64),
    /// An invalid time.
    Time(String),
    /// A type that schema 1 does not define.
    Type(String),
}

impl core::error::Error for RecordParseError {}

impl fmt::Display for RecordParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "not a record: {error}"),
            Self::Schema(found) => write!(f, "`schema` is {found}; this nearmiss reads {SCHEMA}"),
            Self::Time(found) => {
                write!(f, "a time is {found:?}; it takes one such as 2026-11-23T08:45:54.513Z")
            }
            Self::Type(found) => write!(f, "`type` is {found:?}; it takes exchange, episode or summary"),
        }
    }
}

/// Finds the JSON of a record in a line: the whole line, or the rest after `nearmiss ` in a proxy's log.
pub(crate) fn find_record(line: &[u8]) -> Option<&[u8]> {
    const HEAD: &[u8] = br#"{"schema":"#;
    if line.starts_with(HEAD) {
        return Some(line);
    }
    let at = memchr::memmem::find(line, br#"nearmiss {"schema":"#)?;
    line.get(at + 9..)
}

/// Parses one record.
pub(crate) fn parse(json: &[u8]) -> Result<AnyRecord<'_>, RecordParseError> {
    #[derive(Deserialize)]
    struct SchemaAndType<'a> {
        schema: u64,
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    // Fast path: the order of fields is fixed, so the first bytes identify the type.
    let kind = match json.strip_prefix(br#"{"schema":1,"type":""#) {
        Some([b'e', b'x', ..]) => Cow::Borrowed("exchange"),
        Some([b'e', b'p', ..]) => Cow::Borrowed("episode"),
        Some([b's', ..]) => Cow::Borrowed("summary"),
        _ => {
            let head: SchemaAndType<'_> = serde_json::from_slice(json).map_err(RecordParseError::Json)?;
            if head.schema != SCHEMA {
                return Err(RecordParseError::Schema(head.schema));
            }
            head.kind
        }
    };
    match &*kind {
        "exchange" => serde_json::from_slice(json).map(AnyRecord::Exchange).map_err(RecordParseError::Json),
        "episode" => serde_json::from_slice(json).map(AnyRecord::Episode).map_err(RecordParseError::Json),
        "summary" => serde_json::from_slice(json).map(AnyRecord::Summary).map_err(RecordParseError::Json),
        other => Err(RecordParseError::Type(other.chars().take(40).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_in_a_proxys_log() {
        assert_eq!(find_record(br#"{"schema":1}"#), Some(&br#"{"schema":1}"#[..]));
        let log = br#"[2026-11-23 08:00:00.000][7][info][wasm] wasm log: nearmiss {"schema":1}"#;
        assert_eq!(find_record(log), Some(&br#"{"schema":1}"#[..]));
        assert_eq!(find_record(br#"{"near_miss":{"schema":1}}"#), None);
    }

    #[test]
    fn errors_name_the_cause() {
        let error = |json: &str| parse(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(r#"{"schema":2,"type":"summary"}"#), "`schema` is 2; this nearmiss reads 1");
        assert_eq!(
            error(r#"{"schema":1,"type":"diary"}"#),
            r#"`type` is "diary"; it takes exchange, episode or summary"#
        );
        assert!(error(r#"{"schema":1,"type":"exchange"}"#).contains("missing field `time`"));
    }
}
