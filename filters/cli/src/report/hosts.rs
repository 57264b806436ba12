//! Finds suspect hosts, and writes a sentence about each.

use super::model::ReportModel;
use super::rich_text::RichText;
use super::upstream::{HostTotals, UpstreamReport};
use crate::counts::share;
use crate::display::numbers::{GroupedCount, Percent};

/// Problems from which a host can stand out.
const LEAST_PROBLEMS: u64 = 5;

/// Returns true if the hosts of at least half of the attempts that were retried are known. If only the last host of an exchange is known,
/// the host that answered would be blamed for the ones that did not.
pub(crate) fn are_failures_attributed(upstream: &UpstreamReport) -> bool {
    let total = &upstream.total;
    let retried = total.attempts.saturating_sub(total.exchanges());
    let failed: u64 = upstream.hosts.values().map(|host| host.failed).sum();
    failed.saturating_mul(2) >= retried
}

/// A host with near misses or failed attempts.
pub(crate) struct SuspectHost<'a> {
    /// Index of its upstream in the model.
    pub(crate) index: usize,
    pub(crate) upstream: &'a UpstreamReport,
    pub(crate) name: &'a str,
    pub(crate) host: HostTotals,
    /// Share of the upstream's attempts, in basis points.
    pub(crate) attempts_bp: u64,
    /// Share of the upstream's problems, in basis points.
    pub(crate) problem_bp: u64,
    /// Number of hosts of the upstream.
    pub(crate) siblings: usize,
}

impl SuspectHost<'_> {
    /// Returns the problems beyond the host's share of the traffic.
    fn excess(&self) -> u64 {
        problems(&self.host).saturating_mul(self.problem_bp.saturating_sub(self.attempts_bp)) / 10_000
    }

    /// Returns true if the hosts of failed attempts are known, and this one's share of problems exceeds one and a half times its share of
    /// attempts, with five problems or more.
    pub(crate) fn stands_out(&self) -> bool {
        are_failures_attributed(self.upstream)
            && self.siblings > 1
            && self.problem_bp * 2 > self.attempts_bp * 3
            && problems(&self.host) >= LEAST_PROBLEMS
    }

    /// Returns true if the hosts of failed attempts are known, and this one's share of problems is smaller than its share of attempts.
    fn is_better_than_others(&self) -> bool {
        are_failures_attributed(self.upstream) && self.problem_bp < self.attempts_bp
    }

    /// Writes the verdict about the host.
    pub(crate) fn sentence(&self) -> RichText<'_> {
        let failed = format!(
            "It failed {} of {} attempts",
            GroupedCount(self.host.failed),
            GroupedCount(self.host.attempts)
        );
        let text = RichText::default().text(failed);
        if self.siblings < 2 {
            return text.text("; there is no other host to compare it with.");
        }
        if !are_failures_attributed(self.upstream) {
            return text.text(
                "; the hosts of most failed attempts are not known, so it is not compared with the others.",
            );
        }
        let shares = format!(
            "{} of the problems with {} of the attempts",
            Percent(Some(self.problem_bp)),
            Percent(Some(self.attempts_bp))
        );
        if self.stands_out() {
            text.text(format!("; it caused {shares}: look at this host before its upstream."))
        } else if problems(&self.host) < LEAST_PROBLEMS {
            text.text(format!("; it caused {shares}, too few to say more."))
        } else {
            text.text(format!("; no worse than the other hosts: it caused {shares}."))
        }
    }
}

/// Returns at most `max` suspect hosts, the most conspicuous first, and the number of all. A host whose share of the problems does not exceed
/// its share of the attempts is not suspect.
pub(crate) fn suspects(model: &ReportModel, max: usize) -> (Vec<SuspectHost<'_>>, usize) {
    let mut suspects: Vec<_> = model
        .upstreams
        .iter()
        .enumerate()
        .flat_map(|(index, upstream)| suspects_of(index, upstream))
        .filter(|suspect| !suspect.is_better_than_others())
        .collect();
    suspects.sort_by_key(|suspect| {
        (core::cmp::Reverse((suspect.stands_out(), suspect.excess(), problems(&suspect.host))), suspect.index)
    });
    let total = suspects.len();
    suspects.truncate(max);
    (suspects, total)
}

fn suspects_of(index: usize, upstream: &UpstreamReport) -> impl Iterator<Item = SuspectHost<'_>> {
    let attempts: u64 = upstream.hosts.values().map(|host| host.attempts).sum();
    let wrong: u64 = upstream.hosts.values().map(problems).sum();
    upstream.hosts.iter().filter(|(_, host)| problems(host) > 0).map(move |(name, host)| SuspectHost {
        index,
        upstream,
        name,
        host: *host,
        attempts_bp: share(host.attempts, attempts).unwrap_or(0),
        problem_bp: share(problems(host), wrong).unwrap_or(0),
        siblings: upstream.hosts.len(),
    })
}

/// Returns the problems of a host. Most of its near misses are attempts that it failed, so the larger number counts.
fn problems(host: &HostTotals) -> u64 {
    host.failed.max(host.near_misses)
}
