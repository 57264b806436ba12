//! Renders the section with the episodes, their evidence and examples of their records.

use super::layout::PageLayout;
use super::moment::{date_time, time_of_day};
use crate::display::numbers::{GroupedCount, Hundredths, Millis, Percent, Seconds};
use crate::display::time::DateTime;
use crate::records::EpisodeRecord;
use crate::report::escape::{HtmlName, HtmlText};
use crate::warm_up;
use maud::{Markup, Render, html};
use nearmiss::Micros;

/// Maximum number of cards; the largest episodes are kept.
const MAX_CARDS: usize = 120;
/// Episodes of one upstream and pattern from which they are folded into one row.
const MIN_FOLDED: usize = 4;

/// Ratio of durations to those before, in basis points, above which it is shown.
const LEAST_SHIFT_BP: u64 = 13_000;

/// An episode and its number.
type Numbered<'a> = (usize, &'a EpisodeRecord);

pub(super) fn section(layout: &PageLayout<'_>) -> Markup {
    let episodes = &layout.model.episodes;
    let mut sizes: Vec<_> = episodes.iter().map(size).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let min_size = sizes.get(MAX_CARDS).copied().map_or(0, |size| size + 1);
    let skipped = sizes.iter().filter(|size| **size < min_size).count();
    let shown = (1..).zip(episodes).filter(|(_, episode)| size(episode) >= min_size);
    html! {
        section #episodes aria-labelledby="episodes-h" {
            h2 #episodes-h { "Episodes" }
            @if episodes.is_empty() {
                p.none { (none(layout)) }
            } @else {
                p { "Periods in which near misses exceeded the baseline of their upstream, with the evidence." }
                ol.episodes {
                    @for group in groups(shown) {
                        @match group.as_slice() {
                            [(number, episode)] => (card(layout, *number, episode)),
                            members => (folded(layout, members)),
                        }
                    }
                }
            }
            @if skipped > 0 {
                p.note { (skipped) " smaller episodes are shown in the timeline only." }
            }
        }
    }
}

/// Returns why there is no episode.
fn none(layout: &PageLayout<'_>) -> String {
    let span = layout.model.span.map(|(from, to)| Micros::from_millis(to.saturating_sub(from)));
    let too_short = span.and_then(warm_up::too_short);
    too_short.unwrap_or_else(|| "No upstream had more near misses than its baseline.".into())
}

fn size(episode: &EpisodeRecord) -> u64 {
    episode.near_misses + episode.failed
}

fn is_outage(episode: &EpisodeRecord) -> bool {
    episode.outcome.as_deref() == Some("escalated")
}

fn end_of(episode: &EpisodeRecord) -> u64 {
    episode.end.or(episode.detected).map_or(episode.start.0, |end| end.0)
}

/// Groups episodes of one upstream and pattern if there are many; outages stay alone.
fn groups<'a>(episodes: impl Iterator<Item = Numbered<'a>>) -> Vec<Vec<Numbered<'a>>> {
    let mut groups: Vec<Vec<Numbered<'_>>> = Vec::new();
    for (number, episode) in episodes {
        let is_alike = |group: &&mut Vec<Numbered<'_>>| {
            group.first().is_some_and(|(_, first)| {
                first.upstream == episode.upstream && first.pattern == episode.pattern && !is_outage(first)
            })
        };
        match groups.iter_mut().find(is_alike).filter(|_| !is_outage(episode)) {
            Some(group) => group.push((number, episode)),
            None => groups.push(vec![(number, episode)]),
        }
    }
    let (folded, mut single): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| group.len() >= MIN_FOLDED);
    single = single.into_iter().flatten().map(|episode| vec![episode]).collect();
    single.extend(folded);
    single.sort_by_key(|group| group.first().map(|(number, _)| *number));
    single
}

