//! nearmiss's own exchange lines: one JSON object a line, without unknown fields and `null`.

mod field;
mod write;

pub use write::{write, write_verdict};

use crate::error::{LineError, LineErrorKind};
use crate::json::{JsonCursor, Value};
use crate::{AttemptList, ParsedLine, PriorVerdict};
use alloc::vec::Vec;
use field::ExchangeField;
use nearmiss::{Attempt, Exchange, Fate, Flags, Quota, Substitute, Timestamp};

/// Reads one exchange line.
///
/// `attempts` and `buffer` hold what cannot be borrowed from the line; both may be reused from other lines.
pub fn read<'a>(
    line: &'a [u8],
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    read_with_default_time(line, None, attempts, buffer)
}

/// Reads an exchange line. `default_time` is the time that a pipeline gave the record, if there is one: pipelines remove
/// the time from a record and add fields of their own.
pub(crate) fn read_with_default_time<'a>(
    line: &'a [u8],
    default_time: Option<Timestamp>,
    attempts: &'a mut AttemptList<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    let mut json = JsonCursor::new(line, buffer);
    let mut exchange = Exchange::default();
    let (mut quota_remaining, mut quota_limit) = (None, None);
    let (mut judged, mut attempts_unknown) = (None, false);
    let mut seen = SeenFields(0);
    attempts.clear();

    json.open_object()?;
    let mut first = true;
    while let Some(key) = json.next_key(&mut first)? {
        let Some(field) = ExchangeField::named(key) else {
            if default_time.is_none() {
                return Err(json.unknown(key));
            }
            json.skip()?;
            continue;
        };
        seen.add(field, &json)?;
        let name = field.name();
        match field {
            ExchangeField::Ts => exchange.ts = json.seconds_of(name)?,
            ExchangeField::Upstream => exchange.upstream = json.text_of(name)?,
            ExchangeField::Status => exchange.status = status(&mut json, name)?,
            ExchangeField::DurationMs => exchange.duration = json.millis_of(name)?,
            ExchangeField::Host => exchange.host = Some(json.text_of(name)?),
            ExchangeField::Route => exchange.route = Some(without_query(json.text_of(name)?)),
            ExchangeField::Attempts => exchange.attempts = Some(count(&mut json, name)?),
            ExchangeField::AttemptsUnknown => attempts_unknown = json.bool_of(name)?,
            ExchangeField::MaxAttempts => exchange.max_attempts = Some(count(&mut json, name)?),
            ExchangeField::TimeoutMs => exchange.timeout = Some(json.millis_of(name)?),
            ExchangeField::DeadlineMs => exchange.deadline = Some(json.millis_of(name)?),
            ExchangeField::TimeoutUsedMs => exchange.timeout_used = Some(json.millis_of(name)?),
            ExchangeField::DeadlineUsedMs => exchange.deadline_used = Some(json.millis_of(name)?),
            ExchangeField::ServiceMs => exchange.service = Some(json.millis_of(name)?),
            ExchangeField::Flags => {
                let words = json.text_of(name)?;
                exchange.flags = Flags::parse(words);
                let is_other = exchange.flags.is_empty() && !matches!(words, "" | "-");
                exchange.termination_state = is_other.then_some(words);
            }
            ExchangeField::TerminationState => exchange.termination_state = Some(json.text_of(name)?),
            ExchangeField::Reason => exchange.reason = Some(json.text_of(name)?),
            ExchangeField::GrpcStatus => exchange.grpc_status = Some(count(&mut json, name)?),
            ExchangeField::Bytes => exchange.bytes = Some(large(&mut json, name)?),
            ExchangeField::Partial => exchange.partial = json.bool_of(name)?,
            ExchangeField::Aborted => exchange.aborted = json.bool_of(name)?,
            ExchangeField::Hedged => exchange.hedged = json.bool_of(name)?,
            ExchangeField::Stream => exchange.stream = json.bool_of(name)?,
            ExchangeField::Rejected => exchange.rejected = json.bool_of(name)?,
            ExchangeField::FailOpen => exchange.fail_open = json.bool_of(name)?,
            ExchangeField::Pool => exchange.pool = json.bool_of(name)?,
            ExchangeField::ClientTrusted => exchange.client_trusted = Some(json.bool_of(name)?),
            ExchangeField::Fallback => exchange.substitute = Some(substitute(&mut json, name)?),
            ExchangeField::CacheStatus => exchange.cache_status = Some(json.text_of(name)?),
            ExchangeField::ProxyStatus => exchange.proxy_status = Some(json.text_of(name)?),
            ExchangeField::ClientAttempt => exchange.client_attempt = Some(count(&mut json, name)?),
            ExchangeField::QuotaRemaining => quota_remaining = Some(large(&mut json, name)?),
            ExchangeField::QuotaLimit => quota_limit = Some(large(&mut json, name)?),
            ExchangeField::AttemptLog => attempt_log(&mut json, attempts)?,
            ExchangeField::TraceId => exchange.trace_id = Some(json.text_of(name)?),
            ExchangeField::NearMiss => judged = Some(fate(annotation(&mut json)?)?),
        }
    }
    json.expect_end()?;

    if let Some(fate) = judged {
        let ts = seen.has(ExchangeField::Ts).then_some(exchange.ts);
        let upstream = seen.has(ExchangeField::Upstream).then_some(exchange.upstream);
        return Ok(ParsedLine::Judged(PriorVerdict { ts, upstream, fate }));
    }
    match default_time {
        Some(time) if !seen.has(ExchangeField::Ts) => exchange.ts = time,
        _ => seen.require(ExchangeField::Ts, &json)?,
    }
    for field in [ExchangeField::Upstream, ExchangeField::Status, ExchangeField::DurationMs] {
        seen.require(field, &json)?;
    }
    if exchange.attempts.is_none() && !attempts_unknown {
        exchange.attempts = Some(1);
    }
    exchange.quota = quota_limit.zip(quota_remaining).map(|(limit, remaining)| Quota { limit, remaining });
    exchange.attempt_log = attempts.as_slice();
    Ok(ParsedLine::Exchange(exchange))
}

