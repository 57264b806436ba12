//! The input of the episode engine: one exchange and its attempts.

use crate::exchange::{Exchange, Substitute};
use crate::flags::Flags;
use crate::histogram::Log2;
use crate::units::Micros;
use crate::upstream::HostPlace;
use crate::verdict::{Fate, Signals, Verdict};

/// Maximum number of failed attempts derived from a count without a log.
const MAX_UNKNOWN: u32 = 8;

/// One judged exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation<'a> {
    pub(crate) exchange: &'a Exchange<'a>,
    pub(crate) verdict: &'a Verdict,
    /// Slot of the route; `None` if the route is not tracked.
    pub(crate) route: Option<u8>,
    /// Logarithm of the duration.
    pub(crate) log2: Log2,
    /// Place of the host if there is no attempt log.
    pub(crate) host: Option<HostPlace>,
}

/// Host of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) enum AttemptHost<'a> {
    /// Its place; `None` if it is unknown or not counted.
    At(Option<HostPlace>),
    /// Its name.
    Named(&'a str),
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptObservation<'a> {
    pub(super) host: AttemptHost<'a>,
    /// True if the attempt got no response or a bad one, or a substitute answered instead.
    pub(super) failed: bool,
    /// Logarithm of the duration; `None` if unknown or not to be learned.
    pub(super) log2: Option<Log2>,
    /// True if the attempt took most of its timeout.
    pub(super) late: bool,
    /// Logarithm of the duration if the attempt timed out and the timeout is not reported.
    pub(super) timed_out: Option<Log2>,
}

impl<'a> Observation<'a> {
    /// Returns the second of the bucket in which the exchange completed.
    pub(super) fn second(&self) -> u32 {
        (self.exchange.ts.micros() / 1_000_000 % 10) as u32
    }

    /// Returns true if a safety net other than a retry caught the exchange.
    pub(super) fn is_caught(&self) -> bool {
        matches!(self.verdict.fate, Fate::Fallback | Fate::Stale | Fate::Failover | Fate::ClientRetried)
    }

    /// Returns true if the exchange came near a limit that its attempts do not show.
    pub(super) fn is_short(&self) -> bool {
        const SHORT: Signals =
            Signals::DEADLINE.with(Signals::QUOTA).with(Signals::BREAKER).with(Signals::POOL);
        self.verdict.signals.any(SHORT)
    }

    /// Returns the attempt if there was only one and there is no attempt log.
    pub(super) fn only_attempt(&self) -> Option<AttemptObservation<'a>> {
        let x = self.exchange;
        if x.several_attempts().is_some() || !x.attempt_log.is_empty() {
            return None;
        }
        let failed = self.has_failed();
        let timeless = x.is_timeless();
        let has_timed_out =
            failed && !self.has_known_timeout() && (x.status == 504 || x.flags.any(Flags::UT));
        Some(AttemptObservation {
            host: AttemptHost::At(self.host),
            failed,
            log2: (!timeless).then_some(self.log2),
            late: !timeless && self.is_late(x.duration),
            timed_out: has_timed_out.then_some(self.log2),
        })
    }

    /// Returns the duration of the attempt of a plain exchange, and the logarithm of what is learned from it.
    pub(super) fn plain_attempt(&self) -> (Option<Micros>, Option<Log2>) {
        match self.exchange.attempt_log {
            [attempt] => (attempt.duration, attempt.duration.map(Log2::of)),
            _ => (Some(self.exchange.duration), Some(self.log2)),
        }
    }

    /// Calls `each` with every known attempt of an exchange with several.
    pub(super) fn for_each_attempt(&self, mut each: impl FnMut(AttemptObservation<'a>)) {
        let x = self.exchange;
        let has_timeout = self.has_known_timeout();
        let timeless = x.is_timeless();
        let attempts = x.attempts.unwrap_or(1);
        // An attempt log omits the first attempts, which failed: otherwise there would be no later ones.
        let logged = x.attempt_log.len().max(1) as u32;
        let unknown = if x.hedged { 0 } else { attempts.saturating_sub(logged) };
        for _ in 0..unknown.min(MAX_UNKNOWN) {
            each(AttemptObservation {
                host: AttemptHost::At(None),
                failed: true,
                log2: None,
                late: false,
                timed_out: None,
            });
        }
        if let [.., _] = x.attempt_log {
            for attempt in x.attempt_log {
                each(AttemptObservation {
                    host: attempt.host.map_or(AttemptHost::At(None), AttemptHost::Named),
                    failed: attempt.failed(),
                    log2: attempt.duration.filter(|_| !timeless).map(Log2::of),
                    late: attempt.duration.is_some_and(|took| self.is_late(took)) && !timeless,
                    timed_out: attempt
                        .duration
                        .filter(|_| matches!(attempt.status, None | Some(504)) && !has_timeout)
                        .map(Log2::of),
                });
            }
            return;
        }
        each(AttemptObservation {
            host: AttemptHost::At(self.host),
            failed: self.has_failed(),
            log2: None,
            late: false,
            timed_out: None,
        });
    }

    /// Returns true if the last attempt gave no usable response, or a substitute answered instead.
    fn has_failed(&self) -> bool {
        match self.verdict.fate {
            Fate::Failed | Fate::Abandoned | Fate::Partial | Fate::Stale => true,
            _ => matches!(self.exchange.substitute, Some(Substitute::Fallback | Substitute::Stale)),
        }
    }

    /// Returns true if the timeout was reported or configured, so that there is none to learn.
    fn has_known_timeout(&self) -> bool {
        self.verdict.limits.timeout.is_some() && !self.verdict.learned_timeout
    }

    /// Returns true from 70 % of the timeout.
    pub(super) fn is_late(&self, took: Micros) -> bool {
        let is_late = |limit: Micros| took.get().saturating_mul(10) >= limit.get().saturating_mul(7);
        self.verdict.limits.timeout.is_some_and(is_late)
    }
}
