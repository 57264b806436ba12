//! Published rules: how an open bucket scores durations, and the learned timeout it applies.
//!
//! A rule is a quantised copy of a route's mean and sigma. Rules change at most once a minute, and only for buckets in
//! which nothing can have arrived yet: an early or late line within `reorder` is scored by the same rule.

use super::dimensions::PerRoute;
use crate::codec::{Decode, Decoder, Encode, Encoder, copies};
use crate::histogram::Log2;
use crate::units::Micros;

/// A rule for one route: mean in 1/1024 octave, and the factor from an offset to a residual, × 4096. A factor of 0 is
/// no rule.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rule {
    pub(super) mean: u16,
    pub(super) factor: u16,
}

copies! { Rule { mean, factor } }

/// A published value: the one in force, and the one for buckets from `next_from` on.
#[derive(Clone, Copy, Debug, Default)]
struct Published<T> {
    now: T,
    next: T,
}

copies! { Published<T> { now, next } }

/// The rules of one upstream.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// First bucket for which the next rules hold.
    next_from: u32,
    timeout: Published<Timeout>,
    routes: PerRoute<Published<Rule>>,
}

copies! { Rules { next_from, timeout, routes } }

/// The learned timeout of an attempt; zeros without one.
#[derive(Clone, Copy, Debug, Default)]
struct Timeout {
    /// Its logarithm plus one.
    log2: u16,
    micros: u32,
}

impl Timeout {
    fn new(log2: Option<Log2>) -> Self {
        let Some(Log2(log2)) = log2 else { return Self::default() };
        let micros = libm::roundf(libm::exp2f(f32::from(log2) / 256.0)) as u32;
        Self { log2: log2 + 1, micros }
    }
}

impl Encode for Timeout {
    fn encode(&self, to: &mut Encoder<'_>) {
        self.log2.encode(to);
    }
}

impl Decode for Timeout {
    fn decode(from: &mut Decoder<'_>) -> Self {
        Self::new(from.get::<u16>().checked_sub(1).map(Log2))
    }
}

impl Rules {
    /// Returns the learned timeout of an attempt, if any.
    pub(super) fn timeout(&self, bucket: u32) -> Option<(Log2, Micros)> {
        let Timeout { log2, micros } = self.timeout.at(bucket, self.next_from);
        log2.checked_sub(1).map(|log2| (Log2(log2), Micros::new(micros.into())))
    }

    /// Scores a duration: its offset from the route's mean in 1/1024 octave, and its residual in 1/128 sigma.
    pub(super) fn residual(&self, route: Option<u8>, bucket: u32, log2: u16) -> Option<(i32, i32)> {
        let rule = self.routes.get(route).at(bucket, self.next_from);
        if rule.factor == 0 {
            return None;
        }
        let offset = (i32::from(log2) * 4 - i32::from(rule.mean)).clamp(-6 * 1024, 6 * 1024);
        Some((offset, (offset * i32::from(rule.factor)) >> 12))
    }

    /// Returns true for each route that has a rule in this bucket, in the order of slots.
    pub(super) fn has_rules(&self, bucket: u32) -> impl Iterator<Item = bool> {
        self.routes.iter().map(move |rule| rule.at(bucket, self.next_from).factor != 0)
    }

    /// Returns the first bucket for which the newest rules hold.
    pub(super) fn next_from(&self) -> u32 {
        self.next_from
    }

    /// Iterates over the newest rules of the routes, in the order of slots.
    pub(super) fn newest(&self) -> impl Iterator<Item = Rule> {
        self.routes.iter().map(|rule| rule.next)
    }

    /// Publishes rules for buckets from `from` on. Routes without a new rule keep theirs.
    pub(super) fn publish(&mut self, from: u32, timeout: Option<Log2>, rules: PerRoute<Option<Rule>>) {
        self.next_from = from;
        self.timeout = Published { now: self.timeout.next, next: Timeout::new(timeout) };
        for (published, rule) in self.routes.iter_mut().zip(rules.iter()) {
            *published = Published { now: published.next, next: rule.unwrap_or(published.next) };
        }
    }

    /// Removes the rules of a route slot that was reassigned.
    pub(super) fn forget(&mut self, slot: usize) {
        self.routes.forget(slot);
    }
}

impl<T: Copy> Published<T> {
    fn at(&self, bucket: u32, next_from: u32) -> T {
        if bucket >= next_from { self.next } else { self.now }
    }
}
