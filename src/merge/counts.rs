//! What the summaries of one upstream say together.

use super::latency::Latency;
use crate::hash;
use crate::name;
use crate::sort;
use crate::sorted_map::SortedMap;
use crate::tally::CounterTotals;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The most hosts and routes that are told apart: those whose names have the smallest hashes, so that the order of merging
/// changes nothing.
const MAX_NAMES: usize = 256;

/// SummaryCounts that add.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SummaryCounts {
    /// What every summary counts.
    pub totals: CounterTotals,
    /// Durations of all exchanges that were not aborted.
    pub latency: Latency,
    /// Attempts, failed attempts, and near misses and failures behind which they are, by host.
    pub(crate) hosts: Named<3>,
    /// Exchanges, and near misses, by route.
    pub(crate) routes: Named<2>,
}

impl SummaryCounts {
    /// Adds all that `other` counted.
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
        self.latency.add(&other.latency);
        self.hosts.extend(&other.hosts);
        self.routes.extend(&other.routes);
    }
}

/// SummaryCounts of named things.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Named<const N: usize>(SortedMap<(u64, Box<str>), [u64; N]>);

impl<const N: usize> Named<N> {
    /// Adds to the counts of one.
    pub(crate) fn add(&mut self, name: &str, counts: &[u64; N]) {
        let name = name::cut_to(name, name::MAX_NAME);
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

    /// All of them, the one with most in the count `by` first.
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
