//! Records as they are read back, wherever they were written.

use core::fmt;
use nearmiss::Timestamp;
use nearmiss::record::SCHEMA;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One record of any kind.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    Exchange(Exchange<'a>),
    Episode(Box<Episode>),
    Summary(Box<Summary<'a>>),
}

/// One near miss or failure.
#[derive(Debug, Deserialize)]
pub(crate) struct Exchange<'a> {
    #[serde(borrow)]
    pub(crate) time: Time<'a>,
    #[serde(borrow)]
    pub(crate) upstream: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) fate: Cow<'a, str>,
    pub(crate) margin_bp: Option<u16>,
    pub(crate) duration_ms: f64,
    #[serde(borrow, default)]
    pub(crate) explain: Cow<'a, str>,
}

/// A stretch of time in which near misses stand out.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Episode {
    pub(crate) phase: String,
    pub(crate) id: String,
    pub(crate) upstream: String,
    pub(crate) pattern: String,
    pub(crate) start: Moment,
    pub(crate) detected: Option<Moment>,
    pub(crate) end: Option<Moment>,
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
    pub(crate) interval_s: Option<u64>,
    pub(crate) amplification_bp: Option<u64>,
    #[serde(default)]
    pub(crate) explain: String,
}

/// A host's share of what went wrong in an episode.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct HostShare {
    pub(crate) host: String,
    pub(crate) share_bp: u64,
}

/// The counts of one upstream since its summary before.
#[derive(Debug, Deserialize)]
pub(crate) struct Summary<'a> {
    #[serde(borrow)]
    pub(crate) source: Cow<'a, str>,
    pub(crate) seq: u64,
    #[serde(borrow)]
    pub(crate) upstream: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) start: Time<'a>,
    #[serde(borrow)]
    pub(crate) end: Time<'a>,
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
    /// Exchanges that another nearmiss judged and reports, by fate.
    #[serde(borrow, default)]
    pub(crate) relayed: BTreeMap<Cow<'a, str>, u64>,
    pub(crate) latency: Option<Latency>,
    #[serde(borrow, default)]
    pub(crate) hosts: Vec<Host<'a>>,
    pub(crate) burn_bp: Option<BTreeMap<String, u64>>,
    pub(crate) reference: Option<Reference>,
}

/// An OpenTelemetry exponential histogram of milliseconds.
#[derive(Debug, Deserialize)]
pub(crate) struct Latency {
    pub(crate) scale: i32,
    pub(crate) offset: i32,
    pub(crate) counts: Vec<u64>,
}

/// What one host did.
#[derive(Debug, Deserialize)]
pub(crate) struct Host<'a> {
    #[serde(borrow)]
    pub(crate) host: Cow<'a, str>,
    pub(crate) attempts: u64,
    pub(crate) failed: u64,
    pub(crate) near_misses: u64,
}

/// What whole days are compared with.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Reference {
    pub(crate) since: Moment,
    pub(crate) near_miss_bp: u64,
    pub(crate) typical_ms: f64,
}

/// A time as it was written; it is only read where it is needed.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Time<'a>(#[serde(borrow)] Cow<'a, str>);

impl Time<'_> {
    /// Milliseconds since 1970.
    pub(crate) fn millis(&self) -> Result<u64, Error> {
        millis(&self.0)
    }
}

/// Milliseconds since 1970.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "Cow<str>")]
pub(crate) struct Moment(pub(crate) u64);

impl TryFrom<Cow<'_, str>> for Moment {
    type Error = Error;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Error> {
        millis(&text).map(Self)
    }
}

fn millis(text: &str) -> Result<u64, Error> {
    let time = nearmiss_formats::timestamp(text.as_bytes()).map(Timestamp::micros);
    time.map(|micros| micros / 1_000).ok_or_else(|| Error::Time(text.chars().take(40).collect()))
}

/// Why a line with a record in it could not be read.
#[derive(Debug)]
pub(crate) enum Error {
    /// Not JSON, or a field that is missing or of a wrong type.
    Json(serde_json::Error),
    /// A version that is not known here.
    Schema(u64),
    /// A time that is none.
    Time(String),
    /// A kind that schema 1 does not have.
    Type(String),
}

impl core::error::Error for Error {}

impl fmt::Display for Error {
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

/// The JSON of the record in a line: the line itself, or what follows `nearmiss ` in a proxy's log.
pub(crate) fn within(line: &[u8]) -> Option<&[u8]> {
    const HEAD: &[u8] = br#"{"schema":"#;
    if line.starts_with(HEAD) {
        return Some(line);
    }
    let at = memchr::memmem::find(line, br#"nearmiss {"schema":"#)?;
    line.get(at + 9..)
}

/// Reads one record.
pub(crate) fn read(json: &[u8]) -> Result<Record<'_>, Error> {
    #[derive(Deserialize)]
    struct Head<'a> {
        schema: u64,
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    // The order of fields is fixed, so the first bytes tell.
    let kind = match json.strip_prefix(br#"{"schema":1,"type":""#) {
        Some([b'e', b'x', ..]) => Cow::Borrowed("exchange"),
        Some([b'e', b'p', ..]) => Cow::Borrowed("episode"),
        Some([b's', ..]) => Cow::Borrowed("summary"),
        _ => {
            let head: Head<'_> = serde_json::from_slice(json).map_err(Error::Json)?;
            if head.schema != SCHEMA {
                return Err(Error::Schema(head.schema));
            }
            head.kind
        }
    };
    match &*kind {
        "exchange" => serde_json::from_slice(json).map(Record::Exchange).map_err(Error::Json),
        "episode" => serde_json::from_slice(json).map(Record::Episode).map_err(Error::Json),
        "summary" => serde_json::from_slice(json).map(Record::Summary).map_err(Error::Json),
        other => Err(Error::Type(other.chars().take(40).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_in_a_proxys_log() {
        assert_eq!(within(br#"{"schema":1}"#), Some(&br#"{"schema":1}"#[..]));
        let log = br#"[2026-11-23 08:00:00.000][7][info][wasm] wasm log: nearmiss {"schema":1}"#;
        assert_eq!(within(log), Some(&br#"{"schema":1}"#[..]));
        assert_eq!(within(br#"{"near_miss":{"schema":1}}"#), None);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let error = |json: &str| read(json.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(r#"{"schema":2,"type":"summary"}"#), "`schema` is 2; this nearmiss reads 1");
        assert_eq!(
            error(r#"{"schema":1,"type":"diary"}"#),
            r#"`type` is "diary"; it takes exchange, episode or summary"#
        );
        assert!(error(r#"{"schema":1,"type":"exchange"}"#).contains("missing field `time`"));
    }
}
