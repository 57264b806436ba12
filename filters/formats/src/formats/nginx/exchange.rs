//! From nginx's field values to an exchange.

use super::attempt_lists::{AttemptChain, check_lists, follow_lists, hosts_field, status_code};
use super::fields::{FieldId, LISTS, ParsedFields};
use crate::error::{LineError, LineErrorKind};
use crate::exchange::{body_kind, fate, without_query};
use crate::field_values::FieldValues;
use crate::list::List;
use crate::swar::contains;
use crate::text::{invalid, utf8};
use crate::time::TimeParser;
use crate::{AttemptList, ParsedLine, PriorVerdict, number, time};
use nearmiss::{Exchange, Micros, Substitute, Timestamp, is_error};

/// The name of the upstream if the line has none.
const DEFAULT_UPSTREAM: &str = "nginx";

/// Parses the `values` found in `line`; `parsed` holds those of the previous line.
pub(crate) fn parse_values<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    parsed: &mut ParsedFields,
    attempts: &'a mut AttemptList<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    let get = |id: FieldId| if values.has(id as usize) { values.get(id as usize) } else { None };
    // The fields of which most lines have few.
    let rare = |id: FieldId| if values.has(id as usize) { values.find(id as usize) } else { None };
    let text = |id: FieldId| rare(id).map(|part| utf8(line, part)).transpose();
    let is_changed = |id: FieldId| values.is_changed(id as usize);
    if let Some(annotation) = values.raw(FieldId::NearMiss as usize) {
        let upstream = rare(FieldId::Upstream).or(rare(FieldId::ProxyHost));
        return Ok(ParsedLine::Judged(PriorVerdict {
            ts: timestamp(line, values, &mut parsed.time_parser).ok(),
            upstream: upstream.map(|name| utf8(line, name)).transpose()?,
            fate: fate(utf8(line, annotation)?)?,
        }));
    }
    for id in LISTS.into_iter().filter(|id| is_changed(*id)) {
        let has_more = values.raw(id as usize).is_some_and(|text| contains(text, b' '));
        parsed.lists = parsed.lists & !(1 << id as u32) | u32::from(has_more) << id as u32;
    }
    if is_changed(FieldId::Status) {
        let status = get(FieldId::Status).ok_or_else(|| missing(line, "status"))?;
        parsed.status =
            status_code(status).ok_or_else(|| invalid(line, status, "status", "a status, 0 to 999"))?;
    }
    let has_time = get(FieldId::Msec).or(get(FieldId::Time)).is_some();
    if is_changed(FieldId::Time) || is_changed(FieldId::Msec) || !has_time {
        parsed.ts = timestamp(line, values, &mut parsed.time_parser)?;
    }
    let hosts_field = hosts_field(values);
    if hosts_field == FieldId::Upstream && is_changed(FieldId::Upstream) {
        let has_more = rare(FieldId::Upstream).is_some_and(|text| contains(text, b' '));
        let bit = 1 << FieldId::Hosts as u32;
        parsed.lists = if has_more { parsed.lists | bit } else { parsed.lists & !bit };
    }
    if [FieldId::Duration, FieldId::DurationMs, FieldId::Took].into_iter().any(is_changed) {
        parsed.duration = duration(line, values)?;
    }
    if is_changed(FieldId::Bytes) {
        parsed.bytes = get(FieldId::Bytes).and_then(number::all_whole);
    }
    if is_changed(FieldId::Type) || is_changed(FieldId::Method) {
        (parsed.is_grpc, parsed.is_stream) = body_kind(rare(FieldId::Type), rare(FieldId::Method));
    }
    if is_changed(FieldId::Cache) {
        parsed.is_stale = get(FieldId::Cache).is_some_and(|word| word.eq_ignore_ascii_case(b"STALE"));
    }
    let (status, aborted) = (parsed.status, parsed.status == 499);
    let chain = follow_lists(line, values, hosts_field, parsed, attempts)
        .map_err(|error| check_lists(line, values).err().unwrap_or(error))?;
    if !values.has(FieldId::Codes as usize)
        && let Some(last) = attempts.last_mut()
    {
        // Without a list of statuses, the last attempt has that of the answer.
        last.status = Some(status);
    }
    // For a single attempt, all values have been parsed but the host, which may be any text.
    let is_one = parsed.lists == 0 && chain.attempts == Some(1);
    if !is_one || chain.host.is_some_and(List::is_split) {
        check_lists(line, values)?;
    }
    let named = rare(FieldId::Upstream).filter(|_| hosts_field == FieldId::Hosts);
    let rejected = rare(FieldId::LimitReq) == Some(b"REJECTED");
    let upstream = upstream(line, values, named, &chain, rejected || status >= 500)?;
    let host = match attempts.as_slice() {
        // The host of the last attempt is known to be UTF-8.
        [.., last] if chain.host.is_some() && last.host.map(str::as_bytes) == chain.host => last.host,
        _ => chain.host.or(rare(FieldId::Host)).map(|host| utf8(line, host)).transpose()?,
    };
    let logged =
        rare(FieldId::Attempts).and_then(number::all_whole).and_then(|attempts| attempts.try_into().ok());
    let grpc_status =
        || rare(FieldId::Grpc).and_then(number::all_whole).and_then(|status| status.try_into().ok());
    let is_rescued = chain.failed && !parsed.is_stale && !aborted && !is_error(status);
    Ok(ParsedLine::Exchange(Exchange {
        ts: parsed.ts,
        upstream,
        host,
        status,
        duration: parsed.duration,
        attempts: logged.or(chain.attempts),
        bytes: parsed.bytes,
        aborted,
        rejected,
        stream: parsed.is_stream,
        substitute: is_rescued.then_some(Substitute::Fallback),
        cache_status: text(FieldId::Cache)?,
        route: text(FieldId::Route)?.map(without_query),
        trace_id: text(FieldId::Trace)?,
        grpc_status: if parsed.is_grpc { grpc_status() } else { None },
        attempt_log: attempts.as_slice(),
        ..Exchange::default()
    }))
}

