//! Renders the report as a digest for a chat or a ticket: Markdown that Slack, Teams and Mattermost show as well, which rules out
//! tables, headings and backslash escapes.

use super::drift::{Drift, compare_to_references};
use super::escape::{MarkdownCode, MarkdownText};
use super::input_stats::InputStats;
use super::model::ReportModel;
use super::upstream::UpstreamReport;
use super::{advice, headline, hosts};
use crate::display::numbers::{GroupedCount, Hundredths, Millis, Percent, Seconds};
use crate::display::time::{DateTime, TimeOfDay, iso_date};
use crate::display::upstream_column::{UpstreamColumn, UpstreamFigures};
use crate::records::EpisodeRecord;
use core::fmt::Write;

/// Figures of each upstream.
const COLUMNS: [UpstreamColumn; 6] = [
    UpstreamColumn::FirstTry,
    UpstreamColumn::Final,
    UpstreamColumn::Exchanges,
    UpstreamColumn::NearMisses,
    UpstreamColumn::Failed,
    UpstreamColumn::Margin,
];
/// Maximum number of upstreams in each list.
const MAX_UPSTREAMS: usize = 10;
/// Maximum number of episodes; the largest are kept.
const MAX_EPISODES: usize = 10;
/// Maximum number of suspect hosts.
const MAX_HOSTS: usize = 5;
/// Maximum width of a sparkline in characters.
const CELLS: u64 = 24;

/// Renders the digest.
pub(crate) fn digest(model: &ReportModel, stats: &InputStats) -> String {
    let mut out = String::new();
    // Writing to a `String` cannot fail.
    let _ = write(&mut out, model, stats);
    out
}

fn write(out: &mut String, model: &ReportModel, stats: &InputStats) -> core::fmt::Result {
    writeln!(out, "*{}*\n", headline::sentence(model))?;
    if model.upstreams.is_empty() {
        return unreadable(out, stats);
    }
    writeln!(out, "{}", headline::extent(model))?;
    if let Some((from, to)) = model.span {
        writeln!(out, "{} to {} UTC.", DateTime(from), DateTime(to))?;
    }
    let all_advice = advice::advice(model);
    if !all_advice.is_empty() {
        writeln!(out, "\n*What to look at first*\n")?;
        for (number, advice) in all_advice.iter().enumerate() {
            writeln!(out, "{}. {}", number + 1, advice.text.markdown())?;
        }
    }
    upstreams(out, model)?;
    drift(out, model)?;
    episodes(out, model)?;
    suspects(out, model)?;
    let unreadable = stats.unreadable + model.unread;
    if unreadable > 0 {
        writeln!(out, "\n{} lines could not be read.", GroupedCount(unreadable))?;
    }
    Ok(())
}

/// Writes why there is nothing to report.
fn unreadable(out: &mut String, stats: &InputStats) -> core::fmt::Result {
    writeln!(out, "{}", stats.why_empty())?;
    stats.problems.iter().try_for_each(|problem| writeln!(out, "- {}", MarkdownText(problem)))
}

fn upstreams(out: &mut String, model: &ReportModel) -> core::fmt::Result {
    writeln!(out, "\n*Upstreams, the largest share of near misses first*\n")?;
    for upstream in model.upstreams.iter().take(MAX_UPSTREAMS) {
        let figures = UpstreamFigures {
            failed: upstream.total.failed(),
            ..UpstreamFigures::new(&upstream.total, upstream.margin_min_bp)
        };
        write!(out, "- {}:", MarkdownCode(&upstream.name))?;
        for (index, column) in COLUMNS.into_iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(out, "{comma} {} {}", column.title(), column.cell(&figures))?;
        }
        writeln!(out, "{}  {}", latency(upstream), sparkline(model, upstream))?;
    }
    remaining(out, model.upstreams.len(), MAX_UPSTREAMS, "upstreams")
}

