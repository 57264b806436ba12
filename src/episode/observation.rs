//! What the engine looks at in one exchange.

use crate::exchange::{Exchange, Substitute};
use crate::flags::Flags;
use crate::histogram::Log2;
use crate::units::Micros;
use crate::verdict::{Fate, Signals, Verdict};

/// The most failed attempts that are taken from a mere count.
const MOST_UNKNOWN: u32 = 8;

/// One exchange, as far as it says anything about a stretch of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation<'a> {
    pub(crate) exchange: &'a Exchange<'a>,
    pub(crate) verdict: &'a Verdict,
    /// The slot of its route, `None` for one that is not in the table.
    pub(crate) route: Option<u8>,
    /// The logarithm of its duration.
    pub(crate) log2: Log2,
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try<'a> {
    pub(super) host: Option<&'a str>,
    /// It got no answer, a bad one, or something else answered in its stead.
    pub(super) failed: bool,
    /// `None` where unknown or not to be learned from.
    pub(super) log2: Option<Log2>,
    /// It took most of its timeout.
    pub(super) late: bool,
    /// How long it took to time out, where nobody gives the timeout.
    pub(super) timed_out: Option<Log2>,
}

impl<'a> Observation<'a> {
    /// The second of its bucket in which the exchange completed.
    pub(super) fn second(&self) -> u32 {
        (self.exchange.ts.micros() / 1_000_000 % 10) as u32
    }

    /// A safety net other than a retry caught it.
    pub(super) fn is_caught(&self) -> bool {
        matches!(self.verdict.fate, Fate::Fallback | Fate::Stale | Fate::Failover | Fate::ClientRetried)
    }

    /// It came near a limit that its attempts do not show.
    pub(super) fn is_short(&self) -> bool {
        const SHORT: Signals =
            Signals::DEADLINE.with(Signals::QUOTA).with(Signals::BREAKER).with(Signals::POOL);
        self.verdict.signals.any(SHORT)
    }

    /// The attempt, if there was only one and nothing else is known of it; `learned` is the timeout where nobody gives one.
    pub(super) fn only_try(&self, learned: Option<Log2>) -> Option<Try<'a>> {
        let x = self.exchange;
        if x.attempts.is_some_and(|attempts| attempts > 1) || !x.attempt_log.is_empty() {
            return None;
        }
        let failed = self.has_failed();
        let timeless = self.is_timeless();
        let is_untold = self.verdict.limits.timeout.is_none();
        let has_timed_out = failed && is_untold && (x.status == 504 || x.flags.any(Flags::UT));
        Some(Try {
            host: x.host,
            failed,
            log2: (!timeless).then_some(self.log2),
            late: !timeless && self.is_late(x.duration, learned),
            timed_out: has_timed_out.then_some(self.log2),
        })
    }

    /// Calls `each` with every attempt that is known, where there were several.
    pub(super) fn tries(&self, learned: Option<Log2>, mut each: impl FnMut(Try<'a>)) {
        let x = self.exchange;
        let is_untold = self.verdict.limits.timeout.is_none();
        let timeless = self.is_timeless();
        let attempts = x.attempts.unwrap_or(1);
        // What a log of attempts leaves out are the first ones, and they failed; else the last would not have been made.
        let told = x.attempt_log.len().max(1) as u32;
        let unknown = if x.hedged { 0 } else { attempts.saturating_sub(told) };
        for _ in 0..unknown.min(MOST_UNKNOWN) {
            each(Try { host: None, failed: true, log2: None, late: false, timed_out: None });
        }
        if let [.., _] = x.attempt_log {
            for attempt in x.attempt_log {
                each(Try {
                    host: attempt.host,
                    failed: attempt.failed(),
                    log2: attempt.duration.filter(|_| !timeless).map(Log2::of),
                    late: attempt.duration.is_some_and(|took| self.is_late(took, learned)) && !timeless,
                    timed_out: attempt
                        .duration
                        .filter(|_| matches!(attempt.status, None | Some(504)) && is_untold)
                        .map(Log2::of),
                });
            }
            return;
        }
        each(Try { host: x.host, failed: self.has_failed(), log2: None, late: false, timed_out: None });
    }

    /// Its last attempt gave no usable answer, or something else answered in its stead.
    fn has_failed(&self) -> bool {
        match self.verdict.fate {
            Fate::Failed | Fate::Partial | Fate::Stale => true,
            _ => matches!(self.exchange.substitute, Some(Substitute::Fallback | Substitute::Stale)),
        }
    }

    /// Its duration says nothing.
    fn is_timeless(&self) -> bool {
        self.exchange.stream || self.exchange.status == 101
    }

    /// From 70 % of the timeout.
    fn is_late(&self, took: Micros, learned: Option<Log2>) -> bool {
        /// log2(.7) in 1/256 octave.
        const SHARE: u16 = 132;
        match self.verdict.limits.timeout {
            Some(limit) => took.get().saturating_mul(10) >= limit.get().saturating_mul(7),
            None => learned.is_some_and(|limit| Log2::of(took).0 >= limit.0.saturating_sub(SHARE)),
        }
    }
}
