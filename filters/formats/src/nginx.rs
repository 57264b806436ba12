//! What nginx logs of an exchange, in whatever format: lists of attempts and a final status.
//!
//! What the lists mean was read off the real program: 502 and 504 stand for connections that failed too, and only a
//! missing header time tells them from an answer; a group with no live server puts its own name in the list of
//! addresses; ` : ` parts what a redirect inside nginx asked, and the last status before it says whether that was a
//! rescue or the plan.

mod format;
mod ingress;
mod text;

pub(crate) use format::LogFormat;
pub(crate) use ingress::read as read_ingress;
pub(crate) use text::{Keys, gather as gather_text, read as read_text};

use crate::bag::{Bag, slots};
use crate::error::{LineError, LineErrorKind};
use crate::exchange::{body_kind, fate, without_query};
use crate::fields::FieldConfig;
use crate::list::List;
use crate::scan::has;
use crate::text::{present, utf8, wrong};
use crate::time::Clock;
use crate::{Attempts, ParsedLine, PriorVerdict, number, time};
use alloc::vec::Vec;
use nearmiss::exchange::{Attempt, Exchange, Substitute, is_error};
use nearmiss::units::{Micros, Timestamp};

slots! {
    /// What nginx can say of an exchange.
    Slot, null is none: false, nested: |_, json, _| json.leave(true) => {
        Time: "ts" = "time" | "time_iso8601" | "time_local" | "timestamp" | "@timestamp" | "ts" | "date";
        Msec: "" = "msec";
        Status: "status" = "status" | "st" | "code";
        Duration: "duration_s" = "request_time" | "rt" | "duration";
        DurationMs: "duration_ms" = "duration_ms" | "request_time_ms";
        Hosts: "host_list" = "upstream_addr" | "ua";
        Codes: "status_list" = "upstream_status" | "us";
        Times: "duration_list" = "upstream_response_time" | "urt";
        Headers: "header_time_list" = "upstream_header_time" | "uht";
        Connects: "connect_time_list" = "upstream_connect_time" | "uct";
        Cache: "cache_status" = "upstream_cache_status" | "ucs" | "cache_status";
        Upstream: "upstream" = "proxy_upstream_name" | "upstream" | "upstream_name" | "service";
        Canary: "alternative_upstream" = "proxy_alternative_upstream_name";
        ProxyHost: "proxy_host" = "proxy_host" | "ph";
        Server: "server_name" = "server_name";
        Host: "host" = ;
        Attempts: "attempts" = ;
        Bytes: "bytes" = "body_bytes_sent" | "bytes_sent" | "bytes" | "size";
        Method: "method" = "request_method" | "request" | "method";
        Type: "content_type" = "sent_http_content_type" | "content_type";
        Grpc: "grpc_status" = "upstream_trailer_grpc_status" | "sent_trailer_grpc_status" | "grpc_status";
        Route: "route" = "route";
        Trace: "trace_id" = "otel_trace_id" | "opentelemetry_trace_id" | "trace_id";
        NearMiss: "near_miss" = "near_miss";
    }
}

/// The name of the upstream where a format has none.
const NAMELESS: &str = "nginx";

/// What values say, kept for a line with the same.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    clock: Clock,
    ts: Timestamp,
    status: u16,
    duration: Micros,
    bytes: Option<u64>,
    /// The lists with more than one entry, a bit each.
    lists: u32,
    /// The only entry of the list of statuses, once it was read.
    code: Option<Option<u16>>,
    is_grpc: bool,
    is_stream: bool,
    is_stale: bool,
}

/// Reads one line of JSON, with variables' names (or our short ones) as keys.
pub(crate) fn read_json<'a>(
    line: &'a [u8],
    fields: &FieldConfig,
    attempts: &'a mut Attempts<'a>,
    buffer: &'a mut Vec<u8>,
) -> Result<ParsedLine<'a>, LineError> {
    exchange(line, &Slot::FAMILY.read(line, fields, buffer)?, &mut Facts::default(), attempts)
}

