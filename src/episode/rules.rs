//! Published rules: how an open bucket scores durations, and the learned timeout it applies.
//!
//! A rule is a quantised copy of a route's mean and sigma. Rules change at most once a minute, and only for buckets in
//! which nothing can have arrived yet: an early or late line within `reorder` is scored by the same rule.
#![allow(clippy::indexing_slicing, reason = "slots are below ROUTES by construction")]

use super::dimensions::ROUTES;
use crate::codec::Codec;
use crate::histogram::Log2;

/// A rule for one route: mean in 1/1024 octave, and the factor from an offset to a residual, × 4096. A factor of 0 is
/// no rule.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rule {
    pub(super) mean: u16,
    pub(super) factor: u16,
}

/// The rules of one upstream: those in force, and those for buckets from `next_from` on.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    now: [Rule; ROUTES],
    next: [Rule; ROUTES],
    timeout_now: Option<Log2>,
    timeout_next: Option<Log2>,
    /// First bucket for which `next` holds.
    next_from: u32,
}

impl Rules {
    pub(super) fn new() -> Self {
        Self {
            now: [Rule::default(); ROUTES],
            next: [Rule::default(); ROUTES],
            timeout_now: None,
            timeout_next: None,
            next_from: 0,
        }
    }

    /// Returns the learned timeout of an attempt, if any.
    pub(super) fn timeout(&self, bucket: u32) -> Option<Log2> {
        if bucket >= self.next_from { self.timeout_next } else { self.timeout_now }
    }

    /// Scores a duration: its offset from the route's mean in 1/1024 octave, and its residual in 1/128 sigma.
    pub(super) fn residual(&self, route: usize, bucket: u32, log2: u16) -> Option<(i32, i32)> {
        let rule = self.rule(route, bucket);
        if rule.factor == 0 {
            return None;
        }
        let offset = (i32::from(log2) * 4 - i32::from(rule.mean)).clamp(-6 * 1024, 6 * 1024);
        Some((offset, (offset * i32::from(rule.factor)) >> 12))
    }

    /// Returns true if there is a rule for this route in this bucket.
    pub(super) fn has_rule(&self, route: usize, bucket: u32) -> bool {
        self.rule(route, bucket).factor != 0
    }

    /// Returns the first bucket for which the newest rules hold.
    pub(super) fn next_from(&self) -> u32 {
        self.next_from
    }

    /// Returns the newest rule of a route.
    pub(super) fn next(&self, route: usize) -> Rule {
        self.next[route]
    }

    /// Publishes rules for buckets from `from` on. Routes without a new rule keep theirs.
    pub(super) fn publish(&mut self, from: u32, timeout: Option<Log2>, rules: [Option<Rule>; ROUTES]) {
        self.next_from = from;
        self.timeout_now = self.timeout_next;
        self.timeout_next = timeout;
        self.now = self.next;
        for (next, rule) in self.next.iter_mut().zip(rules) {
            *next = rule.unwrap_or(*next);
        }
    }

    /// Encodes the rules, or decodes and applies them.
    pub(super) fn transfer_baseline(&mut self, codec: &mut Codec<'_>) {
        let plus_one = |limit: Option<Log2>| limit.map_or(0, |log2| log2.0 + 1);
        let mut timeouts = [plus_one(self.timeout_now), plus_one(self.timeout_next)];
        codec.copy(&mut self.next_from);
        timeouts.iter_mut().for_each(|timeout| codec.copy(timeout));
        [self.timeout_now, self.timeout_next] = timeouts.map(|timeout| timeout.checked_sub(1).map(Log2));
        for (now, next) in self.now.iter_mut().zip(&mut self.next) {
            for rule in [now, next] {
                codec.copy(&mut rule.mean);
                codec.copy(&mut rule.factor);
            }
        }
    }

    /// Removes the rules of a route slot that was reassigned.
    pub(super) fn forget(&mut self, slot: usize) {
        if let (Some(now), Some(next)) = (self.now.get_mut(slot), self.next.get_mut(slot)) {
            (*now, *next) = (Rule::default(), Rule::default());
        }
    }

    fn rule(&self, route: usize, bucket: u32) -> Rule {
        if bucket >= self.next_from { self.next[route] } else { self.now[route] }
    }
}
