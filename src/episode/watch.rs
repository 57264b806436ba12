//! One upstream: every detector on its own past.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::blips::{Blips, Kind, Rhythm};
use super::bucket::{Bucket, Tally};
use super::cusum::Cusum;
use super::hosts::{Culprit, Hosts};
use super::level::{Height, Level};
use super::open::Open;
use super::pool::Weak;
use super::rates::Rates;
use super::routes::Routes;
use super::sight::Sight;
use super::tail::{Shapes, Tail};

/// Sums of evidence that raise an alarm: 4 errors, 2 fallbacks, 2 late, 5 tail.
const SUMS: usize = 13;
/// What each sum accumulates, and the nats that raise an alarm.
const BANK: [(Cause, f32); SUMS] = [
    (Cause::Errors, 13.0), (Cause::Errors, 13.0), (Cause::Errors, 13.0), (Cause::Errors, 13.0),
    (Cause::Fallbacks, 12.5), (Cause::Fallbacks, 12.5),
    (Cause::Late, 11.5), (Cause::Late, 11.5),
    (Cause::Tail, 18.0), (Cause::Tail, 18.0), (Cause::Tail, 18.0), (Cause::Tail, 18.0), (Cause::Tail, 18.0),
];
const HOST_ALARM: f32 = 14.0;
const RHYTHM_ALARM: f32 = 11.0;
/// From here a sum freezes what is learned.
const GATE: f32 = 8.0;
/// Below this an excursion has not begun.
const RISE: f32 = 3.0;
/// Nats that keep an open episode alive.
const ALIVE: f32 = 5.0;
/// Buckets with traffic before anything is said.
const WARM: u16 = 30;
/// Buckets that what is learned stays frozen, and at most.
const HOLD: u8 = 12;
const FROZEN: u16 = 180;
/// φ above which the tail is mute.
const ROUGH: f32 = 3.0;

/// What raised an alarm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    Errors,
    Fallbacks,
    Late,
    Tail,
    Level,
    Host,
    Rhythm,
    Pool,
}
pub(super) const CAUSES: usize = 8;

/// Everything the engine remembers of one upstream.
#[derive(Clone, Debug)]
pub struct Watch {
    pub(super) buckets: Vec<Bucket>,
    pub(super) routes: Routes,
    tail: Tail,
    rates: Rates,
    hosts: Hosts,
    level: Level,
    blips: Blips,
    weak: Weak,
    sums: [Cusum; SUMS],
    /// The tally since some sum last rose, and its first bucket.
    pub(super) rising: Tally,
    pub(super) rising_from: u32,
    high: f32,
    active: u16,
    hold: u8,
    frozen: u16,
    raised: bool,
    pub(super) last_alarm: u32,
    pub(super) linked_until: u32,
    pub(super) open: Option<Box<Open>>,
    pub(super) step: Step,
}

/// What a sealed bucket says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    pub(super) exchanges: u32,
    pub(super) alarm: Option<Alarm>,
    /// Nats of this bucket by cause, for what keeps an open episode alive and names its pattern.
    pub(super) nats: [f32; CAUSES],
    pub(super) alive: bool,
    pub(super) culprit: Option<Culprit>,
    pub(super) rhythm: Option<Rhythm>,
    pub(super) together: f32,
    pub(super) height: Height,
    pub(super) failed_seconds: f32,
    pub(super) attempts: u32,
    pub(super) failed: u32,
    pub(super) frozen: bool,
    /// Slowness had been adding up for minutes before this bucket.
    pub(super) crept: bool,
}

/// An alarm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    pub(super) cause: Cause,
    pub(super) nats: f32,
}

impl Watch {
    pub(super) fn new(shapes: &Shapes) -> Self {
        Self {
            buckets: Vec::with_capacity(1),
            routes: Routes::new(),
            tail: Tail::new(shapes),
            rates: Rates::new(),
            hosts: Hosts::new(),
            level: Level::new(),
            blips: Blips::new(),
            weak: Weak::new(),
            sums: [Cusum::default(); SUMS],
            rising: Tally::default(),
            rising_from: 0,
            high: 0.0,
            active: 0,
            hold: 0,
            frozen: 0,
            raised: false,
            last_alarm: 0,
            linked_until: 0,
            open: None,
            step: Step::default(),
        }
    }

    /// Counts one exchange that completed in `bucket`.
    pub fn note(&mut self, bucket: u32, sight: &Sight<'_>) {
        let at = match self.buckets.iter().position(|b| b.index == bucket) {
            Some(at) => at,
            None => {
                self.buckets.push(Bucket::new(bucket));
                self.buckets.len() - 1
            }
        };
        if let Some(open) = self.buckets.get_mut(at) {
            open.note(sight, &self.routes);
        }
    }

    /// A slot goes to another route.
    pub fn forget_route(&mut self, slot: u8) {
        self.routes.forget(slot.into());
        self.buckets.iter_mut().for_each(|b| b.forget_route(slot.into()));
    }

    /// A slot goes to another host.
    pub fn forget_host(&mut self, slot: u8) {
        self.hosts.forget(slot.into());
        self.buckets.iter_mut().for_each(|b| b.forget_host(slot.into()));
    }

