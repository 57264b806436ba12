//! Writes merged summaries and episodes.

use super::episode::Episode;
use super::parts::Parts;
use super::upstream::IntervalCounts;
use crate::json::write::{Json, push_hex, push_number, push_text};
use crate::name::NO_UPSTREAM;
use crate::record::{self, HostNames, Phase, Span};
use crate::units::Used;
use alloc::string::String;
use alloc::vec::Vec;

/// Prefix of the source of a merged summary; a digest of its parts follows.
const SOURCE: &str = "merge/";

/// Writes the summary of one upstream over one interval.
pub(super) fn summary(json: &mut Json<'_>, upstream: &str, cell: &IntervalCounts) {
    let counts = &cell.counts;
    json.open('{');
    let mut source = String::from(SOURCE);
    push_hex(&mut source, cell.parts.digest(upstream));
    let span = Span { source: &source, seq: 0, start: cell.start, end: cell.end };
    record::summary::head(json, span, upstream);
    record::summary::totals(json, &counts.totals, upstream != NO_UPSTREAM);
    let latency = &counts.latency;
    record::summary::latency(json, latency.scale(), latency.offset(), latency.counts());
    json.key("hosts").open('[');
    for (name, host) in counts.hosts.ranked(2) {
        record::summary::host_counts(json, HostNames::Plain, name, *host);
    }
    json.close(']');
    json.key("routes").open('[');
    for (name, route) in counts.routes.ranked(1) {
        record::summary::route_counts(json, name, *route);
    }
    json.close(']');
    parts(json, "parts", &cell.parts, false);
    parts(json, "relays", &cell.parts, true);
    json.close('}');
}

/// Writes the sources that relay, or those that do not, each with its sequence numbers.
fn parts(json: &mut Json<'_>, key: &str, parts: &Parts, relays: bool) {
    let mut those = parts.0.iter().filter(|(_, part)| part.relays == relays).peekable();
    if those.peek().is_none() {
        return;
    }
    json.key(key).open('{');
    for (source, part) in those {
        json.name(source).open('[');
        for (first, last) in part.seqs.iter() {
            json.item();
            if first < last {
                json.open('[');
                json.item().number(first);
                json.item().number(last);
                json.close(']');
            } else {
                json.number(first);
            }
        }
        json.close(']');
    }
    json.close('}');
}

/// Writes an episode of the fleet.
pub(super) fn episode(json: &mut Json<'_>, upstream: &str, episode: &Episode) {
    let phase = match episode {
        Episode { is_open: true, .. } => Phase::Open,
        Episode { truncated: true, .. } => Phase::Truncated,
        _ => Phase::Close,
    };
    let lead = episode.escalated.map(|escalated| escalated.since(episode.start).get() / 1_000_000);
    let hosts = hosts(episode);
    json.open('{');
    record::episode::head(json, phase, upstream, episode.pattern, (episode.start, episode.end), lead);
    episode.counts.write(json, true);
    let related: Vec<_> = episode.related.keys().map(|name| &**name).collect();
    record::episode::hosts_and_related(json, HostNames::Plain, &hosts, &related);
    record::episode::also(json, episode.patterns.keys().copied().filter(|other| *other != episode.pattern));
    record::episode::pattern_figures(json, episode.count, episode.interval_s, episode.amplification_bp);
    json.key("members").open('[');
    for (start, hash) in episode.members.keys() {
        json.item().quoted(|out| {
            push_number(out, *start);
            push_text(out, "/");
            push_hex(out, *hash);
        });
    }
    json.close(']');
    json.key("explain").sentence(|out| explain(out, episode, &hosts));
    json.close('}');
}

/// Returns the hosts to blame with their shares, largest first.
fn hosts(episode: &Episode) -> Vec<(&str, u64)> {
    let all = episode.counts.near_misses_and_failures();
    let share = |part: u64| Used::of(part, all).map_or(0, |share| share.basis_points().into());
    let shares = episode.hosts.iter().map(|(name, part)| (&**name, share(*part)));
    record::ranked(shares.filter(|(_, share)| *share >= record::LEAST_SHARE).collect())
}

fn explain(out: &mut String, episode: &Episode, hosts: &[(&str, u64)]) {
    let counts = &episode.counts;
    let failed = counts.failed.saturating_add(counts.abandoned);
    record::push_harm(out, counts.exchanges, counts.near_misses, failed);
    push_text(out, ", in ");
    push_number(out, episode.members.len() as u64);
    push_text(out, if episode.members.len() == 1 { " episode" } else { " episodes at once" });
    match (episode.related.keys().next(), hosts.first()) {
        (Some(related), _) => {
            push_text(out, "; look at the dependencies it shares with ");
            push_text(out, related);
        }
        (None, Some((host, 5_000..))) => {
            push_text(out, "; look at host ");
            push_text(out, host);
        }
        _ => push_text(out, "; look at its requests of that time"),
    }
    push_text(out, ".");
}
