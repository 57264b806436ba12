//! The same story as a digest, short enough for a chat or a ticket.

use super::clock::{Stamp, TimeOfDay, day};
use super::escape::{Code, Markdown};
use super::normal::{Drift, compared};
use super::numbers::{Count, Hundredths, Millis, Percent, Span};
use super::records::Episode;
use super::story::Story;
use super::upstream::Upstream;
use super::{Notes, advice, headline, hosts};
use core::fmt::Write;

/// How much of each there is at most.
const UPSTREAMS: usize = 10;
const EPISODES: usize = 10;
const HOSTS: usize = 5;
/// The width of a small timeline.
const CELLS: u64 = 24;

/// The whole digest.
pub(crate) fn digest(story: &Story, notes: &Notes) -> String {
    let mut out = String::new();
    // A `String` takes whatever is written to it.
    let _ = write(&mut out, story, notes);
    out
}

fn write(out: &mut String, story: &Story, notes: &Notes) -> core::fmt::Result {
    writeln!(out, "## {}\n\n{}", headline::sentence(story), headline::extent(story))?;
    if let Some((from, to)) = story.span {
        writeln!(out, "{} to {} UTC.", Stamp(from), Stamp(to))?;
    }
    if story.upstreams.is_empty() {
        return Ok(());
    }
    upstreams(out, story)?;
    latency_and_attempts(out, story)?;
    normal(out, story)?;
    episodes(out, story)?;
    suspects(out, story)?;
    let list = advice::advice(story);
    if !list.is_empty() {
        writeln!(out, "\n### What to look at first\n")?;
        for (number, advice) in list.iter().enumerate() {
            writeln!(out, "{}. {}", number + 1, advice.phrase.markdown())?;
        }
    }
    if notes.unreadable > 0 {
        writeln!(out, "\n{} lines could not be read.", Count(notes.unreadable))?;
    }
    Ok(())
}

fn upstreams(out: &mut String, story: &Story) -> core::fmt::Result {
    writeln!(out, "\n### Upstreams by how close they came\n")?;
    writeln!(
        out,
        "| upstream | exchanges | first try | callers | near misses | failed | least margin | near misses over time |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|---|")?;
    for upstream in story.upstreams.iter().take(UPSTREAMS) {
        let total = &upstream.total;
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            Code(&upstream.name),
            Count(total.exchanges()),
            Percent(total.first_try_success()),
            Percent(total.final_success()),
            Count(total.near_misses()),
            Count(total.failed()),
            Percent(upstream.margin_min_bp.map(u64::from)),
            line(story, upstream)
        )?;
    }
    more(out, story.upstreams.len(), UPSTREAMS, "upstreams")
}

/// Near misses over time, in eight heights.
fn line(story: &Story, upstream: &Upstream) -> String {
    const HEIGHTS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let Some((first, last)) = story.grid.reach() else { return String::new() };
    let bins = last - first + 1;
    let cells = bins.min(CELLS);
    let mut counts = vec![0_u64; cells as usize];
    for (place, bin) in &upstream.bins {
        if let Some(cell) = counts.get_mut(((place - first) * cells / bins) as usize) {
            *cell += bin.counts.near_misses() + bin.counts.failed();
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let height = |count: &u64| HEIGHTS.get((*count * 8).div_ceil(most) as usize).copied().unwrap_or('█');
    counts.iter().map(height).collect()
}

fn latency_and_attempts(out: &mut String, story: &Story) -> core::fmt::Result {
    writeln!(out, "\n### Margin, latency, attempts\n")?;
    writeln!(out, "| upstream | in the last tenth of a limit | median | p99 | p99.9 | attempts each |")?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|")?;
    for upstream in story.upstreams.iter().take(UPSTREAMS) {
        let quantile =
            |share| upstream.latency.quantile(share).map_or("–".into(), |ms| Millis(ms).to_string());
        let tight = upstream.margins.first().copied().filter(|_| upstream.with_margin() > 0);
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            Code(&upstream.name),
            tight.map_or("–".into(), |count| Count(count).to_string()),
            quantile(0.5),
            quantile(0.99),
            quantile(0.999),
            Hundredths(upstream.total.amplification())
        )?;
    }
    Ok(())
}

fn normal(out: &mut String, story: &Story) -> core::fmt::Result {
    let drifted: Vec<_> =
        compared(&story.upstreams).into_iter().filter(|compared| compared.drift() != Drift::AsEver).collect();
    if drifted.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### What has become normal\n")?;
    for compared in drifted.iter().take(UPSTREAMS) {
        writeln!(
            out,
            "- {}: {} than on {}: {} near misses (then {}), typically {} (then {}).",
            Code(&compared.upstream.name),
            compared.drift().words(),
            day(compared.since),
            Percent(Some(compared.near_now)),
            Percent(Some(compared.near_then)),
            Millis(compared.typical_now),
            Millis(compared.typical_then)
        )?;
    }
    Ok(())
}

fn episodes(out: &mut String, story: &Story) -> core::fmt::Result {
    if story.episodes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Episodes\n")?;
    let mut largest: Vec<&Episode> = story.episodes.iter().collect();
    largest.sort_by_key(|episode| {
        core::cmp::Reverse((
            episode.outcome.as_deref() == Some("escalated"),
            episode.near_misses + episode.failed,
        ))
    });
    largest.truncate(EPISODES);
    largest.sort_by_key(|episode| episode.start);
    for episode in largest {
        let end = episode.end.or(episode.detected).map_or(episode.start.0, |end| end.0);
        write!(
            out,
            "- {} {}, {} to {}",
            Code(&episode.upstream),
            Markdown(&episode.pattern),
            Stamp(episode.start.0),
            TimeOfDay(end)
        )?;
        if let Some(lead) = episode.lead_s {
            write!(out, ", **became an outage** after {}", Span(lead))?;
        }
        writeln!(out, ": {}", Markdown(&episode.explain))?;
    }
    more(out, story.episodes.len(), EPISODES, "smaller episodes")
}

fn suspects(out: &mut String, story: &Story) -> core::fmt::Result {
    let (suspects, _) = hosts::suspects(story, HOSTS);
    if suspects.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n### Hosts\n")?;
    for suspect in &suspects {
        writeln!(
            out,
            "- {} of {}: {}",
            Code(suspect.name),
            Code(&suspect.upstream.name),
            suspect.sentence().markdown()
        )?;
    }
    Ok(())
}

fn more(out: &mut String, all: usize, shown: usize, what: &str) -> core::fmt::Result {
    if all > shown { writeln!(out, "\n… and {} more {what}.", all - shown) } else { Ok(()) }
}
