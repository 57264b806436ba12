//! What nginx logs of an exchange, in whatever format: lists of attempts and a final status.
//!
//! What the lists mean was read off the real program: 502 and 504 stand for connections that failed too, and only a
//! missing header time tells them from an answer; a group with no live server puts its own name in the list of
//! addresses; ` : ` parts what a redirect inside nginx asked, and the last status before it says whether that was a
//! rescue or the plan.

mod format;
mod ingress;
mod json;
mod text;

pub(crate) use format::LogFormat;
pub(crate) use ingress::read as read_ingress;
pub(crate) use json::read as read_json;
pub(crate) use text::{Keys, gather as gather_text, read as read_text};

use crate::bag::{Bag, slots};
use crate::error::{LineError, Problem};
use crate::exchange::{fate, without_query};
use crate::list::List;
use crate::text::{present, utf8, wrong};
use crate::{Attempts, Judged, Line, number, time};
use nearmiss::exchange::{Attempt, Exchange, StandIn, is_error};
use nearmiss::units::{Micros, Timestamp};

slots! {
    /// What nginx can say of an exchange.
    Slot, null is none: false {
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

/// What the values in `bag`, found in `line`, say.
pub(crate) fn exchange<'a>(
    line: &[u8],
    bag: &Bag<'a>,
    attempts: &'a mut Attempts<'a>,
) -> Result<Line<'a>, LineError> {
    let get = |slot: Slot| bag.get(slot as usize);
    if let Some(annotation) = bag.raw(Slot::NearMiss as usize) {
        let upstream = get(Slot::Upstream).or(get(Slot::ProxyHost));
        return Ok(Line::Judged(Judged {
            ts: timestamp(line, bag).ok(),
            upstream: upstream.map(|name| utf8(line, name)).transpose()?,
            fate: fate(utf8(line, annotation)?)?,
        }));
    }
    scrambled(line, bag)?;
    let status = get(Slot::Status).ok_or_else(|| missing(line, "status"))?;
    let mut exchange = Exchange {
        ts: timestamp(line, bag)?,
        status: code(status).ok_or_else(|| wrong(line, status, "status", "a status, 0 to 999"))?,
        duration: duration(line, bag)?,
        bytes: get(Slot::Bytes).and_then(number::all_whole),
        ..Exchange::default()
    };
    let chain = chain(line, bag, attempts)?;
    exchange.upstream = upstream(line, bag, &chain, exchange.status)?;
    exchange.host = chain.host.or(get(Slot::Host)).map(|host| utf8(line, host)).transpose()?;
    let told = get(Slot::Attempts).and_then(number::all_whole).and_then(|attempts| attempts.try_into().ok());
    exchange.attempts = told.or(chain.attempts);
    exchange.aborted = exchange.status == 499;
    exchange.cache_status = get(Slot::Cache).map(|cache| utf8(line, cache)).transpose()?;
    exchange.route = get(Slot::Route).map(|route| utf8(line, route).map(without_query)).transpose()?;
    exchange.trace_id = get(Slot::Trace).map(|trace| utf8(line, trace)).transpose()?;
    let kind = get(Slot::Type).unwrap_or_default();
    exchange.stream = get(Slot::Method).is_some_and(|method| method.starts_with(b"CONNECT"))
        || kind.starts_with(b"text/event-stream");
    if kind.is_empty() || kind.starts_with(b"application/grpc") {
        exchange.grpc_status =
            get(Slot::Grpc).and_then(number::all_whole).and_then(|status| status.try_into().ok());
    }
    let stale = exchange.cache_status.is_some_and(|word| word.eq_ignore_ascii_case("STALE"));
    if chain.failed && !stale && !exchange.aborted && !is_error(exchange.status) {
        exchange.stand_in = Some(StandIn::Fallback);
    }
    exchange.attempt_log = attempts.as_slice();
    Ok(Line::Exchange(exchange))
}

/// Whether `bag`, found in `line`, has what every exchange has, and the request stands behind the time: HAProxy's does not.
pub(crate) fn is_whole(line: &[u8], bag: &Bag<'_>) -> bool {
    let time = bag.get(Slot::Time as usize).unwrap_or_default();
    let behind = line.get(crate::text::place(line, time) + time.len()..).unwrap_or_default();
    let has = |slot: Slot| bag.get(slot as usize).is_some();
    behind.starts_with(b"] \"") && has(Slot::Status) && has(Slot::Duration)
}