/// Returns the median and p99 of the durations, if they are known, and the attempts if there are more than exchanges.
fn latency(upstream: &UpstreamReport) -> String {
    let mut text = String::new();
    let quantile = |share| upstream.latency.quantile(share).map(|ms| Millis(ms).to_string());
    if let (Some(median), Some(p99)) = (quantile(0.5), quantile(0.99)) {
        text.push_str(&format!(", median {median}, p99 {p99}"));
    }
    if let Some(amplification) = upstream.total.amplification().filter(|hundredths| *hundredths > 100) {
        text.push_str(&format!(", {} attempts per exchange", Hundredths(Some(amplification))));
    }
    text
}

/// Draws near misses and failures over time in eight heights; a dot stands for none.
fn sparkline(model: &ReportModel, upstream: &UpstreamReport) -> String {
    const HEIGHTS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let Some((first, last)) = model.time_bins.range() else { return String::new() };
    let bins = last - first + 1;
    let cells = bins.min(CELLS);
    let mut counts = vec![0_u64; cells as usize];
    for (index, bin) in &upstream.bins {
        if let Some(cell) = counts.get_mut(((index - first) * cells / bins) as usize) {
            *cell += bin.counts.near_misses() + bin.counts.failed();
        }
    }
    let max = counts.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: &u64| HEIGHTS.get((*count * 8).div_ceil(max) as usize).copied().unwrap_or('█');
    counts.iter().map(height).collect()
}

fn drift(out: &mut String, model: &ReportModel) -> core::fmt::Result {
    let drifted: Vec<_> = compare_to_references(&model.upstreams)
        .into_iter()
        .filter(|comparison| comparison.drift() != Drift::Unchanged)
        .collect();
    if drifted.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n*Drift from the reference day*\n")?;
    for comparison in drifted.iter().take(MAX_UPSTREAMS) {
        writeln!(
            out,
            "- {}: {} than on {}: {} near misses (then {}), typically {} (then {}).",
            MarkdownCode(&comparison.upstream.name),
            comparison.drift().label(),
            iso_date(comparison.since),
            Percent(Some(comparison.near_now)),
            Percent(Some(comparison.near_then)),
            Millis(comparison.typical_now),
            Millis(comparison.typical_then)
        )?;
    }
    Ok(())
}

fn episodes(out: &mut String, model: &ReportModel) -> core::fmt::Result {
    if model.episodes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n*Episodes*\n")?;
    let mut largest: Vec<&EpisodeRecord> = model.episodes.iter().collect();
    largest.sort_by_key(|episode| {
        core::cmp::Reverse((
            episode.outcome.as_deref() == Some("escalated"),
            episode.near_misses + episode.failed,
        ))
    });
    largest.truncate(MAX_EPISODES);
    largest.sort_by_key(|episode| episode.start);
    for episode in largest {
        let end = episode.end.or(episode.detected).map_or(episode.start.0, |end| end.0);
        write!(
            out,
            "- {} {}, {} to {}",
            MarkdownCode(&episode.upstream),
            MarkdownText(&episode.pattern),
            DateTime(episode.start.0),
            TimeOfDay(end)
        )?;
        if let Some(lead) = episode.lead_s {
            write!(out, ", became an outage after {}", Seconds(lead))?;
        }
        writeln!(out, ": {}", MarkdownText(&episode.explain))?;
    }
    remaining(out, model.episodes.len(), MAX_EPISODES, "smaller episodes")
}

fn suspects(out: &mut String, model: &ReportModel) -> core::fmt::Result {
    let (mut suspects, _) = hosts::suspects(model, MAX_HOSTS);
    suspects.retain(hosts::SuspectHost::stands_out);
    if suspects.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n*Hosts*\n")?;
    for suspect in &suspects {
        writeln!(
            out,
            "- {} of {}: {}",
            MarkdownCode(suspect.name),
            MarkdownCode(&suspect.upstream.name),
            suspect.sentence().markdown()
        )?;
    }
    Ok(())
}

fn remaining(out: &mut String, total: usize, visible: usize, what: &str) -> core::fmt::Result {
    if total > visible { writeln!(out, "\n… and {} more {what}.", total - visible) } else { Ok(()) }
}
