//! Advice: a few findings, the most harmful first, each with its numbers.

use super::closeness::closeness;
use super::drift::{self, Drift};
use super::hosts::{self, SuspectHost};
use super::model::ReportModel;
use super::rich_text::RichText;
use super::upstream::UpstreamReport;
use crate::display::numbers::{GroupedCount, Hundredths, Millis, Percent, Seconds, plural};
use crate::records::EpisodeRecord;
use nearmiss::Fate;

/// Maximum number of findings.
const MAX_ADVICE: usize = 3;

/// One finding, and the section of the page with its details.
pub(crate) struct Advice<'a> {
    pub(crate) text: RichText<'a>,
    pub(crate) section: &'static str,
    harm: Harm,
}

/// The damage behind a finding: failures count before near misses, near misses before slowness.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Harm {
    failures: u64,
    near_misses: u64,
    slow: u64,
}

/// Returns the findings, the most harmful first.
pub(crate) fn advice(model: &ReportModel) -> Vec<Advice<'_>> {
    let mut list = Vec::new();
    list.extend(outage(model));
    list.extend(still_open(model));
    let suspect = worst_host(model);
    list.extend(suspect.as_ref().map(|suspect| bad_host(model, suspect)));
    // What safety nets hid before an outage, of a bad host or in recurring blips is covered by the sentence about it.
    let is_covered = |upstream: &&UpstreamReport| {
        let is_most = |episode: &EpisodeRecord| episode.near_misses * 2 > upstream.total.carried();
        suspect.as_ref().is_some_and(|suspect| suspect.upstream.name == upstream.name)
            || model
                .episodes
                .iter()
                .filter(|episode| episode.upstream == upstream.name)
                .any(|episode| is_outage(episode) || is_regular(episode) && is_most(episode))
    };
    list.extend(model.upstreams.iter().filter(|upstream| !is_covered(upstream)).filter_map(masked_failures));
    list.extend(model.upstreams.iter().filter_map(|upstream| recurring(model, upstream)));
    list.extend(model.upstreams.iter().filter_map(near_limit));
    list.extend(drifted(model));
    list.extend(model.upstreams.iter().filter_map(amplifying_retries));
    list.sort_by_key(|advice| core::cmp::Reverse(advice.harm));
    list.truncate(MAX_ADVICE);
    list
}

/// Finds the outage with the most failures.
fn outage(model: &ReportModel) -> Option<Advice<'_>> {
    let worst =
        model.episodes.iter().filter(|episode| is_outage(episode)).max_by_key(|episode| episode.failed)?;
    let failures = GroupedCount(worst.failed);
    let mut text =
        episode_of(worst).text(format!(" became an outage with {failures} failure{}", plural(worst.failed)));
    if let Some(lead) = worst.lead_s.filter(|lead| *lead > 0) {
        text = text.text(format!(", {} after near misses showed it", Seconds(lead)));
    }
    let others = model.escalated() - 1;
    if others > 0 {
        text = text.text(format!(" ({} other episode{} did too)", GroupedCount(others), plural(others)));
    }
    let harm = Harm { failures: worst.failed, near_misses: worst.near_misses, slow: 0 };
    Some(Advice { text: text.text(". Find out what changed when it began."), section: "episodes", harm })
}

/// Returns true if the episode is of blips at a known interval.
fn is_regular(episode: &EpisodeRecord) -> bool {
    episode.pattern == "recurring" && episode.interval_s.is_some()
}

fn is_outage(episode: &EpisodeRecord) -> bool {
    episode.outcome.as_deref() == Some("escalated")
}

/// Finds the most harmful episode that was still open at the end. Outages and recurring blips have sentences of their own.
fn still_open(model: &ReportModel) -> Option<Advice<'_>> {
    let is_open = |episode: &&EpisodeRecord| {
        (episode.end.is_none() || episode.truncated) && !is_outage(episode) && !is_regular(episode)
    };
    let harm = |episode: &EpisodeRecord| Harm {
        failures: episode.failed,
        near_misses: episode.near_misses,
        slow: 0,
    };
    let open = model.episodes.iter().filter(is_open).max_by_key(|episode| harm(episode))?;
    Some(Advice {
        text: episode_of(open).text(" was still open at the end: ").quoted(&open.explain),
        section: "episodes",
        harm: harm(open),
    })
}

/// Starts a sentence: `cart: its burst episode of 2026-11-23 05:37:50`.
fn episode_of(episode: &EpisodeRecord) -> RichText<'_> {
    RichText::default()
        .name(&episode.upstream)
        .text(": its ")
        .quoted(&episode.pattern)
        .text(format!(" episode of {}", crate::display::time::DateTime(episode.start.0)))
}

/// Returns the most conspicuous host, if it stands out.
fn worst_host(model: &ReportModel) -> Option<SuspectHost<'_>> {
    let (suspects, _) = hosts::suspects(model, 1);
    suspects.into_iter().next().filter(SuspectHost::stands_out)
}

