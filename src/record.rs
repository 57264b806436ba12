//! Writes records as JSON lines, and the text of the `near-miss` header.
//!
//! Field order is fixed, unknown fields are left out, times are RFC 3339 in UTC with milliseconds, shares are basis
//! points. `docs/records.md` is the reference. No client address, header value or query string is ever written.

mod episode;
mod explain;

pub(crate) use episode::{EpisodeContext, Phase, deviation, episode};

use crate::episode::Detector;
use crate::exchange::Exchange;
use crate::hash;
use crate::histogram;
use crate::json::write::{self, Json};
use crate::name::NO_UPSTREAM;
use crate::settings::Hosts;
use crate::tally::CounterTotals;
use crate::timeline;
use crate::units::{Micros, Timestamp, Used};
use crate::upstream::Upstream;
use crate::verdict::{Fate, Signals, Verdict};
use alloc::string::String;

/// Version of all records; a reader refuses other versions.
pub const SCHEMA: u64 = 1;

/// Kind of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordKind {
    /// One exchange.
    Exchange,
    /// Open or close of an episode.
    Episode,
    /// Counts of an upstream since its previous summary.
    Summary,
}

/// One emitted record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// Kind.
    pub kind: RecordKind,
    /// End of the exchange, of the episode or its detection, or of the interval of the summary.
    pub time: Timestamp,
    /// One JSON object without a line break.
    pub json: &'a str,
}

/// Writes the names of hosts in the configured form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostNames(pub(crate) Hosts);

impl HostNames {
    /// Appends the name or its hash, escaped for JSON.
    pub(crate) fn push(self, out: &mut String, host: &str) {
        match self.0 {
            Hosts::Plain => write::escape(out, host),
            Hosts::Hashed => {
                out.push_str("host-");
                let hash = hash::hash(host.as_bytes()) as u32;
                for nibble in (0..8).rev() {
                    out.push(char::from_digit(hash >> (4 * nibble) & 15, 16).unwrap_or('0'));
                }
            }
        }
    }

    fn value(self, json: &mut Json<'_>, host: &str) {
        json.raw().push('"');
        self.push(json.raw(), host);
        json.raw().push('"');
    }
}