    /// Weighs a bucket of which nothing more can come.
    pub(super) fn seal(&mut self, index: u32, lag: u32, shapes: &Shapes) {
        self.step = Step::default();
        let Some(at) = self.buckets.iter().position(|b| b.index == index) else { return };
        let bucket = self.buckets.swap_remove(at);
        self.active = self.active.saturating_add(1);
        let gated = self.high > GATE || self.hold > 0;
        self.frozen = if gated { self.frozen.saturating_add(1) } else { 0 };
        let frozen = gated && self.frozen <= FROZEN;

        let mut step = Step {
            exchanges: bucket.tally.exchanges,
            attempts: bucket.tally.attempts,
            failed: bucket.tally.failed,
            frozen,
            ..Step::default()
        };
        let tail = self.tail.weigh(&bucket.residuals, shapes, frozen);
        let rates = self.rates.weigh(&bucket, &mut self.routes, frozen);
        let level = self.routes.level(&bucket);
        let timed: f32 = bucket.timed.iter().map(|&n| f32::from(n)).sum();
        if timed >= 3.0 && level.is_some() {
            step.height = self.level.weigh(bucket.shift as f32 / timed / 1024.0 * super::routes::NATS);
        }
        let tail_nats = tail.map_or([0.0; 6], |t| t.nats);
        let mute = tail.is_some_and(|t| t.dispersion > ROUGH);
        step.culprit = self.hosts.weigh(&bucket, rates.usual_errors, frozen);
        step.together = self.weak.weigh(
            index,
            level.map(|(mean, var, n)| (mean, var / n)),
            if mute { 0.0 } else { tail_nats.get(4).copied().unwrap_or(0.0) },
            rates.errors.first().copied().unwrap_or(0.0),
            frozen,
        );

        let x = rates.errors.iter().chain(&rates.fallbacks).chain(&rates.late).chain(tail_nats.get(..5).unwrap_or_default());
        let limit = self.open.as_ref().map_or(f32::MAX, |o| o.needed() + 2.0);
        let mut high: f32 = 0.0;
        let before = self.high;
        let slow = self.sums.iter().zip(BANK).filter(|(_, b)| b.0 == Cause::Tail).fold(0.0_f32, |a, (s, _)| a.max(s.nats()));
        step.crept = slow > 5.0 && before >= RISE && index >= self.rising_from + 18;
        for ((sum, (cause, alarm)), &nats) in self.sums.iter_mut().zip(BANK).zip(x) {
            if cause == Cause::Tail && mute {
                sum.reset();
                continue;
            }
            let level = sum.add(nats);
            high = high.max(level);
            if let Some(n) = step.nats.get_mut(cause as usize) {
                *n = n.max(nats);
            }
            if level > alarm.min(limit) {
                step.alive = true;
                if level > alarm && step.alarm.is_none_or(|a| level / alarm > a.nats) {
                    step.alarm = Some(Alarm { cause, nats: level / alarm });
                }
                sum.reset();
            }
        }
        if let Some(c) = step.culprit {
            high = high.max(c.nats * GATE / HOST_ALARM);
            if c.nats > HOST_ALARM {
                step.alarm = step.alarm.or(Some(Alarm { cause: Cause::Host, nats: c.nats / HOST_ALARM }));
                self.hosts.reset();
            }
            step.alive |= c.nats > ALIVE;
            if c.nats > ALIVE { if let Some(n) = step.nats.get_mut(Cause::Host as usize) { *n = c.nats; } }
        }
        let shift = step.height.shift > 0.3;
        let z = step.height.z;
        if shift && (z > 8.0 || (z > 3.5 && self.raised)) {
            step.alarm = step.alarm.or(Some(Alarm { cause: Cause::Level, nats: z / 8.0 }));
            if let Some(n) = step.nats.get_mut(Cause::Level as usize) { *n = z; }
            step.alive = true;
        }
        self.raised = shift && z > 3.5;
        let by_errors = self.blips.weigh(index, Kind::Errors, rates.blip, frozen);
        let by_durations = if mute { None } else { self.blips.weigh(index, Kind::Durations, tail_nats.get(5).copied().unwrap_or(0.0), frozen) };
        step.rhythm = by_errors.or(by_durations).filter(|r| r.nats > RHYTHM_ALARM);
        if let Some(r) = step.rhythm {
            step.alarm = step.alarm.or(Some(Alarm { cause: Cause::Rhythm, nats: r.nats / RHYTHM_ALARM }));
            if let Some(n) = step.nats.get_mut(Cause::Rhythm as usize) { *n = r.nats; }
            step.alive = true;
        }
        step.failed_seconds = rates.failed_seconds;
        if self.active < WARM {
            step.alarm = None;
            step.together = 0.0;
        }
        if before < RISE {
            self.rising = bucket.tally.clone();
            self.rising_from = index;
        } else {
            self.rising.merge(&bucket.tally);
        }
        if let Some(open) = &mut self.open {
            open.tally.merge(&bucket.tally);
        }
        self.high = high;
        self.hold = if high > GATE || step.alarm.is_some() { HOLD } else { self.hold.saturating_sub(1) };
        self.routes.learn(&bucket);
        self.routes.publish(index, lag);
        self.step = step;
    }
}
