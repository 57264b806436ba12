//! The headline and the sentences below it.

use super::model::ReportModel;
use crate::display::numbers::{GroupedCount, Percent, Seconds, plural};
use nearmiss::Fate;

/// Writes the headline: "Callers saw 99.98 %. Without retries and fallbacks it would have been 97.31 %."
pub(crate) fn sentence(model: &ReportModel) -> String {
    let total = model.total();
    if total.exchanges() == 0 {
        return "There is no exchange in this.".into();
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
    let seen = format!("Callers saw {}", Percent(total.final_success()));
    match total.carried() {
        0 => format!("{seen}, and no safety net was needed for it."),
        _ if total.first_try_success() == total.final_success() => {
            format!("{seen}. Without retries and fallbacks it would hardly have been less.")
        }
        _ => format!(
            "{seen}. Without retries and fallbacks it would have been {}.",
            Percent(total.first_try_success())
        ),
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
            text.push_str(&format!("Safety nets carried {}. ", GroupedCount(total.carried())));
        }
    } else {
        text.push_str("No summary came with these records, so it is not known how many exchanges were clean, and no share can be told. ");
    }
    let (episodes, escalated) = (model.episodes.len() as u64, model.escalated());
    text.push_str(&match (episodes, escalated) {
        (0, _) => "Nothing of it stood out as an episode.".to_owned(),
        (_, 0) => format!(
            "It stood out in {} episode{}, and none of them became an outage.",
            GroupedCount(episodes),
            plural(episodes)
        ),
        _ => format!(
            "It stood out in {} episode{}, of which {} became an outage.",
            GroupedCount(episodes),
            plural(episodes),
            GroupedCount(escalated)
        ),
    });
    text
}