/// Writes the record of one exchange.
pub(crate) fn exchange(
    out: &mut String,
    upstream: &str,
    exchange: &Exchange<'_>,
    verdict: &Verdict,
    hosts: HostNames,
    suppressed: u32,
) {
    let mut json = Json::new(out);
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
    attempt_log(&mut json, exchange, hosts);
    json.key("status").number(exchange.status.into());
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
    if verdict.learned_attempts {
        json.key("learned").open('[');
        json.item().text("max_attempts");
        json.close(']');
    }
    if suppressed > 0 {
        json.key("suppressed").number(suppressed.into());
    }
    json.key("explain").raw().push('"');
    explain::explain(json.raw(), exchange, verdict, hosts);
    json.raw().push_str("\"}");
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

/// Source and interval of a summary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<'a> {
    pub(crate) source: &'a str,
    pub(crate) seq: u64,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

/// Writes the summary of one upstream; `accepted` is the reason if an operator has accepted its reference.
pub(crate) fn summary(
    out: &mut String,
    span: Span<'_>,
    upstream: &Upstream,
    detector: &Detector,
    budget: Used,
    accepted: Option<&str>,
    hosts: HostNames,
) {
    let counters = &upstream.counters;
    let mut json = Json::new(out);
    json.open('{');
    json.key("schema").number(SCHEMA);
    json.key("type").text("summary");
    json.key("source").text(span.source);
    json.key("seq").number(span.seq);
    json.key("upstream").text(upstream.name());
    json.key("start").time(span.start);
    json.key("end").time(span.end);
    totals(&mut json, &counters.into(), upstream.name() != NO_UPSTREAM);
    let (offset, counts) = counters.latency.used();
    latency(&mut json, histogram::SCALE as i32, offset, counts.iter().map(|count| u64::from(*count)));
    json.key("hosts").open('[');
    for (name, host) in upstream.hosts().iter().filter(|(_, host)| host.attempts > 0) {
        json.item().open('{');
        hosts.value(json.key("host"), name);
        json.key("attempts").number(host.attempts.into());
        json.key("failed").number(host.failed.into());
        json.key("near_misses").number(host.blamed.into());
        json.close('}');
    }
    json.close(']');
    json.key("routes").open('[');
    for (name, route) in upstream.routes().iter().filter(|(_, route)| route.exchanges > 0) {
        json.item().open('{');
        json.key("route").text(name);
        json.key("exchanges").number(route.exchanges.into());
        json.key("near_misses").number(route.near_misses.into());
        json.close('}');
    }
    json.close(']');
    if let Some(learned) = upstream.learned_attempts() {
        json.key("max_attempts_learned").number(learned.into());
    }
    if let Some(timeout) = detector.learned_timeout() {
        json.key("timeout_ms_learned").millis(timeout);
    }
    if let Some(burn) = detector.habits.burn(budget) {
        json.key("burn_bp").open('{');
        for (window, rate) in burn {
            json.key(window).number(rate.into());
        }
        json.close('}');
    }
    if let Some(reference) = detector.habits.reference() {
        json.key("reference").open('{');
        json.key("since").time(timeline::start_of(reference.from.into()));
        json.key("near_miss_bp").number(reference.near.basis_points().into());
        json.key("typical_ms").millis(reference.typical());
        if reference.expires > 0 {
            json.key("expires").time(timeline::start_of(reference.expires.into()));
        }
        if let Some(reason) = accepted {
            json.key("reason").text(reason);
        }
        json.close('}');
    }
    json.close('}');
}

/// Writes the counts of a summary.
pub(crate) fn totals(json: &mut Json<'_>, totals: &CounterTotals, has_shares: bool) {
    fates(json.key("fates"), &totals.fates);
    if let Some(relayed) = &totals.relayed {
        fates(json.key("relayed"), relayed);
    }
    json.key("attempts").number(totals.attempts);
    json.key("signals").open('{');
    for (name, count) in Signals::NAMES.into_iter().zip(totals.signals).filter(|(_, count)| *count > 0) {
        json.key(name).number(count);
    }
    json.close('}');
    json.key("first_try").number(totals.first_try);
    if let Some(share) = totals.first_try_success().filter(|_| has_shares) {
        json.key("first_try_success_bp").number(share.basis_points().into());
    }
    if let Some(share) = totals.final_success().filter(|_| has_shares) {
        json.key("final_success_bp").number(share.basis_points().into());
    }
    json.key("failed_attempts_ms").millis(Micros::new(totals.failed_micros));
    json.key("margins").open('[');
    totals.margins.iter().for_each(|count| json.item().number(*count));
    json.close(']');
    json.key("late").number(totals.late);
    json.key("suppressed").number(totals.suppressed);
}

fn fates(json: &mut Json<'_>, counts: &[u64; Fate::COUNT]) {
    json.open('{');
    for (fate, count) in Fate::ALL.into_iter().zip(counts) {
        json.key(fate.name()).number(*count);
    }
    json.close('}');
}

/// Writes the latency of a summary: OpenTelemetry's scale, the index of the first bucket, and the counts from there.
pub(crate) fn latency(json: &mut Json<'_>, scale: i32, offset: i32, counts: impl Iterator<Item = u64>) {
    json.key("latency").open('{');
    json.key("scale").signed(scale.into());
    json.key("offset").signed(offset.into());
    json.key("counts").open('[');
    counts.for_each(|count| json.item().number(count));
    json.close(']');
    json.close('}');
}

/// Writes the `near-miss` header of a verdict, an RFC 9651 list with the fate first:
/// `retried;attempts=3;margin=33, slow;ratio=4.1`. The margin is in whole percent. Writes nothing for a clean exchange.
pub fn header(out: &mut String, verdict: &Verdict, attempts: Option<u32>) {
    if verdict.fate == Fate::Clean {
        return;
    }
    out.push_str(verdict.fate.name());
    if let Some(attempts) = attempts.filter(|attempts| *attempts > 1) {
        out.push_str(";attempts=");
        write::push_number(out, attempts.into());
    }
    if let Some(margin) = verdict.margin_bp() {
        out.push_str(";margin=");
        write::push_number(out, u64::from(margin) / 100);
    }
    ratio(out, verdict.ratio_tenths().filter(|_| verdict.fate == Fate::Slow));
    for name in verdict.signals.without(own_signals(verdict.fate)).names() {
        out.push_str(", ");
        out.push_str(name);
        ratio(out, verdict.ratio_tenths().filter(|_| name == "slow"));
    }
}

fn ratio(out: &mut String, tenths: Option<u64>) {
    if let Some(tenths) = tenths {
        out.push_str(";ratio=");
        write::push_number(out, tenths / 10);
        out.push('.');
        write::push_number(out, tenths % 10);
    }
}

/// Returns the signals that a fate implies.
const fn own_signals(fate: Fate) -> Signals {
    match fate {
        Fate::Clean | Fate::Tight => Signals::NONE,
        Fate::Slow => Signals::SLOW,
        Fate::ClientRetried => Signals::CLIENT_RETRY,
        Fate::Retried => Signals::RETRY,
        Fate::Failover => Signals::FAILOVER,
        Fate::Stale => Signals::STALE,
        Fate::Fallback => Signals::FALLBACK,
        Fate::Partial => Signals::PARTIAL,
        Fate::Failed => Signals::FAILED,
    }
}