/// Refuses lists that a parser before us has cut: it took a blank for the end of a value, so lists end in a comma, and
/// what follows stands under the wrong names.
fn scrambled(line: &[u8], bag: &Bag<'_>) -> Result<(), LineError> {
    for (field, slot) in [
        ("upstream_addr", Slot::Hosts),
        ("upstream_status", Slot::Codes),
        ("upstream_response_time", Slot::Times),
    ] {
        let Some(text) = bag.raw(slot as usize) else { continue };
        let is_address = |text: &[u8]| List::new(text).any(|entry| entry.text.contains(&b':'));
        if List::is_scrambled(text) || slot != Slot::Hosts && is_address(text) {
            let problem = Problem::Scrambled { field, found: crate::error::excerpt(text) };
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
///
/// A group that ends well and is followed by another has handed the request over: that is no attempt of its own. A
/// group that ends badly and is followed by another was rescued by it: the rescue is no attempt either.
fn chain<'a>(line: &[u8], bag: &Bag<'a>, attempts: &mut Attempts<'a>) -> Result<Chain<'a>, LineError> {
    attempts.clear();
    let list = |slot: Slot| bag.raw(slot as usize).filter(|text| !text.is_empty());
    let (hosts, codes) = (list(Slot::Hosts), list(Slot::Codes));
    let Some(lead) = codes.or(hosts) else {
        // An empty list says that nothing was asked; no list says nothing.
        let idle = bag.raw(Slot::Codes as usize).or(bag.raw(Slot::Hosts as usize)).is_some();
        return Ok(Chain { idle, attempts: idle.then_some(0), ..Chain::default() });
    };
    let entries = List::new(lead).count();
    let side = |field: &'static str, text: Option<&'a [u8]>| {
        let found = text.map_or(entries, |text| List::new(text).count());
        if found == entries {
            return Ok(text.map(List::new));
        }
        let offset = crate::text::place(line, text.unwrap_or_default());
        Err(LineError::new(offset, Problem::Lengths { field, found, wanted: entries }))
    };
    let mut hosts = side("upstream_addr", hosts)?;
    let mut times = side("upstream_response_time", list(Slot::Times))?;
    let mut headers = side("upstream_header_time", list(Slot::Headers))?;
    side("upstream_connect_time", list(Slot::Connects))?;

    let mut chain = Chain { idle: true, ..Chain::default() };
    let (mut count, mut rescued, mut in_group) = (0_u32, false, 0_u32);
    for entry in List::new(lead) {
        let host = hosts.as_mut().and_then(List::next).and_then(|entry| present(entry.text));
        let time = times.as_mut().and_then(List::next).and_then(|entry| present(entry.text));
        let header = headers.as_mut().and_then(List::next).map(|entry| entry.text);
        let status = match codes {
            Some(_) => present(entry.text)
                .map(|text| {
                    code(text).ok_or_else(|| wrong(line, text, "upstream_status", "statuses, 0 to 999"))
                })
                .transpose()?,
            None => None,
        };
        let real = match host {
            Some(host) if host.contains(&b':') => true,
            Some(group) => {
                chain.group = Some(group);
                false
            }
            None => status.is_some() && hosts.is_none(),
        };
        chain.idle &= host.is_none() && status.is_none();
        if real {
            chain.host = host.or(chain.host);
        }
        let failed = codes.is_some() && (real || status.is_some()) && status.is_none_or(is_error);
        if real && !rescued {
            let unanswered = header == Some(b"-") && matches!(status, Some(502 | 504));
            attempts.push(Attempt {
                host: host.map(|host| utf8(line, host)).transpose()?,
                status: status.filter(|_| !unanswered),
                duration: time
                    .map(|text| {
                        time::seconds(text)
                            .ok_or_else(|| wrong(line, text, "upstream_response_time", "seconds"))
                    })
                    .transpose()?,
            });
            count += 1;
            in_group += 1;
        }
        if !rescued {
            chain.failed = failed;
        }
        if entry.ends_group && !rescued {
            if failed {
                rescued = true;
            } else if in_group > 0 {
                attempts.pop();
                count -= 1;
            }
            in_group = 0;
        }
    }
    chain.attempts = Some(count);
    Ok(chain)
}

/// The upstream's name: the one that was logged on purpose, else what nginx itself says.
///
/// What nginx answered without asking (a redirect, a limit of its own) has none, whatever name its location has; only
/// a 5xx says that somebody should have been asked and could not.
fn upstream<'a>(line: &[u8], bag: &Bag<'a>, chain: &Chain<'a>, status: u16) -> Result<&'a str, LineError> {
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

fn timestamp(line: &[u8], bag: &Bag<'_>) -> Result<Timestamp, LineError> {
    let text = bag.get(Slot::Msec as usize).or(bag.get(Slot::Time as usize));
    let Some(text) = text else { return bag.arrived.ok_or_else(|| missing(line, "time_local")) };
    time::any(text).ok_or_else(|| wrong(line, text, "time_local", time::TAKES))
}

fn duration(line: &[u8], bag: &Bag<'_>) -> Result<Micros, LineError> {
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
    LineError::new(line.len(), Problem::Missing { field })
}

#[cfg(test)]
mod tests;