/// Renders similar episodes as one row that unfolds.
fn folded(layout: &PageLayout<'_>, members: &[Numbered<'_>]) -> Markup {
    let Some(((_, first), (_, last))) = members.first().zip(members.last()) else { return Markup::default() };
    let near_misses: u64 = members.iter().map(|(_, episode)| episode.near_misses).sum();
    let failed: u64 = members.iter().map(|(_, episode)| episode.failed).sum();
    html! {
        li.folded data-u=(index_of(layout, first)) data-from=(first.start.0) data-to=(end_of(last)) {
            details {
                summary {
                    b { (members.len()) " " (blips(&first.pattern)) " of " (HtmlName(&first.upstream)) }
                    ": " (GroupedCount(near_misses).to_string()) " near misses"
                    @if failed > 0 { ", " (GroupedCount(failed).to_string()) " failed" }
                    ", " (date_time(first.start.0)) " to " (time_of_day(end_of(last))) " UTC"
                }
                ol.episodes {
                    @for (number, episode) in members {
                        (card(layout, *number, episode))
                    }
                }
            }
        }
    }
}

/// Returns the plural of a pattern.
fn blips(pattern: &str) -> String {
    match pattern {
        "burst" => "bursts".into(),
        "recurring" => "blips".into(),
        other => format!("{} episodes", crate::sanitize::sanitize(other, 40)),
    }
}

fn index_of(layout: &PageLayout<'_>, episode: &EpisodeRecord) -> i64 {
    let index = layout.rows.iter().position(|upstream| upstream.name == episode.upstream);
    index.map_or(-1, |index| i64::try_from(index).unwrap_or(-1))
}

fn card(layout: &PageLayout<'_>, number: usize, episode: &EpisodeRecord) -> Markup {
    let end = end_of(episode);
    let outcome = match (episode.truncated || episode.end.is_none(), is_outage(episode)) {
        (_, true) => "escalated",
        (true, _) => "still open",
        (false, _) => "contained",
    };
    let seconds = |from: u64, to: u64| Seconds(to.saturating_sub(from) / 1_000).to_string();
    html! {
        li #{ "e" (number) } data-u=(index_of(layout, episode)) data-from=(episode.start.0) data-to=(end)
            value=(number) {
            h3 {
                span.no { (number) } " " (HtmlName(&episode.upstream)) " "
                span.pattern { (HtmlText(&episode.pattern)) } " "
                span class={ "outcome " (outcome.replace(' ', "-")) } { (outcome) }
            }
            p.times {
                (date_time(episode.start.0)) " to " (time_of_day(end)) " UTC (" (seconds(episode.start.0, end)) ")"
                @if let Some(detected) = episode.detected {
                    ", detected after " (seconds(episode.start.0, detected.0))
                }
                @if let Some(lead) = episode.lead_s.filter(|lead| *lead > 0) {
                    ", " (Seconds(lead).to_string()) " before the outage"
                }
            }
            p { (HtmlText(&episode.explain)) }
            dl { (evidence(episode)) }
            (examples(layout, episode))
        }
    }
}

/// Renders a few records of the episode, and the command that prints all of them.
fn examples(layout: &PageLayout<'_>, episode: &EpisodeRecord) -> Markup {
    let examples = layout.model.examples(&episode.id);
    html! {
        details.examples {
            summary { "Records" }
            @if !examples.is_empty() {
                ul {
                    @for exemplar in examples {
                        li {
                            (time_of_day(exemplar.time)) " " b { (HtmlText(&exemplar.fate)) } ", "
                            (Millis(exemplar.duration_ms).to_string()) ": " (HtmlText(&exemplar.explain))
                        }
                    }
                }
            }
            @if let Some(command) = command(episode) {
                p { "All of them: " code { (command) } }
            }
        }
    }
}

/// Returns the command that prints the records of an episode, if the name of its upstream needs no quotes.
fn command(episode: &EpisodeRecord) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
    episode.upstream.bytes().all(is_plain).then(|| {
        format!(
            "nearmiss replay --json --upstream {} --since '{}' --until '{}' FILE",
            episode.upstream,
            DateTime(episode.start.0),
            DateTime(end_of(episode))
        )
    })
}

