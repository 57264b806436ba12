//! Renders the report as a Markdown digest, short enough for a chat or a ticket.

use super::drift::{Drift, compare_to_references};
use super::escape::{MarkdownCode, MarkdownText};
use super::input_stats::InputStats;
use super::model::ReportModel;
use super::upstream::UpstreamReport;
use super::{advice, headline, hosts};
use crate::display::numbers::{GroupedCount, Hundredths, Millis, Percent, Seconds};
use crate::display::time::{DateTime, TimeOfDay, iso_date};
use crate::records::EpisodeRecord;
use core::fmt::Write;

/// Maximum number of upstreams in each table.
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
    writeln!(out, "## {}\n\n{}", headline::sentence(model), headline::extent(model))?;
    if let Some((from, to)) = model.span {
        writeln!(out, "{} to {} UTC.", DateTime(from), DateTime(to))?;
    }
    if model.upstreams.is_empty() {
        return Ok(());
    }
    let all_advice = advice::advice(model);
    if !all_advice.is_empty() {
        writeln!(out, "\n### What to look at first\n")?;
        for (number, advice) in all_advice.iter().enumerate() {
            writeln!(out, "{}. {}", number + 1, advice.text.markdown())?;
        }
    }
    upstreams(out, model)?;
    latency_and_attempts(out, model)?;
    drift(out, model)?;
    episodes(out, model)?;
    suspects(out, model)?;
    if stats.unreadable > 0 {
        writeln!(out, "\n{} lines could not be read.", GroupedCount(stats.unreadable))?;
    }
    Ok(())
}

fn upstreams(out: &mut String, model: &ReportModel) -> core::fmt::Result {
    writeln!(out, "\n### Upstreams by how close they came\n")?;
    writeln!(
        out,
        "| upstream | exchanges | first try | callers | near misses | failed | least margin | near misses over time |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|---|")?;
    for upstream in model.upstreams.iter().take(MAX_UPSTREAMS) {
        let total = &upstream.total;
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            MarkdownCode(&upstream.name),
            GroupedCount(total.exchanges()),
            Percent(total.first_try_success()),
            Percent(total.final_success()),
            GroupedCount(total.near_misses()),
            GroupedCount(total.failed()),
            Percent(upstream.margin_min_bp.map(u64::from)),
            sparkline(model, upstream)
        )?;
    }
    remaining(out, model.upstreams.len(), MAX_UPSTREAMS, "upstreams")
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

fn latency_and_attempts(out: &mut String, model: &ReportModel) -> core::fmt::Result {
    writeln!(out, "\n### Margin, latency, attempts\n")?;
    writeln!(out, "| upstream | in the last tenth of a limit | median | p99 | p99.9 | attempts each |")?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|")?;
    for upstream in model.upstreams.iter().take(MAX_UPSTREAMS) {
        let quantile =
            |share| upstream.latency.quantile(share).map_or("–".into(), |ms| Millis(ms).to_string());
        let in_last_tenth = upstream.margins.first().copied().filter(|_| upstream.with_margin() > 0);
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            MarkdownCode(&upstream.name),
            in_last_tenth.map_or("–".into(), |count| GroupedCount(count).to_string()),
            quantile(0.5),
            quantile(0.99),
            quantile(0.999),
            Hundredths(upstream.total.amplification())
        )?;
    }
    Ok(())
}

fn drift(out: &mut String, model: &ReportModel) -> core::fmt::Result {
    let drifted: Vec<_> = compare_to_references(&model.upstreams)
        .into_iter()
        .filter(|comparison| comparison.drift() != Drift::Unchanged)
        .collect();
    if drifted.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### What has become normal\n")?;
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
    writeln!(out, "\n### Episodes\n")?;
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
            write!(out, ", **became an outage** after {}", Seconds(lead))?;
        }
        writeln!(out, ": {}", MarkdownText(&episode.explain))?;
    }
    remaining(out, model.episodes.len(), MAX_EPISODES, "smaller episodes")
}

fn suspects(out: &mut String, model: &ReportModel) -> core::fmt::Result {
    let (suspects, _) = hosts::suspects(model, MAX_HOSTS);
    if suspects.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Hosts\n")?;
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