/// Returns true if the `values` of `line` include those that every nginx line has, and the request follows the time. The
/// latter distinguishes the line from one of HAProxy.
pub(crate) fn is_complete(line: &[u8], values: &FieldValues<'_, '_>) -> bool {
    let time = values.get(FieldId::Time as usize).unwrap_or_default();
    let after = line.get(crate::text::offset_in(line, time) + time.len()..).unwrap_or_default();
    let has = |id: FieldId| values.get(id as usize).is_some();
    after.starts_with(b"] \"") && has(FieldId::Status) && has(FieldId::Duration)
}

/// Returns the name of the upstream: the one that was logged on purpose, else the one nginx itself uses.
///
/// A response that nginx gave without contacting an upstream (a redirect, a limit of its own) has none, even if its
/// location has a name. Only a 5xx or a rejection means that an upstream should have been contacted and could not be.
fn upstream<'a>(
    line: &[u8],
    values: &FieldValues<'a, '_>,
    named: Option<&'a [u8]>,
    chain: &AttemptChain<'a>,
    is_refusal: bool,
) -> Result<&'a str, LineError> {
    let get = |id: FieldId| values.find(id as usize);
    if chain.none_contacted && get(FieldId::Cache).is_none() && !is_refusal {
        return Ok("-");
    }
    let name = get(FieldId::Canary).or(named).or(get(FieldId::ProxyHost)).or(chain.empty_group);
    if let Some(name) = name {
        return utf8(line, name);
    }
    if chain.none_contacted && get(FieldId::Cache).is_none() {
        return Ok("-");
    }
    get(FieldId::Server).map_or(Ok(DEFAULT_UPSTREAM), |name| utf8(line, name))
}

fn timestamp(
    line: &[u8],
    values: &FieldValues<'_, '_>,
    time_parser: &mut TimeParser,
) -> Result<Timestamp, LineError> {
    let text = values.get(FieldId::Msec as usize).or(values.get(FieldId::Time as usize));
    let Some(text) = text else { return values.default_time.ok_or_else(|| missing(line, "time_local")) };
    time_parser.parse(text).ok_or_else(|| invalid(line, text, "time_local", time::TAKES))
}

fn duration(line: &[u8], values: &FieldValues<'_, '_>) -> Result<Micros, LineError> {
    if let Some(text) = values.get(FieldId::Duration as usize) {
        return time::seconds(text).ok_or_else(|| invalid(line, text, "request_time", "seconds"));
    }
    if let Some(text) = values.get(FieldId::Took as usize)
        && !values.has(FieldId::DurationMs as usize)
    {
        return time::seconds(text).ok_or_else(|| invalid(line, text, "duration", "seconds"));
    }
    let text = values.get(FieldId::DurationMs as usize).ok_or_else(|| missing(line, "request_time"))?;
    time::millis(text).ok_or_else(|| invalid(line, text, "duration_ms", "milliseconds"))
}

#[cold]
fn missing(line: &[u8], field: &'static str) -> LineError {
    LineError::new(line.len(), LineErrorKind::MissingField { field })
}
