//! Hosts, the most conspicuous first, and a sentence about each.

use super::counts::share;
use super::numbers::{Count, Percent};
use super::phrase::Phrase;
use super::story::Story;
use super::upstream::{Host, Upstream};

/// A host that something went wrong on.
pub(crate) struct Suspect<'a> {
    /// The place of its upstream in the story.
    pub(crate) place: usize,
    pub(crate) upstream: &'a Upstream,
    pub(crate) name: &'a str,
    pub(crate) host: Host,
    /// Its share of all attempts of the upstream, in basis points.
    pub(crate) attempts_bp: u64,
    /// Its share of what went wrong there.
    pub(crate) trouble_bp: u64,
    /// How many hosts the upstream has.
    pub(crate) siblings: usize,
}

impl Suspect<'_> {
    /// How often this host went wrong beyond what its part of the traffic accounts for.
    fn excess(&self) -> u64 {
        trouble(&self.host).saturating_mul(self.trouble_bp.saturating_sub(self.attempts_bp)) / 10_000
    }

    /// Whether it is out of proportion: one and a half times its share, and more than a handful.
    pub(crate) fn stands_out(&self) -> bool {
        self.siblings > 1 && self.trouble_bp * 2 > self.attempts_bp * 3 && trouble(&self.host) >= 5
    }

    /// What there is to say about it.
    pub(crate) fn sentence(&self) -> Phrase<'_> {
        let failed =
            format!("It failed {} of {} attempts", Count(self.host.failed), Count(self.host.attempts));
        let phrase = Phrase::default().said(failed);
        if self.siblings < 2 {
            return phrase.said("; it has no sibling to be compared with.");
        }
        let shares = format!(
            "{} of what went wrong with {} of the attempts",
            Percent(Some(self.trouble_bp)),
            Percent(Some(self.attempts_bp))
        );
        if self.stands_out() {
            phrase.said(format!("; it had {shares}: look at this host before its upstream."))
        } else {
            phrase.said(format!("; no worse than its siblings: {shares}."))
        }
    }
}

/// At most `most` hosts on which something went wrong, the most conspicuous first, and how many there are.
pub(crate) fn suspects(story: &Story, most: usize) -> (Vec<Suspect<'_>>, usize) {
    let mut suspects: Vec<_> =
        story.upstreams.iter().enumerate().flat_map(|(place, upstream)| of(place, upstream)).collect();
    suspects.sort_by_key(|suspect| {
        (core::cmp::Reverse((suspect.stands_out(), suspect.excess(), trouble(&suspect.host))), suspect.place)
    });
    let all = suspects.len();
    suspects.truncate(most);
    (suspects, all)
}

fn of(place: usize, upstream: &Upstream) -> impl Iterator<Item = Suspect<'_>> {
    let attempts: u64 = upstream.hosts.values().map(|host| host.attempts).sum();
    let wrong: u64 = upstream.hosts.values().map(trouble).sum();
    upstream.hosts.iter().filter(|(_, host)| trouble(host) > 0).map(move |(name, host)| Suspect {
        place,
        upstream,
        name,
        host: *host,
        attempts_bp: share(host.attempts, attempts).unwrap_or(0),
        trouble_bp: share(trouble(host), wrong).unwrap_or(0),
        siblings: upstream.hosts.len(),
    })
}

/// A near miss that a host is blamed for is mostly an attempt that it failed: the larger of both counts once.
fn trouble(host: &Host) -> u64 {
    host.failed.max(host.near_misses)
}