/// What the values in `bag`, found in `line`, say; `facts` are what those of the line before said.
pub(crate) fn exchange<'a>(
    line: &[u8],
    bag: &Bag<'a, '_>,
    facts: &mut Facts,
    attempts: &'a mut Attempts<'a>,
) -> Result<ParsedLine<'a>, LineError> {
    let get = |slot: Slot| if bag.has(slot as usize) { bag.get(slot as usize) } else { None };
    let text = |slot: Slot| get(slot).map(|part| utf8(line, part)).transpose();
    let is_fresh = |slot: Slot| bag.is_fresh(slot as usize);
    if let Some(annotation) = bag.raw(Slot::NearMiss as usize) {
        let upstream = get(Slot::Upstream).or(get(Slot::ProxyHost));
        return Ok(ParsedLine::Judged(PriorVerdict {
            ts: timestamp(line, bag, &mut facts.clock).ok(),
            upstream: upstream.map(|name| utf8(line, name)).transpose()?,
            fate: fate(utf8(line, annotation)?)?,
        }));
    }
    for slot in LISTS.into_iter().filter(|slot| is_fresh(*slot)) {
        let has_more = bag.raw(slot as usize).is_some_and(|text| has(text, b' '));
        facts.lists = facts.lists & !(1 << slot as u32) | u32::from(has_more) << slot as u32;
    }
    if is_fresh(Slot::Status) {
        let status = get(Slot::Status).ok_or_else(|| missing(line, "status"))?;
        facts.status = code(status).ok_or_else(|| wrong(line, status, "status", "a status, 0 to 999"))?;
    }
    let has_time = get(Slot::Msec).or(get(Slot::Time)).is_some();
    if is_fresh(Slot::Time) || is_fresh(Slot::Msec) || !has_time {
        facts.ts = timestamp(line, bag, &mut facts.clock)?;
    }
    if is_fresh(Slot::Duration) || is_fresh(Slot::DurationMs) {
        facts.duration = duration(line, bag)?;
    }
    if is_fresh(Slot::Bytes) {
        facts.bytes = get(Slot::Bytes).and_then(number::all_whole);
    }
    if is_fresh(Slot::Type) || is_fresh(Slot::Method) {
        (facts.is_grpc, facts.is_stream) = body_kind(get(Slot::Type), get(Slot::Method));
    }
    if is_fresh(Slot::Cache) {
        facts.is_stale = get(Slot::Cache).is_some_and(|word| word.eq_ignore_ascii_case(b"STALE"));
    }
    let mut exchange = Exchange {
        ts: facts.ts,
        status: facts.status,
        duration: facts.duration,
        bytes: facts.bytes,
        aborted: facts.status == 499,
        stream: facts.is_stream,
        ..Exchange::default()
    };
    let chain =
        chain(line, bag, facts, attempts).map_err(|error| scrambled(line, bag).err().unwrap_or(error))?;
    // Of one attempt everything has made sense but its host, which may be anything.
    let is_one = facts.lists == 0 && chain.attempts == Some(1);
    if !is_one || chain.host.is_some_and(List::is_scrambled) {
        scrambled(line, bag)?;
    }
    exchange.upstream = upstream(line, bag, &chain, exchange.status)?;
    exchange.host = match attempts.as_slice() {
        // The host asked last is known to be text.
        [.., last] if chain.host.is_some() && last.host.map(str::as_bytes) == chain.host => last.host,
        _ => chain.host.or(get(Slot::Host)).map(|host| utf8(line, host)).transpose()?,
    };
    let told = get(Slot::Attempts).and_then(number::all_whole).and_then(|attempts| attempts.try_into().ok());
    exchange.attempts = told.or(chain.attempts);
    exchange.cache_status = text(Slot::Cache)?;
    exchange.route = text(Slot::Route)?.map(without_query);
    exchange.trace_id = text(Slot::Trace)?;
    if facts.is_grpc {
        exchange.grpc_status =
            get(Slot::Grpc).and_then(number::all_whole).and_then(|status| status.try_into().ok());
    }
    if chain.failed && !facts.is_stale && !exchange.aborted && !is_error(exchange.status) {
        exchange.substitute = Some(Substitute::Fallback);
    }
    exchange.attempt_log = attempts.as_slice();
    Ok(ParsedLine::Exchange(exchange))
}

/// Whether `bag`, found in `line`, has what every exchange has, and the request stands behind the time: HAProxy's does not.
pub(crate) fn is_whole(line: &[u8], bag: &Bag<'_, '_>) -> bool {
    let time = bag.get(Slot::Time as usize).unwrap_or_default();
    let behind = line.get(crate::text::place(line, time) + time.len()..).unwrap_or_default();
    let has = |slot: Slot| bag.get(slot as usize).is_some();
    behind.starts_with(b"] \"") && has(Slot::Status) && has(Slot::Duration)
}

