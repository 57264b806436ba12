//! What to look at first: a few sentences, the most pressing first, each with the numbers that put it there.

use super::hosts;
use super::normal::{self, Drift};
use super::numbers::{Count, Hundredths, Millis, Percent, Span, plural};
use super::phrase::Phrase;
use super::records::Episode;
use super::story::{Story, closeness};
use super::upstream::Upstream;

/// How many there are at most.
const MOST: usize = 6;

/// One thing to look at, and the part of the page that has more about it.
pub(crate) struct Advice<'a> {
    pub(crate) phrase: Phrase<'a>,
    pub(crate) part: &'static str,
}

/// The short list.
pub(crate) fn advice(story: &Story) -> Vec<Advice<'_>> {
    let mut list = Vec::new();
    list.extend(still_open(story));
    list.extend(escalated(story));
    list.extend(bad_host(story));
    list.extend(story.upstreams.iter().filter_map(hidden).take(2));
    list.extend(recurring(story));
    list.extend(story.upstreams.iter().filter_map(brink).take(1));
    list.extend(drifted(story));
    list.extend(story.upstreams.iter().filter_map(amplified).take(1));
    list.truncate(MOST);
    list
}

fn still_open(story: &Story) -> Option<Advice<'_>> {
    let open = story.episodes.iter().rev().find(|episode| episode.end.is_none() || episode.truncated)?;
    Some(Advice {
        phrase: episode_of(open).said(" was not over when this ended: ").quoted(&open.explain),
        part: "episodes",
    })
}

fn escalated(story: &Story) -> Option<Advice<'_>> {
    let outages = || story.episodes.iter().filter(|episode| episode.outcome.as_deref() == Some("escalated"));
    let worst = outages().max_by_key(|episode| episode.failed)?;
    let mut phrase = episode_of(worst).said(format!(
        " became an outage with {} failure{}",
        Count(worst.failed),
        plural(worst.failed)
    ));
    if let Some(lead) = worst.lead_s.filter(|lead| *lead > 0) {
        phrase = phrase.said(format!("; near misses showed it {} before", Span(lead)));
    }
    let others = outages().count() as u64 - 1;
    if others > 0 {
        phrase = phrase.said(format!(" ({} other{} did too)", Count(others), plural(others)));
    }
    Some(Advice { phrase: phrase.said(". Find what began then."), part: "episodes" })
}

/// `cart: its burst episode of 2026-11-23 05:37:50`.
fn episode_of(episode: &Episode) -> Phrase<'_> {
    Phrase::default()
        .name(&episode.upstream)
        .said(": its ")
        .quoted(&episode.pattern)
        .said(format!(" episode of {}", super::clock::Stamp(episode.start.0)))
}

fn bad_host(story: &Story) -> Option<Advice<'_>> {
    let (suspects, _) = hosts::suspects(story, 1);
    let suspect = suspects.into_iter().next().filter(hosts::Suspect::stands_out)?;
    let shares = format!(
        " had {} of what went wrong there, with {} of the attempts. Take it out, or find out what it has that its siblings have not.",
        Percent(Some(suspect.trouble_bp)),
        Percent(Some(suspect.attempts_bp))
    );
    let phrase =
        Phrase::default().name(&suspect.upstream.name).said(": the host ").name(suspect.name).said(shares);
    Some(Advice { phrase, part: "hosts" })
}

/// Success that only nets make: half a percent of it or more.
fn hidden(upstream: &Upstream) -> Option<Advice<'_>> {
    let total = &upstream.total;
    let (first, last) = (total.first_try_success()?, total.final_success()?);
    (last >= first + 50 && closeness(total) >= 50).then(|| Advice {
        phrase: Phrase::default().name(&upstream.name).said(format!(
            ": {} for its callers, {} at the first try. Find out what fails {} times before it succeeds.",
            Percent(Some(last)),
            Percent(Some(first)),
            Count(total.carried())
        )),
        part: "timeline",
    })
}

fn recurring(story: &Story) -> Option<Advice<'_>> {
    let blip = story
        .episodes
        .iter()
        .filter(|episode| episode.pattern == "recurring")
        .max_by_key(|episode| episode.near_misses)?;
    let pace =
        blip.interval_s.map_or("again and again".to_owned(), |seconds| format!("every {}", Span(seconds)));
    Some(Advice {
        phrase: Phrase::default()
            .name(&blip.upstream)
            .said(format!(": the same blip {pace}. Look for what runs at that pace.")),
        part: "episodes",
    })
}

/// Answers in the last tenth before a limit.
fn brink(upstream: &Upstream) -> Option<Advice<'_>> {
    let tightest = upstream.margins.first().copied().filter(|count| *count > 0)?;
    let least = upstream.margin_min_bp.map_or(String::new(), |bp| {
        format!(" (the least room of a success was {})", Percent(Some(bp.into())))
    });
    Some(Advice {
        phrase: Phrase::default().name(&upstream.name).said(format!(
            ": {} exchange{} ended within the last tenth of a limit, or over it{least}. Ask whether the limit or the duration is wrong.",
            Count(tightest),
            plural(tightest)
        )),
        part: "margins",
    })
}

fn drifted(story: &Story) -> Option<Advice<'_>> {
    let drifted =
        normal::compared(&story.upstreams).into_iter().find(|compared| compared.drift() != Drift::AsEver)?;
    let words = format!(
        ": {} than its reference ({} near misses where {} were usual, typically {} where it was {}). Accept it with a reason, or find out since when.",
        drifted.drift().words(),
        Percent(Some(drifted.near_now)),
        Percent(Some(drifted.near_then)),
        Millis(drifted.typical_now),
        Millis(drifted.typical_then)
    );
    Some(Advice { phrase: Phrase::default().name(&drifted.upstream.name).said(words), part: "normal" })
}

/// A tenth more attempts than exchanges.
fn amplified(upstream: &Upstream) -> Option<Advice<'_>> {
    let amplification = upstream.total.amplification().filter(|hundredths| *hundredths >= 110)?;
    Some(Advice {
        phrase: Phrase::default().name(&upstream.name).said(format!(
            ": {} attempts for each exchange. Retries load what is failing already; bound them.",
            Hundredths(Some(amplification))
        )),
        part: "attempts",
    })
}
