//! Advice: a few findings, the most urgent first, each with its numbers.

use super::closeness::closeness;
use super::drift::{self, Drift};
use super::hosts;
use super::model::ReportModel;
use super::rich_text::RichText;
use super::upstream::UpstreamReport;
use crate::display::numbers::{GroupedCount, Hundredths, Millis, Percent, Seconds, plural};
use crate::records::EpisodeRecord;

/// Maximum number of findings.
const MAX_ADVICE: usize = 6;

/// One finding, and the section of the page with its details.
pub(crate) struct Advice<'a> {
    pub(crate) text: RichText<'a>,
    pub(crate) section: &'static str,
}

/// Returns the findings, the most urgent first.
pub(crate) fn advice(model: &ReportModel) -> Vec<Advice<'_>> {
    let mut list = Vec::new();
    list.extend(still_open(model));
    list.extend(escalated(model));
    list.extend(bad_host(model));
    list.extend(model.upstreams.iter().filter_map(masked_failures).take(2));
    list.extend(recurring(model));
    list.extend(model.upstreams.iter().filter_map(near_limit).take(1));
    list.extend(drifted(model));
    list.extend(model.upstreams.iter().filter_map(amplifying_retries).take(1));
    list.truncate(MAX_ADVICE);
    list
}

fn still_open(model: &ReportModel) -> Option<Advice<'_>> {
    let open = model.episodes.iter().rev().find(|episode| episode.end.is_none() || episode.truncated)?;
    Some(Advice {
        text: episode_of(open).text(" was not over when this ended: ").quoted(&open.explain),
        section: "episodes",
    })
}

fn escalated(model: &ReportModel) -> Option<Advice<'_>> {
    let outages = || model.episodes.iter().filter(|episode| episode.outcome.as_deref() == Some("escalated"));
    let worst = outages().max_by_key(|episode| episode.failed)?;
    let mut text = episode_of(worst).text(format!(
        " became an outage with {} failure{}",
        GroupedCount(worst.failed),
        plural(worst.failed)
    ));
    if let Some(lead) = worst.lead_s.filter(|lead| *lead > 0) {
        text = text.text(format!("; near misses showed it {} before", Seconds(lead)));
    }
    let others = outages().count() as u64 - 1;
    if others > 0 {
        text = text.text(format!(" ({} other{} did too)", GroupedCount(others), plural(others)));
    }
    Some(Advice { text: text.text(". Find what began then."), section: "episodes" })
}

/// Starts a sentence: `cart: its burst episode of 2026-11-23 05:37:50`.
fn episode_of(episode: &EpisodeRecord) -> RichText<'_> {
    RichText::default()
        .name(&episode.upstream)
        .text(": its ")
        .quoted(&episode.pattern)
        .text(format!(" episode of {}", crate::display::time::DateTime(episode.start.0)))
}

fn bad_host(model: &ReportModel) -> Option<Advice<'_>> {
    let (suspects, _) = hosts::suspects(model, 1);
    let suspect = suspects.into_iter().next().filter(hosts::SuspectHost::stands_out)?;
    let shares = format!(
        " had {} of what went wrong there, with {} of the attempts. Take it out, or find out what it has that its siblings have not.",
        Percent(Some(suspect.problem_bp)),
        Percent(Some(suspect.attempts_bp))
    );
    let text =
        RichText::default().name(&suspect.upstream.name).text(": the host ").name(suspect.name).text(shares);
    Some(Advice { text, section: "hosts" })
}

/// Finds an upstream of whose successes safety nets carry half a percent or more.
fn masked_failures(upstream: &UpstreamReport) -> Option<Advice<'_>> {
    let total = &upstream.total;
    let (first, last) = (total.first_try_success()?, total.final_success()?);
    (last >= first + 50 && closeness(total) >= 50).then(|| Advice {
        text: RichText::default().name(&upstream.name).text(format!(
            ": {} for its callers, {} at the first try. Find out what fails {} times before it succeeds.",
            Percent(Some(last)),
            Percent(Some(first)),
            GroupedCount(total.carried())
        )),
        section: "timeline",
    })
}

fn recurring(model: &ReportModel) -> Option<Advice<'_>> {
    let blip = model
        .episodes
        .iter()
        .filter(|episode| episode.pattern == "recurring")
        .max_by_key(|episode| episode.near_misses)?;
    let pace =
        blip.interval_s.map_or("again and again".to_owned(), |seconds| format!("every {}", Seconds(seconds)));
    Some(Advice {
        text: RichText::default()
            .name(&blip.upstream)
            .text(format!(": the same blip {pace}. Look for what runs at that pace.")),
        section: "episodes",
    })
}

/// Finds an upstream with exchanges in the last tenth before a limit.
fn near_limit(upstream: &UpstreamReport) -> Option<Advice<'_>> {
    let tightest = upstream.margins.first().copied().filter(|count| *count > 0)?;
    let least = upstream.margin_min_bp.map_or(String::new(), |bp| {
        format!(" (the least room of a success was {})", Percent(Some(bp.into())))
    });
    Some(Advice {
        text: RichText::default().name(&upstream.name).text(format!(
            ": {} exchange{} ended within the last tenth of a limit, or over it{least}. Ask whether the limit or the duration is wrong.",
            GroupedCount(tightest),
            plural(tightest)
        )),
        section: "margins",
    })
}

fn drifted(model: &ReportModel) -> Option<Advice<'_>> {
    let drifted = drift::compare_to_references(&model.upstreams)
        .into_iter()
        .find(|comparison| comparison.drift() != Drift::Unchanged)?;
    let label = format!(
        ": {} than its reference ({} near misses where {} were usual, typically {} where it was {}). Accept it with a reason, or find out since when.",
        drifted.drift().label(),
        Percent(Some(drifted.near_now)),
        Percent(Some(drifted.near_then)),
        Millis(drifted.typical_now),
        Millis(drifted.typical_then)
    );
    Some(Advice { text: RichText::default().name(&drifted.upstream.name).text(label), section: "normal" })
}

/// Finds an upstream with at least 10 % more attempts than exchanges.
fn amplifying_retries(upstream: &UpstreamReport) -> Option<Advice<'_>> {
    let amplification = upstream.total.amplification().filter(|hundredths| *hundredths >= 110)?;
    Some(Advice {
        text: RichText::default().name(&upstream.name).text(format!(
            ": {} attempts for each exchange. Retries load what is failing already; bound them.",
            Hundredths(Some(amplification))
        )),
        section: "attempts",
    })
}
