//! Writes merged summaries and episodes.

use super::episode::Episode;
use super::parts::Parts;
use super::upstream::IntervalCounts;
use crate::json::write::{Json, push_number, push_text};
use crate::name::NO_UPSTREAM;
use crate::record::{self, EpisodeCounts, SCHEMA};
use crate::sort;
use crate::units::Used;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Prefix of the source of a merged summary; a digest of its parts follows.
const SOURCE: &str = "merge/";

/// Writes the summary of one upstream over one interval.
pub(super) fn summary(json: &mut Json<'_>, upstream: &str, cell: &IntervalCounts) {
    let counts = &cell.counts;
    json.open('{');
    json.key("schema").number(SCHEMA);
    json.key("type").text("summary");
    json.key("source").quoted(|out| {
        push_text(out, SOURCE);
        push_hex(out, cell.parts.digest(upstream));
    });
    json.key("seq").number(0);
    json.key("upstream").text(upstream);
    json.key("start").time(cell.start);
    json.key("end").time(cell.end);
    record::totals(json, &counts.totals, upstream != NO_UPSTREAM);
    let latency = &counts.latency;
    record::latency(json, latency.scale(), latency.offset(), latency.counts());
    json.key("hosts").open('[');
    for (name, [attempts, failed, near_misses]) in counts.hosts.ranked(2) {
        json.item().open('{');
        json.key("host").text(name);
        json.key("attempts").number(*attempts);
        json.key("failed").number(*failed);
        json.key("near_misses").number(*near_misses);
        json.close('}');
    }
    json.close(']');
    json.key("routes").open('[');
    for (name, [exchanges, near_misses]) in counts.routes.ranked(1) {
        json.item().open('{');
        json.key("route").text(name);
        json.key("exchanges").number(*exchanges);
        json.key("near_misses").number(*near_misses);
        json.close('}');
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

/// Least share of a listed host, in basis points.
const LEAST_SHARE: u64 = 1_000;

/// Writes an episode of the fleet.
pub(super) fn episode(json: &mut Json<'_>, upstream: &str, episode: &Episode) {
    json.open('{');
    json.key("schema").number(SCHEMA);
    json.key("type").text("episode");
    json.key("phase").text(if episode.is_open { "open" } else { "close" });
    json.key("id").text(&alloc::format!("{upstream}-{}", episode.start.seconds()));
    json.key("upstream").text(upstream);
    json.key("pattern").text(episode.pattern.name());
    json.key("start").time(episode.start);
    if episode.is_open {
        json.key("detected").time(episode.end);
    } else {
        json.key("end").time(episode.end);
        json.key("outcome").text(if episode.escalated.is_some() { "escalated" } else { "contained" });
        if let Some(escalated) = episode.escalated {
            json.key("lead_s").number(escalated.since(episode.start).get() / 1_000_000);
        }
        if episode.truncated {
            json.key("truncated").flag(true);
        }
    }
    let hosts = hosts(episode);
    EpisodeCounts::from(episode).write(json, true);
    json.key("hosts").open('[');
    for (name, share) in &hosts {
        json.item().open('{');
        json.key("host").text(name);
        json.key("share_bp").number(*share);
        json.close('}');
    }
    json.close(']');
    json.key("related").open('[');
    episode.related.keys().for_each(|name| json.item().text(name));
    json.close(']');
    let mut also = episode.patterns.keys().filter(|pattern| **pattern != episode.pattern).peekable();
    if also.peek().is_some() {
        json.key("also").open('[');
        also.for_each(|other| json.item().text(other.name()));
        json.close(']');
    }
    if let Some(count) = episode.count {
        json.key("count").number(count);
    }
    if let Some(interval) = episode.interval_s {
        json.key("interval_s").number(interval);
    }
    if let Some(amplification) = episode.amplification_bp {
        json.key("amplification_bp").number(amplification);
    }
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

impl From<&Episode> for EpisodeCounts {
    fn from(episode: &Episode) -> Self {
        Self {
            exchanges: episode.exchanges,
            near_misses: episode.near_misses,
            failed: episode.failed,
            abandoned: episode.abandoned,
            judged: episode.judged(),
            first_try: episode.first_try,
            margin_min: episode.margin_min,
            shift_bp: episode.shift_bp,
            signals: episode.signals,
        }
    }
}

/// Returns the hosts to blame with their shares, largest first.
fn hosts(episode: &Episode) -> Vec<(&str, u64)> {
    let share = |part: u64| {
        Used::of(part, episode.near_misses_and_failures()).map_or(0, |share| share.basis_points().into())
    };
    let mut hosts: Vec<(&str, u64)> =
        episode.hosts.iter().map(|(name, part)| (&**name, share(*part))).collect();
    hosts.retain(|(_, share)| *share >= LEAST_SHARE);
    sort::sort_by(&mut hosts, |a, b| (Reverse(a.1), a.0) < (Reverse(b.1), b.0));
    hosts
}

fn explain(out: &mut String, episode: &Episode, hosts: &[(&str, u64)]) {
    let failed = episode.failed.saturating_add(episode.abandoned);
    record::push_harm(out, episode.exchanges, episode.near_misses, failed);
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

fn push_hex(out: &mut String, number: u64) {
    for nibble in (0..16).rev() {
        let digit = (number >> (4 * nibble) & 15) as u32;
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}
