//! The headline and the sentences below it.

use super::model::ReportModel;
use crate::display::numbers::{GroupedCount, Percent, Seconds, plural};
use crate::warm_up;
use nearmiss::{Fate, Micros};

/// Writes the headline: "99.98 % of requests succeeded. Without retries and fallbacks: 97.31 %."
pub(crate) fn sentence(model: &ReportModel) -> String {
    let total = model.total();
    if total.exchanges() == 0 {
        return "Nothing to report: no exchange was read.".into();
    }
    if !model.has_shares() {
        return format!(
            "{} near miss{} and {} failure{} were recorded.",
            GroupedCount(total.near_misses()),
            if total.near_misses() == 1 { "" } else { "es" },
            GroupedCount(total.failed()),
            plural(total.failed())
        );
    }
    let seen = format!("{} of requests succeeded", Percent(total.final_success()));
    match total.carried() {
        0 => format!("{seen}, and none of them needed a safety net."),
        _ if total.first_try_success() == total.final_success() => {
            format!("{seen}, almost all of them without retries and fallbacks.")
        }
        _ => format!("{seen}. Without retries and fallbacks: {}.", Percent(total.first_try_success())),
    }
}

/// Writes the totals: exchanges, duration, near misses, failures and episodes.
pub(crate) fn extent(model: &ReportModel) -> String {
    let total = model.total();
    let upstreams = model.upstreams.len() as u64;
    let mut text = String::new();
    if model.has_shares() {
        text.push_str(&format!(
            "{} exchange{} of {} upstream{}",
            GroupedCount(total.exchanges()),
            plural(total.exchanges()),
            GroupedCount(upstreams),
            plural(upstreams)
        ));
        if let Some((from, to)) = model.span {
            text.push_str(&format!(" in {}", Seconds((to - from).div_ceil(1_000).max(1))));
        }
        text.push_str(&format!(
            ": {} near miss{}, {} failure{}. ",
            GroupedCount(total.near_misses()),
            if total.near_misses() == 1 { "" } else { "es" },
            GroupedCount(total.failed()),
            plural(total.failed())
        ));
        for (fate, ending) in
            [(Fate::Abandoned, "abandoned by the caller"), (Fate::Rejected, "rejected by a policy")]
        {
            if total.of(fate) > 0 {
                text.push_str(&format!("{} {ending}. ", GroupedCount(total.of(fate))));
            }
        }
        if total.carried() > 0 {
            text.push_str(&format!(
                "{} succeeded only through a safety net. ",
                GroupedCount(total.carried())
            ));
        }
    } else {
        text.push_str(
            "These records have no summaries, so the number of clean exchanges and all shares are unknown. ",
        );
    }
    let (episodes, escalated) = (model.episodes.len() as u64, model.escalated());
    text.push_str(&match (episodes, escalated) {
        (0, _) => no_episode(model),
        (1, 0) => "1 episode, which did not become an outage.".into(),
        (1, _) => "1 episode, which became an outage.".into(),
        (_, 0) => format!("{} episodes, none of which became an outage.", GroupedCount(episodes)),
        _ => format!(
            "{} episodes, of which {} became an outage.",
            GroupedCount(episodes),
            GroupedCount(escalated)
        ),
    });
    text
}

/// Returns why there is no episode.
fn no_episode(model: &ReportModel) -> String {
    let span = model.span.map(|(from, to)| Micros::from_millis(to.saturating_sub(from)));
    span.and_then(warm_up::too_short).unwrap_or_else(|| "No episodes.".into())
}