/// Reads the name of the fate in the value of `near_miss`: a string that begins with it, an object that holds it, or
/// `null` for clean.
pub(crate) fn annotation<'a>(json: &mut JsonCursor<'a>) -> Result<&'a str, LineError> {
    annotation_and_upstream(json).map(|(fate, _)| fate)
}

/// Reads the same, and the upstream if the value is an object.
pub(crate) fn annotation_and_upstream<'a>(
    json: &mut JsonCursor<'a>,
) -> Result<(&'a str, Option<&'a str>), LineError> {
    const FIELD: &str = "near_miss";
    let offset = json.offset();
    match json.value()? {
        Value::Null => Ok(("clean", None)),
        Value::Text(text) => Ok((text, None)),
        Value::Object => {
            let (mut first, mut fate, mut upstream) = (true, None, None);
            while let Some(key) = json.next_key(&mut first)? {
                match key {
                    "fate" => fate = Some(json.text_of("near_miss.fate")?),
                    "upstream" => upstream = Some(json.text_of("near_miss.upstream")?),
                    _ => json.skip()?,
                }
            }
            let missing =
                LineError::new(json.offset(), LineErrorKind::MissingField { field: "near_miss.fate" });
            fate.map(|fate| (fate, upstream)).ok_or(missing)
        }
        _ => Err(LineError::invalid(offset, FIELD, b"something else", "a string, an object or null")),
    }
}

