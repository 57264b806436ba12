//! The summary of one upstream.

use super::SCHEMA;
use super::host_names::HostNames;
use super::signals;
use crate::counters::CounterTotals;
use crate::episode::Detector;
use crate::histogram;
use crate::json::write::Json;
use crate::name::NO_UPSTREAM;
use crate::timeline;
use crate::units::{Micros, Timestamp, Used};
use crate::upstream::UpstreamState;
use crate::verdict::Fate;

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
    json: &mut Json<'_>,
    span: Span<'_>,
    upstream: &UpstreamState,
    detector: &Detector,
    budget: Used,
    accepted: Option<&str>,
    hosts: HostNames,
) {
    let counters = &upstream.counters;
    json.open('{');
    head(json, span, upstream.name());
    totals(json, &upstream.totals(), upstream.name() != NO_UPSTREAM);
    let (offset, counts) = counters.latency.used();
    latency(json, histogram::SCALE as i32, offset, counts.iter().map(|count| u64::from(*count)));
    json.key("hosts").open('[');
    for (name, host) in upstream.hosts().by_name().into_iter().filter(|(_, host)| host.attempts > 0) {
        host_counts(json, hosts, name, [host.attempts, host.failed, host.near_misses].map(u64::from));
    }
    json.close(']');
    json.key("routes").open('[');
    for (name, route) in upstream.routes().by_name().into_iter().filter(|(_, route)| route.exchanges > 0) {
        route_counts(json, name, [route.exchanges, route.near_misses].map(u64::from));
    }
    json.close(']');
    if let Some(learned) = upstream.learned_attempts() {
        json.key("max_attempts_learned").number(learned.into());
    }
    if let Some(timeout) = detector.learned_timeout() {
        json.key("timeout_ms_learned").millis(timeout);
    }
    if let Some(burn) = detector.budget.rates(budget) {
        json.key("burn_bp").open('{');
        for (window, rate) in burn {
            json.key(window).number(rate.into());
        }
        json.close('}');
    }
    if let Some(reference) = detector.reference.get() {
        json.key("reference").open('{');
        json.key("since").time(timeline::start_of(reference.from.into()));
        json.key("near_miss_bp").number(reference.near_misses.basis_points().into());
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

/// Writes the fields up to the counts.
pub(crate) fn head(json: &mut Json<'_>, span: Span<'_>, upstream: &str) {
    json.key("schema").number(SCHEMA);
    json.key("type").text("summary");
    json.key("source").text(span.source);
    json.key("seq").number(span.seq);
    json.key("upstream").text(upstream);
    json.key("start").time(span.start);
    json.key("end").time(span.end);
}

/// Writes the counts of a summary.
pub(crate) fn totals(json: &mut Json<'_>, totals: &CounterTotals, has_shares: bool) {
    fates(json.key("fates"), &totals.fates);
    if let Some(relayed) = &totals.relayed {
        fates(json.key("relayed"), relayed);
    }
    json.key("attempts").number(totals.attempts);
    signals(json, &totals.signals);
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
    if totals.unread > 0 {
        json.key("unread").number(totals.unread);
    }
}

/// Writes the attempts, failed attempts and near misses of a host.
#[inline(never)]
pub(crate) fn host_counts(
    json: &mut Json<'_>,
    names: HostNames,
    host: &str,
    [attempts, failed, near_misses]: [u64; 3],
) {
    json.item().open('{');
    names.value(json.key("host"), host);
    json.key("attempts").number(attempts);
    json.key("failed").number(failed);
    json.key("near_misses").number(near_misses);
    json.close('}');
}

/// Writes the exchanges and near misses of a route.
#[inline(never)]
pub(crate) fn route_counts(json: &mut Json<'_>, route: &str, [exchanges, near_misses]: [u64; 2]) {
    json.item().open('{');
    json.key("route").text(route);
    json.key("exchanges").number(exchanges);
    json.key("near_misses").number(near_misses);
    json.close('}');
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
