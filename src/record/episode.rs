//! Writes the record of an episode with its sentence.

use super::SCHEMA;
use super::host_names::HostNames;
use crate::episode::{BucketCounts, Cause, Deviation, OpenEpisode, Pattern};
use crate::json::write::{Json, escape, push_number};
use crate::sort;
use crate::timeline;
use crate::units::{Timestamp, Used};
use crate::upstream::UpstreamState;
use crate::verdict::Signals;
use alloc::string::String;
use alloc::vec::Vec;

/// Least share of a listed host, in basis points.
const LEAST_SHARE: u64 = 1_000;

/// Phase of an episode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Detected.
    Open,
    /// Ended.
    Close,
    /// Cut short by the end of input.
    Truncated,
}

/// Surroundings of an episode that its record names.
#[derive(Clone, Copy)]
pub(crate) struct EpisodeContext<'a> {
    pub(crate) upstream: &'a UpstreamState,
    pub(crate) hosts: HostNames,
    /// Names of the related upstreams.
    pub(crate) related: &'a [&'a str],
}

/// Writes the open or close record of an episode.
pub(crate) fn episode(json: &mut Json<'_>, phase: Phase, open: &OpenEpisode, context: EpisodeContext<'_>) {
    let pattern = open.pattern();
    json.open('{');
    head(json, phase, context.upstream.name(), pattern, open.start);
    match phase {
        Phase::Open => json.key("detected").time(end_of(open.detected)),
        Phase::Close | Phase::Truncated => {
            json.key("end").time(end_of(open.last));
            let lead = (open.escalated > 0).then(|| open.escalated.saturating_sub(open.start) * 10);
            outcome(json, lead);
            if phase == Phase::Truncated {
                json.key("truncated").flag(true);
            }
        }
    }
    counts(json, &open.counts, open.shift_bp());
    let shares = shares(&open.counts.bad_attempts, context.upstream);
    json.key("hosts").open('[');
    for (slot, share) in &shares {
        let Some(name) = context.upstream.hosts().name(*slot) else { continue };
        json.item().open('{');
        context.hosts.value(json.key("host"), name);
        json.key("share_bp").number(*share);
        json.close('}');
    }
    json.close(']');
    json.key("related").open('[');
    context.related.iter().for_each(|name| json.item().text(name));
    json.close(']');
    also(json, open, pattern);
    if pattern == Pattern::Recurring {
        json.key("count").number(open.count().into());
        if let Some(interval) = open.interval() {
            json.key("interval_s").number(u64::from(interval) * 10);
        }
    }
    if pattern == Pattern::Storm {
        json.key("amplification_bp").number(u64::from(open.amplification) * 100);
    }
    if let Some((name, share)) = route(open, context.upstream) {
        json.key("routes").open('[');
        json.item().open('{');
        json.key("route").text(name);
        json.key("share_bp").number(share.into());
        json.close('}');
        json.close(']');
    }
    json.key("explain").sentence(|out| explain(out, open, pattern, context, &shares));
    json.close('}');
}

/// Writes the open or close record of a day that deviates from the reference.
pub(crate) fn deviation(json: &mut Json<'_>, phase: Phase, deviation: &Deviation, upstream: &str) {
    let day = &deviation.day;
    let end = day.from + 8_640 - 1;
    json.open('{');
    head(json, phase, upstream, Pattern::Deviant, day.from);
    match phase {
        Phase::Open => json.key("detected").time(end_of(end)),
        Phase::Close | Phase::Truncated => {
            json.key("end").time(end_of(end));
            outcome(json, None);
        }
    }
    let counted = BucketCounts {
        exchanges: day.exchanges,
        left_out: day.left_out,
        near_misses: day.near_misses,
        failed: day.failed,
        first_try: day.first_try,
        ..BucketCounts::default()
    };
    counts(json, &counted, None);
    json.key("hosts").open('[');
    json.close(']');
    json.key("related").open('[');
    json.close(']');
    json.key("explain").sentence(|out| explain_deviation(out, deviation));
    json.close('}');
}

fn explain_deviation(out: &mut String, deviation: &Deviation) {
    out.push_str("Near misses were ");
    push_share(out, deviation.near_misses.basis_points().into());
    out.push_str(" of the day where the reference has ");
    push_share(out, deviation.reference.near_misses.basis_points().into());
    out.push_str(", and the typical duration was ");
    let ratio = libm::exp2f((f32::from(deviation.log2) - f32::from(deviation.reference.log2)) / 256.0);
    push_tenths(out, libm::roundf(ratio * 10.0) as u64);
    out.push_str(" times that of the reference; accept a new reference or find out since when.");
}

fn head(json: &mut Json<'_>, phase: Phase, upstream: &str, pattern: Pattern, start: u32) {
    let start = timeline::start_of(start.into());
    json.key("schema").number(SCHEMA);
    json.key("type").text("episode");
    json.key("phase").text(if phase == Phase::Open { "open" } else { "close" });
    json.key("id").quoted(|out| {
        escape(out, upstream);
        out.push('-');
        push_number(out, start.seconds());
    });
    json.key("upstream").text(upstream);
    json.key("pattern").text(pattern.name());
    json.key("start").time(start);
}

fn outcome(json: &mut Json<'_>, lead: Option<u32>) {
    match lead {
        None => json.key("outcome").text("contained"),
        Some(lead) => {
            json.key("outcome").text("escalated");
            json.key("lead_s").number(lead.into());
        }
    }
}