/// Parses the fate at the beginning of an annotation such as `retried;attempts=3`; an empty annotation is clean.
pub(crate) fn fate(annotation: &str) -> Result<Fate, LineError> {
    let name = annotation.split([';', ',']).next().unwrap_or_default().trim_ascii();
    if matches!(name, "" | "-") {
        return Ok(Fate::Clean);
    }
    Fate::from_name(name).ok_or_else(|| {
        LineError::invalid(0, "near_miss", name.as_bytes(), "a string that begins with a fate")
    })
}

/// Derives from a content type and a method if a body may be gRPC's, and if it is an endless stream. Logs may have lists of
/// them; the first entry counts.
pub(crate) fn body_kind(content_type: Option<&[u8]>, method: Option<&[u8]>) -> (bool, bool) {
    let kind = content_type.unwrap_or_default();
    let is_grpc = kind.is_empty() || kind.starts_with(b"application/grpc");
    let is_tunnel = method.is_some_and(|method| method.starts_with(b"CONNECT"));
    (is_grpc, is_tunnel || kind.starts_with(b"text/event-stream"))
}

/// Returns `route` without its query string.
pub(crate) fn without_query(route: &str) -> &str {
    let end = route.bytes().position(|byte| byte == b'?').unwrap_or(route.len());
    route.get(..end).unwrap_or_default()
}

fn attempt_log<'a>(json: &mut JsonCursor<'a>, attempts: &mut AttemptList<'a>) -> Result<(), LineError> {
    const FIELD: &str = "attempt_log";
    json.array_of(FIELD)?;
    let mut first_item = true;
    while json.next_item(&mut first_item)? {
        json.object_of(FIELD)?;
        let mut attempt = Attempt::default();
        let mut first = true;
        while let Some(key) = json.next_key(&mut first)? {
            match key {
                "host" => attempt.host = Some(json.text_of("attempt_log.host")?),
                "status" => attempt.status = Some(status(json, "attempt_log.status")?),
                "duration_ms" => attempt.duration = Some(json.millis_of("attempt_log.duration_ms")?),
                "reason" => attempt.reason = Some(json.text_of("attempt_log.reason")?),
                _ => return Err(json.unknown(key)),
            }
        }
        attempts.push(attempt);
    }
    Ok(())
}

fn status(json: &mut JsonCursor<'_>, field: &'static str) -> Result<u16, LineError> {
    json.whole_of(field, 999, "a status, 0 to 999").map(|status| status as u16)
}

fn count(json: &mut JsonCursor<'_>, field: &'static str) -> Result<u32, LineError> {
    json.whole_of(field, u32::MAX.into(), "a whole number, 0 to 4294967295").map(|count| count as u32)
}

fn large(json: &mut JsonCursor<'_>, field: &'static str) -> Result<u64, LineError> {
    json.whole_of(field, u64::MAX, "a whole number, 0 or more")
}

fn substitute(json: &mut JsonCursor<'_>, field: &'static str) -> Result<Substitute, LineError> {
    let offset = json.offset();
    match json.text_of(field)? {
        "failover" => Ok(Substitute::Failover),
        "fallback" => Ok(Substitute::Fallback),
        "stale" => Ok(Substitute::Stale),
        other => Err(LineError::invalid(offset, field, other.as_bytes(), "fallback, stale or failover")),
    }
}

/// The fields read so far, as a bit set.
struct SeenFields(u64);

impl SeenFields {
    fn add(&mut self, field: ExchangeField, json: &JsonCursor<'_>) -> Result<(), LineError> {
        if self.has(field) {
            return Err(LineError::new(json.offset(), LineErrorKind::DuplicateField { field: field.name() }));
        }
        self.0 |= 1 << field as u32;
        Ok(())
    }

    fn require(&self, field: ExchangeField, json: &JsonCursor<'_>) -> Result<(), LineError> {
        if self.has(field) {
            return Ok(());
        }
        Err(LineError::new(json.offset(), LineErrorKind::MissingField { field: field.name() }))
    }

    fn has(&self, field: ExchangeField) -> bool {
        self.0 & 1 << field as u32 != 0
    }
}

#[cfg(test)]
mod tests;
