//! Our own exchange lines: one JSON object a line, every field known, nothing `null`.

use crate::error::{LineError, LineErrorKind};
use crate::json::{Json, Value};
use crate::{Attempts, ParsedLine, PriorVerdict};
use alloc::vec::Vec;
use nearmiss::exchange::{Attempt, Exchange, Quota, Substitute};
use nearmiss::flags::Flags;
use nearmiss::units::Timestamp;
use nearmiss::verdict::Fate;

/// Reads one exchange line.
///
/// `attempts` and `buffer` are room for what cannot be borrowed from the line as it stands; both may have been used
/// for other lines before.
pub fn read<'a>(
    line: &'a [u8],
    attempts: &'a mut Attempts<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    read_record(line, None, attempts, buffer)
}

/// Reads an exchange line that `arrived` at that time, if a pipeline brought it: pipelines take the time out of a record
/// and put fields of their own in.
pub(crate) fn read_record<'a>(
    line: &'a [u8],
    arrived: Option<Timestamp>,
    attempts: &'a mut Attempts<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut json = Json::new(line, buffer);
    let mut exchange = Exchange::default();
    let (mut quota_remaining, mut quota_limit) = (None, None);
    let mut judged = None;
    let mut seen = Seen(0);
    attempts.clear();

    json.open()?;
    let mut first = true;
    while let Some(key) = json.key(&mut first)? {
        let Some(field) = Field::named(key) else {
            if arrived.is_none() {
                return Err(json.unknown(key));
            }
            json.skip()?;
            continue;
        };
        seen.add(field, &json)?;
        let name = field.name();
        match field {
            Field::Ts => exchange.ts = json.seconds_of(name)?,
            Field::Upstream => exchange.upstream = json.text_of(name)?,
            Field::Status => exchange.status = status(&mut json, name)?,
            Field::DurationMs => exchange.duration = json.millis_of(name)?,
            Field::Host => exchange.host = Some(json.text_of(name)?),
            Field::Route => exchange.route = Some(without_query(json.text_of(name)?)),
            Field::Attempts => exchange.attempts = Some(count(&mut json, name)?),
            Field::MaxAttempts => exchange.max_attempts = Some(count(&mut json, name)?),
            Field::TimeoutMs => exchange.timeout = Some(json.millis_of(name)?),
            Field::DeadlineMs => exchange.deadline = Some(json.millis_of(name)?),
            Field::Flags => exchange.flags = Flags::parse(json.text_of(name)?),
            Field::GrpcStatus => exchange.grpc_status = Some(count(&mut json, name)?),
            Field::Bytes => exchange.bytes = Some(large(&mut json, name)?),
            Field::Partial => exchange.partial = json.bool_of(name)?,
            Field::Aborted => exchange.aborted = json.bool_of(name)?,
            Field::Hedged => exchange.hedged = json.bool_of(name)?,
            Field::Fallback => exchange.substitute = Some(substitute(&mut json, name)?),
            Field::CacheStatus => exchange.cache_status = Some(json.text_of(name)?),
            Field::ProxyStatus => exchange.proxy_status = Some(json.text_of(name)?),
            Field::ClientAttempt => exchange.client_attempt = Some(count(&mut json, name)?),
            Field::QuotaRemaining => quota_remaining = Some(large(&mut json, name)?),
            Field::QuotaLimit => quota_limit = Some(large(&mut json, name)?),
            Field::AttemptLog => attempt_log(&mut json, attempts)?,
            Field::TraceId => exchange.trace_id = Some(json.text_of(name)?),
            Field::NearMiss => judged = Some(fate(annotation(&mut json)?)?),
        }
    }
    json.end()?;

    if let Some(fate) = judged {
        let ts = seen.has(Field::Ts).then_some(exchange.ts);
        let upstream = seen.has(Field::Upstream).then_some(exchange.upstream);
        return Ok(ParsedLine::Judged(PriorVerdict { ts, upstream, fate }));
    }
    match arrived {
        Some(arrived) if !seen.has(Field::Ts) => exchange.ts = arrived,
        _ => seen.need(Field::Ts, &json)?,
    }
    for field in [Field::Upstream, Field::Status, Field::DurationMs] {
        seen.need(field, &json)?;
    }
    if exchange.attempts.is_none() {
        exchange.attempts = Some(1);
    }
    exchange.quota = quota_limit.zip(quota_remaining).map(|(limit, remaining)| Quota { limit, remaining });
    exchange.attempt_log = attempts.as_slice();
    Ok(ParsedLine::Exchange(exchange))
}

/// The name of the fate in the value of `near_miss`: a text that begins with it, a record that holds it, or `null`
/// for clean.
pub(crate) fn annotation<'a>(json: &mut Json<'a>) -> Result<&'a str, LineError> {
    annotation_and_upstream(json).map(|(fate, _)| fate)
}

/// The same, and the upstream where it is a record.
pub(crate) fn annotation_and_upstream<'a>(
    json: &mut Json<'a>,
) -> Result<(&'a str, Option<&'a str>), LineError> {
    const FIELD: &str = "near_miss";
    let offset = json.offset();
    match json.value()? {
        Value::Null => Ok(("clean", None)),
        Value::Text(text) => Ok((text, None)),
        Value::Object => {
            let (mut first, mut fate, mut upstream) = (true, None, None);
            while let Some(key) = json.key(&mut first)? {
                match key {
                    "fate" => fate = Some(json.text_of("near_miss.fate")?),
                    "upstream" => upstream = Some(json.text_of("near_miss.upstream")?),
                    _ => json.skip()?,
                }
            }
            let missing = LineError::new(json.offset(), LineErrorKind::Missing { field: "near_miss.fate" });
            fate.map(|fate| (fate, upstream)).ok_or(missing)
        }
        _ => Err(LineError::wrong(offset, FIELD, b"something else", "a text, a record or null")),
    }
}