/// The lists: one entry for each attempt.
const LISTS: [Slot; 5] = [Slot::Hosts, Slot::Codes, Slot::Times, Slot::Headers, Slot::Connects];

/// Refuses lists that a parser before us has cut: it took a blank for the end of a value, so lists end in a comma, and
/// what follows stands under the wrong names.
#[cold]
fn scrambled(line: &[u8], bag: &Bag<'_, '_>) -> Result<(), LineError> {
    let fields = [
        (Slot::Hosts, "upstream_addr"),
        (Slot::Codes, "upstream_status"),
        (Slot::Times, "upstream_response_time"),
    ];
    for (slot, field) in fields {
        let text = bag.raw(slot as usize).unwrap_or_default();
        let has_address = || List::new(text).any(|entry| has(entry.text, b':'));
        if List::is_scrambled(text) || slot != Slot::Hosts && has_address() {
            let problem = LineErrorKind::Scrambled { field, found: crate::error::excerpt(text) };
            return Err(LineError::new(crate::text::place(line, text), problem));
        }
    }
    Ok(())
}

/// What the lists say.
#[derive(Default)]
struct Chain<'a> {
    /// How many attempts reached for a host; `None` if there is no list.
    attempts: Option<u32>,
    /// The host asked last.
    host: Option<&'a [u8]>,
    /// What stands in the list instead of a host: the name of a group without a live server.
    group: Option<&'a [u8]>,
    /// What was meant to answer ended with a failure.
    failed: bool,
    /// The lists say that nothing was asked.
    idle: bool,
}

/// Follows the lists from attempt to attempt.
fn chain<'a>(
    line: &[u8],
    bag: &Bag<'a, '_>,
    facts: &mut Facts,
    attempts: &mut Attempts<'a>,
) -> Result<Chain<'a>, LineError> {
    attempts.clear();
    if bag.is_fresh(Slot::Codes as usize) {
        facts.code = None;
    }
    let list = |slot: Slot| bag.raw(slot as usize).filter(|text| !text.is_empty());
    let (hosts, codes) = (list(Slot::Hosts), list(Slot::Codes));
    let Some(lead) = codes.or(hosts) else {
        // An empty list says that nothing was asked; no list says nothing.
        let idle = bag.raw(Slot::Codes as usize).or(bag.raw(Slot::Hosts as usize)).is_some();
        return Ok(Chain { idle, attempts: idle.then_some(0), ..Chain::default() });
    };
    let (times, headers) = (list(Slot::Times), list(Slot::Headers));
    let mut walk = Walk { line, has_codes: codes.is_some(), has_hosts: hosts.is_some(), ..Walk::default() };
    if facts.lists == 0 {
        // One attempt, as nearly always: each list is its own entry.
        let status = match facts.code {
            Some(status) => status,
            None => codes.and_then(present).map(|text| upstream_code(line, text)).transpose()?,
        };
        facts.code = Some(status);
        walk.step(Step { host: hosts, status, time: times, header: headers, ends_group: false }, attempts)?;
    } else {
        let entries = List::new(lead).count();
        let side = |field: &'static str, text: Option<&'a [u8]>| {
            let found = text.map_or(entries, |text| List::new(text).count());
            if found == entries {
                return Ok(text.map(List::new));
            }
            let offset = crate::text::place(line, text.unwrap_or_default());
            Err(LineError::new(offset, LineErrorKind::Lengths { field, found, wanted: entries }))
        };
        let mut hosts = side("upstream_addr", hosts)?;
        let mut times = side("upstream_response_time", times)?;
        let mut headers = side("upstream_header_time", headers)?;
        side("upstream_connect_time", list(Slot::Connects))?;
        let next = |list: &mut Option<List<'a>>| Some(list.as_mut()?.next()?.text);
        for entry in List::new(lead) {
            let code = codes.and(present(entry.text));
            let step = Step {
                host: next(&mut hosts),
                status: code.map(|text| upstream_code(line, text)).transpose()?,
                time: next(&mut times),
                header: next(&mut headers),
                ends_group: entry.ends_group,
            };
            walk.step(step, attempts)?;
        }
    }
    Ok(Chain { attempts: Some(walk.count), idle: !walk.asked, ..walk.chain })
}

/// One entry of every list.
struct Step<'a> {
    host: Option<&'a [u8]>,
    status: Option<u16>,
    time: Option<&'a [u8]>,
    header: Option<&'a [u8]>,
    /// It is the last of its group, and another group follows.
    ends_group: bool,
}

