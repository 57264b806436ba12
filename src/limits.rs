//! What an exchange may not exceed, and how much of it was used.

use crate::exchange::Exchange;
use crate::units::{Micros, Used};

/// The limits of an upstream's exchanges, as far as they are known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// The longest an attempt may take.
    pub timeout: Option<Micros>,
    /// The longest the exchange may take.
    pub deadline: Option<Micros>,
    /// The most attempts an exchange may have.
    pub max_attempts: Option<u32>,
}

impl Limits {
    /// These limits, and `others` where one is unknown here.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            timeout: self.timeout.or(others.timeout),
            deadline: self.deadline.or(others.deadline),
            max_attempts: self.max_attempts.or(others.max_attempts),
        }
    }
}

/// A kind of limit whose use can be measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// Of one attempt.
    Timeout,
    /// Of the exchange.
    Deadline,
    /// Of requests to the upstream in a while.
    Quota,
    /// Of attempts.
    Attempts,
}

/// How much of each limit an exchange used; `None` where there is no limit or no measure.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// The answering attempt's duration / timeout.
    pub timeout: Option<Used>,
    /// The exchange's duration / deadline.
    pub deadline: Option<Used>,
    /// 1 − remaining / limit.
    pub quota: Option<Used>,
    /// (attempts − 1) / (max_attempts − 1).
    pub attempts: Option<Used>,
}

impl Usage {
    /// What `exchange` used of `limits`. A stream's duration uses nothing.
    pub fn of(exchange: &Exchange<'_>, limits: &Limits) -> Self {
        let timed = !exchange.stream && exchange.status != 101;
        let share = |spent: Option<Micros>, limit: Option<Micros>| Used::of(spent?.get(), limit?.get());
        Self {
            timeout: share(answering_attempt(exchange), limits.timeout).filter(|_| timed),
            deadline: share(Some(exchange.duration), limits.deadline).filter(|_| timed),
            quota: exchange
                .quota
                .and_then(|quota| Used::of(quota.limit.saturating_sub(quota.remaining), quota.limit)),
            attempts: exchange.attempts.zip(limits.max_attempts).and_then(|(made, allowed)| {
                Used::of(made.saturating_sub(1).into(), allowed.saturating_sub(1).into())
            }),
        }
    }

    /// The limit that was nearest, with its use.
    pub fn nearest(&self) -> Option<(Limit, Used)> {
        let mut nearest = None;
        let mut weigh = |limit, used: Option<Used>| {
            if let Some(used) = used
                && nearest.is_none_or(|(_, most)| used > most)
            {
                nearest = Some((limit, used));
            }
        };
        weigh(Limit::Timeout, self.timeout);
        weigh(Limit::Deadline, self.deadline);
        weigh(Limit::Quota, self.quota);
        weigh(Limit::Attempts, self.attempts);
        nearest
    }
}

/// The duration of the attempt that answered: the last of the log, or the exchange's if there was only one.
pub(crate) fn answering_attempt(exchange: &Exchange<'_>) -> Option<Micros> {
    match exchange.attempt_log.last() {
        Some(last) if last.duration.is_some() => last.duration,
        _ if exchange.attempts == Some(1) => Some(exchange.duration),
        _ => None,
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
        let told = Exchange { attempt_log: &log, ..retried };
        assert_eq!(Usage::of(&told, &LIMITS).timeout, used(1_000));
        assert_eq!(Usage::of(&told, &LIMITS).deadline, used(2_800));
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