fn counts(json: &mut Json<'_>, counts: &BucketCounts, shift: Option<u32>) {
    json.key("exchanges").number(counts.exchanges.into());
    json.key("near_misses").number(counts.near_misses.into());
    json.key("failed").number(counts.failed.saturating_sub(counts.abandoned.into()).into());
    if counts.abandoned > 0 {
        json.key("abandoned").number(counts.abandoned.into());
    }
    if let Some(margin) = counts.margin_min() {
        json.key("margin_min_bp").number(margin.into());
    }
    let judged = counts.judged();
    if let Some(share) = Used::of(counts.first_try.into(), judged.into()) {
        json.key("first_try_success_bp").number(share.basis_points().into());
    }
    if let Some(share) = Used::of(judged.saturating_sub(counts.failed).into(), judged.into()) {
        json.key("final_success_bp").number(share.basis_points().into());
    }
    if let Some(shift) = shift {
        json.key("shift_bp").number(shift.into());
    }
    json.key("signals").open('{');
    for (name, count) in Signals::NAMES.into_iter().zip(counts.signals).filter(|(_, count)| *count > 0) {
        json.key(name).number(count.into());
    }
    json.close('}');
}

/// Writes the other patterns that fit.
fn also(json: &mut Json<'_>, open: &OpenEpisode, pattern: Pattern) {
    let mut others = open.patterns().into_iter().flatten().filter(|other| *other != pattern).peekable();
    if others.peek().is_some() {
        json.key("also").open('[');
        others.for_each(|other| json.item().text(other.name()));
        json.close(']');
    }
}

/// Returns the route that carries the episode, with its share.
fn route<'a>(open: &OpenEpisode, upstream: &'a UpstreamState) -> Option<(&'a str, u16)> {
    let (slot, share) = open.route()?;
    Some((upstream.routes().name(slot)?, share))
}

/// Returns the hosts to blame, largest share first.
fn shares(bad: &[u16], upstream: &UpstreamState) -> Vec<(u8, u64)> {
    let all: u64 = bad.iter().map(|count| u64::from(*count)).sum();
    let share = |count: &u16| (u64::from(*count) * 10_000).checked_div(all).unwrap_or(0);
    let mut shares: Vec<(u8, u64)> =
        bad.iter().enumerate().map(|(slot, count)| (slot as u8, share(count))).collect();
    shares.retain(|(_, share)| *share >= LEAST_SHARE);
    let rank = |(slot, share): &(u8, u64)| (core::cmp::Reverse(*share), upstream.hosts().name(*slot));
    sort::sort_by(&mut shares, |a, b| rank(a) < rank(b));
    shares
}

fn explain(
    out: &mut String,
    open: &OpenEpisode,
    pattern: Pattern,
    context: EpisodeContext<'_>,
    shares: &[(u8, u64)],
) {
    push_number(out, open.counts.near_misses.into());
    out.push_str(" of ");
    push_number(out, open.counts.exchanges.into());
    out.push_str(" exchanges were near misses and ");
    push_number(out, open.counts.failed.into());
    out.push_str(" failed: ");
    out.push_str(match open.cause {
        Cause::Errors => "attempts failed more often than usual",
        Cause::Caught => "safety nets caught more than usual",
        Cause::Late => "answers came nearer to their limits than usual",
        Cause::Tail => "slow answers were more than usual",
        Cause::LocationShift => "answers took longer than in the minutes before",
        Cause::Host => "one host stood out from its siblings",
        Cause::Periodicity => "the same blip came again and again",
        Cause::CrossUpstream => "weak signs came on several upstreams at once",
    });
    match pattern {
        Pattern::Recurring => {
            if let Some(interval) = open.interval() {
                out.push_str(", every ");
                push_number(out, u64::from(interval) * 10);
                out.push_str(" s");
            }
        }
        Pattern::Storm => {
            out.push_str(", and attempts rose to ");
            push_tenths(out, u64::from(open.amplification) / 10);
            out.push_str(" an exchange");
        }
        _ => {}
    }
    if let Some(name) = context.related.first() {
        out.push_str("; look at what it shares with ");
        out.push_str(name);
        return out.push('.');
    }
    if let Some((name, _)) = route(open, context.upstream).filter(|_| open.host().is_none()) {
        out.push_str("; look at route ");
        out.push_str(name);
        return out.push('.');
    }
    let host = open.host().or(shares.first().filter(|(_, share)| *share >= 5_000).map(|(slot, _)| *slot));
    match host.and_then(|slot| context.upstream.hosts().name(slot)) {
        Some(name) => {
            out.push_str("; look at host ");
            context.hosts.push(out, name);
        }
        None => out.push_str(match pattern {
            Pattern::Storm => "; look at what retries, and how often it may",
            Pattern::Recurring => "; look at what runs at that pace",
            Pattern::Creeping => "; look at what fills up: queues, pools, memory",
            _ => "; look at its exchanges of that time",
        }),
    }
    out.push('.');
}

/// Appends a share such as `12.34 %`.
fn push_share(out: &mut String, basis_points: u64) {
    push_number(out, basis_points / 100);
    out.push('.');
    push_number(out, basis_points / 10 % 10);
    push_number(out, basis_points % 10);
    out.push_str(" %");
}

/// Appends tenths such as `4.1`.
fn push_tenths(out: &mut String, tenths: u64) {
    push_number(out, tenths / 10);
    out.push('.');
    push_number(out, tenths % 10);
}

/// Returns the end of a bucket.
fn end_of(bucket: u32) -> Timestamp {
    timeline::start_of(u64::from(bucket) + 1)
}
