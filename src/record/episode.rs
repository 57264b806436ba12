//! Writes the record of an episode.

use super::SCHEMA;
use super::episode_context::EpisodeContext;
use super::explain;
use super::host_names::HostNames;
use super::signals;
use crate::episode::{BucketCounts, Deviation, OpenEpisode, Pattern};
use crate::json::write::{Json, escape, push_number, push_text};
use crate::timeline;
use crate::units::{Timestamp, Used};
use crate::verdict::Signals;

/// Phase of an episode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// Detected.
    Open,
    /// Ended.
    Close,
    /// Cut short by the end of input.
    Truncated,
}

/// Writes the open or close record of an episode.
pub(crate) fn episode(json: &mut Json<'_>, phase: Phase, open: &OpenEpisode, context: EpisodeContext<'_>) {
    let pattern = open.pattern();
    let start = timeline::start_of(open.start.into());
    let end = timeline::end_of(if phase == Phase::Open { open.detected } else { open.last }.into());
    let lead = (open.escalated > 0).then(|| open.escalated.saturating_sub(open.start) * 10);
    json.open('{');
    head(json, phase, context.upstream.name(), pattern, (start, end), lead.map(u64::from));
    EpisodeCounts::new(&open.counts, open.shift_bp()).write(json, false);
    let hosts = context.shares(&open.counts.bad_attempts);
    hosts_and_related(json, context.hosts, &hosts, context.related);
    also(json, open.patterns().into_iter().flatten().filter(|other| *other != pattern));
    let is_recurring = pattern == Pattern::Recurring;
    pattern_figures(
        json,
        is_recurring.then(|| open.count().into()),
        open.interval().filter(|_| is_recurring).map(|interval| u64::from(interval) * 10),
        (pattern == Pattern::Storm).then(|| u64::from(open.amplification) * 100),
    );
    if let Some((name, share)) = context.route(open) {
        json.key("routes").open('[');
        json.item().open('{');
        json.key("route").text(name);
        json.key("share_bp").number(share.into());
        json.close('}');
        json.close(']');
    }
    json.key("explain").sentence(|out| explain::episode(out, open, pattern, context, &hosts));
    json.close('}');
}

/// Writes the open or close record of a day that deviates from the reference.
pub(crate) fn deviation(json: &mut Json<'_>, phase: Phase, deviation: &Deviation, upstream: &str) {
    let day = &deviation.day;
    let start = timeline::start_of(day.from.into());
    let end = timeline::end_of((day.from + 8_640 - 1).into());
    json.open('{');
    head(json, phase, upstream, Pattern::Deviant, (start, end), None);
    let counted = BucketCounts {
        exchanges: day.exchanges,
        left_out: day.left_out,
        near_misses: day.near_misses,
        failed: day.failed,
        first_try: day.first_try,
        ..BucketCounts::default()
    };
    EpisodeCounts::new(&counted, None).write(json, false);
    hosts_and_related(json, HostNames::Plain, &[], &[]);
    json.key("explain").sentence(|out| explain::deviation(out, deviation));
    json.close('}');
}

/// Writes the fields up to the counts. In an open record the second time is that of the detection; `lead` are the seconds until the
/// episode became an outage.
#[inline(never)] // written by three kinds of records
pub(crate) fn head(
    json: &mut Json<'_>,
    phase: Phase,
    upstream: &str,
    pattern: Pattern,
    (start, end): (Timestamp, Timestamp),
    lead: Option<u64>,
) {
    json.key("schema").number(SCHEMA);
    json.key("type").text("episode");
    json.key("phase").text(if phase == Phase::Open { "open" } else { "close" });
    json.key("id").quoted(|out| {
        escape(out, upstream);
        push_text(out, "-");
        push_number(out, start.seconds());
    });
    json.key("upstream").text(upstream);
    json.key("pattern").text(pattern.name());
    json.key("start").time(start);
    if phase == Phase::Open {
        return json.key("detected").time(end);
    }
    json.key("end").time(end);
    json.key("outcome").text(if lead.is_some() { "escalated" } else { "contained" });
    if let Some(lead) = lead {
        json.key("lead_s").number(lead);
    }
    if phase == Phase::Truncated {
        json.key("truncated").flag(true);
    }
}

/// Writes the hosts with their shares in basis points, and the related upstreams.
#[inline(never)] // written by three kinds of records
pub(crate) fn hosts_and_related(
    json: &mut Json<'_>,
    names: HostNames,
    hosts: &[(&str, u64)],
    related: &[&str],
) {
    json.key("hosts").open('[');
    for (host, share) in hosts {
        json.item().open('{');
        names.value(json.key("host"), host);
        json.key("share_bp").number(*share);
        json.close('}');
    }
    json.close(']');
    json.key("related").open('[');
    related.iter().for_each(|name| json.item().text(name));
    json.close(']');
}

