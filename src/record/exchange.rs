//! The record of one exchange.

use super::SCHEMA;
use super::explain;
use super::host_names::HostNames;
use super::why;
use crate::exchange::Exchange;
use crate::json::write::Json;
use crate::verdict::{Fate, Verdict};
use alloc::string::String;

/// Writes the record of one exchange.
pub(crate) fn exchange(
    json: &mut Json<'_>,
    upstream: &str,
    exchange: &Exchange<'_>,
    verdict: &Verdict,
    hosts: HostNames,
    suppressed: u32,
) {
    json.open('{');
    json.key("schema").number(SCHEMA);
    json.key("type").word("exchange");
    json.key("time").time(exchange.ts);
    json.key("upstream").text(upstream);
    json.key("fate").word(verdict.fate.name());
    if let Some(margin) = verdict.margin_bp() {
        json.key("margin_bp").number(margin.into());
    }
    json.key("signals").open('[');
    verdict.signals.names().for_each(|name| json.item().word(name));
    json.close(']');
    if let Some(attempts) = exchange.attempts {
        json.key("attempts").number(attempts.into());
    }
    attempt_log(json, exchange, hosts);
    json.key("status").number(exchange.status.into());
    if why::has_flags(exchange) {
        json.key("flags").sentence(|out| why::push_flags(out, exchange));
    }
    if let Some(reason) = why::reason(exchange.reason, hosts) {
        json.key("reason").text(reason);
    }
    json.key("duration_ms").millis(exchange.duration);
    if let Some(host) = exchange.host {
        hosts.value(json.key("host"), host);
    }
    if let Some(route) = exchange.route {
        json.key("route").text(route);
    }
    if let Some(trace) = exchange.trace_id.filter(|id| is_trace_id(id)) {
        json.key("trace_id").text(trace);
    }
    if verdict.learned_attempts || verdict.learned_timeout {
        json.key("learned").open('[');
        if verdict.learned_attempts {
            json.item().text("max_attempts");
        }
        if verdict.learned_timeout {
            json.item().text("timeout");
        }
        json.close(']');
    }
    if suppressed > 0 {
        json.key("suppressed").number(suppressed.into());
    }
    json.key("explain").sentence(|out| explain::exchange(out, exchange, verdict, hosts));
    json.close('}');
}

fn attempt_log(json: &mut Json<'_>, exchange: &Exchange<'_>, hosts: HostNames) {
    if exchange.attempt_log.is_empty() {
        return;
    }
    json.key("attempt_log").open('[');
    for attempt in exchange.attempt_log {
        json.item().open('{');
        if let Some(host) = attempt.host {
            hosts.value(json.key("host"), host);
        }
        if let Some(status) = attempt.status {
            json.key("status").number(status.into());
        }
        if let Some(duration) = attempt.duration {
            json.key("duration_ms").millis(duration);
        }
        if let Some(reason) = why::reason(attempt.reason, hosts) {
            json.key("reason").text(reason);
        }
        json.close('}');
    }
    json.close(']');
}

/// Returns true for 32 hexadecimal digits; other text is not an identifier and is never emitted.
fn is_trace_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes the object that annotates a clean exchange.
pub fn clean(out: &mut String, upstream: &str) {
    let mut json = Json::new(out);
    json.open('{');
    json.key("upstream").text(upstream);
    json.key("fate").text(Fate::Clean.name());
    json.close('}');
}
