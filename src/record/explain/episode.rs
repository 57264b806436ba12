//! The sentence of an episode.

use super::phrases::{push_clock, push_harm, push_seconds, push_share, push_tenths};
use crate::episode::{Cause, Deviation, OpenEpisode, Pattern};
use crate::json::write::{push_number, push_text};
use crate::record::episode_context::EpisodeContext;
use crate::timeline;
use alloc::string::String;

/// Smallest shift that is named, in tenths: durations that are 1.3 times those before.
const LEAST_SHIFT: u64 = 13;
/// Seconds that one bucket covers.
const BUCKET_SECONDS: u64 = 10;

/// Writes the sentence of an episode; `hosts` are those with the largest shares.
pub(in crate::record) fn episode(
    out: &mut String,
    open: &OpenEpisode,
    pattern: Pattern,
    context: EpisodeContext<'_>,
    hosts: &[(&str, u64)],
) {
    harm(out, open);
    push_text(out, ": ");
    push_text(out, cause(open.cause));
    recurrence(out, open, pattern);
    outage(out, open);
    push_text(out, "; look at ");
    place(out, open, pattern, context, hosts);
    push_text(out, ".");
}

/// Writes the sentence of a day that deviates from the reference.
pub(in crate::record) fn deviation(out: &mut String, deviation: &Deviation) {
    push_text(out, "Near misses were ");
    push_share(out, deviation.near_misses.basis_points().into());
    push_text(out, " of the day and ");
    push_share(out, deviation.reference.near_misses.basis_points().into());
    push_text(out, " of the reference, and the typical duration was ");
    let ratio = libm::exp2f((f32::from(deviation.log2) - f32::from(deviation.reference.log2)) / 256.0);
    push_tenths(out, libm::roundf(ratio * 10.0) as u64);
    push_text(out, " times that of the reference; accept a new reference, or find out when this began.");
}

/// Appends `61 of 812 exchanges were near misses and 4 failed, and responses took up to 2.3 times as long as before`.
fn harm(out: &mut String, open: &OpenEpisode) {
    let counts = &open.counts;
    push_harm(out, counts.exchanges.into(), counts.near_misses.into(), counts.failed.into());
    let shift = open.shift_bp().map(|shift| u64::from(shift) / 1_000);
    if let Some(shift) = shift.filter(|shift| *shift >= LEAST_SHIFT) {
        push_text(out, ", and responses took up to ");
        push_tenths(out, shift);
        push_text(out, " times as long as before");
    }
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Errors => "attempts failed more often than before",
        Cause::Caught => "more exchanges than before needed a safety net",
        Cause::Late => "responses came closer to their limits than before",
        Cause::Tail => "there were more slow responses than before",
        Cause::LocationShift => "all responses were slower than in the minutes before",
        Cause::Host => "one host did worse than the others",
        Cause::Periodicity => "the same blip came again and again",
        Cause::CrossUpstream => "several upstreams deviated a little at the same time",
    }
}

/// Appends `, 23 times about every 15 min`, or the attempts of a storm.
fn recurrence(out: &mut String, open: &OpenEpisode, pattern: Pattern) {
    match (pattern, open.interval()) {
        (Pattern::Recurring, Some(interval)) => {
            push_text(out, ", ");
            push_number(out, open.count().into());
            push_text(out, " times about every ");
            let seconds = u64::from(interval) * BUCKET_SECONDS;
            // Minutes say enough of an interval of several minutes.
            push_seconds(out, if seconds < 300 { seconds } else { (seconds + 30) / 60 * 60 });
        }
        (Pattern::Storm, _) => {
            push_text(out, ", and attempts rose to ");
            push_tenths(out, u64::from(open.amplification) / 10);
            push_text(out, " per exchange");
        }
        _ => {}
    }
}

/// Appends `; it became an outage 36 min 40 s after it began`.
fn outage(out: &mut String, open: &OpenEpisode) {
    if open.escalated == 0 {
        return;
    }
    match u64::from(open.escalated.saturating_sub(open.start)) * BUCKET_SECONDS {
        0 => push_text(out, "; it was an outage from the start"),
        lead => {
            push_text(out, "; it became an outage ");
            push_seconds(out, lead);
            push_text(out, " after it began");
        }
    }
}

/// Appends the place to look at, the most specific that is known.
fn place(
    out: &mut String,
    open: &OpenEpisode,
    pattern: Pattern,
    context: EpisodeContext<'_>,
    hosts: &[(&str, u64)],
) {
    if let Some(name) = context.related.first() {
        push_text(out, "the dependencies it shares with ");
        return push_text(out, name);
    }
    if let Some((name, _)) = context.route(open).filter(|_| open.host().is_none()) {
        push_text(out, "route ");
        return push_text(out, name);
    }
    let has_others = context.upstream.hosts().len() > 1;
    let conspicuous = hosts.first().filter(|(_, share)| *share >= 5_000 && has_others);
    let host = open.host().and_then(|slot| context.upstream.hosts().name(slot));
    if let Some(name) = host.or(conspicuous.map(|(name, _)| *name)) {
        push_text(out, "host ");
        return context.hosts.push(out, name);
    }
    let start = timeline::start_of(open.start.into());
    match pattern {
        Pattern::Recurring if open.escalated == 0 => push_text(out, "jobs that run at this interval"),
        Pattern::Storm => push_text(out, "the retry limits of the callers"),
        Pattern::Creeping => push_text(out, "queues, pools and memory that fill up"),
        _ if open.escalated > 0 => {
            push_text(out, "what changed at ");
            push_clock(out, start);
            push_text(out, " UTC");
        }
        _ => {
            push_text(out, "the requests from ");
            push_clock(out, start);
            push_text(out, " to ");
            push_clock(out, timeline::end_of(open.last.into()));
            push_text(out, " UTC");
        }
    }
}
