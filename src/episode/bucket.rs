//! What is counted while a bucket of ten seconds is open.
//!
//! Only whole numbers that add, and bit masks: the order in which a bucket's exchanges arrive
//! changes nothing. With `reorder` two or three of these are open at once, so it is kept small.
#![allow(clippy::indexing_slicing)] // slots are checked against the fixed tables where they come in

use super::residual::{BINS, UNIT, bin};
use super::routes::{Routes, WARM_SHIFT};
use super::sight::{Fate, SIGNALS, Sight};
use super::{HOSTS, ROUTES};

/// A share of a timeout from which an answer counts as late: 70 %.
const LATE_BP: u16 = 7_000;
/// A residual from which an attempt counts against its host: 3 sigmas.
const FAR: i32 = 3 * UNIT;

/// Sums over the exchanges of a stretch of time, for the record.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) exchanges: u32,
    pub(super) aborted: u32,
    pub(super) near: u32,
    pub(super) failed: u32,
    pub(super) first_try: u32,
    pub(super) attempts: u32,
    pub(super) margin_min: u16,
    pub(super) has_margin: bool,
    pub(super) signals: [u16; SIGNALS],
    /// Attempts of each host that failed or were far too slow.
    pub(super) bad: [u16; HOSTS],
}

impl Tally {
    /// Adds a later or earlier stretch.
    pub(super) fn merge(&mut self, other: &Self) {
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.aborted = self.aborted.saturating_add(other.aborted);
        self.near = self.near.saturating_add(other.near);
        self.failed = self.failed.saturating_add(other.failed);
        self.first_try = self.first_try.saturating_add(other.first_try);
        self.attempts = self.attempts.saturating_add(other.attempts);
        if other.has_margin && (!self.has_margin || other.margin_min < self.margin_min) {
            self.margin_min = other.margin_min;
        }
        self.has_margin |= other.has_margin;
        add_all(&mut self.signals, &other.signals);
        add_all(&mut self.bad, &other.bad);
    }
}

fn add_all(to: &mut [u16], from: &[u16]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a = a.saturating_add(*b);
    }
}

/// One bucket of one upstream.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    pub(super) index: u32,
    pub(super) tally: Tally,
    pub(super) residuals: [u16; BINS],
    /// Sum of (log2 − mean of its route), 1/1024 octave.
    pub(super) shift: i64,
    pub(super) attempts: [u16; ROUTES],
    pub(super) timed: [u16; ROUTES],
    pub(super) sum: [i32; ROUTES],
    pub(super) squares: [u32; ROUTES],
    /// Seconds in which an attempt failed.
    pub(super) failed_in: [u16; ROUTES],
    pub(super) fallbacks: [u16; ROUTES],
    pub(super) late: [u16; ROUTES],
    pub(super) host_attempts: [u16; HOSTS],
    pub(super) host_failed: [u16; HOSTS],
    pub(super) host_sum: [i32; HOSTS],
}

impl Bucket {
    pub(super) fn new(index: u32) -> Self {
        Self {
            index,
            tally: Tally::default(),
            residuals: [0; BINS],
            shift: 0,
            attempts: [0; ROUTES],
            timed: [0; ROUTES],
            sum: [0; ROUTES],
            squares: [0; ROUTES],
            failed_in: [0; ROUTES],
            fallbacks: [0; ROUTES],
            late: [0; ROUTES],
            host_attempts: [0; HOSTS],
            host_failed: [0; HOSTS],
            host_sum: [0; HOSTS],
        }
    }

    /// Counts one exchange.
    pub(super) fn note(&mut self, sight: &Sight<'_>, routes: &Routes) {
        let t = &mut self.tally;
        t.exchanges = t.exchanges.saturating_add(1);
        t.attempts = t.attempts.saturating_add(sight.attempts);
        if sight.aborted() {
            t.aborted = t.aborted.saturating_add(1);
        } else {
            match sight.fate {
                Fate::Clean => {}
                Fate::Failed => t.failed = t.failed.saturating_add(1),
                _ => t.near = t.near.saturating_add(1),
            }
            t.first_try = t.first_try.saturating_add(u32::from(sight.first_try()));
        }
        if let Some(margin) = sight.margin_bp {
            t.margin_min = if t.has_margin { t.margin_min.min(margin) } else { margin };
            t.has_margin = true;
        }
        let mut signals = sight.signals.bits();
        while signals != 0 {
            let s = &mut t.signals[signals.trailing_zeros() as usize % SIGNALS];
            *s = s.saturating_add(1);
            signals &= signals - 1;
        }
        let route = sight.route.map_or(ROUTES - 1, |r| usize::from(r).min(ROUTES - 1));
        if sight.fell_back() {
            self.fallbacks[route] = self.fallbacks[route].saturating_add(1);
        }
        for attempt in sight.tries {
            self.attempts[route] = self.attempts[route].saturating_add(1);
            let host = attempt.host.map(usize::from).filter(|&h| h < HOSTS);
            if let Some(h) = host {
                self.host_attempts[h] = self.host_attempts[h].saturating_add(1);
            }
            if attempt.timeout_used_bp.is_some_and(|used| used >= LATE_BP) {
                self.late[route] = self.late[route].saturating_add(1);
            }
            if attempt.failed {
                self.failed_in[route] |= 1 << sight.second.min(9);
                if let Some(h) = host {
                    self.host_failed[h] = self.host_failed[h].saturating_add(1);
                    self.tally.bad[h] = self.tally.bad[h].saturating_add(1);
                }
            } else if let Some(log2) = attempt.log2 {
                self.note_duration(route, host, log2, routes);
            }
        }
    }

    fn note_duration(&mut self, route: usize, host: Option<usize>, log2: u16, routes: &Routes) {
        self.timed[route] = self.timed[route].saturating_add(1);
        let Some((off, residual)) = routes.residual(route, self.index, log2) else {
            let coarse = i32::from(log2 >> WARM_SHIFT);
            self.sum[route] = self.sum[route].saturating_add(coarse);
            self.squares[route] = self.squares[route].saturating_add(coarse.unsigned_abs().pow(2));
            return;
        };
        self.shift += i64::from(off);
        let b = &mut self.residuals[bin(residual)];
        *b = b.saturating_add(1);
        let core = residual.clamp(-5 * UNIT / 2, 5 * UNIT / 2);
        self.sum[route] = self.sum[route].saturating_add(core);
        self.squares[route] = self.squares[route].saturating_add((core >> 3).unsigned_abs().pow(2));
        if let Some(h) = host {
            self.host_sum[h] = self.host_sum[h].saturating_add(residual.clamp(-2 * UNIT, 3 * UNIT));
            if residual >= FAR {
                self.tally.bad[h] = self.tally.bad[h].saturating_add(1);
            }
        }
    }

    /// Empties the columns of a route whose slot goes to another.
    pub(super) fn forget_route(&mut self, slot: usize) {
        if slot < ROUTES {
            self.attempts[slot] = 0;
            self.timed[slot] = 0;
            self.sum[slot] = 0;
            self.squares[slot] = 0;
            self.failed_in[slot] = 0;
            self.fallbacks[slot] = 0;
            self.late[slot] = 0;
        }
    }

    /// Empties the columns of a host whose slot goes to another.
    pub(super) fn forget_host(&mut self, slot: usize) {
        if slot < HOSTS {
            self.host_attempts[slot] = 0;
            self.host_failed[slot] = 0;
            self.host_sum[slot] = 0;
            self.tally.bad[slot] = 0;
        }
    }
}