/// How far following the lists has come.
///
/// A group that ends well and is followed by another has handed the request over: that is no attempt of its own. A
/// group that ends badly and is followed by another was rescued by it: the rescue is no attempt either.
#[derive(Default)]
struct Walk<'a, 'l> {
    line: &'l [u8],
    has_codes: bool,
    has_hosts: bool,
    chain: Chain<'a>,
    count: u32,
    in_group: u32,
    rescued: bool,
    asked: bool,
}

impl<'a> Walk<'a, '_> {
    fn step(&mut self, step: Step<'a>, attempts: &mut Attempts<'a>) -> Result<(), LineError> {
        let (host, status) = (step.host.and_then(present), step.status);
        let real = match host {
            Some(host) if has(host, b':') => true,
            Some(group) => {
                self.chain.group = Some(group);
                false
            }
            None => status.is_some() && !self.has_hosts,
        };
        self.asked |= host.is_some() || status.is_some();
        if real {
            self.chain.host = host.or(self.chain.host);
        }
        let failed = self.has_codes && (real || status.is_some()) && status.is_none_or(is_error);
        if real && !self.rescued {
            let unanswered = step.header == Some(b"-") && matches!(status, Some(502 | 504));
            let duration = |text| {
                time::seconds(text).ok_or_else(|| wrong(self.line, text, "upstream_response_time", "seconds"))
            };
            attempts.push(Attempt {
                host: host.map(|host| utf8(self.line, host)).transpose()?,
                status: status.filter(|_| !unanswered),
                duration: step.time.and_then(present).map(duration).transpose()?,
            });
            self.count += 1;
            self.in_group += 1;
        }
        if !self.rescued {
            self.chain.failed = failed;
        }
        if step.ends_group && !self.rescued {
            if failed {
                self.rescued = true;
            } else if self.in_group > 0 {
                attempts.pop();
                self.count -= 1;
            }
            self.in_group = 0;
        }
        Ok(())
    }
}

fn upstream_code(line: &[u8], text: &[u8]) -> Result<u16, LineError> {
    code(text).ok_or_else(|| wrong(line, text, "upstream_status", "statuses, 0 to 999"))
}

/// The upstream's name: the one that was logged on purpose, else what nginx itself says.
///
/// What nginx answered without asking (a redirect, a limit of its own) has none, whatever name its location has; only
/// a 5xx says that somebody should have been asked and could not.
fn upstream<'a>(
    line: &[u8],
    bag: &Bag<'a, '_>,
    chain: &Chain<'a>,
    status: u16,
) -> Result<&'a str, LineError> {
    let get = |slot: Slot| bag.get(slot as usize);
    if chain.idle && get(Slot::Cache).is_none() && status < 500 {
        return Ok("-");
    }
    let told = get(Slot::Canary).or(get(Slot::Upstream)).or(get(Slot::ProxyHost)).or(chain.group);
    if let Some(name) = told {
        return utf8(line, name);
    }
    if chain.idle && get(Slot::Cache).is_none() {
        return Ok("-");
    }
    get(Slot::Server).map_or(Ok(NAMELESS), |name| utf8(line, name))
}

fn timestamp(line: &[u8], bag: &Bag<'_, '_>, clock: &mut Clock) -> Result<Timestamp, LineError> {
    let text = bag.get(Slot::Msec as usize).or(bag.get(Slot::Time as usize));
    let Some(text) = text else { return bag.arrived.ok_or_else(|| missing(line, "time_local")) };
    clock.any(text).ok_or_else(|| wrong(line, text, "time_local", time::TAKES))
}

fn duration(line: &[u8], bag: &Bag<'_, '_>) -> Result<Micros, LineError> {
    if let Some(text) = bag.get(Slot::Duration as usize) {
        return time::seconds(text).ok_or_else(|| wrong(line, text, "request_time", "seconds"));
    }
    let text = bag.get(Slot::DurationMs as usize).ok_or_else(|| missing(line, "request_time"))?;
    time::millis(text).ok_or_else(|| wrong(line, text, "duration_ms", "milliseconds"))
}

/// A status of at most three digits.
fn code(text: &[u8]) -> Option<u16> {
    number::all_whole(text).filter(|code| *code <= 999).map(|code| code as u16)
}

#[cold]
fn missing(line: &[u8], field: &'static str) -> LineError {
    LineError::new(line.len(), LineErrorKind::Missing { field })
}

#[cfg(test)]
mod tests;