fn bad_host<'a>(model: &ReportModel, suspect: &SuspectHost<'a>) -> Advice<'a> {
    let shares = format!(
        " caused {} of the problems with {} of the attempts. Find out what differs from the other hosts, or take it out of service.",
        Percent(Some(suspect.problem_bp)),
        Percent(Some(suspect.attempts_bp))
    );
    let text =
        RichText::default().name(&suspect.upstream.name).text(": the host ").name(suspect.name).text(shares);
    let harm = Harm {
        failures: failures_of(model, suspect),
        near_misses: suspect.host.failed.max(suspect.host.near_misses),
        slow: 0,
    };
    Advice { text, section: "hosts", harm }
}

/// Returns the failed exchanges of the episodes that a host caused for the most part.
fn failures_of(model: &ReportModel, suspect: &SuspectHost<'_>) -> u64 {
    let is_cause = |episode: &&EpisodeRecord| {
        let host = episode.hosts.first().filter(|host| host.share_bp >= 5_000);
        episode.upstream == suspect.upstream.name && host.is_some_and(|host| host.host == suspect.name)
    };
    model.episodes.iter().filter(is_cause).map(|episode| episode.failed).sum()
}

/// Finds an upstream of whose successes safety nets carry half a percent or more.
fn masked_failures(upstream: &UpstreamReport) -> Option<Advice<'_>> {
    let total = &upstream.total;
    let (first, last) = (total.first_try_success()?, total.final_success()?);
    let attribution = if hosts::are_failures_attributed(upstream) {
        ""
    } else {
        " The hosts of failed attempts are not known here: in Envoy, the upstream filter reports them; in a log, the list of attempts."
    };
    (last >= first + 50 && closeness(total) >= 50).then(|| Advice {
        text: RichText::default().name(&upstream.name).text(format!(
            ": {} of requests succeeded, {} at the first try. Find out what fails {} times before it succeeds.{attribution}",
            Percent(Some(last)),
            Percent(Some(first)),
            GroupedCount(total.carried())
        )),
        section: "timeline",
        harm: Harm { failures: total.failed(), near_misses: total.carried(), slow: 0 },
    })
}

/// Finds the blips of an upstream that recur at an interval.
fn recurring<'a>(model: &'a ReportModel, upstream: &'a UpstreamReport) -> Option<Advice<'a>> {
    let is_own = |episode: &&EpisodeRecord| episode.upstream == upstream.name && is_regular(episode);
    let episodes = || model.episodes.iter().filter(is_own);
    let interval = episodes().max_by_key(|episode| episode.near_misses)?.interval_s?;
    let count: u64 = episodes().map(|episode| episode.count.unwrap_or(1)).sum();
    let near_misses: u64 = episodes().map(|episode| episode.near_misses).sum();
    let failures: u64 = episodes().map(|episode| episode.failed).sum();
    Some(Advice {
        text: RichText::default().name(&upstream.name).text(format!(
            ": the same blip {} times, about every {}, with {} near miss{}. Look for a job that runs at this interval.",
            GroupedCount(count),
            Seconds(interval),
            GroupedCount(near_misses),
            if near_misses == 1 { "" } else { "es" }
        )),
        section: "episodes",
        harm: Harm { failures, near_misses, slow: 0 },
    })
}

/// Finds an upstream with exchanges in the last tenth before a limit.
fn near_limit(upstream: &UpstreamReport) -> Option<Advice<'_>> {
    let tightest = upstream.margins.first().copied().filter(|count| *count > 0)?;
    let least = upstream.margin_min_bp.map_or(String::new(), |bp| {
        format!(" (the smallest margin of a success was {})", Percent(Some(bp.into())))
    });
    Some(Advice {
        text: RichText::default().name(&upstream.name).text(format!(
            ": {} exchange{} ended within the last tenth of a limit, or over it{least}. Raise the limit, or make the upstream faster.",
            GroupedCount(tightest),
            plural(tightest)
        )),
        section: "margins",
        // Retries that used up their attempts are near misses of their own; here only what was tight counts.
        harm: Harm { failures: 0, near_misses: tightest.min(upstream.total.of(Fate::Tight)), slow: 0 },
    })
}

fn drifted(model: &ReportModel) -> Option<Advice<'_>> {
    let drifted = drift::compare_to_references(&model.upstreams)
        .into_iter()
        .find(|comparison| comparison.drift() != Drift::Unchanged)?;
    let label = format!(
        ": {} than on its reference day ({} near misses instead of {}, typically {} instead of {}). Accept it with a reason, or find out when it began.",
        drifted.drift().label(),
        Percent(Some(drifted.near_now)),
        Percent(Some(drifted.near_then)),
        Millis(drifted.typical_now),
        Millis(drifted.typical_then)
    );
    let text = RichText::default().name(&drifted.upstream.name).text(label);
    Some(Advice { text, section: "normal", harm: Harm { slow: 1, ..Harm::default() } })
}

/// Finds an upstream with at least 10 % more attempts than exchanges.
fn amplifying_retries(upstream: &UpstreamReport) -> Option<Advice<'_>> {
    let amplification = upstream.total.amplification().filter(|hundredths| *hundredths >= 110)?;
    Some(Advice {
        text: RichText::default().name(&upstream.name).text(format!(
            ": {} attempts per exchange. Retries add load to an upstream that is already failing; limit them.",
            Hundredths(Some(amplification))
        )),
        section: "attempts",
        harm: Harm { slow: amplification, ..Harm::default() },
    })
}
