//! Sums of the summaries of one upstream.

use super::latency::Latency;
use crate::counters::CounterTotals;
use crate::hash;
use crate::name;
use crate::sort;
use crate::sorted_map::SortedMap;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Maximum number of hosts and of routes: those with the smallest hashes, so the order of merging does not matter.
const MAX_NAMES: usize = 256;

/// Sums of summaries.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SummaryCounts {
    /// Counters that every summary has.
    pub totals: CounterTotals,
    /// Durations of all exchanges that were not aborted.
    pub latency: Latency,
    /// Attempts, failed attempts, and near misses and failures they caused, by host.
    pub(crate) hosts: CountsByName<3>,
    /// Exchanges and near misses by route.
    pub(crate) routes: CountsByName<2>,
}

impl SummaryCounts {
    /// Adds all counts of `other`.
    pub(crate) fn add(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.totals, &other.totals);
        add_all(&mut mine.fates, &theirs.fates);
        if let Some(relayed) = &theirs.relayed {
            add_all(&mut **mine.relayed.get_or_insert_default(), &**relayed);
        }
        mine.attempts = mine.attempts.saturating_add(theirs.attempts);
        add_all(&mut mine.signals, &theirs.signals);
        mine.first_try = mine.first_try.saturating_add(theirs.first_try);
        mine.failed_micros = mine.failed_micros.saturating_add(theirs.failed_micros);
        add_all(&mut mine.margins, &theirs.margins);
        mine.late = mine.late.saturating_add(theirs.late);
        mine.suppressed = mine.suppressed.saturating_add(theirs.suppressed);
        mine.unread = mine.unread.saturating_add(theirs.unread);
        self.latency.add(&other.latency);
        self.hosts.extend(&other.hosts);
        self.routes.extend(&other.routes);
    }
}

/// Counts by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct CountsByName<const N: usize>(SortedMap<(u64, Box<str>), [u64; N]>);

impl<const N: usize> CountsByName<N> {
    /// Adds to the counts of one name.
    pub(crate) fn add(&mut self, name: &str, counts: &[u64; N]) {
        let name = name::truncated(name, name::MAX_NAME);
        self.put(&(hash::hash(name.as_bytes()), (*name).into()), counts);
    }

    fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|(key, counts)| self.put(key, counts));
    }

    fn put(&mut self, key: &(u64, Box<str>), counts: &[u64; N]) {
        match self.0.get_mut(key) {
            Some(mine) => add_all(mine, counts),
            None => {
                self.0.insert(key.clone(), *counts);
                if self.0.len() > MAX_NAMES {
                    self.0.pop_last();
                }
            }
        }
    }

    /// Returns all names, in descending order of the count at index `by`.
    pub(crate) fn ranked(&self, by: usize) -> Vec<(&str, &[u64; N])> {
        let mut ranked: Vec<_> = self.0.iter().map(|((_, name), counts)| (&**name, counts)).collect();
        let most = |counts: &[u64; N]| Reverse(counts.get(by).copied());
        sort::sort_by(&mut ranked, |a, b| (most(a.1), a.0) < (most(b.1), b.0));
        ranked
    }
}

fn add_all(mine: &mut [u64], theirs: &[u64]) {
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine = mine.saturating_add(*theirs);
    }
}
