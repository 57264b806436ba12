//! The surroundings of an episode: its upstream, the hosts and the route to blame, the related upstreams.

use super::host_names::HostNames;
use crate::episode::OpenEpisode;
use crate::sort;
use crate::upstream::UpstreamState;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Least share of a listed host, in basis points.
pub(crate) const LEAST_SHARE: u64 = 1_000;

/// Surroundings of an episode that its record names.
#[derive(Clone, Copy)]
pub(crate) struct EpisodeContext<'a> {
    pub(crate) upstream: &'a UpstreamState,
    pub(crate) hosts: HostNames,
    /// Names of the related upstreams.
    pub(crate) related: &'a [&'a str],
}

impl<'a> EpisodeContext<'a> {
    /// Returns the route that carries the episode, with its share.
    pub(super) fn route(&self, open: &OpenEpisode) -> Option<(&'a str, u16)> {
        let (slot, share) = open.route()?;
        Some((self.upstream.routes().name(slot)?, share))
    }

    /// Returns the hosts to blame by their failed attempts, largest share first.
    pub(super) fn shares(&self, bad: &[u16]) -> Vec<(&'a str, u64)> {
        let all: u64 = bad.iter().map(|count| u64::from(*count)).sum();
        let share = |count: u16| (u64::from(count) * 10_000).checked_div(all).unwrap_or(0);
        let hosts = self.upstream.hosts();
        let mut shares = Vec::new();
        for (slot, count) in bad.iter().enumerate().filter(|(_, count)| share(**count) >= LEAST_SHARE) {
            shares.extend(hosts.name(slot as u8).map(|name| (name, share(*count))));
        }
        ranked(shares)
    }
}

/// Returns the hosts by their shares, largest first.
pub(crate) fn ranked(mut hosts: Vec<(&str, u64)>) -> Vec<(&str, u64)> {
    sort::sort_by(&mut hosts, |a, b| (Reverse(a.1), a.0) < (Reverse(b.1), b.0));
    hosts
}