/// The fate at the beginning of an annotation such as `retried;attempts=3`; nothing is clean.
pub(crate) fn fate(annotation: &str) -> Result<Fate, LineError> {
    let name = annotation.split([';', ',']).next().unwrap_or_default().trim_ascii();
    if matches!(name, "" | "-") {
        return Ok(Fate::Clean);
    }
    Fate::from_name(name)
        .ok_or_else(|| LineError::wrong(0, "near_miss", name.as_bytes(), "a text that begins with a fate"))
}

/// What a content type and a method say of a body: that it may be gRPC's, and that it has no end of its own. Logs have lists of
/// them, of which the first entry counts.
pub(crate) fn body_kind(content_type: Option<&[u8]>, method: Option<&[u8]>) -> (bool, bool) {
    let kind = content_type.unwrap_or_default();
    let is_grpc = kind.is_empty() || kind.starts_with(b"application/grpc");
    let is_tunnel = method.is_some_and(|method| method.starts_with(b"CONNECT"));
    (is_grpc, is_tunnel || kind.starts_with(b"text/event-stream"))
}

/// `route` without its query string.
pub(crate) fn without_query(route: &str) -> &str {
    let end = route.bytes().position(|byte| byte == b'?').unwrap_or(route.len());
    route.get(..end).unwrap_or_default()
}

fn attempt_log<'a>(json: &mut Json<'a>, attempts: &mut Attempts<'a>) -> Result<(), LineError> {
    const FIELD: &str = "attempt_log";
    json.array_of(FIELD)?;
    let mut first_item = true;
    while json.item(&mut first_item)? {
        json.object_of(FIELD)?;
        let mut attempt = Attempt::default();
        let mut first = true;
        while let Some(key) = json.key(&mut first)? {
            match key {
                "host" => attempt.host = Some(json.text_of("attempt_log.host")?),
                "status" => attempt.status = Some(status(json, "attempt_log.status")?),
                "duration_ms" => attempt.duration = Some(json.millis_of("attempt_log.duration_ms")?),
                _ => return Err(json.unknown(key)),
            }
        }
        attempts.push(attempt);
    }
    Ok(())
}

fn status(json: &mut Json<'_>, field: &'static str) -> Result<u16, LineError> {
    json.whole_of(field, 999, "a status, 0 to 999").map(|status| status as u16)
}

fn count(json: &mut Json<'_>, field: &'static str) -> Result<u32, LineError> {
    json.whole_of(field, u32::MAX.into(), "a whole number, 0 to 4294967295").map(|count| count as u32)
}

fn large(json: &mut Json<'_>, field: &'static str) -> Result<u64, LineError> {
    json.whole_of(field, u64::MAX, "a whole number, 0 or more")
}

fn substitute(json: &mut Json<'_>, field: &'static str) -> Result<Substitute, LineError> {
    let offset = json.offset();
    match json.text_of(field)? {
        "failover" => Ok(Substitute::Failover),
        "fallback" => Ok(Substitute::Fallback),
        "stale" => Ok(Substitute::Stale),
        other => Err(LineError::wrong(offset, field, other.as_bytes(), "fallback, stale or failover")),
    }
}

/// Makes `Field` and both directions of its spelling from one list.
macro_rules! fields {
    ($($field:ident $name:literal)*) => {
        /// A field of an exchange line.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        enum Field { $($field),* }

        impl Field {
            #[inline]
            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$field),)* _ => None }
            }

            #[inline]
            fn name(self) -> &'static str {
                match self { $(Self::$field => $name),* }
            }
        }
    };
}

fields! {
    Ts "ts"
    Upstream "upstream"
    Status "status"
    DurationMs "duration_ms"
    Host "host"
    Route "route"
    Attempts "attempts"
    MaxAttempts "max_attempts"
    TimeoutMs "timeout_ms"
    DeadlineMs "deadline_ms"
    Flags "flags"
    GrpcStatus "grpc_status"
    Bytes "bytes"
    Partial "partial"
    Aborted "aborted"
    Hedged "hedged"
    Fallback "fallback"
    CacheStatus "cache_status"
    ProxyStatus "proxy_status"
    ClientAttempt "client_attempt"
    QuotaRemaining "quota_remaining"
    QuotaLimit "quota_limit"
    AttemptLog "attempt_log"
    TraceId "trace_id"
    NearMiss "near_miss"
}

/// The fields that a line has shown so far.
struct Seen(u32);

impl Seen {
    fn add(&mut self, field: Field, json: &Json<'_>) -> Result<(), LineError> {
        if self.has(field) {
            return Err(LineError::new(json.offset(), LineErrorKind::Duplicate { field: field.name() }));
        }
        self.0 |= 1 << field as u32;
        Ok(())
    }

    fn need(&self, field: Field, json: &Json<'_>) -> Result<(), LineError> {
        if self.has(field) {
            return Ok(());
        }
        Err(LineError::new(json.offset(), LineErrorKind::Missing { field: field.name() }))
    }

    fn has(&self, field: Field) -> bool {
        self.0 & 1 << field as u32 != 0
    }
}

#[cfg(test)]
mod tests;