fn evidence(episode: &EpisodeRecord) -> Markup {
    let names = |names: &[String]| {
        html! {
            @for (index, name) in names.iter().take(12).enumerate() {
                @if index > 0 { ", " }
                (HtmlName(name))
            }
        }
    };
    html! {
        (pair("exchanges", GroupedCount(episode.exchanges).to_string()))
        (pair("near misses", GroupedCount(episode.near_misses).to_string()))
        (pair("failed", GroupedCount(episode.failed).to_string()))
        @if let (Some(first), Some(last)) = (episode.first_try_success_bp, episode.final_success_bp) {
            (pair("first try → final", format!("{} → {}", Percent(Some(first)), Percent(Some(last)))))
        }
        @if let Some(margin) = episode.margin_min_bp {
            (pair("smallest margin", Percent(Some(margin.into())).to_string()))
        }
        @if let Some(shift) = episode.shift_bp.filter(|shift| *shift > LEAST_SHIFT_BP) {
            (pair("times as slow", Hundredths(Some(shift / 100)).to_string()))
        }
        @if let Some(count) = episode.count {
            (pair("times", GroupedCount(count).to_string()))
        }
        @if let Some(interval) = episode.interval_s {
            (pair("every", Seconds(interval).to_string()))
        }
        @if let Some(amplification) = episode.amplification_bp {
            (pair("most attempts per exchange", Hundredths(Some(amplification / 100)).to_string()))
        }
        @if !episode.signals.is_empty() {
            (pair("signals", html! {
                @for (index, (name, count)) in episode.signals.iter().enumerate() {
                    @if index > 0 { ", " }
                    (HtmlText(name)) " " (GroupedCount(*count).to_string())
                }
            }))
        }
        @if !episode.hosts.is_empty() {
            (pair("share of problems by host", html! {
                @for (index, host) in episode.hosts.iter().take(5).enumerate() {
                    @if index > 0 { ", " }
                    span.nowrap { (HtmlName(&host.host)) " " (host.share_bp / 100) "\u{202f}%" }
                }
            }))
        }
        @if !episode.related.is_empty() { (pair("related", names(&episode.related))) }
        @if !episode.also.is_empty() { (pair("also", names(&episode.also))) }
    }
}

fn pair(term: &str, value: impl Render) -> Markup {
    html! { div { dt { (term) } dd { (value) } } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{AnyRecord, parse};

    fn episode(second: u32, pattern: &str, outcome: &str) -> EpisodeRecord {
        let json = format!(
            r#"{{"schema":1,"type":"episode","phase":"close","id":"a-{second}","upstream":"a","pattern":"{pattern}","start":"2026-11-23T08:00:{second:02}.000Z","outcome":"{outcome}","exchanges":9,"near_misses":1,"failed":0}}"#
        );
        match parse(json.as_bytes()) {
            Ok(AnyRecord::Episode(episode)) => *episode,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn four_episodes_of_one_pattern_are_folded_and_an_outage_is_not() {
        let mut episodes: Vec<_> = (0..4).map(|second| episode(second, "burst", "contained")).collect();
        episodes.push(episode(4, "burst", "escalated"));
        episodes.extend((5..8).map(|second| episode(second, "storm", "contained")));
        let numbers: Vec<Vec<usize>> = groups((1..).zip(&episodes))
            .iter()
            .map(|group| group.iter().map(|(number, _)| *number).collect())
            .collect();
        assert_eq!(numbers, [vec![1, 2, 3, 4], vec![5], vec![6], vec![7], vec![8]]);
    }

    #[test]
    fn a_command_is_shown_for_plain_names_only() {
        let mut episode = episode(0, "burst", "contained");
        assert_eq!(
            command(&episode).as_deref(),
            Some(
                "nearmiss replay --json --upstream a --since '2026-11-23 08:00' --until '2026-11-23 08:00' FILE"
            )
        );
        episode.upstream = "a'; rm -rf /".into();
        assert_eq!(command(&episode), None);
    }

    #[test]
    fn times_in_a_command_are_those_that_arguments_take() {
        for millis in [1_795_420_800_000, 1_795_420_805_000] {
            let time: Result<crate::time_arg::TimeArg, _> = DateTime(millis).to_string().parse();
            assert_eq!(
                time.map(|time| time.resolve(nearmiss::Timestamp::default()).micros()),
                Ok(millis * 1_000)
            );
        }
    }
}