/// Writes what only some patterns have.
pub(crate) fn pattern_figures(
    json: &mut Json<'_>,
    count: Option<u64>,
    interval_s: Option<u64>,
    amplification_bp: Option<u64>,
) {
    if let Some(count) = count {
        json.key("count").number(count);
    }
    if let Some(interval) = interval_s {
        json.key("interval_s").number(interval);
    }
    if let Some(amplification) = amplification_bp {
        json.key("amplification_bp").number(amplification);
    }
}

/// Writes the other patterns that fit.
pub(crate) fn also(json: &mut Json<'_>, others: impl Iterator<Item = Pattern>) {
    let mut others = others.peekable();
    if others.peek().is_some() {
        json.key("also").open('[');
        others.for_each(|other| json.item().text(other.name()));
        json.close(']');
    }
}

/// The counts in the record of an episode.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct EpisodeCounts {
    pub(crate) exchanges: u64,
    pub(crate) near_misses: u64,
    /// Without the abandoned ones.
    pub(crate) failed: u64,
    pub(crate) abandoned: u64,
    /// Neither rejected nor aborted: the whole of the shares.
    pub(crate) judged: u64,
    pub(crate) first_try: u64,
    pub(crate) margin_min: Option<u64>,
    pub(crate) shift_bp: Option<u64>,
    pub(crate) signals: [u64; Signals::COUNT],
}

impl EpisodeCounts {
    fn new(counts: &BucketCounts, shift_bp: Option<u32>) -> Self {
        Self {
            exchanges: counts.exchanges.into(),
            near_misses: counts.near_misses.into(),
            failed: counts.failed.saturating_sub(counts.abandoned.into()).into(),
            abandoned: counts.abandoned.into(),
            judged: counts.judged().into(),
            first_try: counts.first_try.into(),
            margin_min: counts.margin_min().map(u64::from),
            shift_bp: shift_bp.map(u64::from),
            signals: counts.signals.map(u64::from),
        }
    }

    /// Adds the counts of another episode of the same upstream.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.exchanges, other.exchanges),
            (&mut self.near_misses, other.near_misses),
            (&mut self.failed, other.failed),
            (&mut self.abandoned, other.abandoned),
            (&mut self.first_try, other.first_try),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in self.signals.iter_mut().zip(other.signals) {
            *mine = mine.saturating_add(theirs);
        }
        self.judged = self.judged_by_signals();
        self.margin_min = self.margin_min.into_iter().chain(other.margin_min).min();
        self.shift_bp = self.shift_bp.max(other.shift_bp);
    }

    /// Returns the number of exchanges that were neither rejected nor aborted.
    pub(crate) fn judged_by_signals(&self) -> u64 {
        let with = |signal: Signals| self.signals.get(signal.index()).copied().unwrap_or(0);
        let aborted = with(Signals::ABORTED).saturating_sub(self.abandoned);
        self.exchanges.saturating_sub(aborted).saturating_sub(with(Signals::REJECTED))
    }

    /// Returns the number of near misses and failures.
    pub(crate) fn near_misses_and_failures(&self) -> u64 {
        self.near_misses.saturating_add(self.failed).saturating_add(self.abandoned)
    }

    /// Writes the counts and shares; of a merged episode, the number behind the share of first tries as well.
    pub(crate) fn write(&self, json: &mut Json<'_>, is_merged: bool) {
        json.key("exchanges").number(self.exchanges);
        json.key("near_misses").number(self.near_misses);
        json.key("failed").number(self.failed);
        if self.abandoned > 0 {
            json.key("abandoned").number(self.abandoned);
        }
        if let Some(margin) = self.margin_min {
            json.key("margin_min_bp").number(margin);
        }
        if is_merged {
            json.key("first_try").number(self.first_try);
        }
        if let Some(share) = Used::of(self.first_try, self.judged) {
            json.key("first_try_success_bp").number(share.basis_points().into());
        }
        let successes = self.judged.saturating_sub(self.failed).saturating_sub(self.abandoned);
        if let Some(share) = Used::of(successes, self.judged) {
            json.key("final_success_bp").number(share.basis_points().into());
        }
        if let Some(shift) = self.shift_bp {
            json.key("shift_bp").number(shift);
        }
        signals(json, &self.signals);
    }
}
