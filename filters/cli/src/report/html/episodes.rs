//! Renders the section with the episodes and their evidence.

use super::layout::PageLayout;
use super::put::put;
use crate::display::numbers::{GroupedCount, Hundredths, Percent, Seconds, plural};
use crate::display::time::{DateTime, TimeOfDay};
use crate::records::EpisodeRecord;
use crate::report::escape::{HtmlName, HtmlText};

/// Maximum number of cards; the largest episodes are kept.
const MAX_CARDS: usize = 120;

pub(super) fn section(out: &mut String, layout: &PageLayout<'_>) {
    let episodes = &layout.model.episodes;
    out.push_str(
        "<section id=\"episodes\" aria-labelledby=\"episodes-h\"><h2 id=\"episodes-h\">Episodes</h2>\n",
    );
    if episodes.is_empty() {
        out.push_str("<p class=\"none\">Near misses never stood out against their own past.</p></section>\n");
        return;
    }
    out.push_str("<p>Stretches of time in which near misses stood out against their own past, with the evidence.</p>\n");
    let mut sizes: Vec<_> = episodes.iter().map(size).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let min_size = sizes.get(MAX_CARDS).copied().map_or(0, |size| size + 1);
    out.push_str("<ol class=\"episodes\">\n");
    for (number, episode) in episodes.iter().enumerate().filter(|(_, episode)| size(episode) >= min_size) {
        card(out, layout, number + 1, episode);
    }
    out.push_str("</ol>");
    let skipped = sizes.iter().filter(|size| **size < min_size).count();
    if skipped > 0 {
        put!(out, "<p class=\"note\">{skipped} smaller episodes are bands in the timeline only.</p>");
    }
    out.push_str("</section>\n");
}

fn size(episode: &EpisodeRecord) -> u64 {
    episode.near_misses + episode.failed
}

fn card(out: &mut String, layout: &PageLayout<'_>, number: usize, episode: &EpisodeRecord) {
    let index = layout.rows.iter().position(|upstream| upstream.name == episode.upstream);
    let end = episode.end.or(episode.detected).map_or(episode.start.0, |end| end.0);
    let outcome = match (episode.truncated || episode.end.is_none(), episode.outcome.as_deref()) {
        (_, Some("escalated")) => "escalated",
        (true, _) => "still open",
        (false, _) => "contained",
    };
    put!(
        out,
        "<li id=\"e{number}\" data-u=\"{}\" data-from=\"{}\" data-to=\"{end}\" value=\"{number}\"><h3><span class=\"no\">{number}</span> {} <span class=\"pattern\">{}</span> <span class=\"outcome {}\">{outcome}</span></h3>\n<p class=\"times\"><time>{}</time> to <time>{}</time> ({})",
        index.map_or(-1, |index| i64::try_from(index).unwrap_or(-1)),
        episode.start.0,
        HtmlName(&episode.upstream),
        HtmlText(&episode.pattern),
        outcome.replace(' ', "-"),
        DateTime(episode.start.0),
        TimeOfDay(end),
        Seconds(end.saturating_sub(episode.start.0) / 1_000)
    );
    if let Some(detected) = episode.detected {
        put!(out, ", told after {}", Seconds(detected.0.saturating_sub(episode.start.0) / 1_000));
    }
    if let Some(lead) = episode.lead_s {
        put!(out, ", {} before the outage", Seconds(lead));
    }
    put!(out, "</p>\n<p>{}</p>\n<dl>", HtmlText(&episode.explain));
    evidence(out, episode);
    out.push_str("</dl>\n");
}

fn evidence(out: &mut String, episode: &EpisodeRecord) {
    let mut pair = |term: &str, value: &str| put!(out, "<div><dt>{term}<dd>{value}</div>");
    pair("exchanges", &GroupedCount(episode.exchanges).to_string());
    pair("near misses", &GroupedCount(episode.near_misses).to_string());
    pair("failed", &GroupedCount(episode.failed).to_string());
    if let (Some(first), Some(last)) = (episode.first_try_success_bp, episode.final_success_bp) {
        pair("first try to callers", &format!("{} → {}", Percent(Some(first)), Percent(Some(last))));
    }
    if let Some(margin) = episode.margin_min_bp {
        pair("least margin", &Percent(Some(margin.into())).to_string());
    }
    if let Some(shift) = episode.shift_bp {
        pair("duration factor", &Hundredths(Some(shift / 100)).to_string());
    }
    if let Some(count) = episode.count {
        pair("times", &GroupedCount(count).to_string());
    }
    if let Some(interval) = episode.interval_s {
        pair("every", &Seconds(interval).to_string());
    }
    if let Some(amplification) = episode.amplification_bp {
        pair("attempts each, at worst", &Hundredths(Some(amplification / 100)).to_string());
    }
    let signals: Vec<_> = episode
        .signals
        .iter()
        .map(|(name, count)| format!("{} {}", HtmlText(name), GroupedCount(*count)))
        .collect();
    if !signals.is_empty() {
        pair(&format!("signal{}", plural(signals.len() as u64)), &signals.join(", "));
    }
    if !episode.hosts.is_empty() {
        let hosts: Vec<_> = episode
            .hosts
            .iter()
            .take(5)
            .map(|host| format!("{} {}\u{202f}%", HtmlName(&host.host), host.share_bp / 100))
            .collect();
        pair("of what went wrong", &hosts.join(", "));
    }
    for (term, names) in [("with", &episode.related), ("also", &episode.also)] {
        if !names.is_empty() {
            let names: Vec<_> = names.iter().take(12).map(|name| HtmlName(name).to_string()).collect();
            pair(term, &names.join(", "));
        }
    }
}
