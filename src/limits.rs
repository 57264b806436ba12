//! Limits of an exchange, and how much of each it used.

use crate::exchange::Exchange;
use crate::units::{Micros, Used};

/// Known limits of an upstream's exchanges.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// Maximum duration of an attempt.
    pub timeout: Option<Micros>,
    /// Maximum duration of the exchange.
    pub deadline: Option<Micros>,
    /// Maximum number of attempts.
    pub max_attempts: Option<u32>,
}

impl Limits {
    /// Returns the limits that the host reported with an exchange.
    pub(crate) fn reported(exchange: &Exchange<'_>) -> Self {
        Self { timeout: exchange.timeout, deadline: exchange.deadline, max_attempts: exchange.max_attempts }
    }

    /// Fills unknown limits from `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            timeout: self.timeout.or(others.timeout),
            deadline: self.deadline.or(others.deadline),
            max_attempts: self.max_attempts.or(others.max_attempts),
        }
    }
}

/// Limits for exchanges that do not report theirs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OtherLimits {
    pub(crate) configured: Limits,
    /// Timeout that attempts were seen to end on.
    pub(crate) learned_timeout: Option<Micros>,
}

/// A limit whose use can be measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// Timeout of one attempt.
    Timeout,
    /// Deadline of the exchange.
    Deadline,
    /// Rate limit quota of the upstream.
    Quota,
    /// Maximum number of attempts.
    Attempts,
}

/// Share of each limit that an exchange used; `None` if the limit or the use is unknown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Usage {
    /// Time on the timeout's own clock, or the duration of the attempt that answered / timeout.
    pub timeout: Option<Used>,
    /// Time on the deadline's own clock, or the duration of the exchange / deadline.
    pub deadline: Option<Used>,
    /// 1 − remaining / limit.
    pub quota: Option<Used>,
    /// (attempts − 1) / (max_attempts − 1).
    pub attempts: Option<Used>,
}

impl Usage {
    /// Returns the share of `limits` that `exchange` used. The duration of a stream uses nothing.
    pub(crate) fn of(exchange: &Exchange<'_>, limits: &Limits) -> Self {
        let timed = !exchange.is_timeless();
        let share = |spent: Option<Micros>, limit: Option<Micros>| Used::of(spent?.get(), limit?.get());
        Self {
            timeout: share(exchange.timeout_used.or(exchange.answering_attempt()), limits.timeout)
                .filter(|_| timed),
            deadline: share(exchange.deadline_used.or(Some(exchange.duration)), limits.deadline)
                .filter(|_| timed),
            quota: exchange
                .quota
                .and_then(|quota| Used::of(quota.limit.saturating_sub(quota.remaining), quota.limit)),
            attempts: exchange.attempts.zip(limits.max_attempts).and_then(|(made, allowed)| {
                Used::of(made.saturating_sub(1).into(), allowed.saturating_sub(1).into())
            }),
        }
    }

    /// Returns what [`of`](Self::of) returns for a [plain](Exchange::is_plain) exchange.
    #[inline]
    pub(crate) fn of_plain(exchange: &Exchange<'_>, limits: &Limits) -> Self {
        let timeout_used = || exchange.timeout_used.or_else(|| exchange.answering_attempt());
        let deadline_used = || exchange.deadline_used.unwrap_or(exchange.duration);
        let has_retries = |max_attempts: u32| max_attempts > 1 && exchange.attempts.is_some();
        Self {
            timeout: limits.timeout.and_then(|limit| Used::of(timeout_used()?.get(), limit.get())),
            deadline: limits.deadline.and_then(|limit| Used::of(deadline_used().get(), limit.get())),
            quota: None,
            attempts: limits.max_attempts.filter(|max| has_retries(*max)).map(|_| Used::default()),
        }
    }

    /// Returns the limit with the largest use, and that use.
    pub(crate) fn nearest(&self) -> Option<(Limit, Used)> {
        let mut nearest = None;
        let mut consider = |limit, used: Option<Used>| {
            if let Some(used) = used
                && nearest.is_none_or(|(_, most)| used > most)
            {
                nearest = Some((limit, used));
            }
        };
        consider(Limit::Timeout, self.timeout);
        consider(Limit::Deadline, self.deadline);
        consider(Limit::Quota, self.quota);
        consider(Limit::Attempts, self.attempts);
        nearest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Attempt, Quota};

    const LIMITS: Limits = Limits {
        timeout: Some(Micros::from_millis(500)),
        deadline: Some(Micros::from_millis(2_000)),
        max_attempts: Some(4),
    };

    fn used(basis_points: u16) -> Option<Used> {
        Used::from_basis_points(basis_points)
    }

    #[test]
    fn the_timeout_is_measured_on_the_attempt_that_answered() {
        let log = [
            Attempt { duration: Some(Micros::from_millis(500)), ..Default::default() },
            Attempt { duration: Some(Micros::from_millis(50)), ..Default::default() },
        ];
        let retried =
            Exchange { attempts: Some(2), duration: Micros::from_millis(560), ..Exchange::default() };
        assert_eq!(Usage::of(&retried, &LIMITS).timeout, None, "560 ms holds two attempts");
        let logged = Exchange { attempt_log: &log, ..retried };
        assert_eq!(Usage::of(&logged, &LIMITS).timeout, used(1_000));
        assert_eq!(Usage::of(&logged, &LIMITS).deadline, used(2_800));
    }

    #[test]
    fn a_limit_with_a_clock_of_its_own_is_measured_on_it() {
        let uploaded = Exchange {
            attempts: Some(1),
            duration: Micros::from_millis(1_990),
            timeout_used: Some(Micros::from_millis(100)),
            deadline_used: Some(Micros::from_millis(400)),
            ..Exchange::default()
        };
        let usage = Usage::of(&uploaded, &LIMITS);
        assert_eq!((usage.timeout, usage.deadline), (used(2_000), used(2_000)));
    }

    #[test]
    fn one_allowed_attempt_is_no_limit() {
        let one = Exchange { attempts: Some(1), ..Exchange::default() };
        assert_eq!(Usage::of(&one, &Limits { max_attempts: Some(1), ..LIMITS }).attempts, None);
        let three = Exchange { attempts: Some(3), ..Exchange::default() };
        assert_eq!(Usage::of(&three, &LIMITS).attempts, used(6_666));
    }

    #[test]
    fn the_nearest_limit_is_the_one_most_used() {
        let exchange = Exchange {
            attempts: Some(1),
            duration: Micros::from_millis(100),
            quota: Some(Quota { limit: 100, remaining: 3 }),
            ..Exchange::default()
        };
        assert_eq!(Usage::of(&exchange, &LIMITS).nearest(), used(9_700).map(|used| (Limit::Quota, used)));
        assert_eq!(Usage::of(&exchange, &Limits::default()).timeout, None);
    }

    #[test]
    fn a_stream_uses_no_time() {
        let stream = Exchange {
            attempts: Some(1),
            duration: Micros::from_seconds(600),
            status: 101,
            ..Exchange::default()
        };
        let usage = Usage::of(&stream, &LIMITS);
        assert_eq!((usage.timeout, usage.deadline), (None, None));
    }
}
